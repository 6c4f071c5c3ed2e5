#include "server/node.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ranges>
#include <utility>

#include "base/log.h"
#include "server/early_signal.h"

namespace walrus::server {
namespace {

constexpr auto kReminderInterval = std::chrono::seconds(5);
constexpr auto kStepDownPatience = std::chrono::milliseconds(500);
constexpr auto kStepDownPoll = std::chrono::milliseconds(10);
/// For nodes that were told to stop at the same moment: their last cursors need a majority that is still there.
constexpr auto kLeaveDelay = std::chrono::milliseconds(250);
/// All of a clean stop; what is acknowledged is on disk anyway.
constexpr auto kStopPatience = std::chrono::seconds(15);

}  // namespace

Node::Node(const Config& config) : config_(config), signals_(loop_.context()) {}

Node::~Node() {
  // Loops first: nothing runs while the rooms go.
  for (const auto& shard : shards_) shard->join();
}

void Node::run() {
  catch_signals();
  for (const auto& shard : shards_) shard->start();
  metadata_->start();
  controller_->start();
  peer_acceptor_->start();
  listener_->start();
  if (admin_) admin_->start();
  check_join_addresses();
  readiness_ =
      metadata_->client().subscribe([this](const metadata::ViewPtr&, const metadata::ViewPtr&) { say_when_ready(); });
  loop_.run();
}

// While it runs.

void Node::on_cluster_id(const Uuid& cluster_id) {
  identity_.cluster_id = cluster_id;
  if (const Status stored = store_identity(disk_, config_.node_directory(), identity_); !stored) {
    fatal(ExitCode::kStorage, "cannot store the identity: " + stored.error().message());
  }
  transport_->set_cluster_id(cluster_id);
  if (peer_acceptor_) peer_acceptor_->set_cluster_id(cluster_id);
  if (shard_context_) shard_context_->self.cluster_id = cluster_id;
  for (const auto& shard : shards_) shard->set_cluster_id(cluster_id);
}

void Node::on_message(NodeId from, io::Message message, io::Reply reply) {
  if (metadata_->handle(from, message, reply) || controller_->handle(from, message)) return;
  if (reply) reply(fail(ErrorCode::kUnsupported, fmt::format("message type {}", message.type)));
}

void Node::on_refused(const net::PeerRefusal& refusal) {
  const bool asked_to_join =
      std::ranges::find(config_.join, refusal.address) != config_.join.end() && refusal.foreign_cluster;
  if (!refusal.own_fault && !asked_to_join) {
    log::warn("{}: {}", refusal.address, refusal.error.message());
    return;
  }
  loop_.post([this, refusal] { end_refused(refusal.address + ": " + refusal.error.detail); });
}

void Node::end_refused(const std::string& reason) {
  const std::string text = fmt::format("node {} is refused: {}", config_.node_id, reason);
  if (!config_.log_file.empty()) std::fprintf(stderr, "walrusd: %s\n", text.c_str());
  fatal(ExitCode::kIdentity, text);
}

void Node::check_join_addresses() {
  // A directory that is resumed needs nobody to join at. But an address that answers for another cluster means that the
  // directory, or the address, is not the one that was meant.
  if (identity_.cluster_id.is_nil()) return;
  for (const std::string& address : config_.join) {
    transport_->call_address(address, {.type = peer::PING, .header = {}, .body = {}}, limits::kPeerConnectTimeout,
                             [](const Result<io::Message>&) {});
  }
}

void Node::say_when_ready() {
  if (said_ready_ || !metadata_->ready()) return;
  said_ready_ = true;
  log::info("node {} is ready: clients {}, peers {}, data {}, cluster {}", config_.node_id, client_address_,
            peer_address_, config_.node_directory(), metadata_->client().view()->cluster_id());
}

void Node::remind_until_ready() {
  reminder_ = loop_.after(kReminderInterval, [this] {
    if (said_ready_) return;
    if (identity_.cluster_id.is_nil()) {
      log::warn("not part of a cluster yet; asking to be taken in at {}", fmt::join(config_.join, ", "));
    } else {
      log::warn("no Raft leader has been heard of yet; a majority of the voters must be up");
    }
    remind_until_ready();
  });
}

NodeMetrics Node::metrics() const {
  const metadata::ViewPtr view = metadata_->client().view();
  return {.raft = metadata_->status(),
          .cluster_id = identity_.cluster_id,
          .metadata_version = view->version(),
          .topics = view->topic_count(),
          .voters = static_cast<std::uint64_t>(std::ranges::count_if(
              std::views::values(view->nodes()), [](const metadata::NodeInfo& node) { return node.voter; })),
          .connections = connections_->open.load(std::memory_order_relaxed),
          .shards = config_.shards,
          .io_uring = disk_.uses_io_uring(),
          .lost_segments = view->lost_segments(),
          .repair = {.copies_made = repair_counters_.copies_made,
                     .copies_failed = repair_counters_.copies_failed,
                     .copied_bytes = repair_counters_.copied_bytes,
                     .scrubbed_segments = repair_counters_.scrubbed_segments,
                     .scrubbed_bytes = repair_counters_.scrubbed_bytes,
                     .damage_found = repair_counters_.damage_found,
                     .healed = repair_counters_.healed},
          .uptime_ms = std::chrono::duration_cast<std::chrono::milliseconds>(loop_.now() - started_).count()};
}

void Node::collect_metrics(io::Loop& caller, std::move_only_function<void(Result<std::string>)> done) {
  loop_.post([this, &caller, done = std::move(done)]() mutable {
    caller.post([done = std::move(done), json = metrics_json(metrics())]() mutable { done(std::move(json)); });
  });
}

std::optional<net::AdminPage> Node::admin_page(std::string_view path) const {
  if (path == "/metrics") {
    return net::AdminPage{.content_type = "text/plain; version=0.0.4", .body = metrics_prometheus(metrics())};
  }
  if (path != "/healthz") return std::nullopt;
  const bool leader_known = metadata_->ready() && metadata_->status().leader_id.has_value();
  return leader_known ? net::AdminPage{.body = "ok\n"}
                      : net::AdminPage{.status = 503, .body = "no Raft leader known\n"};
}

// Stopping.

void Node::catch_signals() {
  boost::system::error_code ignored;
  signals_.add(SIGINT, ignored);
  signals_.add(SIGTERM, ignored);
  await_signal();
  if (early_signal() == 0) return;
  loop_.post([this] {
    log::info("signal {} during the start: stopping", early_signal());
    stop();
  });
}

void Node::await_signal() {
  signals_.async_wait([this](boost::system::error_code error, int number) {
    if (error) return;
    if (stopping_) {
      log::warn("signal {} again: ending at once", number);
      log::flush();
      std::_Exit(128 + number);
    }
    log::info("signal {}: stopping", number);
    await_signal();
    stop();
  });
}

void Node::stop() {
  stopping_ = true;
  stop_watchdog_ = loop_.after(kStopPatience, [] {
    log::warn("the clean stop takes too long; ending, the next start replays the log");
    log::flush();
    std::_Exit(0);
  });
  listener_->stop();
  if (admin_) admin_->stop();
  each_shard(&Shard::drain, [this] { each_shard(&Shard::close, [this] { leave_cluster(); }); });
}

void Node::each_shard(ShardPart part, std::function<void()> next) {
  auto left = std::make_shared<std::size_t>(shards_.size());
  for (const auto& shard : shards_) {
    (shard.get()->*part)([this, left, next] {
      loop_.post([left, next] {
        if (--*left == 0) next();
      });
    });
  }
}

void Node::leave_cluster() {
  controller_->stop();
  const bool alone = metadata_->status().cluster_size <= 1;
  step_down_poll_ = loop_.after(alone ? std::chrono::milliseconds(0) : kLeaveDelay, [this] {
    metadata_->step_down();
    step_down_until(loop_.now() + kStepDownPatience);
  });
}

void Node::step_down_until(io::TimePoint deadline) {
  const bool alone = metadata_->status().cluster_size <= 1;
  if (!alone && metadata_->is_leader() && loop_.now() < deadline) {
    step_down_poll_ = loop_.after(kStepDownPoll, [this, deadline] { step_down_until(deadline); });
    return;
  }
  metadata_->stop();
  peer_acceptor_->stop();
  transport_->stop();
  log::info("stopped");
  loop_.stop();
}

}  // namespace walrus::server
