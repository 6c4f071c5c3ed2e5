#include "tests/sim/history.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <ranges>
#include <utility>

#include "storage/content_hash.h"
#include "storage/record_batch.h"

namespace walrus::sim {

namespace {

/// Empty when the batch cannot be read.
std::vector<std::string> records_of(const SharedBytes& batch) {
  std::vector<std::string> records;
  storage::BatchReader reader(batch.view());
  for (auto record = reader.next(); record && *record; record = reader.next()) records.emplace_back((*record)->value);
  return records;
}

}  // namespace

History::Content& History::content(storage::SegmentKey segment, Offset base) {
  const auto [found, fresh] = contents_.try_emplace(segment);
  if (fresh) {
    found->second.base = base;
    found->second.committed = {base, 0};
  }
  return found->second;
}

/// The longest content of this copy that is known already.
History::Place History::known_place(const Content& content, const storage::Segment& copy, Place last) const {
  if (last.hash != 0 && last.end <= copy.end() && copy.hash_at(last.end) == last.hash) return last;
  Place longest{content.base, 0};
  for (const auto& [hash, step] : content.steps) {
    if (step.end > longest.end && step.end <= copy.end() && copy.hash_at(step.end) == hash) longest = {step.end, hash};
  }
  return longest;
}

History::Place History::learn(storage::Segment& copy, Place last) {
  Content& known = content(copy.key(), copy.base());
  const Place head{copy.end(), copy.hash()};
  if (head.end == copy.base() || known.steps.contains(head.hash)) return head;
  Place place = known_place(known, copy, last);
  copy.read(place.end, head.end, std::numeric_limits<std::size_t>::max(), [&](Result<storage::Batches> batches) {
    if (!batches) return;
    for (const SharedBytes& batch : *batches) {
      const auto header = storage::parse_batch_header(batch.view());
      if (!header || header->base_offset != place.end) return;
      const Place next{header->end_offset(), storage::extend_hash(place.hash, *header)};
      known.steps.try_emplace(
          next.hash, Step{.before = place.hash, .base = place.end, .end = next.end, .records = records_of(batch)});
      place = next;
    }
  });
  if (place != head) {
    broken_(fmt::format("I4: a copy of topic {} segment {} has content up to {} that nobody was seen to write",
                        copy.key().topic, copy.key().segment, head.end));
  }
  return head;
}

std::optional<History::Place> History::at(storage::SegmentKey segment, Place head, Offset offset) const {
  const auto found = contents_.find(segment);
  if (found == contents_.end()) return std::nullopt;
  const Content& content = found->second;
  while (head.end > offset) {
    const auto step = content.steps.find(head.hash);
    if (step == content.steps.end()) return std::nullopt;
    head = {step->second.base, step->second.before};
  }
  if (head.end != offset) return std::nullopt;
  return head;
}

bool History::contains(storage::SegmentKey segment, Place head, Place earlier) const {
  return head.end >= earlier.end && at(segment, head, earlier.end) == earlier;
}

void History::commit(const metadata::TopicInfo& topic, storage::SegmentKey segment, Place place) {
  const auto found = contents_.find(segment);
  if (found == contents_.end()) return;  // it is empty
  Content& content = found->second;
  const Place& before = content.committed;
  const bool one_way = place.end <= before.end ? contains(segment, before, place) : contains(segment, place, before);
  if (!one_way) {
    return broken_(fmt::format("I4: {} segment {}: two contents up to {} are committed", topic.name, segment.segment,
                               std::min(place.end, before.end)));
  }
  if (place.end <= before.end) return;
  if (content.sealed) {
    return broken_(fmt::format("I3: {} segment {} ends at {}, and its leader commits {}", topic.name, segment.segment,
                               before.end, place.end));
  }
  extend(topic, content, place);
}

void History::seal(const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment) {
  const storage::SegmentKey key{topic.id, segment.id};
  Content& sealed = content(key, segment.base);
  if (std::exchange(sealed.sealed, true)) return;
  const Place end{segment.end, segment.hash};
  if (end.end > segment.base && !sealed.steps.contains(end.hash)) {
    if (losses_expected_ && segment.replicas.empty()) return give_up_behind(topic, sealed, {segment.base, 0});
    return broken_(fmt::format("I4: {} segment {} is sealed at {} with content that nobody was seen to write",
                               topic.name, segment.id, segment.end));
  }
  if (contains(key, end, sealed.committed)) return extend(topic, sealed, end);
  if (losses_expected_) return give_up_behind(topic, sealed, end);
  broken_(fmt::format("I1: {} segment {} was committed up to {} and is sealed at {} without that", topic.name,
                      segment.id, sealed.committed.end, segment.end));
}

void History::extend(const metadata::TopicInfo& topic, Content& content, Place place) {
  std::vector<const Step*> steps;
  for (Place at = place; at.end > content.committed.end;) {
    const Step& step = content.steps.at(at.hash);
    steps.push_back(&step);
    at = {step.base, step.before};
  }
  Topic& of = topics_[topic.name];
  if (of.id != topic.id) of = {.id = topic.id, .committed = {}, .places = {}};
  for (const Step* step : std::views::reverse(steps)) add(topic.name, of, *step);
  content.committed = place;
}

void History::add(const std::string& name, Topic& topic, const Step& step) {
  std::uint64_t offset = step.base.value();
  for (const std::string& record : step.records) {
    const auto [known, fresh] = topic.places.try_emplace(record, offset);
    if (!fresh && once_.contains(name)) {
      broken_(fmt::format("I10: {} is committed in {} at {} and at {}", record, name, known->second, offset));
    }
    ++offset;
  }
  topic.committed = std::max(topic.committed, step.end);
}

void History::give_up_behind(const metadata::TopicInfo& topic, Content& content, Place end) {
  const auto found = topics_.find(topic.name);
  if (found != topics_.end()) {
    std::erase_if(found->second.places, [&](const auto& place) {
      return place.second >= end.end.value() && place.second < content.committed.end.value();
    });
    found->second.committed = std::min(found->second.committed, end.end);
  }
  content.committed = end;
}

Offset History::committed(const metadata::TopicInfo& topic) const {
  const auto found = topics_.find(topic.name);
  return found != topics_.end() && found->second.id == topic.id ? found->second.committed : Offset();
}

void History::acknowledged(const std::string& topic, const std::string& record, std::optional<std::uint64_t> offset) {
  const auto place = place_of(topic, record);
  if (!place) return broken_(fmt::format("I1: {} of {} is acknowledged and not committed", record, topic));
  if (offset && *offset != *place) {
    broken_(fmt::format("I4: {} of {} is acknowledged at {} and stands at {}", record, topic, *offset, *place));
  }
}

void History::delivered(const std::string& topic, const std::string& record) {
  if (!place_of(topic, record)) broken_(fmt::format("I5: {} of {} is read and not committed", record, topic));
}

std::optional<std::uint64_t> History::place_of(const std::string& topic, const std::string& record) const {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return std::nullopt;
  const auto place = found->second.places.find(record);
  if (place == found->second.places.end()) return std::nullopt;
  return place->second;
}

}  // namespace walrus::sim
