#include "tests/unit/metadata/service_cluster.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "metadata/uuid_bytes.h"

namespace walrus::metadata::test {

Command create_topic_command(const std::string& name) {
  Command command;
  command.mutable_create_topic()->set_name(name);
  return command;
}

Command set_node_state_command(const ServiceNode& node, NodeState state) {
  Command command;
  command.mutable_set_node_state()->set_node_id(node.id.value());
  command.mutable_set_node_state()->set_disk_id(uuid_bytes(node.disk_id));
  command.mutable_set_node_state()->set_state(static_cast<std::uint32_t>(state));
  return command;
}

ServiceCluster::~ServiceCluster() {
  for (auto& [id, node] : nodes) {
    if (node->up()) crash(id);
  }
}

std::string ServiceCluster::address_of(std::uint64_t id) { return fmt::format("10.0.0.{}:6000", id); }

bool ServiceCluster::start(std::uint64_t id, std::vector<std::string> join) {
  auto& slot = nodes[id];
  if (slot == nullptr) {
    slot = std::make_unique<ServiceNode>();
    slot->id = NodeId(id);
    slot->disk_id = Uuid(world.random().next(), world.random().next());
    slot->address = address_of(id);
    slot->disk = std::make_unique<io::SimDisk>(world);
  }
  // The data directory is the server's: durable before the metadata is opened in it.
  EXPECT_TRUE(slot->disk->make_directories("/data") && slot->disk->sync_directory("/"));
  ServiceNode& node = *slot;
  node.loop = &world.make_loop(fmt::format("node {}", id));
  node.transport = network.make_transport(node.id, io::Channel::kNode, node.address, *node.loop);
  node.open_error.reset();
  node.refusal.reset();
  node.failure.reset();
  auto service = MetadataService::open(*node.loop, *node.disk, *node.transport,
                                       {.node_id = node.id,
                                        .disk_id = node.disk_id,
                                        .cluster_id = node.cluster_id,
                                        .directory = "/data/raft",
                                        .peer_address = node.address,
                                        .client_address = fmt::format("10.0.0.{}:8080", id),
                                        .join = std::move(join),
                                        .election_timeout = election_timeout,
                                        .heartbeat = election_timeout / 10,
                                        .on_cluster_id = [&node](const Uuid& cluster) { node.cluster_id = cluster; },
                                        .on_refused = [&node](const Error& reason) { node.refusal = reason; },
                                        .on_failed = [&node](const Error& error) { node.failure = error; }});
  if (!service) {
    node.open_error = service.error();
    node.transport.reset();
    return false;
  }
  node.service = std::move(*service);
  node.transport->set_handler([&node](NodeId from, io::Message message, io::Reply reply) {
    EXPECT_TRUE(node.service->handle(from, message, reply)) << "type " << message.type;
  });
  node.loop->post([&node] { node.service->start(); });
  return true;
}

void ServiceCluster::crash(std::uint64_t id, io::CrashModel model) {
  ServiceNode& crashed = node(id);
  crashed.disk->power_off();
  crashed.loop->stop();
  crashed.service.reset();
  crashed.transport.reset();
  crashed.disk->crash(model);
  crashed.disk->set_hook({});
}

void ServiceCluster::stop(std::uint64_t id) {
  ServiceNode& stopped = node(id);
  stopped.service->stop();
  world.run_ready();
  stopped.service.reset();
  stopped.transport.reset();
  stopped.loop->stop();
}

void ServiceCluster::form(std::uint64_t n) {
  ASSERT_TRUE(start(1));
  for (std::uint64_t id = 2; id <= n; ++id) ASSERT_TRUE(start(id, {address_of(1)}));
  ASSERT_TRUE(run_until([&] {
    if (leader() == nullptr) return false;
    for (auto& [id, node] : nodes) {
      if (!node->service->ready()) return false;
      std::uint64_t voters = 0;
      for (auto& [other, info] : node->view()->nodes()) voters += info.voter;
      if (voters != std::min<std::uint64_t>(n, 5) || node->view()->nodes().size() != n) return false;
    }
    return true;
  })) << "the cluster did not form";
}

ServiceNode* ServiceCluster::leader() {
  ServiceNode* found = nullptr;
  for (auto& [id, node] : nodes) {
    if (!node->up() || !node->service->is_leader() || !node->service->ready()) continue;
    if (found == nullptr || found->service->status().current_term < node->service->status().current_term) {
      found = node.get();
    }
  }
  return found;
}

ServiceNode* ServiceCluster::await_leader() {
  EXPECT_TRUE(run_until([&] { return leader() != nullptr; })) << "no leader";
  return leader();
}

Result<Applied> ServiceCluster::propose(std::uint64_t at, Command command) {
  std::optional<Result<Applied>> answer;
  node(at).service->client().propose(std::move(command),
                                     [&](Result<Applied> result) { answer.emplace(std::move(result)); });
  EXPECT_TRUE(run_until([&] { return answer.has_value(); })) << "a proposal was never answered";
  if (!answer) return fail(ErrorCode::kTimedOut);
  return std::move(*answer);
}

Result<Applied> ServiceCluster::create_topic(std::uint64_t at, const std::string& name) {
  return propose(at, create_topic_command(name));
}

bool ServiceCluster::agree() {
  ViewPtr first;
  for (auto& [id, node] : nodes) {
    if (!node->up() || node->refusal) continue;
    if (!node->service->ready()) return false;
    const ViewPtr view = node->view();
    if (first == nullptr) first = view;
    if (view->version() != first->version() || view->topic_count() != first->topic_count()) return false;
  }
  return first != nullptr;
}

}  // namespace walrus::metadata::test
