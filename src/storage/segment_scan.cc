#include "storage/segment_scan.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/limits.h"

namespace walrus::storage {
namespace {

/// The piece of the file that is in memory.
class Piece {
 public:
  Piece(io::File& file, std::uint64_t size) : file_(file), size_(size) {}

  /// Bytes from `position`: at least `least` unless the file ends before.
  Result<std::string_view> at(std::uint64_t position, std::size_t least) {
    const std::uint64_t there = size_ - std::min(position, size_);
    least = static_cast<std::size_t>(std::min<std::uint64_t>(least, there));
    if (position < start_ || position + least > start_ + bytes_.size()) {
      const std::size_t wanted = std::max(least, kPieceBytes);
      bytes_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(wanted, there)));
      start_ = position;
      WALRUS_ASSIGN(const std::size_t read, file_.read(position, bytes_.data(), bytes_.size()));
      bytes_.resize(read);
    }
    return std::string_view(bytes_).substr(position - start_);
  }

 private:
  static constexpr std::size_t kPieceBytes = 256 * limits::kKiB;
  io::File& file_;
  const std::uint64_t size_;
  std::string bytes_;
  std::uint64_t start_ = 0;
};

/// The batch at `position`, checked; kCorrupt when there is none.
Result<BatchHeader> checked_batch(Piece& piece, std::uint64_t position) {
  WALRUS_ASSIGN(std::string_view bytes, piece.at(position, kBatchHeaderBytes));
  if (bytes.size() >= 12) {
    // parse_batch_header() wants the whole batch: bring it in, if its length can be true.
    const std::uint64_t length = std::uint64_t{load_big<std::uint32_t>(bytes.data() + 8)} + 12;
    if (length > bytes.size() && length < INT32_MAX) {
      WALRUS_ASSIGN(bytes, piece.at(position, static_cast<std::size_t>(length)));
    }
  }
  WALRUS_ASSIGN(const BatchHeader header, parse_batch_header(bytes));
  return check_batch(bytes.substr(0, header.size));
}

}  // namespace

Result<Offset> first_offset(io::File& file) {
  std::string bytes(kBatchHeaderBytes, '\0');
  WALRUS_ASSIGN(const std::size_t read, file.read(0, bytes.data(), bytes.size()));
  if (read < bytes.size() || bytes[16] != 2) return Offset();
  return Offset(load_big<std::uint64_t>(bytes.data()));
}

Result<ScanEnd> scan_batches(io::File& file, SegmentPlace from, std::uint64_t size, const BatchVisitor& visit) {
  Piece piece(file, size);
  ScanEnd result{.end = from, .trouble = {}};
  while (result.end.position < size) {
    const auto batch = checked_batch(piece, result.end.position);
    if (!batch) {
      if (batch.error().code != ErrorCode::kCorrupt) return fail(batch.error());
      result.trouble = batch.error().detail;
      return result;
    }
    if (batch->base_offset != result.end.offset) {
      result.trouble = fmt::format("offset {} where {} should be", batch->base_offset, result.end.offset);
      return result;
    }
    if (visit) visit(*batch, result.end.position);
    result.end = {batch->end_offset(), result.end.position + batch->size};
  }
  return result;
}

Result<std::optional<SegmentPlace>> find_batch_behind(io::File& file, SegmentPlace damaged, std::uint64_t size) {
  constexpr std::size_t kMagicAt = 16;
  Piece piece(file, size);
  std::uint64_t position = damaged.position + 1;
  while (position + kBatchHeaderBytes <= size) {
    WALRUS_ASSIGN(const std::string_view bytes, piece.at(position, kBatchHeaderBytes));
    if (bytes.size() < kBatchHeaderBytes) break;
    // Every byte of the file may have to be looked at: from one that could be the magic to the next.
    const std::size_t magic = bytes.find('\2', kMagicAt);
    const std::size_t skipped = (magic == std::string_view::npos ? bytes.size() : magic) - kMagicAt;
    if (skipped > 0) {
      position += skipped;
      continue;
    }
    if (load_big<std::uint64_t>(bytes.data()) >= damaged.offset.value()) {
      const auto batch = checked_batch(piece, position);
      if (batch) return SegmentPlace{batch->base_offset, position};
      if (batch.error().code != ErrorCode::kCorrupt) return fail(batch.error());
    }
    ++position;
  }
  return std::nullopt;
}

}  // namespace walrus::storage
