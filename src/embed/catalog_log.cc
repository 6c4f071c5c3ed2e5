#include "embed/catalog_log.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <ranges>
#include <span>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "storage/record_batch.h"

namespace walrus::embed {
namespace {

SharedBytes make_batch(Offset base, std::int64_t now_ms, std::span<const catalog::Record> records) {
  storage::BatchBuilder builder;
  for (const catalog::Record& record : records) builder.add(catalog::encode(record), now_ms);
  return SharedBytes(builder.finish(base));
}

}  // namespace

CatalogLog::CatalogLog(io::Disk& disk, io::Loop& loop, storage::ShardStore& store, std::string directory,
                       std::uint64_t segment_bytes)
    : disk_(disk),
      loop_(loop),
      store_(store),
      directory_(std::move(directory)),
      segment_bytes_(segment_bytes),
      grown_at_(segment_bytes) {}

void CatalogLog::load(io::Done done) {
  auto keys = storage::list_segments(disk_, directory_);
  if (!keys) return done(fail(keys.error()));
  const bool any = !keys->empty();
  std::erase_if(*keys, [](storage::SegmentKey key) { return key.topic != kCatalogTopic; });
  if (any && keys->empty())
    return done(fail(ErrorCode::kCorrupt, directory_ + ": segments, but no catalog of a store"));
  for (const storage::SegmentKey key : std::views::reverse(*keys)) {
    if (segment_ != nullptr) {  // replaced by the newer one
      if (const Status removed = store_.remove(key); !removed) log::warn("catalog: {}", removed.error().message());
      continue;
    }
    const auto segment = store_.open_segment(key, Offset());
    if (!segment) return done(fail(segment.error()));
    if (!(*segment)->status()) return done((*segment)->status());
    (*segment)->set_sync({});  // whatever the engine's policy
    (*segment)->set_sync({});
    if ((*segment)->end() > Offset()) {
      segment_ = *segment;
    } else if (const Status removed = store_.remove(key); !removed) {
      return done(removed);
    }
  }
  if (segment_ != nullptr) return read_on(Offset(), std::move(done));
  const Status began = catalog_.apply(catalog::SnapshotBegins{catalog::kFormat, TopicId(1)});
  WALRUS_ASSERT(began.has_value());
  waiting_.push_back({{}, std::move(done)});
  pump();
}

void CatalogLog::read_on(Offset from, io::Done done) {
  if (from == segment_->end()) {
    grown_at_ = std::max(segment_bytes_, 2 * segment_->bytes());
    segment_->watch([this] { on_changed(); });
    return done({});
  }
  segment_->read(from, segment_->end(), limits::kSegmentReadBytes,
                 [this, from, done = std::move(done)](Result<storage::Batches> batches) mutable {
                   if (!batches) return done(fail(batches.error()));
                   Offset next = from;
                   if (Status taken = take(*batches, next); !taken) return done(std::move(taken));
                   read_on(next, std::move(done));
                 });
}

Status CatalogLog::take(const storage::Batches& batches, Offset& next) {
  for (const SharedBytes& batch : batches) {
    storage::BatchReader reader(batch.view());
    while (true) {
      WALRUS_ASSIGN(const auto record, reader.next());
      if (!record) break;
      WALRUS_ASSIGN(const catalog::Record decoded, catalog::decode(record->value));
      WALRUS_TRY(catalog_.apply(decoded));
    }
    next = reader.header().end_offset();
  }
  return {};
}

void CatalogLog::append(std::vector<catalog::Record> records, io::Done done) {
  waiting_.push_back({std::move(records), std::move(done)});
  schedule();
}

/// At the end of the loop's turn, so that what comes together becomes one batch.
void CatalogLog::schedule() {
  if (std::exchange(scheduled_, true)) return;
  loop_.post([this] {
    scheduled_ = false;
    pump();
  });
}

bool CatalogLog::wants_new_segment() const {
  return segment_ == nullptr || !segment_->status() || segment_->bytes() > grown_at_;
}

void CatalogLog::pump() {
  if (waiting_.empty() || next_segment_ != nullptr) return;
  if (wants_new_segment()) {
    // A snapshot is of what is known to be durable: it waits until that is everything.
    if (in_flight_.empty()) begin_segment();
    return;
  }
  if (!store_.writable()) return wait_for_slot();
  write_waiting();
}

void CatalogLog::wait_for_slot() {
  if (std::exchange(awaiting_slot_, true)) return;
  store_.when_writable([this] {
    awaiting_slot_ = false;
    pump();
  });
}

void CatalogLog::write_waiting() {
  std::vector<catalog::Record> records;
  for (const Change& change : waiting_) records.insert(records.end(), change.records.begin(), change.records.end());
  const Status appended =
      records.empty() ? Status() : segment_->append(make_batch(segment_->end(), loop_.wall_ms(), records));
  if (!appended && appended.error().code == ErrorCode::kOverloaded) return wait_for_slot();
  if (!appended) return fail_waiting(appended.error());
  in_flight_.push_back({segment_->end(), std::exchange(waiting_, {})});
  if (records.empty()) on_changed();
}

void CatalogLog::on_changed() {
  while (!in_flight_.empty() && in_flight_.front().end <= segment_->durable_end()) {
    const auto changes = std::make_shared<std::vector<Change>>(std::move(in_flight_.front().changes));
    in_flight_.pop_front();
    for (Change& change : *changes) {
      Status applied;
      for (const catalog::Record& record : change.records) {
        if (Status taken = catalog_.apply(record); !taken) applied = std::move(taken);
      }
      WALRUS_ASSERT(applied.has_value(), "a catalog record that does not fit was written");
      change.done({});
    }
  }
  if (const Status status = segment_->status(); !status) {
    for (Written& written : std::exchange(in_flight_, {})) {
      for (Change& change : written.changes) change.done(status);
    }
  }
  schedule();
}

void CatalogLog::begin_segment() {
  const SegmentId id = segment_ == nullptr ? SegmentId(1) : SegmentId(segment_->key().segment.value() + 1);
  const auto opened = store_.open_segment({kCatalogTopic, id}, Offset());
  if (!opened) return fail_waiting(opened.error());
  storage::Segment* next = *opened;
  next->set_sync({});
  next->set_sync({});  // whatever the engine's policy
  if (const Status appended = next->append(make_batch(Offset(), loop_.wall_ms(), catalog_.snapshot())); !appended) {
    (void)store_.remove(next->key());
    if (segment_ != nullptr && segment_->status()) {  // the old one goes on for a while
      grown_at_ = 2 * segment_->bytes();
      return schedule();
    }
    return fail_waiting(appended.error());
  }
  next_segment_ = next;
  next->watch([this] { on_begun(); });
}

void CatalogLog::on_begun() {
  storage::Segment* next = std::exchange(next_segment_, nullptr);
  if (const Status status = next->status(); !status) {
    (void)store_.remove(next->key());
    return fail_waiting(status.error());
  }
  storage::Segment* old = std::exchange(segment_, next);
  grown_at_ = std::max(segment_bytes_, 2 * next->bytes());
  next->watch([this] { on_changed(); });
  if (old != nullptr) {
    if (const Status removed = store_.remove(old->key()); !removed) {
      log::warn("catalog: {}; the next start tries again", removed.error().message());
    }
  }
  schedule();
}

void CatalogLog::fail_waiting(const Error& error) {
  for (Change& change : std::exchange(waiting_, {})) change.done(fail(error));
}

}  // namespace walrus::embed
