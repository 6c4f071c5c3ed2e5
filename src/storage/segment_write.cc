#include "storage/segment_write.h"

#include <cstring>
#include <string_view>
#include <utility>

#include "base/limits.h"

namespace walrus::storage {
namespace {

constexpr std::uint64_t kBlock = limits::kDirectAlignment;
// A buffer made for one very large batch does not stay.
constexpr std::size_t kLargestKept = 2 * limits::kSegmentReadBytes;

/// The whole blocks in a range.
struct Body {
  std::uint64_t begin;
  std::uint64_t end;
};
Body body_of(std::uint64_t position, std::uint64_t bytes) {
  return {(position + kBlock - 1) / kBlock * kBlock, (position + bytes) / kBlock * kBlock};
}

std::size_t total(const std::vector<SharedBytes>& batches) {
  std::size_t bytes = 0;
  for (const SharedBytes& batch : batches) bytes += batch.size();
  return bytes;
}

}  // namespace

AlignedBuffer WriteBuffers::take() {
  if (spare_.empty()) return {};
  AlignedBuffer buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

void WriteBuffers::give_back(AlignedBuffer buffer) {
  if (buffer.capacity() == 0 || buffer.capacity() > kLargestKept) return;
  if (spare_.size() < limits::kSegmentFlushesInFlight) spare_.push_back(std::move(buffer));
}

std::uint64_t SegmentWrite::whole_blocks(std::uint64_t position, std::uint64_t bytes) {
  const Body body = body_of(position, bytes);
  return body.end > body.begin ? body.end - body.begin : 0;
}

void SegmentWrite::start(std::shared_ptr<WriteBuffers> buffers, Files files, std::uint64_t position,
                         std::vector<SharedBytes> batches, io::Done done) {
  const auto write =
      std::make_shared<SegmentWrite>(std::move(buffers), std::move(files), std::move(batches), std::move(done));
  if (write->files_.direct) {
    write_direct(write, position);
  } else {
    write_cached(write, position);
  }
}

SegmentWrite::SegmentWrite(std::shared_ptr<WriteBuffers> buffers, Files files, std::vector<SharedBytes> batches,
                           io::Done done)
    : spare_buffers_(std::move(buffers)),
      files_(std::move(files)),
      batches_(std::move(batches)),
      done_(std::move(done)) {}

/// One write for all of them: small batches are joined, a single one goes as it is.
void SegmentWrite::write_cached(const Ptr& self, std::uint64_t position) {
  if (self->batches_.size() > 1) {
    std::string joined;
    joined.reserve(total(self->batches_));
    for (const SharedBytes& batch : self->batches_) joined.append(batch.view());
    self->batches_ = {SharedBytes(std::move(joined))};
  }
  issue(self, *self->files_.cached, position, self->batches_.front().view());
}

/// In the buffer each byte has the place within its block that it has in the file.
void SegmentWrite::write_direct(const Ptr& self, std::uint64_t position) {
  const std::size_t bytes = total(self->batches_);
  const std::uint64_t first_block = position / kBlock * kBlock;
  self->buffer_ = self->spare_buffers_->take();
  self->buffer_.reserve(static_cast<std::size_t>(position + bytes - first_block));
  char* to = self->buffer_.data() + (position - first_block);
  for (const SharedBytes& batch : self->batches_) {
    std::memcpy(to, batch.data(), batch.size());
    to += batch.size();
  }
  self->batches_.clear();

  const auto part = [&](std::uint64_t begin, std::uint64_t end) {
    return std::string_view(self->buffer_.data() + (begin - first_block), static_cast<std::size_t>(end - begin));
  };
  const Body body = body_of(position, bytes);
  issue(self, *self->files_.direct, body.begin, part(body.begin, body.end));
  if (position < body.begin) issue(self, *self->files_.cached, position, part(position, body.begin));
  const std::uint64_t end = position + bytes;
  if (body.end < end) issue(self, *self->files_.cached, body.end, part(body.end, end));
}

void SegmentWrite::issue(const Ptr& self, io::File& file, std::uint64_t position, std::string_view bytes) {
  ++self->parts_;
  file.async_write(position, bytes, [self](Status status) { self->part_done(std::move(status)); });
}

/// Completions come after start() has returned: no part is done before all are issued.
void SegmentWrite::part_done(Status status) {
  // Anything else than a want of space is worse.
  const bool worse = status_ || status_.error().code == ErrorCode::kDiskFull;
  if (!status && worse) status_ = std::move(status);
  if (--parts_ > 0) return;
  spare_buffers_->give_back(std::move(buffer_));
  std::exchange(done_, {})(std::move(status_));
}

}  // namespace walrus::storage
