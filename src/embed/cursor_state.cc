#include "embed/cursor_state.h"

#include <algorithm>
#include <utility>

namespace walrus::embed {
namespace {

constexpr std::size_t kReadAheadBytes = 256 * limits::kKiB;

}  // namespace

CursorState::CursorState(Topic& topic, std::string name, Offset persisted)
    : topic_(topic), name_(std::move(name)), position_(persisted), persisted_(persisted) {
  topic_.shard.inbox().rewound(topic_.log->inbox, generation_, position_);  // before its time
}

void CursorState::persist_every(std::uint64_t steps) {
  const std::lock_guard lock(mutex_);
  persist_every_ = steps;
}

Offset CursorState::position() const {
  const std::lock_guard lock(mutex_);
  return position_;
}

/// Makes `at_` stand on the next record, if there is one.
Status CursorState::fill(Engine& engine, std::size_t max_bytes) {
  if (removed_) return fail(ErrorCode::kNotFound, name_);
  if (at_ != std::default_sentinel && at_->offset == position_.value()) return {};
  at_ = {};
  WALRUS_ASSIGN(auto batches, read(engine, max_bytes));
  ahead_ = store::Records(std::move(batches));
  at_ = ahead_.begin();
  if (at_ != std::default_sentinel) position_ = Offset(at_->offset);
  return {};
}

/// From the position, or where it has to be now.
Result<std::shared_ptr<const ReadBatches>> CursorState::read(Engine& engine, std::size_t max_bytes) {
  const auto rewound = [this] { return topic_.shard.inbox().rewound(topic_.log->inbox, generation_, position_); };
  position_ = rewound();
  // More than once when the topic is being trimmed meanwhile, or loses records.
  while (true) {
    if (position_ < persisted_) WALRUS_TRY(write(engine, position_));
    auto batches = engine.read(topic_, position_, max_bytes);
    const Offset from = std::exchange(position_, rewound());
    if (position_ < from) continue;
    if (batches || batches.error().code != ErrorCode::kOffsetOutOfRange) return batches;
    WALRUS_ASSIGN(const TopicNumbers numbers, engine.numbers(topic_));
    if (position_ >= numbers.start) return std::make_shared<const ReadBatches>();  // not there yet
    position_ = numbers.start;
  }
}

Status CursorState::write(Engine& engine, Offset position) {
  if (removed_) return fail(ErrorCode::kNotFound, name_);
  WALRUS_TRY(engine.record({catalog::CursorMoved{topic_.id, name_, position}}));
  persisted_ = position;
  steps_ = 0;
  return {};
}

Status CursorState::move_to(Engine& engine, Offset to) {
  if (steps_ + 1 < persist_every_) {
    ++steps_;
  } else {
    WALRUS_TRY(write(engine, to));
  }
  position_ = to;
  return {};
}

Result<std::optional<store::OwnedRecord>> CursorState::next(Engine& engine, Step step) {
  const std::lock_guard lock(mutex_);
  WALRUS_TRY(fill(engine, kReadAheadBytes));
  if (at_ == std::default_sentinel) return std::nullopt;
  if (step == Step::kTake) WALRUS_TRY(move_to(engine, Offset(at_->offset + 1)));
  store::OwnedRecord record(*at_);
  if (step == Step::kTake) ++at_;
  return record;
}

Result<store::Records> CursorState::next_batch(Engine& engine, std::size_t max_bytes) {
  const std::lock_guard lock(mutex_);
  at_ = {};
  WALRUS_TRY(fill(engine, max_bytes));
  if (at_ == std::default_sentinel) return store::Records();
  WALRUS_TRY(move_to(engine, Offset(ahead_.end_offset())));
  at_ = {};
  return std::exchange(ahead_, {});
}

Status CursorState::seek(Engine& engine, Offset to) {
  const std::lock_guard lock(mutex_);
  topic_.shard.inbox().rewound(topic_.log->inbox, generation_, to);  // what was lost before is not its business
  WALRUS_ASSIGN(const TopicNumbers numbers, engine.numbers(topic_));
  if (to < numbers.start || to > numbers.end) return fail(ErrorCode::kOffsetOutOfRange);
  WALRUS_TRY(write(engine, to));
  position_ = to;
  at_ = {};
  return {};
}

Status CursorState::commit(Engine& engine) {
  const std::lock_guard lock(mutex_);
  if (position_ == persisted_) return {};
  return write(engine, position_);
}

Status CursorState::remove(Engine& engine) {
  const std::lock_guard lock(mutex_);
  WALRUS_TRY(engine.record({catalog::CursorRemoved{topic_.id, name_}}));
  removed_ = true;
  return {};
}

std::optional<catalog::Record> CursorState::unwritten() const {
  const std::lock_guard lock(mutex_);
  if (position_ == persisted_) return std::nullopt;
  return catalog::CursorMoved{topic_.id, name_, position_};
}

}  // namespace walrus::embed
