// A sequential read of a topic with the next chunk on its way while the caller works on the last one. One thread.
#pragma once

#include <memory>
#include <optional>

#include "embed/answer.h"
#include "embed/engine.h"
#include "walrus/records.h"

namespace walrus::embed {

class ReadAhead {
 public:
  ReadAhead(std::shared_ptr<Engine> engine, std::shared_ptr<Topic> topic, Offset from, std::size_t chunk_bytes);
  store::Result<store::Records> next();

 private:
  using Chunk = std::shared_ptr<const ReadBatches>;
  void ask();

  const std::shared_ptr<Engine> engine_;
  const std::shared_ptr<Topic> topic_;
  Offset next_;
  const std::size_t chunk_bytes_;
  std::optional<Answer<Chunk>> coming_;
};

}  // namespace walrus::embed
