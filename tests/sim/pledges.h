// What replicas have told others, held against what they say later: an acknowledgement and the answer to a fence bind a
// disk for ever, through every crash (I3, I9). Listens to the messages between nodes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>

#include "peer.pb.h"
#include "tests/sim/sim_cluster.h"

namespace walrus::sim {

class Pledges {
 public:
  /// `broken` gets a sentence that begins with the invariant's name.
  Pledges(SimCluster& cluster, std::function<void(std::string)> broken)
      : cluster_(cluster), broken_(std::move(broken)) {}

  void on_sent(const io::SimSent& sent);

  /// The highest epoch for which this disk's copy has answered a fence.
  Epoch promised(NodeId node, storage::SegmentKey segment) const;
  std::uint64_t heard() const { return heard_; }

 private:
  using Disk = std::pair<std::uint64_t, std::uint64_t>;  // its id
  struct Key {
    NodeId node;
    Disk disk;
    storage::SegmentKey segment;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Pledge {
    Epoch promise;
    Offset acknowledged;
  };
  struct Question {
    storage::SegmentKey segment;
    Epoch epoch;
  };

  Key key_of(NodeId node, storage::SegmentKey segment) const;
  void on_answer(NodeId node, const Question& question, const io::Message& answer);
  void on_fence_reply(NodeId node, const Question& question, const peer::FenceReply& reply);
  void on_replicate_reply(NodeId node, const Question& question, const peer::ReplicateReply& reply);
  bool sealed(storage::SegmentKey segment) const;

  SimCluster& cluster_;
  std::function<void(std::string)> broken_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Question> asked_;  // by connection and call
  std::map<Key, Pledge> pledges_;
  std::uint64_t heard_ = 0;
};

}  // namespace walrus::sim
