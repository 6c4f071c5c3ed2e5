// Opening and closing a store.
#include <fmt/core.h>
#include <sys/types.h>

#include <algorithm>
#include <unistd.h>
#include <utility>

#include "base/log.h"
#include "embed/cursor_state.h"
#include "embed/engine.h"
#include "embed/engine_call.h"
#include "io/posix_disk.h"

namespace walrus::embed {
namespace {

storage::EngineOptions engine_options(const store::Options& options, storage::EngineOptions engine) {
  engine.sync = sync_policy(options.fsync, options.fsync_interval);
  return engine;
}

Status check(const store::Options& options) {
  const auto wrong = [](std::string text) { return fail(ErrorCode::kInvalidArgument, std::move(text)); };
  constexpr std::size_t kMaxNameSpaceBytes = 100;
  const std::string& name = options.name_space;
  const bool known = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
  if (options.directory.empty()) return wrong("directory is empty");
  if (name.empty() || name.size() > kMaxNameSpaceBytes || !known || name == "." || name == "..") {
    return wrong(fmt::format("name_space '{}'", name));
  }
  if (options.shards < 1 || options.shards > limits::kMaxShards)
    return wrong(fmt::format("shards: {}", options.shards));
  if (options.segment_bytes == 0 || options.segment_records == 0) return wrong("segments of nothing");
  if (options.staging_bytes == 0) return wrong("staging_bytes is 0");
  if (options.fsync == store::Fsync::kInterval && options.fsync_interval.count() < 1) return wrong("fsync_interval");
  return {};
}

}  // namespace

Engine::Engine(const store::Options& options, Ground ground)
    : options_(options),
      directory_(options.directory + "/" + options.name_space),
      storage_(engine_options(options, ground.storage)),
      catalog_segment_bytes_(ground.catalog_segment_bytes),
      disk_(std::move(ground.disk)) {}

Ground ground_of(const store::Options& options) {
  return {.disk = std::make_unique<io::PosixDisk>(io::PosixDisk::Options{.use_io_uring = options.io_uring})};
}

Result<std::shared_ptr<Engine>> Engine::open(const store::Options& options, Ground ground) {
  WALRUS_TRY(check(options));
  std::shared_ptr<Engine> engine(new Engine(options, std::move(ground)));
  WALRUS_TRY(engine->start());
  return engine;
}

Status Engine::start() {
  WALRUS_TRY(disk_->make_durable_directories(directory_));
  WALRUS_TRY(lock_directory());

  WALRUS_ASSIGN(storage::RecoveryReport report, storage::recover(*disk_, directory_));
  damage_ = std::move(report.damage);
  WALRUS_TRY(open_shards());
  return open_topics();
}

/// The lock file says who has it, for the one who is refused.
Status Engine::lock_directory() {
  const std::string path = directory_ + "/lock";
  auto lock = disk_->lock(path);
  if (!lock && lock.error().code == ErrorCode::kLocked) {
    const auto owner = disk_->read_file(path);
    return fail(ErrorCode::kLocked, fmt::format("{} is open in process {}", directory_,
                                                owner && !owner->empty() ? *owner : std::string("(unknown)")));
  }
  if (!lock) return fail(lock.error());
  lock_ = *std::move(lock);
  WALRUS_ASSIGN(const auto file, disk_->open(path, {.mode = io::OpenOptions::Mode::kReadWrite}, nullptr));
  WALRUS_TRY(file->truncate(0));
  return file->write(0, std::to_string(::getpid()));
}

Status Engine::open_shards() {
  for (unsigned i = 0; i < options_.shards; ++i) {
    auto shard = std::make_unique<Shard>(ShardOptions{.directory = directory_,
                                                      .number = i,
                                                      .staging_bytes = options_.staging_bytes,
                                                      .segment_bytes = options_.segment_bytes,
                                                      .segment_records = options_.segment_records,
                                                      .engine = storage_});
    io::Loop& loop = shard->loop();
    shards_.push_back(std::move(shard));
    WALRUS_TRY(shards_.back()->open(*disk_, [this, &loop](std::vector<catalog::Record> records, io::Done done) {
      auto answer = [&loop, done = std::move(done)](Status status) mutable {
        loop.post([status = std::move(status), done = std::move(done)]() mutable { done(std::move(status)); });
      };
      shards_.front()->loop().post([this, records = std::move(records), answer = std::move(answer)]() mutable {
        catalog_->append(std::move(records), std::move(answer));
      });
    }));
  }
  Shard& first = *shards_.front();
  catalog_ = std::make_unique<CatalogLog>(*disk_, first.loop(), first.store(), directory_, catalog_segment_bytes_);
  for (const auto& shard : shards_) shard->start();
  return {};
}

Status Engine::open_topics() {
  WALRUS_TRY(shards_.front()->ask<void>([this](auto done) { catalog_->load(std::move(done)); }));
  WALRUS_ASSIGN(const Catalog catalog, shards_.front()->ask<Catalog>([this](auto done) { done(catalog_->catalog()); }));
  WALRUS_TRY(remove_leftovers(catalog));
  next_topic_ = catalog.next_topic();
  for (const auto& [id, known] : catalog.topics()) {
    topics_.emplace(known.name, std::make_shared<Topic>(known.name, id, shard_of(id)));
  }
  for (const auto& shard : shards_) {
    WALRUS_TRY(shard->ask<void>([this, &catalog, &shard](auto done) {
      Status status;
      for (const auto& [name, topic] : topics_) {
        if (&topic->shard == shard.get() && status) status = topic->log->open(catalog.topics().at(topic->id), damage_);
      }
      done(std::move(status));
    }));
  }
  return open_cursors(catalog);
}

/// What a cursor has taken may be lost under a weaker policy, while its position never is. Then it goes back to the
/// end, and the catalog knows before the first append: it must not skip what comes next.
Status Engine::open_cursors(const Catalog& catalog) {
  std::vector<catalog::Record> moved;
  for (const auto& [name, topic] : topics_) {
    const auto& known = catalog.topics().at(topic->id).cursors;
    if (known.empty()) continue;
    WALRUS_ASSIGN(const auto end,
                  topic->shard.ask<std::optional<Offset>>([log = topic->log](auto done) { done(log->known_end()); }));
    for (const auto& [cursor, position] : known) {
      const Offset from = std::min(position, end.value_or(position));
      if (from < position) moved.emplace_back(catalog::CursorMoved{topic->id, cursor, from});
      topic->cursors.emplace(cursor, std::make_shared<CursorState>(*topic, cursor, from));
    }
  }
  return write_catalog(std::move(moved));
}

/// Files of segments that the catalog has forgotten, but a crash came before they were removed.
Status Engine::remove_leftovers(const Catalog& catalog) {
  WALRUS_ASSIGN(const auto keys, storage::list_segments(*disk_, directory_));
  for (const storage::SegmentKey key : keys) {
    if (key.topic == kCatalogTopic) continue;
    const auto topic = catalog.topics().find(key.topic);
    const bool known =
        topic != catalog.topics().end() &&
        std::ranges::find(topic->second.segments, key.segment, &Catalog::Segment::id) != topic->second.segments.end();
    if (known) continue;
    WALRUS_TRY(shard_of(key.topic).ask<void>(
        [&shard = shard_of(key.topic), key](auto done) { done(shard.store().remove(key)); }));
  }
  return {};
}

Status Engine::write_cursors() {
  std::vector<catalog::Record> moved;
  for (const auto& [name, topic] : topics_) {
    const std::lock_guard lock(topic->mutex);
    for (const auto& [cursor_name, cursor] : topic->cursors) {
      if (auto record = cursor->unwritten()) moved.push_back(*std::move(record));
    }
  }
  return write_catalog(std::move(moved));
}

Status Engine::write_catalog(std::vector<catalog::Record> records) {
  if (records.empty()) return {};
  return shards_.front()->ask<void>([this, records = std::move(records)](auto done) mutable {
    catalog_->append(std::move(records), std::move(done));
  });
}

Status Engine::close() {
  const std::lock_guard closing(closing_mutex_);
  if ((calls_.fetch_or(kClosed, std::memory_order_acq_rel) & kClosed) != 0) return {};
  for (const auto& shard : shards_) shard->stop_appends();
  for (auto calls = calls_.load(); calls != kClosed; calls = calls_.load()) calls_.wait(calls);

  Status result;
  const auto note = [&result](Status status) {
    if (!status && result) result = std::move(status);
  };
  if (catalog_) note(write_cursors());
  // The first shard holds the catalog, which the last rolls of the others may still need.
  for (std::size_t i = shards_.size(); i-- > 0;) {
    if (shards_[i]->running()) note(shards_[i]->close());
  }
  for (const auto& shard : shards_) shard->stop();
  catalog_.reset();
  for (const auto& shard : shards_) shard->destroy_store();
  disk_.reset();
  lock_.reset();
  return result;
}

Engine::~Engine() {
  if (const Status closed = close(); !closed) log::warn("store {}: {}", directory_, closed.error().message());
}

}  // namespace walrus::embed
