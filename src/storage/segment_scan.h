// Walks the batches of a segment file front to back, checking each CRC and that the offsets are dense. For opening,
// recovery and inspection. Blocking; any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "io/file.h"
#include "storage/record_batch.h"

namespace walrus::storage {

/// A place in a segment file where a batch begins, or could.
struct SegmentPlace {
  Offset offset;
  std::uint64_t position = 0;
};

struct ScanEnd {
  SegmentPlace end;     ///< behind the last good batch
  std::string trouble;  ///< why it ends before `size`; empty when it does not
};

/// The offset that a segment file begins with; 0 when it does not begin with a batch.
Result<Offset> first_offset(io::File& file);

using BatchVisitor = std::function<void(const BatchHeader& batch, std::uint64_t position)>;

/// Walks from `from` to `size`, or to the first bytes that are not the batch that should be there.
Result<ScanEnd> scan_batches(io::File& file, SegmentPlace from, std::uint64_t size, const BatchVisitor& visit);

/// The next undamaged batch that begins behind `damaged` and holds no offset before it; nothing when there is none.
Result<std::optional<SegmentPlace>> find_batch_behind(io::File& file, SegmentPlace damaged, std::uint64_t size);

}  // namespace walrus::storage
