#include "server/config_file.h"

#include <fmt/core.h>

#include <optional>

namespace walrus::server {
namespace {

void skip_blanks(std::string_view& text) {
  const auto first = text.find_first_not_of(" \t\r");
  text.remove_prefix(first == std::string_view::npos ? text.size() : first);
}

bool take(std::string_view& text, char expected) {
  skip_blanks(text);
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

std::string_view take_bare(std::string_view& text) {
  const auto end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+.");
  const std::string_view bare = text.substr(0, end);
  text.remove_prefix(bare.size());
  return bare;
}

/// The inside of a "basic" string, behind its first quote; backslash escapes of one character.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string value;
  while (!text.empty() && text.front() != '"') {
    char c = text.front();
    text.remove_prefix(1);
    if (c == '\\') {
      if (text.empty()) return std::nullopt;
      c = text.front();
      text.remove_prefix(1);
      if (c == 'n') c = '\n';
      if (c == 't') c = '\t';
    }
    value.push_back(c);
  }
  if (!take(text, '"')) return std::nullopt;
  return value;
}

std::optional<std::string> take_value(std::string_view& text) {
  skip_blanks(text);
  if (take(text, '"')) return take_quoted(text);
  if (take(text, '\'')) {
    const auto end = text.find('\'');
    if (end == std::string_view::npos) return std::nullopt;
    std::string value(text.substr(0, end));
    text.remove_prefix(end + 1);
    return value;
  }
  const std::string_view bare = take_bare(text);
  if (bare.empty()) return std::nullopt;
  return std::string(bare);
}

std::optional<std::vector<std::string>> take_values(std::string_view& text) {
  std::vector<std::string> values;
  if (!take(text, '[')) {
    auto value = take_value(text);
    if (!value) return std::nullopt;
    values.push_back(std::move(*value));
    return values;
  }
  while (!take(text, ']')) {
    auto value = take_value(text);
    if (!value) return std::nullopt;
    values.push_back(std::move(*value));
    if (!take(text, ',') && !text.starts_with(']')) return std::nullopt;
  }
  return values;
}

bool at_end(std::string_view text) {
  skip_blanks(text);
  return text.empty() || text.starts_with('#');
}

}  // namespace

Result<std::vector<ConfigLine>> parse_config_file(std::string_view text) {
  std::vector<ConfigLine> lines;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (at_end(line)) continue;
    skip_blanks(line);
    const std::string name(take_bare(line));
    const bool assigned = !name.empty() && take(line, '=');
    auto values = assigned ? take_values(line) : std::nullopt;
    if (!values || !at_end(line)) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("line {}: expected `name = value`", number));
    }
    lines.push_back({number, name, std::move(*values)});
  }
  return lines;
}

}  // namespace walrus::server
