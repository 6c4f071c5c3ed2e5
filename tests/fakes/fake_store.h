// A shard store in memory whose disk the test drives: writes become durable, or fail, when the test says so.
#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "storage/content_hash.h"
#include "storage/record_batch.h"
#include "storage/shard_store.h"

namespace walrus::testing_fakes {

class FakeSegment : public storage::Segment {
 public:
  FakeSegment(storage::SegmentKey key, Offset base) : key_(key), base_(base), end_(base), durable_end_(base) {}

  storage::SegmentKey key() const override { return key_; }
  Offset base() const override { return base_; }
  Offset end() const override { return end_; }
  Offset durable_end() const override { return durable_end_; }
  std::uint64_t bytes() const override { return bytes_; }
  Status status() const override { return status_; }

  Status append(SharedBytes batch) override {
    WALRUS_TRY(status_);
    WALRUS_TRY(next_append_);
    WALRUS_ASSIGN(const auto header, storage::check_batch(batch.view()));
    if (header.base_offset != end_) return fail(ErrorCode::kGap);
    end_ = header.end_offset();
    hash_ = storage::extend_hash(hash_, header);
    bytes_ += batch.size();
    batches_.push_back(std::move(batch));
    return {};
  }
  void watch(std::move_only_function<void()> changed) override { changed_ = std::move(changed); }
  void read(Offset from, Offset limit, std::size_t max_bytes, storage::BatchesDone done) override {
    if (from < base_ || limit > end_) return done(fail(ErrorCode::kOffsetOutOfRange));
    storage::Batches found;
    std::size_t bytes = 0;
    for (const SharedBytes& batch : batches_) {
      const auto header = storage::parse_batch_header(batch.view());
      if (header->end_offset() <= from) continue;
      if (header->base_offset >= limit || (!found.empty() && bytes >= max_bytes)) break;
      found.push_back(batch);
      bytes += batch.size();
    }
    done(std::move(found));
  }
  void find_time(std::int64_t timestamp_ms, Offset limit, storage::OffsetDone done) override {
    for (const SharedBytes& batch : batches_) {
      storage::BatchReader reader(batch.view());
      for (auto record = reader.next(); record && *record && (*record)->offset < limit; record = reader.next()) {
        if ((*record)->timestamp_ms >= timestamp_ms) return done((*record)->offset);
      }
    }
    done(limit);
  }
  std::uint64_t hash() const override { return hash_; }
  std::optional<std::uint64_t> hash_at(Offset offset) const override {
    std::uint64_t hash = 0;
    for (const SharedBytes& batch : batches_) {
      const auto header = storage::parse_batch_header(batch.view());
      if (header->end_offset() <= offset) hash = storage::extend_hash(hash, *header);
    }
    return hash;
  }
  Epoch promised() const override { return promised_; }
  /// Durable with the next sync(), as a record in the log would be.
  void promise(Epoch epoch, io::Done done) override {
    if (!status_) return done(status_);
    promised_ = epoch;
    promises_.push_back(std::move(done));
  }
  void truncate(Offset end, io::Done done) override {
    hash_ = 0;
    std::vector<SharedBytes> kept;
    for (SharedBytes& batch : batches_) {
      const auto header = storage::parse_batch_header(batch.view());
      if (header->end_offset() > end) break;
      hash_ = storage::extend_hash(hash_, *header);
      kept.push_back(std::move(batch));
    }
    batches_ = std::move(kept);
    end_ = durable_end_ = end;
    done({});
  }
  void seal() override { sealed_ = true; }
  bool sealed() const override { return sealed_; }

  /// Everything appended so far has reached the disk.
  void sync() { sync_to(end_); }
  void sync_to(Offset end) {
    durable_end_ = end;
    answer_promises({});
    if (changed_) changed_();
  }
  bool unsynced() const { return durable_end_ < end_ || !promises_.empty(); }
  /// The disk has failed: nothing more becomes durable.
  void poison() {
    status_ = fail(ErrorCode::kPoisoned, "the test says so");
    answer_promises(status_);
    if (changed_) changed_();
  }
  void answer_promises(const Status& status) {
    for (io::Done& done : std::exchange(promises_, {})) done(status);
  }
  /// A bit of batch number `batch` has flipped on the disk.
  void rot(std::size_t batch) {
    std::string bytes(batches_.at(batch).view());
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    batches_[batch] = SharedBytes(std::move(bytes));
  }
  /// What append() answers from now on.
  void refuse_appends(Status answer) { next_append_ = std::move(answer); }

 private:
  storage::SegmentKey key_;
  Offset base_, end_, durable_end_;
  std::uint64_t bytes_ = 0;
  Status status_;
  Status next_append_;
  std::vector<SharedBytes> batches_;
  std::move_only_function<void()> changed_;
  bool sealed_ = false;
  std::uint64_t hash_ = 0;
  Epoch promised_;
  std::vector<io::Done> promises_;
};

class FakeStore : public storage::ShardStore {
 public:
  Result<storage::Segment*> open_segment(storage::SegmentKey key, Offset base) override {
    auto& segment = segments_[key];
    if (!segment) segment = std::make_unique<FakeSegment>(key, base);
    return segment.get();
  }
  FakeSegment* find(storage::SegmentKey key) override {
    const auto it = segments_.find(key);
    return it == segments_.end() ? nullptr : it->second.get();
  }
  Epoch promised(storage::SegmentKey key) const override {
    const auto it = segments_.find(key);
    return it == segments_.end() ? Epoch() : it->second->promised();
  }
  std::vector<storage::SegmentKey> poisoned() const override {
    std::vector<storage::SegmentKey> keys;
    for (const auto& [key, segment] : segments_) {
      if (!segment->status()) keys.push_back(key);
    }
    return keys;
  }
  Status remove(storage::SegmentKey key) override {
    const auto node = segments_.extract(key);
    // What was promised is in the log all the same.
    if (node) node.mapped()->answer_promises({});
    return {};
  }
  Result<std::vector<storage::SegmentKey>> list(TopicId topic) override {
    std::vector<storage::SegmentKey> keys;
    for (const auto& [key, segment] : segments_) {
      if (key.topic == topic) keys.push_back(key);
    }
    return keys;
  }
  Status remove_topic(TopicId topic) override {
    removed_topics_.push_back(topic);
    return {};
  }
  const std::vector<TopicId>& removed_topics() const { return removed_topics_; }
  bool writable() const override { return writable_; }
  void when_writable(io::Task task) override { waiting_.push_back(std::move(task)); }
  void close(io::Done done) override { done({}); }

  void set_writable(bool writable) {
    writable_ = writable;
    if (!writable_) return;
    for (io::Task& task : std::exchange(waiting_, {})) task();
  }
  /// Everything appended to any segment has reached the disk.
  void sync() {
    for (auto& [key, segment] : segments_) {
      if (segment->status() && segment->unsynced()) segment->sync();
    }
  }
  std::size_t size() const { return segments_.size(); }

 private:
  std::map<storage::SegmentKey, std::unique_ptr<FakeSegment>> segments_;
  std::vector<io::Task> waiting_;
  std::vector<TopicId> removed_topics_;
  bool writable_ = true;
};

}  // namespace walrus::testing_fakes
