#include "storage/segment_read.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace walrus::storage {

void SegmentFile::read(Offset from, Offset limit, std::size_t max_bytes, BatchesDone done) {
  auto read = std::make_shared<SegmentRead>(shared_from_this(), from, limit, max_bytes, std::move(done));
  if (index_loaded_) return read->start();
  load_index([read] { read->start(); });
}

SegmentRead::SegmentRead(std::shared_ptr<SegmentFile> segment, Offset from, Offset limit, std::size_t max_bytes,
                         BatchesDone done)
    : segment_(std::move(segment)), from_(from), limit_(limit), max_bytes_(max_bytes), done_(std::move(done)) {}

void SegmentRead::start() {
  auto file = segment_->home_->files.open(segment_->log_path_);
  if (!file) return finish(fail(file.error()));
  file_ = std::move(*file);
  place_ = segment_->locate(from_);
  end_ = segment_->written_.position;
  if (place_.position >= end_) return finish(damaged("the file ends before its last offset"));
  // Up to one interval has to be walked, unless a reader goes on where one has ended.
  goes_on_ = place_.offset == from_;
  const std::size_t walk = goes_on_ ? 0 : segment_->home_->options.index_interval_bytes;
  read_piece(walk + max_bytes_);
}

void SegmentRead::read_piece(std::size_t size) {
  constexpr std::size_t kLeast = 4 * limits::kKiB;
  WALRUS_ASSERT(place_.position < end_);
  size = std::max(needed_, std::clamp(size, kLeast, limits::kSegmentReadBytes));
  size = static_cast<std::size_t>(std::min<std::uint64_t>(size, end_ - place_.position));
  auto memory = std::make_shared_for_overwrite<char[]>(size);
  char* into = memory.get();
  file_->async_read(place_.position, into, size,
                    [self = shared_from_this(), memory = std::move(memory), size](Result<std::size_t> read) mutable {
                      if (self->segment_->home_->gone) return;
                      if (!read) return self->finish(fail(read.error()));
                      if (*read < size) return self->on_short_file();
                      self->on_piece(std::move(memory), size);
                    });
}

/// It was cut while this read was under way, or somebody else has done it.
void SegmentRead::on_short_file() {
  if (segment_->written_.position >= end_) return finish(damaged("the file has become shorter"));
  batches_.clear();
  collected_ = 0;
  start();
}

void SegmentRead::on_piece(std::shared_ptr<char[]> memory, std::size_t size) {
  const std::string_view view(memory.get(), size);
  const SharedBytes piece(std::move(memory), view);
  std::size_t at = 0;
  while (place_.position < end_) {
    const std::uint64_t before = place_.position;
    const auto step = take_batch(piece, at);
    // Damage behind batches that are good is found by the read that asks for it.
    if (!step) return finish(batches_.empty() ? Status(fail(step.error())) : Status());
    if (*step == Step::kDone) break;
    if (*step == Step::kNeedMore) {
      if (!batches_.empty()) break;
      return read_piece(std::max(needed_, max_bytes_));
    }
    at += static_cast<std::size_t>(place_.position - before);
  }
  if (batches_.empty()) return finish(damaged("the file ends before its last offset"));
  finish({});
}

Result<SegmentRead::Step> SegmentRead::take_batch(const SharedBytes& piece, std::size_t at) {
  const std::string_view bytes = piece.view().substr(at);
  const std::uint64_t left_in_file = end_ - place_.position;
  if (bytes.size() < std::min<std::uint64_t>(kBatchHeaderBytes, left_in_file)) {
    needed_ = kBatchHeaderBytes;
    return Step::kNeedMore;
  }
  if (bytes.size() >= kBatchHeaderBytes) {
    needed_ = load_big<std::uint32_t>(bytes.data() + 8) + std::size_t{12};
    const std::uint64_t most = std::min<std::uint64_t>(left_in_file, limits::kMaxPeerMessageBytes);
    if (needed_ > bytes.size() && needed_ <= most) return Step::kNeedMore;
  }
  const auto header = parse_batch_header(bytes);
  if (!header) return damaged(header.error().detail);
  if (header->base_offset != place_.offset) return damaged("offsets are not dense");
  if (header->base_offset >= limit_) return Step::kDone;
  if (header->end_offset() > from_) {
    if (const auto checked = check_batch(bytes.substr(0, header->size)); !checked) {
      return damaged(checked.error().detail);
    }
    if (!batches_.empty() && collected_ + header->size > max_bytes_) return Step::kDone;
    batches_.push_back(piece.slice(at, header->size));
    collected_ += header->size;
  }
  place_ = {header->end_offset(), place_.position + header->size};
  return collected_ >= max_bytes_ && !batches_.empty() ? Step::kDone : Step::kNext;
}

std::unexpected<Error> SegmentRead::damaged(const std::string& what) const {
  return fail(ErrorCode::kCorrupt, segment_->position_text(place_.position) + ": " + what);
}

void SegmentRead::finish(Status status) {
  if (!status) return done_(fail(status.error()));
  segment_->remember(place_);
  // Several readers share the file's handle, so that the kernel cannot tell which of them reads in order.
  if (goes_on_ && place_.position < end_) {
    file_->will_read(place_.position, std::min<std::uint64_t>(end_ - place_.position, limits::kSegmentReadAheadBytes));
  }
  done_(std::move(batches_));
}

}  // namespace walrus::storage
