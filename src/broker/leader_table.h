// The topics of this shard whose open segment this node leads. A leader is opened when it is first needed and retired
// when the view names another segment. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "broker/topic_leader.h"

namespace walrus::broker {

class LeaderTable {
 public:
  explicit LeaderTable(LeaderContext context) : context_(context) {}
  ~LeaderTable();
  LeaderTable(const LeaderTable&) = delete;
  LeaderTable& operator=(const LeaderTable&) = delete;

  /// The leader of the topic's last segment. kNotLeader when the view names another node, or the segment is being
  /// sealed; a storage error when it cannot be opened.
  Result<TopicLeader*> find(const metadata::TopicInfo& topic);

  /// The same for a request from another node, which names the segment it means by its epoch: kNotLeader when ours is
  /// another one.
  Result<TopicLeader*> find(TopicId topic, Epoch epoch);

  /// Retires every leader whose segment is no longer the last one of its topic.
  void follow(const metadata::View& view);

  /// A replica of this segment was fenced here with `epoch`: its leader, if it is one of ours and older, ends.
  void fence(storage::SegmentKey key, Epoch epoch);

  void for_each(const std::function<void(TopicLeader&)>& visit) const;
  bool settled() const;

 private:
  LeaderContext context_;
  bool ended_ = false;
  std::unordered_map<TopicId, std::shared_ptr<TopicLeader>> leaders_;
};

}  // namespace walrus::broker
