// A whole store: its directory, shards, catalog and names. What the public classes stand on.
//
// Happy path: open() locks the directory, replays the write-ahead logs, reads the catalog, opens the topics and starts
// the shards. Calls find their topic and go to its shard. close() lets calls under way end, writes everything, ends the
// threads, and frees the directory.
//
// Any thread, unless noted. Calls after close() answer kShuttingDown.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "embed/catalog_log.h"
#include "embed/ground.h"
#include "embed/read_batches.h"
#include "embed/shard.h"
#include "walrus/options.h"

namespace walrus::embed {

class CursorState;

SyncPolicy sync_policy(store::Fsync fsync, std::chrono::milliseconds interval);

/// A topic as callers hold it.
class Topic {
 public:
  Topic(std::string topic_name, TopicId topic_id, Shard& its_shard)
      : name(std::move(topic_name)),
        id(topic_id),
        shard(its_shard),
        log(std::make_shared<TopicLog>(its_shard.home(), topic_id)) {}

  const std::string name;
  const TopicId id;
  Shard& shard;
  const std::shared_ptr<TopicLog> log;  // its methods on the shard's loop

  std::mutex mutex;  ///< for what follows
  std::map<std::string, std::shared_ptr<CursorState>, std::less<>> cursors;
};

class Engine : public std::enable_shared_from_this<Engine> {
 public:
  static Result<std::shared_ptr<Engine>> open(const store::Options& options, Ground ground);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// `sync`: of its appends from now on, when it is given.
  Result<std::shared_ptr<Topic>> topic(std::string_view name, const std::optional<SyncPolicy>& sync = {});
  Result<std::shared_ptr<Topic>> find_topic(std::string_view name) const;
  std::chrono::milliseconds fsync_interval() const { return options_.fsync_interval; }
  std::vector<std::string> topic_names() const;
  Status remove_topic(std::string_view name);

  Result<std::shared_ptr<const ReadBatches>> read(Topic& topic, Offset from, std::size_t max_bytes);
  /// The same without waiting; `done` runs on the topic's loop.
  void read(Topic& topic, Offset from, std::size_t max_bytes,
            std::move_only_function<void(Result<std::shared_ptr<const ReadBatches>>)> done);
  Result<TopicNumbers> numbers(Topic& topic);
  Status seal(Topic& topic);
  Status trim(Topic& topic, Offset before);
  Status set_retention(Topic& topic, const catalog::Retention& retention);
  Result<catalog::Retention> retention(Topic& topic);

  /// Makes changes of the catalog durable, all or none.
  Status record(std::vector<catalog::Record> records);

  Status sync();
  Status close();
  const std::vector<std::string>& damage() const { return damage_; }

  /// While one is there the threads of the store run.
  class Call;

 private:
  Engine(const store::Options& options, Ground ground);

  Status start();
  Status lock_directory();
  Status open_shards();
  Status open_topics();
  Status remove_leftovers(const Catalog& catalog);
  Shard& shard_of(TopicId topic) { return *shards_[topic.value() % shards_.size()]; }
  Result<std::shared_ptr<Topic>> create(std::string_view name);
  template <class Change>
  Status ask_topic(Topic& topic, Change change);
  Status open_cursors(const Catalog& catalog);
  Status write_cursors();
  Status write_catalog(std::vector<catalog::Record> records);

  const store::Options options_;
  const std::string directory_;
  const storage::EngineOptions storage_;
  const std::uint64_t catalog_segment_bytes_;
  std::unique_ptr<io::Disk> disk_;
  std::unique_ptr<io::DirectoryLock> lock_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<CatalogLog> catalog_;  // on the first shard's loop
  std::vector<std::string> damage_;

  mutable std::mutex names_mutex_;
  std::map<std::string, std::shared_ptr<Topic>, std::less<>> topics_;
  std::mutex creating_mutex_;  // one topic is made or removed at a time
  TopicId next_topic_;         // guarded by creating_mutex_

  std::mutex closing_mutex_;
  mutable std::atomic<std::uint32_t> calls_{0};  // under way; kClosed is set once no more may begin
  static constexpr std::uint32_t kClosed = 1u << 31;
};

}  // namespace walrus::embed
