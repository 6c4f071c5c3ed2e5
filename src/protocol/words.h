// The blanks and `name=value` words of a request's text. Views into what is passed; pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace walrus::protocol {

std::string_view without_leading_blanks(std::string_view text);
std::string_view without_trailing_blanks(std::string_view text);

/// Takes the next word and the blanks in front of it off `text`; empty when there is none.
std::string_view take_word(std::string_view& text);

/// One `name=value`.
struct Option {
  std::string_view name;
  std::string_view value;
};
/// Takes the next word off `text`; nothing at its end, kInvalidArgument when the word has no '='.
Result<std::optional<Option>> take_option(std::string_view& text);

/// The kInvalidArgument for a word that means nothing where it stands.
std::unexpected<Error> unknown_word(std::string_view word);

/// All of `text` as a decimal number, nothing else before or behind it.
std::optional<std::uint64_t> parse_number(std::string_view text);
/// kInvalidArgument when it is no offset.
Result<Offset> parse_offset(std::string_view text);
/// The value as a number; kInvalidArgument with the option's name and both bounds when it is none of them.
Result<std::uint64_t> number_of(const Option& option, std::uint64_t least, std::uint64_t most);

}  // namespace walrus::protocol
