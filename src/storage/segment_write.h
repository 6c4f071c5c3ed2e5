// One write of batches to the end of a segment file.
//
// Small ones are joined and go through the page cache. Of a large one everything but the two ends goes by O_DIRECT from
// an aligned buffer that is used again: the page cache would cost a fresh page and a second copy for each 4 KiB, and
// hold the disk's work back until a sync asks for all of it at once. The ends, each a part of a block, go through the
// page cache: what the file holds of these blocks is there already, and no block is ever written by both ways at once.
//
// Fails when any part does; what was written of the rest does no harm, the caller writes it again or never reads it.
// Durable after a sync of the file. Loop thread only.
#pragma once

#include <memory>
#include <vector>

#include "base/bytes.h"
#include "io/file.h"
#include "storage/aligned_buffer.h"

namespace walrus::storage {

/// Buffers of writes that are over, for the next ones. Loop thread only.
class WriteBuffers {
 public:
  AlignedBuffer take();
  void give_back(AlignedBuffer buffer);
  /// Frees the memory: nothing is being written.
  void clear() { spare_.clear(); }

 private:
  std::vector<AlignedBuffer> spare_;
};

class SegmentWrite {
 public:
  struct Files {
    std::shared_ptr<io::File> cached;
    std::shared_ptr<io::File> direct;  ///< null: all through the page cache
  };

  /// How much of so many bytes at this place are whole blocks.
  static std::uint64_t whole_blocks(std::uint64_t position, std::uint64_t bytes);

  /// `done` runs on the loop, never before the call returns. Keeps batches and files until then.
  static void start(std::shared_ptr<WriteBuffers> buffers, Files files, std::uint64_t position,
                    std::vector<SharedBytes> batches, io::Done done);

  SegmentWrite(std::shared_ptr<WriteBuffers> buffers, Files files, std::vector<SharedBytes> batches, io::Done done);

 private:
  using Ptr = std::shared_ptr<SegmentWrite>;
  static void write_cached(const Ptr& self, std::uint64_t position);
  static void write_direct(const Ptr& self, std::uint64_t position);
  static void issue(const Ptr& self, io::File& file, std::uint64_t position, std::string_view bytes);
  void part_done(Status status);

  const std::shared_ptr<WriteBuffers> spare_buffers_;
  const Files files_;
  std::vector<SharedBytes> batches_;
  io::Done done_;
  AlignedBuffer buffer_;
  std::size_t parts_ = 0;  // in flight
  Status status_;
};

}  // namespace walrus::storage
