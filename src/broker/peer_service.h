// Answers what other nodes ask this shard about its topics: APPEND, TAKE, GROUP, WATCH, STATE and SETTLE as the leader
// of the open segment, FETCH and LOCATE as a holder of any; and what concerns this shard's replicas: REPLICATE, FENCE
// and COPY.
//
// A request carries its sender's metadata version; it waits here until this node has caught up with it, so that "not
// leader" is never said out of ignorance. Loop thread only.
#pragma once

#include <unordered_map>

#include "broker/leader_client.h"
#include "broker/leader_table.h"
#include "broker/topic_reader.h"
#include "io/transport.h"
#include "replication/replica_table.h"

namespace walrus::broker {

class PeerService {
 public:
  PeerService(LeaderTable& leaders, replication::ReplicaTable& replicas, TopicReader& reader,
              metadata::MetadataClient& metadata)
      : leaders_(leaders), replicas_(replicas), reader_(reader), metadata_(metadata) {}

  /// How long a request waits for this node to catch up with its sender's metadata.
  static constexpr io::Duration kCatchUpTimeout = std::chrono::seconds(1);

  /// `version` is that of the sender's metadata (message_address.h).
  void handle(NodeId from, metadata::Version version, const io::Message& message, io::Reply reply);

  /// Forgets what belongs to topics that the view does not have any more.
  void drop_deleted();

 private:
  void append(NodeId from, const io::Message& message, io::Reply reply);
  void take(const io::Message& message, io::Reply reply);
  void fetch(const io::Message& message, io::Reply reply);
  void watch(const io::Message& message, io::Reply reply);
  void locate(const io::Message& message, io::Reply reply);
  void group(const io::Message& message, io::Reply reply);
  void state(const io::Message& message, io::Reply reply);
  void settle(const io::Message& message, io::Reply reply);

  /// The place in its stream of the next batch from one node for one topic.
  struct Stream {
    std::uint64_t number = 0;
    std::uint64_t next = 0;
  };
  struct StreamKey {
    TopicId topic;
    NodeId from;
    friend bool operator==(const StreamKey&, const StreamKey&) = default;
  };
  struct StreamKeyHash {
    std::size_t operator()(const StreamKey& key) const {
      return std::hash<std::uint64_t>{}(key.topic.value() * 0x9e3779b97f4a7c15u + key.from.value());
    }
  };

  LeaderTable& leaders_;
  replication::ReplicaTable& replicas_;
  TopicReader& reader_;
  metadata::MetadataClient& metadata_;
  std::unordered_map<StreamKey, Stream, StreamKeyHash> streams_;
};

}  // namespace walrus::broker
