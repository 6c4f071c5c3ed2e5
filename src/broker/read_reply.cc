#include "broker/read_reply.h"

#include <fmt/core.h>

#include <utility>

#include "protocol/record.h"
#include "storage/record_batch.h"

namespace walrus::broker {

namespace {

protocol::Record record_of(const storage::RecordView& view) {
  protocol::Record record{.place = protocol::RecordPlace{view.offset, view.timestamp_ms},
                          .key = view.key,
                          .headers = {},
                          .value = view.value};
  for (const storage::RecordHeader& header : storage::headers_of(view)) {
    record.headers.push_back({.name = header.key, .value = header.value});
  }
  return record;
}

/// Gives the records one by one until a bound is met.
Result<Offset> add_records(const ReadSpan& span, const storage::Batches& batches, std::string& to) {
  Offset next = span.from;
  for (const SharedBytes& batch : batches) {
    storage::BatchReader reader(batch.view());
    while (next - span.from < span.bounds.records && to.size() < span.bounds.bytes) {
      WALRUS_ASSIGN(const auto view, reader.next());
      if (!view) break;
      if (view->offset < next) continue;  // the batch began before the place asked for
      if (view->offset > next) return fail(ErrorCode::kCorrupt, fmt::format("no record {} where it should be", next));
      const protocol::Record record = record_of(*view);
      const bool fits = to.empty() || to.size() + protocol::record_bytes(record) <= span.bounds.bytes;
      if (!fits) return next;
      WALRUS_TRY(protocol::append_record(to, record));
      next += 1;
    }
  }
  return next;
}

/// The place behind the last record of the batches, or where a bound is met.
Result<Offset> end_of_batches(const ReadSpan& span, const storage::Batches& batches) {
  if (batches.empty()) return span.from;
  WALRUS_ASSIGN(const storage::BatchHeader last, storage::parse_batch_header(batches.back().view()));
  return std::min(last.end_offset(), span.from + span.bounds.records);
}

}  // namespace

Result<ReadReply> lease_reply(Offset first, std::span<const std::uint32_t> tries, const TailRead& read) {
  std::string records;
  Offset next = first;
  for (const SharedBytes& batch : read.batches) {
    storage::BatchReader reader(batch.view());
    while (next - first < tries.size()) {
      WALRUS_ASSIGN(const auto view, reader.next());
      if (!view) break;
      if (view->offset < next) continue;
      append_little(records, tries[next - first]);
      WALRUS_TRY(protocol::append_record(records, record_of(*view)));
      next += 1;
    }
  }
  ReadReply reply{.head = fmt::format("{} {} {} {}\n", first, next - first, next, read.end), .body = {}, .next = next};
  if (!records.empty()) reply.body.emplace_back(std::move(records));
  return reply;
}

Result<ReadReply> read_reply(const ReadSpan& span, const TailRead& read) {
  ReadReply reply;
  if (span.bounds.form == protocol::ReadBounds::Form::kBatches) {
    WALRUS_ASSIGN(reply.next, end_of_batches(span, read.batches));
    reply.body = read.batches;
  } else {
    std::string records;
    WALRUS_ASSIGN(reply.next, add_records(span, read.batches, records));
    if (!records.empty()) reply.body.emplace_back(std::move(records));
  }
  reply.head = fmt::format("{} {} {} {}\n", span.from, reply.next - span.from, reply.next, read.end);
  return reply;
}

}  // namespace walrus::broker
