// Looking for a time: the index says where to begin, the batches' headers which of them, its records which offset.
#include <utility>

#include "storage/local_segment.h"

namespace walrus::storage {
namespace {

/// The first record of the batch at or after the time. A batch that is compressed is taken as a whole.
Result<Offset> first_in_batch(std::string_view batch, std::int64_t timestamp_ms) {
  BatchReader reader(batch);
  while (true) {
    const auto record = reader.next();
    if (!record && record.error().code == ErrorCode::kUnsupported) return reader.header().base_offset;
    if (!record) return fail(record.error());
    if (!*record) return reader.header().base_offset;  // its header says that there is one: the batch is from elsewhere
    if ((*record)->timestamp_ms >= timestamp_ms) return (*record)->offset;
  }
}

class TimeSearch : public std::enable_shared_from_this<TimeSearch> {
 public:
  TimeSearch(std::shared_ptr<LocalSegment> segment, std::int64_t timestamp_ms, Offset limit, OffsetDone done)
      : segment_(std::move(segment)), timestamp_ms_(timestamp_ms), limit_(limit), done_(std::move(done)) {}

  void from(Offset offset) {
    if (offset >= limit_) return done_(limit_);
    segment_->read(offset, limit_, kPieceBytes,
                   [self = shared_from_this()](Result<Batches> batches) { self->on_batches(std::move(batches)); });
  }

 private:
  static constexpr std::size_t kPieceBytes = 128 * limits::kKiB;

  void on_batches(Result<Batches> batches) {
    if (!batches) return done_(fail(batches.error()));
    Offset end = limit_;
    for (const SharedBytes& batch : *batches) {
      const auto header = parse_batch_header(batch.view());
      if (!header) return done_(fail(header.error()));
      if (header->max_timestamp_ms >= timestamp_ms_) return found(batch);
      end = header->end_offset();
    }
    from(end);
  }

  void found(const SharedBytes& batch) {
    const auto offset = first_in_batch(batch.view(), timestamp_ms_);
    if (!offset) return done_(fail(offset.error()));
    done_(std::min(*offset, limit_));
  }

  const std::shared_ptr<LocalSegment> segment_;
  const std::int64_t timestamp_ms_;
  const Offset limit_;
  OffsetDone done_;
};

}  // namespace

void SegmentFile::find_time(std::int64_t timestamp_ms, std::move_only_function<void(Offset)> done) {
  if (index_loaded_) return done(index_.find_time(timestamp_ms).offset);
  load_index([self = shared_from_this(), timestamp_ms, done = std::move(done)]() mutable {
    done(self->index_.find_time(timestamp_ms).offset);
  });
}

void LocalSegment::find_time(std::int64_t timestamp_ms, Offset limit, OffsetDone done) {
  if (limit < base_ || limit > end_.offset) {
    return done(fail(ErrorCode::kOffsetOutOfRange, fmt::format("{}, segment ends at {}", limit, end_.offset)));
  }
  if (latest_ms_ < timestamp_ms) return done(limit);
  auto search = std::make_shared<TimeSearch>(shared_from_this(), timestamp_ms, limit, std::move(done));
  file_->find_time(timestamp_ms, [search](Offset offset) { search->from(offset); });
}

}  // namespace walrus::storage
