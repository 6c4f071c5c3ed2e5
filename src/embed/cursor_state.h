// A named position in a topic, shared by all who hold the cursor.
//
// Happy path: next() takes the record at the position from what was read ahead, and every `persist_every` steps writes
// the new position to the catalog before it hands the record out. So with 1 no record is handed out twice over a crash,
// and with N at most N are.
//
// Failure: when the position cannot be written the step is not taken. Records that are gone (retention, trim) are
// skipped. Where records that were taken are lost under a weaker policy, the position goes back: others get their
// offsets.
//
// Any thread; calls on one cursor run one after the other.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "embed/engine.h"
#include "walrus/records.h"

namespace walrus::embed {

class CursorState {
 public:
  /// `persisted`: where the catalog has it. The topic outlives the cursor's calls.
  CursorState(Topic& topic, std::string name, Offset persisted);

  void persist_every(std::uint64_t steps);
  enum class Step : std::uint8_t { kTake, kPeek };
  Result<std::optional<store::OwnedRecord>> next(Engine& engine, Step step);
  Result<store::Records> next_batch(Engine& engine, std::size_t max_bytes);
  Offset position() const;
  Status seek(Engine& engine, Offset to);
  Status commit(Engine& engine);
  /// From the catalog, too. Who still holds it is told kNotFound from then on.
  Status remove(Engine& engine);

  const std::string& name() const { return name_; }
  TopicId topic() const { return topic_.id; }
  /// The position that the catalog does not have yet, if so.
  std::optional<catalog::Record> unwritten() const;

 private:
  Status fill(Engine& engine, std::size_t max_bytes);
  Result<std::shared_ptr<const ReadBatches>> read(Engine& engine, std::size_t max_bytes);
  Status move_to(Engine& engine, Offset to);
  Status write(Engine& engine, Offset position);

  Topic& topic_;
  const std::string name_;

  mutable std::mutex mutex_;  // for what follows
  std::uint64_t persist_every_ = 1;
  Offset position_;
  Offset persisted_;
  std::uint64_t steps_ = 0;       // since it was persisted
  std::uint64_t generation_ = 0;  // of the topic's offsets, in which the position is one
  bool removed_ = false;
  // What was read ahead; `at_` stands on the record at position_, or at the end.
  store::Records ahead_;
  store::Records::Iterator at_;
};

}  // namespace walrus::embed
