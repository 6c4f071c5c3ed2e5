#include "broker/leader_table.h"

#include <algorithm>
#include <utility>

namespace walrus::broker {

/// A leader that ends fails what waits in it, and whoever hears of that may look for a leader again, here.
LeaderTable::~LeaderTable() {
  ended_ = true;
  leaders_.clear();
}

Result<TopicLeader*> LeaderTable::find(const metadata::TopicInfo& topic) {
  if (ended_) return fail(ErrorCode::kNotLeader);
  const metadata::SegmentInfo& last = topic.last();
  if (last.leader != context_.options.self || last.state != metadata::SegmentState::kOpen) {
    return fail(ErrorCode::kNotLeader);
  }
  if (const auto it = leaders_.find(topic.id); it != leaders_.end() && it->second->epoch() == last.epoch) {
    return it->second.get();
  }
  WALRUS_ASSIGN(auto leader, TopicLeader::open(context_, topic));
  return (leaders_[topic.id] = std::move(leader)).get();
}

Result<TopicLeader*> LeaderTable::find(TopicId topic, Epoch epoch) {
  const metadata::TopicPtr info = context_.metadata.view()->find_topic(topic);
  if (!info || info->last().epoch != epoch) return fail(ErrorCode::kNotLeader);
  return find(*info);
}

void LeaderTable::follow(const metadata::View& view) {
  for (auto it = leaders_.begin(); it != leaders_.end();) {
    const metadata::TopicPtr topic = view.find_topic(it->first);
    if (topic && topic->last().epoch == it->second->epoch() && topic->last().state == metadata::SegmentState::kOpen) {
      it->second->on_trim(topic->start());
      it->second->follow(*topic);
      ++it;
      continue;
    }
    it->second->retire();
    // Not destroyed here: we may have been called from inside one of its callbacks.
    context_.loop.post([retired = std::move(it->second)] {});
    it = leaders_.erase(it);
  }
}

void LeaderTable::fence(storage::SegmentKey key, Epoch epoch) {
  const auto it = leaders_.find(key.topic);
  if (it != leaders_.end() && it->second->segment() == key.segment && it->second->epoch() < epoch) it->second->fence();
}

void LeaderTable::for_each(const std::function<void(TopicLeader&)>& visit) const {
  for (const auto& [id, leader] : leaders_) visit(*leader);
}

bool LeaderTable::settled() const {
  return std::ranges::all_of(leaders_, [](const auto& entry) { return entry.second->settled(); });
}

}  // namespace walrus::broker
