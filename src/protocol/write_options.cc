#include "protocol/write_options.h"

#include <fmt/core.h>

#include "base/limits.h"
#include "protocol/record.h"
#include "protocol/words.h"

namespace walrus::protocol {

namespace {

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
    } else {
      return fail(ErrorCode::kInvalidArgument, fmt::format("option '{}' is not known here", option->name));
    }
  }
}

Status check_records(std::string_view body, std::uint32_t records) {
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
