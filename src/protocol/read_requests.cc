#include "protocol/read_requests.h"

#include <fmt/core.h>

#include "protocol/words.h"

namespace walrus::protocol {

Result<Place> parse_place(std::string_view word) {
  if (word == "earliest") return Place{.kind = Place::Kind::kEarliest, .value = 0};
  if (word == "latest") return Place{.kind = Place::Kind::kLatest, .value = 0};
  const bool time = word.starts_with('@');
  const auto number = parse_number(time ? word.substr(1) : word);
  if (!number || *number > limits::kMaxOffset) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is no place: an offset, earliest, latest or @ and milliseconds since 1970", word));
  }
  return Place{.kind = time ? Place::Kind::kTime : Place::Kind::kOffset, .value = *number};
}

namespace {

/// True when the option was one of the bounds.
Result<bool> take_bound(const Option& option, ReadBounds& bounds) {
  if (option.name == "max") {
    WALRUS_ASSIGN(const std::uint64_t records, number_of(option, 1, limits::kMaxReadRecords));
    bounds.records = static_cast<std::uint32_t>(records);
  } else if (option.name == "bytes") {
    WALRUS_ASSIGN(const std::uint64_t bytes, number_of(option, 1, limits::kMaxReadBytes));
    bounds.bytes = static_cast<std::uint32_t>(bytes);
  } else if (option.name == "form") {
    if (option.value != "records" && option.value != "batches") {
      return fail(ErrorCode::kInvalidArgument, "form is records or batches");
    }
    bounds.form = option.value == "records" ? ReadBounds::Form::kRecords : ReadBounds::Form::kBatches;
  } else {
    return false;
  }
  return true;
}

Result<std::uint32_t> wait_of(const Option& option) {
  WALRUS_ASSIGN(const std::uint64_t wait,
                number_of(option, 0, static_cast<std::uint64_t>(limits::kMaxReadWait / std::chrono::milliseconds(1))));
  return static_cast<std::uint32_t>(wait);
}

}  // namespace

Result<FetchArguments> parse_fetch_arguments(std::string_view text) {
  FetchArguments arguments;
  const std::string_view place = take_word(text);
  if (place.empty()) return fail(ErrorCode::kIncomplete, "FETCH requires a place to read from");
  WALRUS_ASSIGN(arguments.from, parse_place(place));
  while (true) {
    WALRUS_ASSIGN(const auto option, take_option(text));
    if (!option) return arguments;
    WALRUS_ASSIGN(const bool bound, take_bound(*option, arguments.bounds));
    if (bound) continue;
    if (option->name != "wait") return unknown_word(option->name);
    WALRUS_ASSIGN(arguments.wait_ms, wait_of(*option));
  }
}

Result<GroupArguments> parse_read_arguments(std::string_view text) {
  GroupArguments arguments;
  while (true) {
    WALRUS_ASSIGN(const auto option, take_option(text));
    if (!option) return arguments;
    WALRUS_ASSIGN(const bool bound, take_bound(*option, arguments.bounds));
    if (bound) continue;
    if (option->name == "wait") {
      WALRUS_ASSIGN(arguments.wait_ms, wait_of(*option));
    } else if (option->name == "commit") {
      if (option->value != "auto" && option->value != "none") {
        return fail(ErrorCode::kInvalidArgument, "commit is auto or none");
      }
      arguments.advance = option->value == "auto";
    } else {
      return unknown_word(option->name);
    }
  }
}

Result<GroupArguments> parse_commit_arguments(std::string_view text) {
  const std::string_view word = take_word(text);
  if (word.empty()) return fail(ErrorCode::kIncomplete, "COMMIT requires an offset");
  const auto offset = parse_number(word);
  if (!offset || *offset > limits::kMaxOffset || !take_word(text).empty()) {
    return fail(ErrorCode::kInvalidArgument, "COMMIT takes one offset: that of the next record to be read");
  }
  return GroupArguments{.place = {.kind = Place::Kind::kOffset, .value = *offset}};
}

Result<GroupArguments> parse_seek_arguments(std::string_view text) {
  const std::string_view word = take_word(text);
  if (word.empty()) return fail(ErrorCode::kIncomplete, "SEEK requires a place");
  WALRUS_ASSIGN(const Place place, parse_place(word));
  if (const auto more = take_word(text); !more.empty()) {
    return unknown_word(more);
  }
  return GroupArguments{.place = place};
}

}  // namespace walrus::protocol
