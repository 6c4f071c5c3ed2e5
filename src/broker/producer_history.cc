#include "broker/producer_history.h"

#include <utility>

#include "base/assert.h"
#include "storage/record_batch.h"

namespace walrus::broker {

namespace {
constexpr std::size_t kReadBytes = limits::kMiB;
}

const metadata::SegmentInfo& producer_window(const metadata::TopicInfo& topic) {
  const auto& segments = topic.segments;
  std::size_t first = segments.size() - 1;
  std::uint64_t records = 0;
  while (first > 0 && records < limits::kProducerWindowRecords &&
         segments.size() - first <= limits::kProducerWindowSegments && !segments[first - 1].lost()) {
    --first;
    records += segments[first].end - segments[first].base;
  }
  return segments[first];
}

ProducerHistory::ProducerHistory(TopicReader& reader, metadata::MetadataClient& metadata, metadata::TopicPtr topic,
                                 Offset open_end, ReadOpen read_open)
    : reader_(reader),
      metadata_(metadata),
      topic_(std::move(topic)),
      open_end_(open_end),
      read_open_(std::move(read_open)) {}

void ProducerHistory::read(Done done) {
  const metadata::SegmentInfo& first = producer_window(*topic_);
  // Nothing was written before the first segment ever.
  table_ = ProducerTable(first.id == SegmentId(0) ? 0 : first.epoch.value());
  next_ = first.base;
  done_ = std::move(done);
  read_on();
}

void ProducerHistory::read_on() {
  do {
    answered_ = false;
    in_call_ = true;
    read_next();
    in_call_ = false;
  } while (answered_ && done_);
}

void ProducerHistory::read_next() {
  if (next_ >= open_end_) return std::exchange(done_, {})(std::move(table_));
  auto on_read = [self = shared_from_this()](Result<storage::Batches> batches) {
    self->on_batches(std::move(batches));
  };
  const metadata::SegmentInfo* segment = topic_->holding(next_);
  WALRUS_ASSERT(segment != nullptr, "the window lies in what is kept");
  if (segment->sealed()) return reader_.read_sealed(*topic_, *segment, next_, kReadBytes, std::move(on_read));
  read_open_(next_, std::move(on_read));
}

void ProducerHistory::on_batches(Result<storage::Batches> batches) {
  if (batches && batches->empty()) batches = fail(ErrorCode::kUnavailable, "records that were there are not");
  Status noted = batches ? Status() : fail(batches.error());
  for (std::size_t i = 0; noted && i < batches->size(); ++i) noted = note((*batches)[i].view());
  if (!noted) return std::exchange(done_, {})(fail(noted.error()));
  if (in_call_) {
    answered_ = true;
  } else {
    read_on();
  }
}

Status ProducerHistory::note(std::string_view batch) {
  WALRUS_ASSIGN(const auto header, storage::parse_batch_header(batch));
  if (header.base_offset != next_) return fail(ErrorCode::kCorrupt, "a batch that does not follow the one before");
  next_ = header.end_offset();
  const auto stamp = storage::producer_of(header);
  if (!stamp) return {};
  const metadata::ProducerPtr known = metadata_.view()->find_producer(stamp->id);
  // One of an earlier epoch, or whose name is forgotten, cannot write again, whatever is remembered of it.
  const bool current = known != nullptr && known->epoch == stamp->epoch;
  table_.note(*stamp, header.records, header.base_offset, current ? known->registered : 0);
  return {};
}

}  // namespace walrus::broker
