#include "tests/harness/node.h"

#include <algorithm>
#include <cstdlib>
#include <signal.h>
#include <stdexcept>

namespace walrus::test {
namespace {

/// More nodes follow as standbys (docs/operations.md).
constexpr std::size_t kMostVoters = 5;

std::string shards_under_test() {
  const char* shards = std::getenv("WALRUS_TEST_SHARDS");
  return shards != nullptr ? shards : "1";
}

/// METRICS of a node that may not answer yet.
std::optional<nlohmann::json> try_metrics(const Node& node) {
  try {
    const std::string reply = Connection(node.client_port(), 5s).request("METRICS");
    if (reply.starts_with("OK ")) return nlohmann::json::parse(reply.substr(3));
  } catch (const std::runtime_error&) {  // not listening yet, or just killed: asked again
  }
  return std::nullopt;
}

bool knows_leader(const nlohmann::json& metrics) {
  return metrics.at("leader_id").is_number() && metrics.at("leader_id") != 0;
}

}  // namespace

Node::Node(NodeOptions options) : options_(std::move(options)), client_port_(free_port()), raft_port_(free_port()) {}

std::vector<std::string> Node::command() const {
  std::vector<std::string> arguments = {walrusd_path(),
                                        "--node-id",
                                        std::to_string(options_.id),
                                        "--data-dir",
                                        options_.data_dir.string(),
                                        "--client-port",
                                        std::to_string(client_port_),
                                        "--raft-port",
                                        std::to_string(raft_port_),
                                        "--shards",
                                        shards_under_test()};
  if (!options_.join.empty()) {
    arguments.insert(arguments.end(), {"--join", options_.join});
  }
  arguments.insert(arguments.end(), options_.flags.begin(), options_.flags.end());
  return arguments;
}

std::filesystem::path Node::folder() const { return options_.data_dir / ("node_" + std::to_string(options_.id)); }

std::filesystem::path Node::errors_path() const {
  return options_.data_dir.parent_path() / ("node_" + std::to_string(options_.id) + ".err");
}

void Node::start() {
  process_ = Process::start({.arguments = command(),
                             .environment = options_.environment,
                             .input = "/dev/null",
                             .output = errors_path(),
                             .errors = errors_path()});
}

void Node::wait_until_ready() {
  const bool ready = eventually([this] {
    if (!running()) return true;
    const auto metrics = try_metrics(*this);
    return metrics && knows_leader(*metrics);
  });
  if (!ready || !running()) {
    throw std::runtime_error("node " + std::to_string(id()) + (ready ? " ended" : " was not ready in time") +
                             "; it said:\n" + errors());
  }
}

void Node::kill_hard() {
  process_->signal(SIGKILL);
  process_->wait();
}

void Node::ask_to_stop() { process_->signal(SIGTERM); }

void Node::wait_until_stopped() {
  const auto ended = process_->wait();
  if (ended != Ended{.code = 0, .signal = 0}) {
    const std::string how =
        ended ? "ended with " + std::to_string(ended->code) + ", signal " + std::to_string(ended->signal)
              : "did not stop in time";
    throw std::runtime_error("node " + std::to_string(id()) + " " + how + "; it said:\n" + errors());
  }
}

std::optional<Ended> Node::wait_until_ended(std::chrono::steady_clock::duration timeout) {
  return process_->wait(timeout);
}

nlohmann::json Node::metrics() const { return nlohmann::json::parse(ok_payload(request("METRICS"))); }

nlohmann::json Node::state(const std::string& topic) const {
  return nlohmann::json::parse(ok_payload(request("STATE " + topic)));
}

Cluster::Cluster(std::size_t size, const std::map<std::string, std::string>& environment) {
  for (std::size_t number = 1; number <= size; ++number) {
    nodes_.push_back(std::make_unique<Node>(
        NodeOptions{.id = number, .data_dir = folder_ / "data", .join = {}, .flags = {}, .environment = environment}));
    if (number > 1) nodes_.back()->options().join = nodes_.front()->raft_address();
  }
}

void Cluster::start() {
  for (auto& node : nodes_) node->start();
  wait_until_formed();
}

void Cluster::wait_until_formed() {
  for (auto& node : nodes_) {
    const bool formed = eventually([&] {
      if (!node->running()) return true;
      const auto metrics = try_metrics(*node);
      return metrics && knows_leader(*metrics) && metrics->at("cluster_size") == size() &&
             metrics->at("voters") == std::min<std::size_t>(size(), kMostVoters);
    });
    if (!formed || !node->running()) {
      throw std::runtime_error("node " + std::to_string(node->id()) + " is not part of the cluster; it said:\n" +
                               node->errors());
    }
  }
}

void Cluster::stop() {
  for (auto& node : nodes_) node->ask_to_stop();
  for (auto& node : nodes_) node->wait_until_stopped();
}

void Cluster::kill_hard() {
  for (auto& node : nodes_) node->kill_hard();
}

std::string ok_payload(const std::string& reply) {
  if (!reply.starts_with("OK ")) throw std::runtime_error("expected OK with a payload, got: " + reply.substr(0, 200));
  return reply.substr(3);
}

}  // namespace walrus::test
