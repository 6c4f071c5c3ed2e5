#include "embed/shard.h"

#include <fmt/core.h>

#include <utility>

#include "base/limits.h"
#include "embed/catalog_log.h"

namespace walrus::embed {

Shard::Shard(const ShardOptions& options)
    : options_(options), loop_(fmt::format("walrus {}", options.number)), inbox_(options.staging_bytes) {}

Shard::~Shard() { stop(); }

Status Shard::open(io::Disk& disk, std::function<void(std::vector<catalog::Record>, io::Done)> record) {
  const storage::ShardStoreOptions store{
      .directory = options_.directory, .shard = options_.number, .engine = options_.engine};
  WALRUS_ASSIGN(store_, storage::open_shard_store(disk, loop_, store));
  home_ = std::make_unique<TopicHome>(TopicHome{.loop = loop_,
                                                .store = *store_,
                                                .inbox = inbox_,
                                                .record = std::move(record),
                                                .segment_bytes = options_.segment_bytes,
                                                .segment_records = options_.segment_records,
                                                .sync = options_.engine.sync,
                                                .sync_log = [this](io::Done done) { sync_log(std::move(done)); },
                                                .rounds = {},
                                                .taken = {}});
  return {};
}

void Shard::start() {
  thread_ = std::thread([this] { loop_.run(); });
}

void Shard::stop() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

void Shard::destroy_store() {
  soon_.cancel();
  store_.reset();
}

Result<Offset> Shard::append(const std::shared_ptr<TopicLog>& topic, std::span<const NewRecord> records) {
  const bool wait = topic->waits();
  auto added = inbox_.add(topic, topic->inbox, records, wait);
  if (!added) return fail(added.error());
  tell(added->tell);
  if (!wait) return added->offset;
  waits_.wait_for(added->round->done);
  if (added->batch->error) return fail(*added->batch->error);
  return added->offset;
}

void Shard::append(const std::shared_ptr<TopicLog>& topic, std::span<const NewRecord> records, OffsetDone done) {
  // Under a weaker policy the call is over when the log has taken it, without haste.
  const bool urgent = topic->waits();
  auto shared = std::make_shared<OffsetDone>(std::move(done));
  auto added = inbox_.add(topic, topic->inbox, records, urgent,
                          [shared](Result<Offset> result) { (*shared)(std::move(result)); });
  if (!added) return (*shared)(fail(added.error()));
  tell(added->tell);
}

void Shard::tell(Inbox::Tell tell) {
  if (tell == Inbox::Tell::kNow) loop_.post([this] { take_when_writable(); });
  if (tell == Inbox::Tell::kSoon) loop_.post([this] { take_soon(); });
}

/// Nobody waits for what is there: a little later there is more of it.
void Shard::take_soon() {
  if (soon_.armed()) return;
  soon_ = loop_.after(limits::kLazyHandoverDelay, [this] { take_when_writable(); });
}

void Shard::take_when_writable() {
  if (awaiting_slot_) return;
  if (store_->writable()) return take_now();
  awaiting_slot_ = true;
  store_->when_writable([this] {
    awaiting_slot_ = false;
    take_when_writable();
  });
}

void Shard::take_now() {
  const RoundPtr round = inbox_.take();
  if (!round) return;
  soon_.cancel();
  round->unfinished = round->used;
  round->mark = home_->rounds.begin();
  for (const auto& batch : round->batches()) {
    const std::shared_ptr<TopicLog> topic = std::exchange(batch->topic, nullptr);
    topic->take(StagedBatchPtr(round, batch.get()));
  }
}

Status Shard::sync() {
  return ask<void>([this](auto done) {
    take_now();
    home_->rounds.when_ended([this, done = std::move(done)]() mutable { sync_log(std::move(done)); });
  });
}

/// A promise is synced whatever the policy, and the log is one row: what was appended before it is durable then, too.
/// It is made by a segment that has no other use, and no file.
void Shard::sync_log(io::Done done) {
  const storage::SegmentKey key{kCatalogTopic, SegmentId(UINT64_MAX - options_.number)};
  const auto marker = store_->open_segment(key, Offset());
  if (!marker) return done(fail(marker.error()));
  (*marker)->promise(Epoch((*marker)->promised().value() + 1), std::move(done));
}

Status Shard::close() {
  return ask<void>([this](auto done) {
    take_now();
    home_->rounds.when_ended([this, done = std::move(done)]() mutable {
      store_->close([done = std::move(done)](Status status) mutable { done(std::move(status)); });
    });
  });
}

}  // namespace walrus::embed
