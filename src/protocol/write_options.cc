#include "protocol/write_options.h"

#include <fmt/core.h>

#include <limits>

#include "base/limits.h"
#include "protocol/record.h"
#include "protocol/words.h"

namespace walrus::protocol {

namespace {

/// Ids are signed in record batches.
constexpr std::uint64_t kMostProducerId = std::numeric_limits<std::int64_t>::max();

/// "<id>:<epoch>:<sequence>"
Result<ProducerStamp> parse_producer(std::string_view text) {
  const auto first = text.find(':');
  const auto second = first == std::string_view::npos ? first : text.find(':', first + 1);
  if (second != std::string_view::npos) {
    const auto id = parse_number(text.substr(0, first));
    const auto epoch = parse_number(text.substr(first + 1, second - first - 1));
    const auto sequence = parse_number(text.substr(second + 1));
    if (id && *id <= kMostProducerId && epoch && *epoch <= kMaxProducerEpoch && sequence && *sequence < kSequences) {
      return ProducerStamp{.id = ProducerId(*id),
                           .epoch = static_cast<std::uint16_t>(*epoch),
                           .sequence = static_cast<std::uint32_t>(*sequence)};
    }
  }
  return fail(ErrorCode::kInvalidArgument, "producer is <id>:<epoch>:<sequence of the first record>");
}

Status check_record(const Record& record) {
  if (record.place) return fail(ErrorCode::kInvalidArgument, "a record that is written has no offset yet");
  if (record.headers.size() > limits::kMaxRecordHeaders) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("a record has at most {} headers", limits::kMaxRecordHeaders));
  }
  if (record_bytes(record) > limits::kMaxRecordBytes) {
    return fail(ErrorCode::kTooLarge, fmt::format("a record has at most {} bytes", limits::kMaxRecordBytes));
  }
  return {};
}

}  // namespace

Result<WriteOptions> parse_write_options(std::string_view text) {
  WriteOptions options;
  while (true) {
    WALRUS_ASSIGN(const auto option, take_option(text));
    if (!option) return options;
    if (option->name == "expect") {
      WALRUS_ASSIGN(options.expected_end, parse_offset(option->value));
    } else if (option->name == "token") {
      WALRUS_ASSIGN(options.token, number_of(*option, 0, std::numeric_limits<std::uint64_t>::max()));
    } else if (option->name == "producer") {
      WALRUS_ASSIGN(options.producer, parse_producer(option->value));
    } else {
      return fail(ErrorCode::kInvalidArgument, fmt::format("option '{}' is not known here", option->name));
    }
  }
}

Status check_payload(std::string_view payload) {
  if (payload.size() <= limits::kMaxRecordBytes) return {};
  return fail(ErrorCode::kTooLarge, fmt::format("a record has at most {} bytes", limits::kMaxRecordBytes));
}

Status check_records(std::string_view body, std::uint32_t records) {
  if (body.size() > kMaxWriteBytes) {
    return fail(ErrorCode::kTooLarge, fmt::format("the records of a write have at most {} bytes", kMaxWriteBytes));
  }
  std::uint32_t found = 0;
  while (!body.empty() && found < records) {
    WALRUS_ASSIGN(const Record record, take_record(body));
    WALRUS_TRY(check_record(record));
    ++found;
  }
  if (found == records && body.empty()) return {};
  return fail(ErrorCode::kInvalidArgument, found < records
                                               ? fmt::format("{} records were announced, {} are there", records, found)
                                               : fmt::format("bytes behind the last of {} records", records));
}

}  // namespace walrus::protocol
