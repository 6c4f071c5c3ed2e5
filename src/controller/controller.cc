#include "controller/controller.h"

#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "controller/planner.h"
#include "controller/repair_plan.h"
#include "controller/retention.h"
#include "io/message.h"
#include "peer.pb.h"

namespace walrus::controller {

namespace {
constexpr std::size_t kSealsPerTick = 500;
constexpr std::size_t kDropsPerTick = 100;
constexpr std::size_t kTrimsAtATime = 500;
constexpr auto kRetentionInterval = std::chrono::seconds(1);
}  // namespace

Controller::Controller(io::Loop& loop, io::Transport& transport, metadata::MetadataClient& metadata, NodeId self,
                       FindLeader find_leader, io::Duration repair_grace)
    : loop_(loop),
      transport_(transport),
      metadata_(metadata),
      self_(self),
      find_leader_(std::move(find_leader)),
      repair_grace_(repair_grace),
      liveness_(limits::kSuspectAfter),
      absence_(repair_grace) {}

void Controller::start() { tick(); }

void Controller::stop() { timer_.cancel(); }

bool Controller::handle(NodeId from, const io::Message& message) {
  if (message.type != peer::HEARTBEAT) return false;
  liveness_.heard(from, loop_.now());
  return true;
}

void Controller::tick() {
  timer_ = loop_.after(limits::kHeartbeatInterval, [this] { tick(); });
  const std::optional<NodeId> leader = find_leader_();
  const bool leads = leader == self_;
  const bool stood_still = 2 * (loop_.now() - std::exchange(last_tick_, loop_.now())) > limits::kSuspectAfter;
  if (leads && (!leading_ || stood_still)) begin_to_lead();
  leading_ = leads;
  if (leads) {
    plan();
  } else if (leader) {
    send_heartbeat(*leader);
  }
}

void Controller::begin_to_lead() {
  liveness_.reset(loop_.now());
  absence_ = Absence(repair_grace_);
}

void Controller::send_heartbeat(NodeId leader) {
  peer::Heartbeat heartbeat;
  heartbeat.set_node_id(self_.value());
  heartbeat.set_version(metadata_.view()->version());
  transport_.send(leader, io::make_message(peer::HEARTBEAT, heartbeat));
}

void Controller::plan() {
  if (proposals_in_flight_ > 0) return;  // judge again when the view shows what came of them
  const metadata::ViewPtr view = metadata_.view();
  for (metadata::Command& command : plan_node_states(*view, liveness_, self_, loop_.now())) {
    const bool down = command.set_node_state().state() == static_cast<std::uint32_t>(metadata::NodeState::kDown);
    log::info("node {} is {}", command.set_node_state().node_id(),
              down ? "silent: no new segments go to it" : "heard of again");
    propose(std::move(command));
  }
  for (metadata::Command& command : plan_seals(*view, kSealsPerTick)) {
    log::info("topic {} segment {}: its leader is lost, node {} finds the end", command.begin_seal().topic_id(),
              command.begin_seal().segment_id(), command.begin_seal().recoverer());
    propose(std::move(command));
  }
  plan_drops(*view);
  retain(*view);
  tell_losses(*view);
}

void Controller::plan_drops(const metadata::View& view) {
  if (absence_.observe(view, loop_.now())) walk_.wake();
  walk_.step(view, limits::kRepairSegmentsPerTick,
             [&](const metadata::TopicPtr& topic, const metadata::SegmentInfo& segment) {
               const std::optional<NodeId> surplus = plan_repair(view, *topic, segment, absence_).surplus;
               if (surplus && proposals_in_flight_ < kDropsPerTick) {
                 log::debug("topic {} segment {}: node {} holds it no more", topic->name, segment.id, *surplus);
                 propose(drop_holder(view, *topic, segment, *surplus));
               }
               return surplus.has_value();
             });
}

void Controller::retain(const metadata::View& view) {
  if (loop_.now() < next_retention_) return;
  next_retention_ = loop_.now() + kRetentionInterval;
  for (metadata::Command& command : plan_trims(view, loop_.wall_ms(), kTrimsAtATime)) {
    log::debug("topic {}: what lies before {} goes", command.trim_topic().topic_id(), command.trim_topic().before());
    propose(std::move(command));
  }
}

/// A loss is said by the node that leads when it happens; STATE and METRICS go on saying it.
void Controller::tell_losses(const metadata::View& view) {
  if (view.lost_segments() > losses_told_) {
    log::error("data is lost: the disks of all holders of {} segments are gone", view.lost_segments());
  }
  losses_told_ = view.lost_segments();
}

void Controller::propose(metadata::Command command) {
  ++proposals_in_flight_;
  metadata_.propose(std::move(command), [this, alive = alive_](const Result<metadata::Applied>&) {
    if (*alive) --proposals_in_flight_;
  });
}

}  // namespace walrus::controller
