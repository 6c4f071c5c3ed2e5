#include "tests/chaos/faulty_cluster.h"

#include <algorithm>
#include <signal.h>
#include <stdexcept>
#include <utility>

#include "base/limits.h"

namespace walrus::chaos {

using namespace std::chrono_literals;

namespace {
constexpr auto kGoodbye = 30s;  // from the removal of a node to the end of its process
}  // namespace

FaultyCluster::FaultyCluster(FaultyClusterOptions options) : options_(std::move(options)) {
  std::filesystem::create_directories(options_.folder);
  for (std::size_t i = 0; i < options_.nodes; ++i) create(next_id_++);
  publish_ports();
}

FaultyCluster::Member& FaultyCluster::create(std::uint64_t id) {
  Member& member = members_[id];
  member.node = std::make_unique<test::Node>(
      test::NodeOptions{.id = id, .data_dir = options_.folder / "data", .join = {}, .flags = {}, .environment = {}});
  const std::string host = "127.0.1." + std::to_string(id);
  member.proxy = std::make_unique<FaultProxy>(
      FaultProxyOptions{
          .node = id, .listen_host = host, .port = member.node->raft_port(), .seed = options_.seed * 1'000 + id},
      rules_);
  auto& flags = member.node->options().flags;
  flags = options_.flags;
  flags.insert(flags.end(), {"--raft-advertise-host", host});
  for (const auto& [other, _] : members_) {
    if (other != id && member.node->options().join.empty()) member.node->options().join = proxy(other).address();
  }
  return member;
}

void FaultyCluster::publish_ports() {
  std::vector<std::uint16_t> ports;
  ports.reserve(members_.size());
  for (const auto& [id, member] : members_) ports.push_back(member.node->client_port());
  ports_.set(std::move(ports));
}

std::vector<std::uint64_t> FaultyCluster::ids() const {
  std::vector<std::uint64_t> ids;
  ids.reserve(members_.size());
  for (const auto& [id, member] : members_) ids.push_back(id);
  return ids;
}

void FaultyCluster::start() {
  for (const std::uint64_t id : ids()) start(id);
  if (!test::eventually([this] { return formed(); })) throw std::runtime_error("the cluster did not form");
}

bool FaultyCluster::formed() {
  for (auto& [id, member] : members_) {
    if (!member.node->running()) return false;
    try {
      const auto metrics = member.node->metrics();
      if (!metrics.at("leader_id").is_number() || metrics.at("leader_id") == 0) return false;
      if (metrics.at("cluster_size") < members_.size()) return false;
      // Before that the only disk with the metadata could be the next that is wiped.
      if (metrics.at("voters") < std::min(members_.size(), limits::kMaxVoters)) return false;
    } catch (const std::runtime_error&) {  // not listening yet
      return false;
    }
  }
  return true;
}

std::vector<std::uint64_t> FaultyCluster::ended_by_themselves() {
  std::vector<std::uint64_t> ended;
  for (auto& [id, member] : members_) {
    if (member.wanted && !member.node->running()) ended.push_back(id);
  }
  return ended;
}

void FaultyCluster::kill_hard(std::uint64_t id) {
  Member& member = members_.at(id);
  member.wanted = false;
  member.paused = false;
  member.node->kill_hard();
}

void FaultyCluster::stop(std::uint64_t id) {
  members_.at(id).wanted = false;
  node(id).stop();
}

void FaultyCluster::start(std::uint64_t id) {
  Member& member = members_.at(id);
  member.node->start();
  member.wanted = true;
}

void FaultyCluster::pause(std::uint64_t id) {
  ::kill(node(id).pid(), SIGSTOP);
  members_.at(id).paused = true;
}

void FaultyCluster::resume(std::uint64_t id) {
  ::kill(node(id).pid(), SIGCONT);
  members_.at(id).paused = false;
}

void FaultyCluster::wipe(std::uint64_t id) {
  for (const auto& entry : std::filesystem::directory_iterator(folder_of(id))) std::filesystem::remove_all(entry);
  // The first node bootstrapped; with nothing left it has to join, as any other.
  for (const std::uint64_t other : ids()) {
    if (other != id) node(id).options().join = proxy(other).address();
  }
}

std::uint64_t FaultyCluster::add() {
  const std::uint64_t id = next_id_++;
  create(id);
  publish_ports();
  start(id);
  return id;
}

bool FaultyCluster::forget(std::uint64_t id) {
  Member& member = members_.at(id);
  member.wanted = false;
  const bool ended = member.node->wait_until_ended(kGoodbye).has_value();
  members_.erase(id);
  publish_ports();
  return ended;
}

std::string FaultyCluster::stop_all() {
  for (auto& [id, member] : members_) {
    member.wanted = false;
    if (member.node->running()) member.node->ask_to_stop();
  }
  for (auto& [id, member] : members_) {
    try {
      member.node->wait_until_stopped();
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }
  return {};
}

}  // namespace walrus::chaos
