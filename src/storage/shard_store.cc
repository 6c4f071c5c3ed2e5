// Ties the parts together: what the log says goes to the segments, from there to the flusher, and at last to the
// watchers, which run when all state is as it should be.
#include "storage/shard_store.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "storage/layout.h"
#include "storage/local_segment.h"
#include "storage/segment_flusher.h"
#include "storage/wal_writer.h"

namespace walrus::storage {
namespace {

class LocalShardStore final : public ShardStore, private WalListener {
 public:
  LocalShardStore(io::Disk& disk, io::Loop& loop, const ShardStoreOptions& options)
      : home_(std::make_shared<SegmentHome>(disk, loop, options.directory, options.engine,
                                            FileCache(disk, loop, options.engine.open_segment_files),
                                            ShardPromises(disk, options.directory, options.shard))),
        log_(disk, loop, layout::wal_directory(options.directory, options.shard), options.engine, *this),
        flusher_(home_, log_),
        shard_directory_(layout::shard_directory(options.directory, options.shard)) {
    flusher_.on_relieved([this] {
      for (io::Task& task : std::exchange(waiting_for_flusher_, {})) log_.when_writable(std::move(task));
    });
  }

  ~LocalShardStore() override {
    home_->gone = true;
    for (auto& [key, segment] : segments_) segment->close({ErrorCode::kShuttingDown, {}});
  }

  Status open() {
    WALRUS_TRY(home_->disk.make_durable_directories(layout::topics_directory(home_->directory)));
    WALRUS_TRY(home_->disk.make_durable_directories(shard_directory_ + "/wal"));
    WALRUS_TRY(home_->promises.open());
    return log_.open();
  }

  Result<Segment*> open_segment(SegmentKey key, Offset base) override {
    if (const auto known = segments_.find(key); known != segments_.end()) {
      if (known->second->base() == base) return known->second.get();
      return fail(ErrorCode::kConflict, fmt::format("topic {} segment {}: begins with offset {}, not {}", key.topic,
                                                    key.segment, known->second->base(), base));
    }
    if (closing_) return fail(ErrorCode::kShuttingDown);
    auto segment = std::make_shared<LocalSegment>(home_, log_, flusher_, key, base);
    WALRUS_TRY(segment->open());
    return segments_.emplace(key, std::move(segment)).first->second.get();
  }

  Segment* find(SegmentKey key) override {
    const auto known = segments_.find(key);
    return known == segments_.end() ? nullptr : known->second.get();
  }

  Epoch promised(SegmentKey key) const override { return home_->promises.look_up(key).epoch; }

  std::vector<SegmentKey> poisoned() const override {
    std::vector<SegmentKey> keys;
    for (const auto& [key, segment] : segments_) {
      if (!segment->status()) keys.push_back(key);
    }
    return keys;
  }

  Status remove(SegmentKey key) override {
    const bool promised = home_->promises.remove(key);
    const auto segment = take_out(key);
    if (!segment) {
      log_removal(key, nullptr);
      return SegmentFile(home_, key, Offset()).remove();
    }
    if (segment->logged() || promised) log_removal(key, segment);
    return segment->remove_files();
  }

  Result<std::vector<SegmentKey>> list(TopicId topic) override {
    std::set<SegmentKey> keys;
    const auto first = segments_.lower_bound({topic, SegmentId(0)});
    for (auto known = first; known != segments_.end() && known->first.topic == topic; ++known)
      keys.insert(known->first);
    const auto names = home_->disk.list(layout::topic_directory(home_->directory, topic));
    if (!names && names.error().code != ErrorCode::kNotFound) return fail(names.error());
    for (const std::string& name : names ? *names : std::vector<std::string>{}) {
      if (const auto segment = layout::parse_segment(name)) keys.insert({topic, SegmentId(*segment)});
    }
    return std::vector<SegmentKey>(keys.begin(), keys.end());
  }

  Status remove_topic(TopicId topic) override {
    const std::string directory = layout::topic_directory(home_->directory, topic);
    const auto names = home_->disk.list(directory);
    if (!names && names.error().code == ErrorCode::kNotFound) return {};
    if (!names) return fail(names.error());
    for (const std::string& name : *names) WALRUS_TRY(home_->disk.remove(directory + "/" + name));
    WALRUS_TRY(home_->disk.remove(directory));
    home_->files.forget_directory(directory);
    return home_->disk.sync_directory(layout::topics_directory(home_->directory));
  }

  Status set_aside(SegmentKey key, Offset base) override {
    WALRUS_ASSIGN(const auto segment, take_records_out(key));
    SegmentFile file(home_, key, base);
    WALRUS_TRY(file.move_to_quarantine());
    return segment ? segment->remove_files() : file.remove();
  }

  Status discard(SegmentKey key) override {
    WALRUS_ASSIGN(const auto segment, take_records_out(key));
    return segment ? segment->remove_files() : SegmentFile(home_, key, Offset()).remove();
  }

  bool writable() const override { return log_.writable() && !flusher_.behind(); }

  void when_writable(io::Task task) override {
    if (!flusher_.behind()) return log_.when_writable(std::move(task));
    waiting_for_flusher_.push_back(std::move(task));
  }

  void close(io::Done done) override {
    WALRUS_ASSERT(!closing_);
    closing_ = true;
    for (auto& [key, segment] : segments_) segment->close({ErrorCode::kShuttingDown, {}});
    log_.drain([this, done = std::move(done)]() mutable {
      flusher_.flush_all([this, done = std::move(done)](Status flushed) mutable {
        const std::uint64_t needed = flusher_.all_synced() ? log_.end_file() : flusher_.first_needed_file();
        Status status = flusher_.before_release(needed);
        if (status) status = log_.close(needed);
        done(flushed ? std::move(status) : std::move(flushed));
      });
    });
  }

 private:
  /// Nobody finds it any more, and nothing is done for it; null when it was not opened.
  std::shared_ptr<LocalSegment> take_out(SegmentKey key) {
    const auto known = segments_.find(key);
    if (known == segments_.end()) return nullptr;
    auto segment = std::move(known->second);
    segments_.erase(known);
    segment->close({ErrorCode::kNotFound, "segment was removed"});
    flusher_.forget(segment);
    return segment;
  }

  /// One entry, so that a crash cannot part the two: the records go, the promise stays.
  Result<std::shared_ptr<LocalSegment>> take_records_out(SegmentKey key) {
    const auto known = segments_.find(key);
    const auto segment = known == segments_.end() ? nullptr : known->second;
    const std::uint64_t promised = home_->promises.look_up(key).epoch.value();
    WALRUS_TRY(log_.append({segment, wal::EntryKind::kRemove, key, Offset(), promised, SharedBytes()}));
    return take_out(key);
  }

  /// So that recovery does not bring back what the log still holds of it, nor mix a refill with files whose removal was
  /// not durable. Best effort: if the log has no space, upper rooms find the leftover at the next start.
  void log_removal(SegmentKey key, std::shared_ptr<LocalSegment> segment) {
    const Status logged = log_.append({segment, wal::EntryKind::kRemove, key, Offset(), 0, SharedBytes()});
    if (logged) return;
    log::warn("removal of a segment: {}", logged.error().message());
    if (segment) flusher_.release_log_of(segment);
  }

  void on_durable(std::vector<WalEntry>& entries, std::uint64_t file) override {
    Touched touched = std::exchange(spare_touched_, {});  // who is told may write, and be told of that
    for (const WalEntry& entry : entries) {
      switch (entry.kind) {
        case wal::EntryKind::kBatch:
          on_durable_batch(entry, file, touched);
          break;
        case wal::EntryKind::kRemove:
          home_->promises.logged(file);
          if (entry.segment) flusher_.release_log_of(entry.segment);
          break;
        case wal::EntryKind::kPromise:
          home_->promises.logged(file);
          touched.answers.push_back(entry.segment->take_answer());
          break;
        case wal::EntryKind::kTruncate:
          entry.segment->on_truncated();
          if (!entry.segment->forgotten) flusher_.on_truncated(entry.segment, file);
          touched.answers.push_back(entry.segment->take_answer());
          break;
      }
    }
    tell(touched, {});
    touched.clear();
    spare_touched_ = std::move(touched);
  }

  void on_failed(std::vector<WalEntry>& entries, const Error& error) override {
    Touched touched;
    for (const WalEntry& entry : entries) {
      if (entry.kind == wal::EntryKind::kRemove) {
        if (entry.segment) flusher_.release_log_of(entry.segment);
        continue;
      }
      if (entry.kind != wal::EntryKind::kBatch) touched.answers.push_back(entry.segment->take_answer());
      // A promise that failed says nothing about the records.
      if (entry.kind == wal::EntryKind::kPromise) continue;
      entry.segment->poison(error);
      touched.add(entry.segment);
    }
    tell(touched, fail(error));
  }

  void on_file_complete(std::uint64_t file) override { flusher_.on_file_complete(file); }
  void on_quiet() override { flusher_.on_quiet(); }

  /// Who is to be told, once everything is as it should be.
  struct Touched {
    std::vector<std::shared_ptr<LocalSegment>> segments;
    std::vector<io::Done> answers;

    void add(const std::shared_ptr<LocalSegment>& segment) {
      if (!std::exchange(segment->touched, true)) segments.push_back(segment);
    }
    void clear() {
      segments.clear();
      answers.clear();
    }
  };

  void on_durable_batch(const WalEntry& entry, std::uint64_t file, Touched& touched) {
    const auto& segment = entry.segment;
    if (!segment->on_durable(entry)) return;
    if (!segment->forgotten) flusher_.on_durable(segment, file, entry.batch.size());
    touched.add(segment);
  }

  static void tell(Touched& touched, const Status& status) {
    for (const auto& segment : touched.segments) {
      segment->touched = false;
      segment->notify();
    }
    for (io::Done& answer : touched.answers) answer(status);
  }

  const std::shared_ptr<SegmentHome> home_;
  WalWriter log_;
  SegmentFlusher flusher_;
  const std::string shard_directory_;
  std::map<SegmentKey, std::shared_ptr<LocalSegment>> segments_;
  std::vector<io::Task> waiting_for_flusher_;
  Touched spare_touched_;  // empty; kept for its memory
  bool closing_ = false;
};

}  // namespace

Result<std::vector<SegmentKey>> ShardStore::list(TopicId /*topic*/) { return std::vector<SegmentKey>(); }

Result<std::unique_ptr<ShardStore>> open_shard_store(io::Disk& disk, io::Loop& loop, ShardStoreOptions options) {
  auto store = std::make_unique<LocalShardStore>(disk, loop, options);
  WALRUS_TRY(store->open());
  return store;
}

Result<std::vector<SegmentKey>> list_segments(io::Disk& disk, const std::string& directory) {
  std::vector<SegmentKey> segments;
  const std::string root = layout::topics_directory(directory);
  WALRUS_ASSIGN(const bool there, disk.exists(root));
  if (!there) return segments;
  WALRUS_ASSIGN(const auto topics, disk.list(root));
  for (const std::string& topic_name : topics) {
    const auto topic = layout::parse_topic(topic_name);
    if (!topic) continue;
    WALRUS_ASSIGN(const auto files, disk.list(root + "/" + topic_name));
    for (const std::string& file : files) {
      if (const auto segment = layout::parse_segment(file)) segments.push_back({TopicId(*topic), SegmentId(*segment)});
    }
  }
  std::ranges::sort(segments);
  return segments;
}

}  // namespace walrus::storage
