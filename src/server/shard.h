// One shard of a node: a loop on a thread of its own with its store, its broker, its clients' sessions and its way to
// the other nodes.
//
// Happy path: open() builds everything, before any thread runs; start() runs it. Clean stop: drain() answers what is in
// flight and commits cursors; once all shards are drained (they hand requests to each other), close() closes the store;
// join() ends the thread. Then it may be destroyed, on the thread that opened it.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "base/result.h"
#include "broker/broker.h"
#include "broker/node_admin.h"
#include "broker/router.h"
#include "broker/topic_admin.h"
#include "controller/disposal.h"
#include "controller/repair.h"
#include "controller/scrubber.h"
#include "controller/takeover.h"
#include "io/asio_loop.h"
#include "metadata/metadata_service.h"
#include "net/peer_transport.h"
#include "net/session_group.h"
#include "server/config.h"
#include "storage/shard_store.h"

namespace walrus::server {

/// What the shards of a node share. Outlives them.
struct ShardContext {
  const Config& config;
  net::PeerIdentity self;
  io::Disk& disk;
  metadata::MetadataService& metadata;
  broker::ShardDirectory directory;  ///< sized before the first shard is opened
  std::shared_ptr<net::ConnectionCount> connections;
  controller::RepairCounters& repair_counters;
  /// Makes METRICS; called on `caller`, calls back there.
  std::function<void(io::Loop& caller, std::move_only_function<void(Result<std::string>)> done)> metrics;
  /// Any shard's thread.
  std::function<void(const net::PeerRefusal&)> on_refused;
};

class Shard {
 public:
  /// On the node's thread; `loop` is not running yet, and outlives the shard.
  static Result<std::unique_ptr<Shard>> open(ShardContext& context, std::uint32_t number, io::AsioLoop& loop);
  ~Shard();

  void start();
  /// Any thread; once each. `done` runs on the shard's thread.
  void drain(std::move_only_function<void()> done);
  void close(std::move_only_function<void()> done);
  /// Ends the loop and its thread.
  void join();

  void set_cluster_id(const Uuid& cluster_id);  ///< any thread
  net::SessionGroup& sessions() { return *sessions_; }
  net::PeerTransport& transport() { return *transport_; }

 private:
  Shard(std::uint32_t number, io::AsioLoop& loop) : number_(number), loop_(loop) {}
  void open_repair(ShardContext& context, const std::function<bool(std::string_view topic)>& owns);
  void drain_on_loop(std::move_only_function<void()> done);
  void on_part_drained();

  const std::uint32_t number_;
  io::AsioLoop& loop_;
  std::unique_ptr<metadata::MetadataClient> metadata_;
  std::unique_ptr<net::PeerTransport> transport_;
  std::unique_ptr<storage::ShardStore> store_;
  std::unique_ptr<broker::Broker> broker_;
  std::unique_ptr<controller::Takeover> takeover_;
  std::unique_ptr<controller::Repair> repair_;
  std::unique_ptr<controller::Scrubber> scrubber_;
  std::unique_ptr<controller::Disposal> disposal_;
  std::unique_ptr<broker::NodeAdmin> node_admin_;
  std::unique_ptr<broker::TopicAdmin> topic_admin_;
  std::unique_ptr<broker::Router> router_;
  std::unique_ptr<net::SessionGroup> sessions_;
  metadata::MetadataClient::Subscription node_table_;
  std::move_only_function<void()> drained_;
  int parts_to_drain_ = 0;
  std::thread thread_;
};

}  // namespace walrus::server
