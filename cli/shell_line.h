// One line of the interactive shell, as a request. Pure.
//
// The shell is kinder than the protocol: verbs in any case, any number of blanks before, between and after the words.
// The payload of PUT and APPEND is the rest of the line; when its first and last byte are the same quote, single or
// double, that one pair belongs to the shell, and what is between them is the payload, byte for byte.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace walrus::cli {

struct ShellLine {
  enum class Kind : std::uint8_t { kEmpty, kRequest, kHelp, kExit };
  Kind kind = Kind::kEmpty;
  std::string request{};  ///< of kRequest: the text for the frame. A verb that we do not know is the server's to refuse
  std::string topic{};    ///< of kRequest: the word after the verb, for completion; empty for METRICS
};

ShellLine parse_shell_line(std::string_view line);

/// What the tab key does: `insert` is added at the cursor; when that is empty, `choices` are shown.
struct Completion {
  std::string insert{};
  std::vector<std::string> choices{};
};
/// `before_cursor` is the line up to the cursor, `topics` those that are known, `groups` those of the topic in the
/// line.
Completion complete(std::string_view before_cursor, const std::set<std::string>& topics,
                    const std::set<std::string>& groups = {});
/// The topic whose groups complete() could use for this line; empty when it could not use any.
std::string topic_of_groups(std::string_view before_cursor);

std::string_view shell_help();

}  // namespace walrus::cli
