#include "broker/place_finder.h"

#include <utility>

namespace walrus::broker {

using protocol::Place;

void PlaceFinder::find(const metadata::TopicInfo& topic, Place place, storage::OffsetDone done) {
  switch (place.kind) {
    case Place::Kind::kOffset:
      return done(Offset(place.value));
    case Place::Kind::kEarliest:
      return done(topic.start());
    case Place::Kind::kLatest:
      return leader_.find_end(topic, std::move(done));
    case Place::Kind::kTime:
      return find_time(topic, 0, static_cast<std::int64_t>(place.value), std::move(done));
  }
}

void PlaceFinder::find_time(const metadata::TopicInfo& topic, std::size_t segment, std::int64_t timestamp_ms,
                            storage::OffsetDone done) {
  const auto may_hold = [timestamp_ms](const metadata::SegmentInfo& info) {
    return info.latest_ms == 0 || info.latest_ms >= timestamp_ms;
  };
  for (; topic.segments[segment].sealed(); ++segment) {
    const metadata::SegmentInfo& info = topic.segments[segment];
    if (info.end == info.base || !may_hold(info)) continue;
    auto on_found = [this, topic, segment, timestamp_ms, end = info.end,
                     done = std::move(done)](const Result<Offset>& found) mutable {
      const bool elsewhere = found && *found == end && segment + 1 < topic.segments.size();
      if (!elsewhere) return done(found);
      find_time(topic, segment + 1, timestamp_ms, std::move(done));
    };
    return reader_.find_time(topic, info, timestamp_ms, std::move(on_found));
  }
  leader_.find_time(topic, timestamp_ms, std::move(done));
}

}  // namespace walrus::broker
