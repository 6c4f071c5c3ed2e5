// What a client's command means, for the topics of one shard. Requests of this node's clients gather in queues by topic
// and go to the leader of the topic's open segment, here or elsewhere; requests of other nodes come in as messages.
//
//   submit() → TopicQueues → LeaderClient → TopicLeader (here) or APPEND/TAKE/STATE (there)
//   handle() → PeerService → TopicLeader, ReplicaTable
//
// A topic that the view does not know may have been created a moment ago on another node: before "topic not found" is
// said a barrier makes sure. Loop thread only.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "broker/cursor_flusher.h"
#include "broker/internal_writer.h"
#include "broker/known_topic.h"
#include "broker/peer_service.h"
#include "broker/place_finder.h"
#include "broker/put_batch.h"
#include "broker/request_sink.h"
#include "broker/topic_queues.h"

namespace walrus::broker {

class Broker;

/// The brokers of a node by shard; complete before the first request and constant from then on.
struct ShardDirectory {
  struct Shard {
    io::Loop* loop = nullptr;
    Broker* broker = nullptr;
  };
  std::vector<Shard> shards;

  std::uint32_t shard_of(std::string_view topic) const {
    return static_cast<std::uint32_t>(metadata::topic_hash(topic) % shards.size());
  }
};

class Broker {
 public:
  /// Everything passed in outlives the broker.
  Broker(io::Loop& loop, storage::ShardStore& store, metadata::MetadataClient& metadata, io::Transport& transport,
         const ShardDirectory& directory, BrokerOptions options);
  ~Broker();

  /// Follows the metadata and looks for full segments from now on.
  void start();

  /// A client's request about a topic of this shard, or a PRODUCER; see RequestSink. flush() ends a group.
  void submit(const protocol::Request& request, const std::shared_ptr<AnswerSink>& sink, std::uint64_t slot);
  void flush();

  /// A message of another node about topics (message_address.h), for a topic of any shard of this node.
  void handle(NodeId from, io::Message message, io::Reply reply);

  /// The topics whose open segment this node leads.
  const LeaderTable& leaders() const { return leaders_; }
  /// This shard's replicas of segments that other nodes lead.
  replication::ReplicaTable& replicas() { return replicas_; }
  /// Hears of copies here that were met damaged by readers.
  void on_damage(TopicReader::OnDamage damaged) { reader_.on_damage(std::move(damaged)); }

  /// Clean stop: answers what is held with kShuttingDown, waits for what is under way, commits the cursors exactly.
  /// Bounded by `patience`.
  void stop(io::Duration patience, io::Done done);

 private:
  struct Topic {
    TopicQueues queues;
    KnownTopic topic;
    bool known = false;      // the view has it
    bool resolving = false;  // a barrier is under way to make sure
    bool dirty = false;      // in dirty_
  };
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };

  Topic& topic(std::string_view name);
  void register_topic(const protocol::Request& request, Waiter waiter);
  void register_producer(const protocol::Request& request, Waiter waiter);
  void resolve(Topic& topic);
  void on_resolved(const std::string& name, const Status& barrier);
  void pump();
  void on_view(const metadata::ViewPtr& before, const metadata::ViewPtr& now);
  void forget_deleted(const metadata::View& now);
  void drop_deleted();
  void arm_monitor();
  void wake_leaders();
  void await_settled(io::TimePoint deadline, io::Done done);

  io::Loop& loop_;
  storage::ShardStore& store_;
  metadata::MetadataClient& metadata_;
  const ShardDirectory& directory_;
  const BrokerOptions options_;
  TopicReader reader_;
  SealRequests seals_;
  PutBatchPool put_batches_;  // before the leaders: they answer what waits when they go
  LeaderTable leaders_;
  replication::ReplicaTable replicas_;
  LeaderClient leader_client_;
  PlaceFinder places_;
  PeerService peer_service_;
  CursorFlusher cursor_flusher_;
  InternalWriter internal_writer_;
  std::unordered_map<std::string, std::unique_ptr<Topic>, NameHash, std::equal_to<>> topics_;
  Topic* last_topic_ = nullptr;        // requests come in runs
  std::vector<Topic*> dirty_;          // have requests that were not looked at since
  std::vector<Topic*> pumped_;         // what pump() works on; kept for its memory
  std::unordered_set<Topic*> active_;  // may have something waiting
  metadata::MetadataClient::Subscription subscription_;
  io::Timer monitor_;
  io::Timer settle_poll_;
  bool pump_posted_ = false;
  bool some_deleted_ = false;
  bool stopping_ = false;
};

}  // namespace walrus::broker
