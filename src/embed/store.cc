// The public classes: arguments checked, errors translated, everything else handed on.
#include "walrus/store.h"

#include <fmt/core.h>

#include <chrono>
#include <utility>

#include "base/limits.h"
#include "embed/cursor_state.h"
#include "embed/engine.h"
#include "embed/public_error.h"
#include "embed/read_ahead.h"

namespace walrus::store {
namespace {

using embed::to_public;

static_assert(kMaxBatchBytes == limits::kMaxStagedBatchBytes && kMaxNameBytes == limits::kMaxTopicNameBytes);

std::unexpected<Error> refuse(ErrorCode code, std::string detail = {}) {
  return std::unexpected(Error{code, std::move(detail)});
}

std::int64_t now_ms() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
}

Status check_name(std::string_view name) {
  if (!name.empty() && name.size() <= kMaxNameBytes) return {};
  return refuse(ErrorCode::kInvalidArgument, fmt::format("a name of {} bytes", name.size()));
}

embed::NewRecord copy_of(const Record& record, std::int64_t now) {
  return {record.value, record.key, record.timestamp_ms.value_or(now)};
}

Result<std::uint64_t> offset_of(walrus::Result<Offset> offset) {
  if (!offset) return std::unexpected(to_public(std::move(offset).error()));
  return offset->value();
}

std::vector<embed::NewRecord> copies_of(std::span<const Record> records) {
  const std::int64_t now = now_ms();
  std::vector<embed::NewRecord> copies;
  copies.reserve(records.size());
  for (const Record& record : records) copies.push_back(copy_of(record, now));
  return copies;
}

}  // namespace

// Cursor

Cursor::Cursor(std::shared_ptr<embed::Engine> engine, std::shared_ptr<embed::Topic> topic,
               std::shared_ptr<embed::CursorState> state)
    : engine_(std::move(engine)), topic_(std::move(topic)), state_(std::move(state)) {}

Result<std::optional<OwnedRecord>> Cursor::next() {
  return to_public(state_->next(*engine_, embed::CursorState::Step::kTake));
}
Result<std::optional<OwnedRecord>> Cursor::peek() {
  return to_public(state_->next(*engine_, embed::CursorState::Step::kPeek));
}
Result<Records> Cursor::next_batch(std::size_t max_bytes) { return to_public(state_->next_batch(*engine_, max_bytes)); }
std::uint64_t Cursor::position() const { return state_->position().value(); }
Status Cursor::seek(std::uint64_t offset) { return to_public(state_->seek(*engine_, Offset(offset))); }
Status Cursor::commit() { return to_public(state_->commit(*engine_)); }

// Topic

Topic::Topic(std::shared_ptr<embed::Engine> engine, std::shared_ptr<embed::Topic> topic)
    : engine_(std::move(engine)), topic_(std::move(topic)) {}

const std::string& Topic::name() const { return topic_->name; }

Result<std::uint64_t> Topic::append(std::string_view value) { return append(Record{.value = value}); }

Result<std::uint64_t> Topic::append(const Record& record) {
  const embed::NewRecord copy = copy_of(record, now_ms());
  return offset_of(topic_->shard.append(topic_->log, std::span(&copy, 1)));
}

Result<std::uint64_t> Topic::append_batch(std::span<const Record> records) {
  if (records.empty()) return refuse(ErrorCode::kInvalidArgument, "a batch of no records");
  return offset_of(topic_->shard.append(topic_->log, copies_of(records)));
}

void Topic::append_async(std::span<const Record> records, AppendDone done) {
  if (records.empty()) return done(refuse(ErrorCode::kInvalidArgument, "a batch of no records"));
  topic_->shard.append(
      topic_->log, copies_of(records),
      [done = std::move(done)](walrus::Result<Offset> offset) mutable { done(offset_of(std::move(offset))); });
}

Result<Records> Topic::read(std::uint64_t offset, std::size_t max_bytes) const {
  auto batches = engine_->read(*topic_, Offset(offset), max_bytes);
  if (!batches) return std::unexpected(to_public(std::move(batches).error()));
  return Records(*std::move(batches));
}

Reader Topic::reader(std::uint64_t offset, std::size_t chunk_bytes) const {
  return Reader(std::make_unique<embed::ReadAhead>(engine_, topic_, Offset(offset), chunk_bytes));
}

Result<Cursor> Topic::cursor(std::string_view name, const CursorOptions& options) {
  if (const Status checked = check_name(name); !checked) return std::unexpected(checked.error());
  if (options.persist_every == 0) return refuse(ErrorCode::kInvalidArgument, "persist_every is 0");
  const std::lock_guard lock(topic_->mutex);
  const auto numbers = engine_->numbers(*topic_);
  if (!numbers) return std::unexpected(to_public(numbers.error()));
  auto known = topic_->cursors.find(name);
  if (known == topic_->cursors.end()) {
    const auto made = engine_->record({embed::catalog::CursorMoved{topic_->id, std::string(name), numbers->start}});
    if (!made) return std::unexpected(to_public(made.error()));
    auto state = std::make_shared<embed::CursorState>(*topic_, std::string(name), numbers->start);
    known = topic_->cursors.emplace(std::string(name), std::move(state)).first;
  }
  known->second->persist_every(options.persist_every);
  return Cursor(engine_, topic_, known->second);
}

Status Topic::remove_cursor(std::string_view name) {
  const std::lock_guard lock(topic_->mutex);
  if (const auto numbers = engine_->numbers(*topic_); !numbers) return std::unexpected(to_public(numbers.error()));
  const auto known = topic_->cursors.find(name);
  if (known == topic_->cursors.end()) return refuse(ErrorCode::kNotFound, std::string(name));
  const auto removed = known->second->remove(*engine_);
  if (removed) topic_->cursors.erase(known);
  return to_public(removed);
}

Result<TopicStats> Topic::stats() const {
  const auto numbers = engine_->numbers(*topic_);
  if (!numbers) return std::unexpected(to_public(numbers.error()));
  return TopicStats{.start = numbers->start.value(),
                    .end = numbers->end.value(),
                    .records = numbers->end - numbers->start,
                    .bytes = numbers->bytes,
                    .segments = numbers->segments};
}

Status Topic::seal() { return to_public(engine_->seal(*topic_)); }
Status Topic::trim(std::uint64_t offset) { return to_public(engine_->trim(*topic_, Offset(offset))); }

Status Topic::set_retention(const Retention& retention) {
  if (retention.time.count() < 0) return refuse(ErrorCode::kInvalidArgument, "retention of a negative time");
  const embed::catalog::Retention wanted{static_cast<std::uint64_t>(retention.time.count()), retention.bytes,
                                         retention.records};
  return to_public(engine_->set_retention(*topic_, wanted));
}

Result<Retention> Topic::retention() const {
  const auto known = engine_->retention(*topic_);
  if (!known) return std::unexpected(to_public(known.error()));
  return Retention{.time = std::chrono::milliseconds(known->time_ms), .bytes = known->bytes, .records = known->records};
}

// Store

Store::Store(std::shared_ptr<embed::Engine> engine) : engine_(std::move(engine)) {}
Store::Store(Store&&) noexcept = default;

Store& Store::operator=(Store&& other) noexcept {
  if (this != &other) {
    if (engine_) (void)engine_->close();
    engine_ = std::move(other.engine_);
  }
  return *this;
}

Store::~Store() {
  if (engine_) (void)engine_->close();
}

Result<Store> Store::open(const Options& options) { return embed::Opener::open(options, embed::ground_of(options)); }

Result<Topic> Store::topic(std::string_view name, const TopicOptions& options) {
  if (const Status checked = check_name(name); !checked) return std::unexpected(checked.error());
  std::optional<SyncPolicy> sync;
  if (options.fsync) sync = embed::sync_policy(*options.fsync, engine_->fsync_interval());
  auto topic = engine_->topic(name, sync);
  if (!topic) return std::unexpected(to_public(std::move(topic).error()));
  return Topic(engine_, *std::move(topic));
}

Result<Topic> Store::find_topic(std::string_view name) const {
  auto topic = engine_->find_topic(name);
  if (!topic) return std::unexpected(to_public(std::move(topic).error()));
  return Topic(engine_, *std::move(topic));
}

std::vector<std::string> Store::topics() const { return engine_->topic_names(); }
Status Store::remove_topic(std::string_view name) { return to_public(engine_->remove_topic(name)); }
Status Store::sync() { return to_public(engine_->sync()); }
const std::vector<std::string>& Store::damage() const { return engine_->damage(); }
Status Store::close() { return to_public(engine_->close()); }

}  // namespace walrus::store

namespace walrus::embed {

store::Result<store::Store> Opener::open(const store::Options& options, Ground ground) {
  auto engine = Engine::open(options, std::move(ground));
  if (!engine) return std::unexpected(to_public(std::move(engine).error()));
  return store::Store(*std::move(engine));
}

}  // namespace walrus::embed
