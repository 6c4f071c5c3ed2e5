// Real nodes whose internal ports are reached through fault proxies only: node N advertises 127.0.1.N, where its proxy
// listens, and itself listens on 127.0.0.1. Clients go to the nodes directly.
//
// Nodes can be killed, paused, stopped, wiped, filled up, added and taken out. One thread (children die with it);
// throws as the harness does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/chaos/clients.h"
#include "tests/chaos/fault_proxy.h"
#include "tests/harness/node.h"

namespace walrus::chaos {

struct FaultyClusterOptions {
  std::filesystem::path folder;
  std::size_t nodes = 5;
  std::uint64_t seed = 1;
  std::vector<std::string> flags;  ///< of every node
};

class FaultyCluster {
 public:
  explicit FaultyCluster(FaultyClusterOptions options);

  void start();
  /// Each node that is part of the cluster runs, and counts all of them.
  bool formed();

  std::vector<std::uint64_t> ids() const;
  test::Node& node(std::uint64_t id) { return *members_.at(id).node; }
  FaultProxy& proxy(std::uint64_t id) { return *members_.at(id).proxy; }
  LinkRules& rules() { return rules_; }
  const Ports& ports() const { return ports_; }

  bool paused(std::uint64_t id) const { return members_.at(id).paused; }
  /// Ended although nobody has asked it to.
  std::vector<std::uint64_t> ended_by_themselves();

  void kill_hard(std::uint64_t id);
  void stop(std::uint64_t id);
  void start(std::uint64_t id);
  void pause(std::uint64_t id);
  void resume(std::uint64_t id);
  void wipe(std::uint64_t id);  ///< of a node that does not run
  std::uint64_t add();          ///< starts a new node, which joins; its id
  /// Of a node that the cluster has removed; false when its process did not end by itself.
  bool forget(std::uint64_t id);
  /// Stops all; what went wrong, or nothing.
  std::string stop_all();

  std::filesystem::path folder_of(std::uint64_t id) { return node(id).folder(); }

 private:
  struct Member {
    std::unique_ptr<test::Node> node;
    std::unique_ptr<FaultProxy> proxy;
    bool paused = false;
    bool wanted = false;  // should be running
  };
  Member& create(std::uint64_t id);
  void publish_ports();

  const FaultyClusterOptions options_;
  LinkRules rules_;
  Ports ports_;
  std::map<std::uint64_t, Member> members_;
  std::uint64_t next_id_ = 1;
};

}  // namespace walrus::chaos
