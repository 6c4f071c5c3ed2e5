// One read of a segment file: finds the batch that holds an offset and collects from there, without blocking the loop.
// Batches come as slices of the pieces read; each is checked before it is handed out.
#pragma once

#include <memory>

#include "storage/segment_file.h"

namespace walrus::storage {

class SegmentRead : public std::enable_shared_from_this<SegmentRead> {
 public:
  SegmentRead(std::shared_ptr<SegmentFile> segment, Offset from, Offset limit, std::size_t max_bytes, BatchesDone done);
  void start();

 private:
  void read_piece(std::size_t size);
  void on_short_file();
  void on_piece(std::shared_ptr<char[]> memory, std::size_t size);
  enum class Step { kNext, kDone, kNeedMore };
  Result<Step> take_batch(const SharedBytes& piece, std::size_t at);
  std::unexpected<Error> damaged(const std::string& what) const;
  void finish(Status status);

  const std::shared_ptr<SegmentFile> segment_;
  const Offset from_;
  const Offset limit_;
  const std::size_t max_bytes_;
  BatchesDone done_;

  FileCache::FilePtr file_;
  SegmentPlace place_;         // of the next batch to look at
  bool goes_on_ = false;       // where another read has ended: somebody reads in order
  std::uint64_t end_ = 0;      // of what was written when the read started
  std::size_t needed_ = 0;     // size of a batch that was cut off by the end of the piece
  std::size_t collected_ = 0;  // bytes
  Batches batches_;
};

}  // namespace walrus::storage
