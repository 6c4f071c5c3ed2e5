#include "protocol/topic_name.h"

#include <optional>

#include "base/limits.h"

namespace walrus::protocol {
namespace {

/// One code point off the front of `text`, or nothing where it is not well-formed UTF-8 (RFC 3629: no overlong forms,
/// no surrogates, nothing above U+10FFFF).
std::optional<char32_t> take_code_point(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  std::size_t size = 1;
  char32_t code = lead;
  char32_t least = 0;
  if (lead >= 0x80) {
    if ((lead & 0xe0) == 0xc0) {
      size = 2, code = lead & 0x1f, least = 0x80;
    } else if ((lead & 0xf0) == 0xe0) {
      size = 3, code = lead & 0x0f, least = 0x800;
    } else if ((lead & 0xf8) == 0xf0) {
      size = 4, code = lead & 0x07, least = 0x10000;
    } else {
      return std::nullopt;
    }
  }
  if (text.size() < size) return std::nullopt;
  for (std::size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) return std::nullopt;
    code = (code << 6) | (byte & 0x3f);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < least || code > 0x10ffff || surrogate) return std::nullopt;
  text.remove_prefix(size);
  return code;
}

/// Control characters (C0, DEL, C1) and everything that Unicode calls White_Space.
bool control_or_blank(char32_t code) {
  if (code <= 0x20 || (code >= 0x7f && code <= 0xa0)) return true;
  return code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 || code == 0x202f ||
         code == 0x205f || code == 0x3000;
}

}  // namespace

bool valid_topic_name(std::string_view name) {
  if (name.empty() || name.size() > limits::kMaxTopicNameBytes) return false;
  const auto plain = [](char c) { return c > 0x20 && c < 0x7f; };
  std::string_view rest = name;
  while (!rest.empty()) {
    if (plain(rest.front())) {
      rest.remove_prefix(1);
      continue;
    }
    const auto code = take_code_point(rest);
    if (!code || control_or_blank(*code)) return false;
  }
  return true;
}

}  // namespace walrus::protocol
