#include "replication/segment_verifier.h"

#include <fmt/core.h>

#include <utility>

#include "base/limits.h"
#include "storage/content_hash.h"

namespace walrus::replication {

SegmentVerifier::SegmentVerifier(io::Loop& loop, storage::ShardStore& store, io::RateLimit& limit,
                                 SealedSegment segment, io::Done done)
    : loop_(loop), store_(store), limit_(limit), segment_(segment), done_(std::move(done)), next_(segment.base) {}

void SegmentVerifier::start() {
  timer_ = loop_.after(io::Duration(0), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->read_next();
  });
}

void SegmentVerifier::stop() {
  done_ = {};
  timer_.cancel();
}

void SegmentVerifier::read_next() {
  if (!done_) return;
  if (next_ == segment_.end) {
    if (segment_.hash == 0 || hash_ == segment_.hash) return finish({});
    return finish(fail(ErrorCode::kCorrupt, "the content is not the one that was sealed"));
  }
  // Looked up anew each time: it may have been set aside meanwhile.
  auto opened = store_.open_segment(segment_.key, segment_.base);
  if (!opened) return finish(fail(opened.error()));
  // What it has is in the log, which cannot be kept for it for ever.
  if (const Status status = (*opened)->status(); !status && !segment_.only_copy) {
    return finish(fail(ErrorCode::kIo, status.error().message()));
  }
  if ((*opened)->durable_end() < segment_.end) {
    return finish(fail(ErrorCode::kCorrupt, fmt::format("it ends at {}, not at {}", (*opened)->end(), segment_.end)));
  }
  (*opened)->read(next_, segment_.end, limits::kRepairChunkBytes,
                  [self = shared_from_this()](Result<storage::Batches> batches) { self->on_read(std::move(batches)); });
}

void SegmentVerifier::on_read(Result<storage::Batches> batches) {
  if (!done_) return;
  if (!batches) return finish(fail(batches.error()));
  const std::uint64_t before = bytes_;
  if (Status checked = check(*batches); !checked) return finish(std::move(checked));
  timer_ = loop_.after(limit_.charge(static_cast<std::size_t>(bytes_ - before), loop_.now()),
                       [self = shared_from_this()] { self->read_next(); });
}

Status SegmentVerifier::check(const storage::Batches& batches) {
  if (batches.empty()) return fail(ErrorCode::kCorrupt, fmt::format("nothing can be read at {}", next_));
  for (const SharedBytes& batch : batches) {
    WALRUS_ASSIGN(const auto header, storage::check_batch(batch.view()));
    if (header.base_offset != next_ || header.end_offset() > segment_.end) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("batch {} to {} stands at {}", header.base_offset, header.end_offset(), next_));
    }
    hash_ = storage::extend_hash(hash_, header);
    next_ = header.end_offset();
    bytes_ += header.size;
  }
  return {};
}

void SegmentVerifier::finish(Status status) {
  if (io::Done done = std::exchange(done_, {})) done(std::move(status));
}

}  // namespace walrus::replication
