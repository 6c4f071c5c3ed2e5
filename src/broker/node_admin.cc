#include "broker/node_admin.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <utility>

#include "metadata/placement.h"
#include "metadata/uuid_bytes.h"

namespace walrus::broker {

namespace {

/// What a node has to do with segments.
struct Share {
  std::uint64_t leads = 0;     ///< segments that are not sealed
  std::uint64_t replicas = 0;  ///< segments that it is a replica or holder of
  std::uint64_t records = 0;   ///< in the sealed ones of them
  std::uint64_t bytes = 0;     ///< likewise, as stored
};

std::map<NodeId, Share> shares(const metadata::View& view) {
  std::map<NodeId, Share> result;
  for (std::size_t i = 0; i < metadata::View::kBuckets; ++i) {
    for (const auto& [name, topic] : view.bucket(i).topics) {
      for (const metadata::SegmentInfo& segment : topic->segments) {
        if (!segment.sealed()) ++result[segment.leader].leads;
        for (const NodeId replica : segment.replicas) {
          ++result[replica].replicas;
          if (!segment.sealed()) continue;
          result[replica].records += segment.end - segment.base;
          result[replica].bytes += segment.bytes;
        }
      }
    }
  }
  return result;
}

const char* state_name(metadata::NodeState state) {
  switch (state) {
    case metadata::NodeState::kUp:
      return "up";
    case metadata::NodeState::kDown:
      return "down";
    case metadata::NodeState::kRemoved:
      return "removed";
  }
  return "";
}

metadata::Command command_for(const protocol::Request& request, const metadata::NodeInfo& node) {
  metadata::Command command;
  if (request.verb == protocol::Verb::kDrain) {
    metadata::SetDraining& drain = *command.mutable_set_draining();
    drain.set_node_id(node.id.value());
    drain.set_disk_id(metadata::uuid_bytes(node.disk_id));
    drain.set_draining(!request.get<protocol::NodeOptions>().cancel);
  } else {
    metadata::SetNodeState& removal = *command.mutable_set_node_state();
    removal.set_node_id(node.id.value());
    removal.set_disk_id(metadata::uuid_bytes(node.disk_id));
    removal.set_state(static_cast<std::uint32_t>(metadata::NodeState::kRemoved));
    removal.set_lose_data(request.get<protocol::NodeOptions>().lose_data);
  }
  return command;
}

}  // namespace

std::string nodes_json(const metadata::View& view) {
  std::map<NodeId, Share> held = shares(view);
  auto list = nlohmann::ordered_json::array();
  for (const auto& [id, node] : view.nodes()) {
    if (node.state == metadata::NodeState::kRemoved && !node.member) continue;
    const Share& share = held[id];
    list.push_back({{"node_id", id.value()},
                    {"peer_address", node.peer_address},
                    {"client_address", node.client_address},
                    {"state", state_name(node.state)},
                    {"draining", node.draining},
                    {"voter", node.voter},
                    {"segments_led", share.leads},
                    {"replicas_held", share.replicas},
                    {"sealed_records_held", share.records},
                    {"sealed_bytes_held", share.bytes},
                    {"disk_id", node.disk_id.hex()}});
  }
  return list.dump();
}

bool NodeAdmin::is_ours(protocol::Verb verb) {
  return verb == protocol::Verb::kNodes || verb == protocol::Verb::kDrain || verb == protocol::Verb::kRemove;
}

void NodeAdmin::carry_out(const protocol::Request& request, Done done) {
  if (metadata_.view()->version() == 0) return done(fail(ErrorCode::kRaftNotInitialized));
  if (request.verb == protocol::Verb::kNodes) return list(std::move(done));
  change(request, std::move(done));
}

void NodeAdmin::list(Done done) {
  metadata_.barrier([this, done = std::move(done)](const Status& current) mutable {
    if (!current) return done(fail(current.error()));
    done(nodes_json(*metadata_.view()));
  });
}

void NodeAdmin::change(const protocol::Request& request, Done done) {
  const auto options = request.get<protocol::NodeOptions>();
  const metadata::NodeInfo* node = metadata_.view()->find_node(options.node);
  if (node == nullptr) {
    return done(fail(ErrorCode::kNotFound, fmt::format("the cluster has no node {}", options.node)));
  }
  metadata::Command command = command_for(request, *node);
  const bool waits_for_copies = request.verb == protocol::Verb::kRemove && !options.lose_data;
  if (!waits_for_copies) return propose(std::move(command), std::move(done));
  metadata_.barrier([this, id = options.node, command = std::move(command),
                     done = std::move(done)](const Status& current) mutable {
    if (!current) return done(fail(current.error()));
    const auto& view = *metadata_.view();
    // From one that is down nothing can be copied; the state machine knows whether it can be done without.
    const std::uint64_t thin = view.is_up(id) ? metadata::thin_without(view, id) : 0;
    if (thin == 0) return propose(std::move(command), std::move(done));
    done(fail(ErrorCode::kRefused,
              fmt::format("node {} holds {} segments that have fewer copies elsewhere than their topics want: drain "
                          "it and wait until it holds nothing, or stop it first",
                          id, thin)));
  });
}

void NodeAdmin::propose(metadata::Command command, Done done) {
  metadata_.propose(std::move(command), [done = std::move(done)](Result<metadata::Applied> applied) mutable {
    if (const Status outcome = metadata::outcome_of(applied); !outcome) return done(fail(outcome.error()));
    done(std::string());
  });
}

}  // namespace walrus::broker
