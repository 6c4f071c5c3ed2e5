#include "protocol/words.h"

#include <fmt/core.h>

#include <charconv>
#include <limits>

namespace walrus::protocol {

namespace {
/// Offsets are signed in record batches.
constexpr std::uint64_t kMostOffset = std::numeric_limits<std::int64_t>::max();
}  // namespace

std::string_view without_leading_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

std::string_view without_trailing_blanks(std::string_view text) {
  const auto last = text.find_last_not_of(' ');
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

std::string_view take_word(std::string_view& text) {
  text = without_leading_blanks(text);
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

Result<std::optional<Option>> take_option(std::string_view& text) {
  const std::string_view word = take_word(text);
  if (word.empty()) return std::nullopt;
  const auto equals = word.find('=');
  if (equals == std::string_view::npos) {
    return unknown_word(word);
  }
  return Option{.name = word.substr(0, equals), .value = word.substr(equals + 1)};
}

std::unexpected<Error> unknown_word(std::string_view word) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is not known here", word));
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<Offset> parse_offset(std::string_view text) {
  const auto number = parse_number(text);
  if (!number || *number > kMostOffset) return fail(ErrorCode::kInvalidArgument, "an offset is a number from 0");
  return Offset(*number);
}

Result<std::uint64_t> number_of(const Option& option, std::uint64_t least, std::uint64_t most) {
  const auto number = parse_number(option.value);
  if (!number || *number < least || *number > most) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{} is a number from {} to {}", option.name, least, most));
  }
  return *number;
}

}  // namespace walrus::protocol
