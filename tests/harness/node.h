// A real walrusd under test, and a cluster of them: started on free ports of 127.0.0.1 with data in a folder of the
// test, asked, killed, stopped and started again under the same flags. Errors are thrown with the node's log.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/harness/connection.h"
#include "tests/harness/process.h"
#include "tests/harness/temp_dir.h"

namespace walrus::test {

struct NodeOptions {
  std::uint64_t id = 1;
  std::filesystem::path data_dir;
  std::string join;                                ///< HOST:PORT of a node's raft port; empty: bootstrap
  std::vector<std::string> flags;                  ///< behind all others
  std::map<std::string, std::string> environment;  ///< only of this node
};

class Node {
 public:
  /// Chooses ports; starts nothing. `--shards` comes from WALRUS_TEST_SHARDS (ctest runs each suite with 1 and 2).
  explicit Node(NodeOptions options);

  void start();
  /// Until METRICS names a leader.
  void wait_until_ready();
  void start_and_wait() {
    start();
    wait_until_ready();
  }

  void kill_hard();  ///< SIGKILL, gone when this returns
  void stop() {      ///< SIGTERM; throws unless it ends with 0
    ask_to_stop();
    wait_until_stopped();
  }
  void ask_to_stop();         ///< SIGTERM
  void wait_until_stopped();  ///< throws unless it ends with 0
  std::optional<Ended> wait_until_ended(std::chrono::steady_clock::duration timeout = kPatience);
  bool running() { return process_ && process_->running(); }
  pid_t pid() const { return process_->pid(); }

  std::uint64_t id() const { return options_.id; }
  std::uint16_t client_port() const { return client_port_; }
  std::uint16_t raft_port() const { return raft_port_; }
  std::string raft_address() const { return "127.0.0.1:" + std::to_string(raft_port_); }
  std::filesystem::path folder() const;  ///< <data-dir>/node_<id>
  NodeOptions& options() { return options_; }
  std::vector<std::string> command() const;

  Connection connect() const { return Connection(client_port_); }
  /// One request on a connection of its own.
  std::string request(std::string_view text) const { return connect().request(text); }
  nlohmann::json metrics() const;
  nlohmann::json state(const std::string& topic) const;

  std::string errors() const { return read_file(errors_path()); }  ///< stderr of all its lives

 private:
  std::filesystem::path errors_path() const;

  NodeOptions options_;
  std::uint16_t client_port_;
  std::uint16_t raft_port_;
  std::optional<Process> process_;
};

/// Nodes 1..n in one folder; node 1 bootstraps, the others join it.
class Cluster {
 public:
  explicit Cluster(std::size_t size, const std::map<std::string, std::string>& environment = {});

  /// Starts all and waits until each counts all nodes, all of them voting, and knows a leader.
  void start();
  void wait_until_formed();
  void stop();  ///< SIGTERM to all at once, as ./dev run does
  void kill_hard();

  Node& node(std::size_t number) { return *nodes_.at(number - 1); }  ///< from 1
  std::size_t size() const { return nodes_.size(); }
  const TempDir& folder() const { return folder_; }
  /// The number of the node that METRICS of node `asked` calls the Raft leader.
  std::uint64_t raft_leader(std::size_t asked = 1) { return node(asked).metrics().at("leader_id"); }

 private:
  TempDir folder_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

/// What stands behind "OK " in a reply; throws on any other reply.
std::string ok_payload(const std::string& reply);

}  // namespace walrus::test
