// A whole node: the node loop (metadata, controller, the internal port, the client port) on the thread that calls
// run(), and its shards on threads of their own.
//
// Happy path: open() takes the directory, binds the ports, recovers the write-ahead logs and builds everything; run()
// serves until SIGINT or SIGTERM, then answers what is in flight, commits cursors, closes the stores, and returns.
//
// How it fails: open() says what is wrong and with which exit status to end. Later, a refusal of this node's identity
// and a failed write of the metadata end the process where they are found (base/assert.h); all that was acknowledged is
// on disk by then.
#pragma once

#include <boost/asio/signal_set.hpp>

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "controller/controller.h"
#include "io/asio_loop.h"
#include "io/posix_disk.h"
#include "metadata/metadata_service.h"
#include "net/admin_http.h"
#include "net/listener.h"
#include "net/peer_acceptor.h"
#include "net/peer_transport.h"
#include "server/config.h"
#include "server/identity.h"
#include "server/metrics_json.h"
#include "server/shard.h"

namespace walrus::server {

struct StartFailure {
  ExitCode code = ExitCode::kEnvironment;
  std::string reason;
};

class Node {
 public:
  static std::expected<std::unique_ptr<Node>, StartFailure> open(const Config& config);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  void run();

 private:
  explicit Node(const Config& config);

  // Starting, in this order.
  Status take_directory();
  Status bind_ports();
  Status recover_logs();
  Status open_metadata();
  Status open_shards();
  void open_ports();

  void on_cluster_id(const Uuid& cluster_id);
  void on_message(NodeId from, io::Message message, io::Reply reply);
  /// Any thread.
  void on_refused(const net::PeerRefusal& refusal);
  [[noreturn]] void end_refused(const std::string& reason);
  void say_when_ready();
  /// Tells people what a node that is not ready waits for.
  void remind_until_ready();
  void check_join_addresses();
  void collect_metrics(io::Loop& caller, std::move_only_function<void(Result<std::string>)> done);
  NodeMetrics metrics() const;
  std::optional<net::AdminPage> admin_page(std::string_view path) const;

  /// From now on; one that came before is followed at once.
  void catch_signals();
  void await_signal();
  void stop();
  /// Runs `next` on the node loop when each shard has carried out `part`.
  using ShardPart = void (Shard::*)(std::move_only_function<void()> done);
  void each_shard(ShardPart part, std::function<void()> next);
  void leave_cluster();
  void step_down_until(io::TimePoint deadline);

  const Config config_;
  // Destroyed last to first: rooms, then the disk, then the loops.
  io::AsioLoop loop_{"node"};
  std::vector<std::unique_ptr<io::AsioLoop>> shard_loops_;
  io::PosixDisk disk_;
  std::unique_ptr<io::DirectoryLock> lock_;
  Identity identity_;
  std::string peer_address_;
  std::string client_address_;
  std::unique_ptr<net::TcpAcceptor> peer_port_;
  std::unique_ptr<net::TcpAcceptor> client_port_;
  std::unique_ptr<net::AdminHttp> admin_;  // null unless --admin-port is given
  std::unique_ptr<net::PeerTransport> transport_;
  std::unique_ptr<metadata::MetadataService> metadata_;
  metadata::MetadataClient::Subscription node_table_;
  metadata::MetadataClient::Subscription readiness_;
  std::unique_ptr<controller::Controller> controller_;
  std::shared_ptr<net::ConnectionCount> connections_ = std::make_shared<net::ConnectionCount>();
  controller::RepairCounters repair_counters_;
  std::unique_ptr<ShardContext> shard_context_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<net::PeerAcceptor> peer_acceptor_;
  std::unique_ptr<net::Listener> listener_;
  boost::asio::signal_set signals_;
  io::TimePoint started_{};
  bool said_ready_ = false;
  bool stopping_ = false;
  io::Timer reminder_;
  io::Timer stop_watchdog_;
  io::Timer step_down_poll_;
};

}  // namespace walrus::server
