// What changes the chain of a topic's segments, one change after the other: the catalog first, then the files.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "embed/topic_log.h"

namespace walrus::embed {
namespace {
constexpr std::uint64_t kLongestWatchMs = 24ull * 60 * 60 * 1000;
}

void TopicLog::change(Change what, io::Done done) {
  changes_.emplace_back(std::move(what), std::move(done));
  if (!changing_) next_change();
}

void TopicLog::next_change() {
  if (changes_.empty()) return;
  changing_ = true;
  auto [next, told] = std::move(changes_.front());
  changes_.pop_front();
  next([self = shared_from_this(), done = std::move(told)](Status status) mutable {
    done(std::move(status));
    self->changing_ = false;
    self->next_change();
  });
}

/// The open segment is full or failed. Appends wait meanwhile.
void TopicLog::start_roll() {
  rolling_ = true;
  change(
      [this](io::Done done) {
        if (open_part_status() && must_roll()) return roll(std::move(done));
        done({});  // another change was faster
      },
      [this](const Status& status) {
        rolling_ = false;
        if (!status) return fail_held(status.error());
        pump();
        apply_retention([](const Status&) {});
      });
}

/// Nothing of the open segment is on its way to the disk, or ever gets there.
bool TopicLog::all_durable() const {
  const storage::Segment& segment = *parts_.back().segment;
  return in_flight_.empty() && (!segment.status() || segment.durable_end() == segment.end());
}

/// Seals the open segment once all of it is durable, and opens the next. Part of a change.
void TopicLog::roll(io::Done done) {
  rolling_ = true;
  auto go_on = [this, done = std::move(done)]() mutable {
    // Under a weaker policy, too, the catalog never names a segment whose predecessor may still lose its end.
    if (waits()) return seal_and_open_next(std::move(done));
    home_.sync_log([this, done = std::move(done)](Status status) mutable {
      if (status) return seal_and_open_next(std::move(done));
      rolling_ = false;
      done(std::move(status));
    });
  };
  if (all_durable()) return go_on();
  when_durable_ = std::move(go_on);
}

void TopicLog::seal_and_open_next(io::Done done) {
  storage::Segment& old = *open_part().segment;
  if (old.status()) old.seal();
  open_next(going_on_at(sure_end()), std::move(done));
}

void TopicLog::open_next(Offset base, io::Done done) {
  const Part& old = open_part();
  const SegmentId id(old.id.value() + 1);
  // First, since it can fail (no descriptor is left, say), and the catalog takes each number once. It is no file yet.
  const auto opened = home_.store.open_segment({id_, id}, base);
  if (!opened) {
    rolling_ = false;
    return done(fail(opened.error()));
  }
  home_.record({catalog::SegmentOpened{id_, id, base, old.newest_ms}},
               [this, id, base, next = *opened, done = std::move(done)](Status status) mutable {
                 rolling_ = false;
                 if (!status) {
                   if (const Status removed = home_.store.remove({id_, id}); !removed) {
                     log::warn("topic {}: {}", id_, removed.error().message());
                   }
                   return done(std::move(status));
                 }
                 open_part().segment->watch({});
                 parts_.push_back({id, base, next, 0, {}});
                 use_open_part();
                 done({});
               });
}

void TopicLog::seal(io::Done done) {
  change(
      [this](io::Done finished) {
        if (const Status status = open_part_status(); !status) return finished(status);
        const storage::Segment& segment = *open_part().segment;
        if (held_.empty() && segment.end() == segment.base()) return finished({});  // empty: nothing to close
        roll(std::move(finished));
      },
      [this, done = std::move(done)](Status status) mutable {
        done(std::move(status));
        pump();
        apply_retention([](const Status&) {});
      });
}

/// How many segments at the front hold nothing at or behind this offset. Never the open one.
std::size_t TopicLog::parts_before(Offset offset) const {
  std::size_t count = 0;
  while (count + 1 < parts_.size() && parts_[count + 1].base <= offset) ++count;
  return count;
}

void TopicLog::trim(Offset before, io::Done done) {
  change(
      [this, before](io::Done finished) {
        if (const Status status = open_part_status(); !status) return finished(status);
        const Offset start = std::min(before, visible_end());
        if (start <= start_) return finished({});
        const bool all = start == open_part().segment->end() && start > open_part().base && held_.empty();
        if (!all) return move_start(start, std::move(finished));
        roll([this, start, finished = std::move(finished)](Status status) mutable {
          if (!status) return finished(std::move(status));
          move_start(start, std::move(finished));
        });
      },
      [this, done = std::move(done)](Status status) mutable {
        done(std::move(status));
        pump();
      });
}

void TopicLog::move_start(Offset start, io::Done done) {
  const SegmentId first = parts_[parts_before(start)].id;
  home_.record({catalog::StartMoved{id_, start, first}}, [this, start, done = std::move(done)](Status status) mutable {
    if (!status) return done(std::move(status));
    start_ = start;
    drop_parts(parts_before(start));
    done({});
  });
}

/// The catalog does not name them any more: what cannot be removed now the next start removes.
void TopicLog::drop_parts(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (const Status removed = home_.store.remove({id_, parts_[i].id}); !removed) {
      log::warn("topic {}: {}", id_, removed.error().message());
    }
  }
  parts_.erase(parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(count));
}

bool TopicLog::expired(const Part& part) const {
  const std::int64_t age_ms = home_.loop.wall_ms() - part.newest_ms;
  return retention_.time_ms > 0 && age_ms >= 0 && static_cast<std::uint64_t>(age_ms) >= retention_.time_ms;
}

/// Bytes of a part that stay whatever happens. While something is on its way to the disk none are sure: that may be
/// lost, and what went for its sake was lost as well.
std::uint64_t TopicLog::sure_bytes(const Part& part) {
  const storage::Segment* segment = part.segment;
  return segment == nullptr || segment->durable_end() != segment->end() ? 0 : segment->bytes();
}

/// Where the topic has to begin so that no segment can go without leaving less than asked.
Offset TopicLog::retained_from() const {
  std::uint64_t bytes = 0;
  for (const Part& part : parts_) bytes += sure_bytes(part);
  std::size_t first = 0;
  for (; first + 1 < parts_.size(); ++first) {
    const Part& part = parts_[first];
    const Offset next = parts_[first + 1].base;
    const std::uint64_t part_bytes = sure_bytes(part);
    const bool too_old = expired(part);
    const bool too_large = retention_.bytes > 0 && bytes - part_bytes >= retention_.bytes;
    const bool too_many = retention_.records > 0 && visible_end() - next >= retention_.records;
    if (!too_old && !too_large && !too_many) break;
    bytes -= part_bytes;
  }
  return parts_[first].base;
}

void TopicLog::apply_retention(io::Done done) {
  if (retention_ == catalog::Retention{} || !open_part_status()) return done({});
  change(
      [this](io::Done finished) {
        if (!open_part_status()) return finished({});
        auto drop = [this, finished = std::move(finished)](Status status) mutable {
          const Offset from = retained_from();
          if (!status || from <= start_) return finished(std::move(status));
          move_start(from, std::move(finished));
        };
        const Part& open = open_part();
        // Only time lets the open segment go: the others keep at least as much as it may hold.
        if (open.segment->end() == open.base || !expired(open) || !held_.empty()) return drop({});
        roll(std::move(drop));
      },
      [this, done = std::move(done)](Status status) mutable {
        if (!status) log::warn("retention of topic {}: {}", id_, status.error().message());
        done(std::move(status));
        pump();
        watch_clock();
      });
}

/// One timer, and only while something can become too old; the first append into an empty topic calls again.
void TopicLog::watch_clock() {
  clock_.cancel();
  if (retention_.time_ms == 0 || !open_part_status()) return;
  const Part& oldest = parts_.front();
  const bool empty = parts_.size() == 1 && oldest.segment->end() == oldest.base;
  if (empty) return;
  // A bound may be longer than any clock counts.
  const auto bound = static_cast<std::int64_t>(std::min<std::uint64_t>(retention_.time_ms, kLongestWatchMs));
  const std::int64_t wait = std::clamp<std::int64_t>(oldest.newest_ms - home_.loop.wall_ms() + bound, 0, bound);
  clock_ = home_.loop.after(std::chrono::milliseconds(wait + 1), [this] { apply_retention([](const Status&) {}); });
}

void TopicLog::set_retention(const catalog::Retention& retention, io::Done done) {
  change(
      [this, retention](io::Done finished) {
        if (removed_) return finished(fail(ErrorCode::kTopicNotFound));
        home_.record({catalog::RetentionSet{id_, retention}},
                     [this, retention, finished = std::move(finished)](Status status) mutable {
                       if (status) retention_ = retention;
                       finished(std::move(status));
                     });
      },
      [this, done = std::move(done)](Status status) mutable {
        if (!status) return done(std::move(status));
        watch_clock();
        apply_retention(std::move(done));
      });
}

void TopicLog::remove(io::Done done) {
  change(
      [this](io::Done finished) {
        if (removed_) return finished(fail(ErrorCode::kTopicNotFound));
        home_.record({catalog::TopicRemoved{id_}}, [this, finished = std::move(finished)](Status status) mutable {
          if (!status) return finished(std::move(status));
          remove_segments(std::move(finished));
        });
      },
      std::move(done));
}

void TopicLog::remove_segments(io::Done done) {
  removed_ = true;
  clock_.cancel();
  for (InFlight& batch : std::exchange(in_flight_, {})) {
    home_.finished(*batch.batch, fail(ErrorCode::kTopicNotFound));
  }
  fail_held({ErrorCode::kTopicNotFound, {}});
  Status result;
  for (const Part& part : parts_) {
    if (Status removed = home_.store.remove({id_, part.id}); !removed) result = std::move(removed);
  }
  for (Part& part : parts_) part.segment = nullptr;
  done(std::move(result));
}

}  // namespace walrus::embed
