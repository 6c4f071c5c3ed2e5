// What one read has found: whole batches, and which of their records were asked for. Immutable; any thread.
#pragma once

#include <memory>

#include "base/ids.h"
#include "base/result.h"
#include "storage/segment.h"

namespace walrus::embed {

struct ReadBatches {
  storage::Batches batches;  ///< checked, in order, not compressed
  Offset from;               ///< the first record wanted; it lies in the first batch
  Offset end;                ///< behind the last record
  std::size_t bytes = 0;
};

/// kUnsupported when a batch is compressed: no version of this store writes such.
Result<std::shared_ptr<const ReadBatches>> make_read_batches(storage::Batches batches, Offset from);

}  // namespace walrus::embed
