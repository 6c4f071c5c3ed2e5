#include "embed/read_ahead.h"

#include <utility>

#include "embed/engine_call.h"
#include "embed/public_error.h"

namespace walrus::embed {

ReadAhead::ReadAhead(std::shared_ptr<Engine> engine, std::shared_ptr<Topic> topic, Offset from, std::size_t chunk_bytes)
    : engine_(std::move(engine)), topic_(std::move(topic)), next_(from), chunk_bytes_(chunk_bytes) {}

void ReadAhead::ask() {
  coming_.emplace();
  engine_->read(*topic_, next_, chunk_bytes_, coming_->callback());
}

store::Result<store::Records> ReadAhead::next() {
  const Engine::Call call(*engine_);  // or the answer may never come
  if (!call) return std::unexpected(to_public(Error{ErrorCode::kShuttingDown, {}}));
  if (!coming_) ask();
  Result<Chunk> chunk = std::exchange(coming_, std::nullopt)->wait();
  if (!chunk) return std::unexpected(to_public(chunk.error()));
  next_ = (*chunk)->end;
  // At the end nothing is asked for ahead: it would be answered before there is more.
  if (!(*chunk)->batches.empty()) ask();
  return store::Records(*std::move(chunk));
}

}  // namespace walrus::embed
