#include "metadata/view.h"

#include <algorithm>

#include "base/assert.h"

namespace walrus::metadata {

const SegmentInfo& TopicInfo::after(const SegmentInfo& sealed) const {
  const SegmentInfo* next = find(SegmentId(sealed.id.value() + 1));
  WALRUS_ASSERT(next != nullptr, "a sealed segment is followed by another one");
  return *next;
}

const SegmentInfo* TopicInfo::holding(Offset offset) const {
  // The last segment whose base is at or before the offset. An empty segment shares its base with the next one, which
  // is then the one found: it is the one that can hold the record.
  const auto after = std::upper_bound(segments.begin(), segments.end(), offset,
                                      [](Offset wanted, const SegmentInfo& info) { return wanted < info.base; });
  return after == segments.begin() ? nullptr : &*std::prev(after);
}

View::View()
    : nodes_(std::make_shared<const std::map<NodeId, NodeInfo>>()),
      deleted_(std::make_shared<const std::map<TopicId, DeletedTopic>>()) {
  buckets_.fill(std::make_shared<const Bucket>());
  ids_.fill(std::make_shared<const Ids>());
}

std::shared_ptr<const View> View::empty() {
  static const std::shared_ptr<const View> nothing(new View);
  return nothing;
}

TopicPtr View::find_topic(std::string_view name) const {
  const Bucket& bucket = *buckets_[bucket_of(name)];
  const auto found = bucket.topics.find(name);
  return found == bucket.topics.end() ? nullptr : found->second;
}

TopicPtr View::find_topic(TopicId id) const {
  const auto& topics = ids_[bucket_of(id)]->topics;
  const auto found = topics.find(id);
  return found == topics.end() ? nullptr : found->second;
}

ProducerPtr View::find_producer(std::string_view name) const {
  const auto& producers = buckets_[bucket_of(name)]->producers;
  const auto found = producers.find(name);
  return found == producers.end() ? nullptr : found->second;
}

ProducerPtr View::find_producer(ProducerId id) const {
  const auto& producers = ids_[bucket_of(id)]->producers;
  const auto found = producers.find(id);
  return found == producers.end() ? nullptr : found->second;
}

Offset View::shared_cursor(const TopicInfo& topic) const {
  const std::shared_ptr<const Groups> all = groups(topic);
  const auto found = all->find(kSharedGroup);
  return found == all->end() ? Offset(0) : found->second.offset;
}

std::shared_ptr<const Groups> View::groups(const TopicInfo& topic) const {
  static const auto none = std::make_shared<const Groups>();
  const Bucket& bucket = *buckets_[bucket_of(topic.name)];
  const auto found = bucket.groups.find(topic.id);
  return found == bucket.groups.end() ? none : found->second;
}

const NodeInfo* View::find_node(NodeId id) const {
  const auto found = nodes_->find(id);
  return found == nodes_->end() ? nullptr : &found->second;
}

bool View::is_up(NodeId id) const {
  const NodeInfo* node = find_node(id);
  return node != nullptr && node->state == NodeState::kUp;
}

bool View::stays(NodeId id) const {
  const NodeInfo* node = find_node(id);
  return node != nullptr && node->stays();
}

bool View::original(const SegmentInfo& segment, NodeId node) const {
  const NodeInfo* info = find_node(node);
  return info != nullptr && info->incarnation < segment.epoch.value();
}

std::size_t View::topic_count() const {
  std::size_t count = 0;
  for (const auto& bucket : buckets_) count += bucket->topics.size();
  return count;
}

std::size_t View::bucket_of(std::string_view topic_name) { return topic_hash(topic_name) >> 56; }

std::uint64_t topic_hash(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : name) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= 0x100000001b3;
  }
  // FNV alone leaves the high bits of short names poorly mixed; this is the finalizer of MurmurHash3.
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccd;
  hash ^= hash >> 33;
  hash *= 0xc4ceb9fe1a85ec53;
  hash ^= hash >> 33;
  return hash;
}

}  // namespace walrus::metadata
