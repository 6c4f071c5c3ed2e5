#include "cli/shell_line.h"

#include <algorithm>
#include <array>

namespace walrus::cli {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::array<std::string_view, 6> kVerbs = {"REGISTER", "PUT", "APPEND", "GET", "STATE", "METRICS"};
constexpr std::array<std::string_view, 4> kShellWords = {"help", "exit", "quit", "q"};

std::string upper(std::string_view word) {
  std::string result(word);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

std::string lower(std::string_view word) {
  std::string result(word);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// Takes the first word and the blanks behind it off `text`.
std::string_view take_word(std::string_view& text) {
  const auto end = std::min(text.find_first_of(kBlanks), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks, end), text.size()));
  return word;
}

std::string_view without_quotes(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.front() == text.back() && (text.front() == '"' || text.front() == '\'');
  return quoted ? text.substr(1, text.size() - 2) : text;
}

/// The longest beginning that all of `words` share.
std::string common_prefix(const std::vector<std::string>& words) {
  std::string prefix = words.front();
  for (const std::string& word : words) {
    const auto [end, other] = std::ranges::mismatch(prefix, word);
    prefix.erase(end, prefix.end());
  }
  return prefix;
}

/// `typed` is the beginning of a word that may become one of `words`.
Completion choose(std::string_view typed, std::vector<std::string> words) {
  if (words.empty()) return {};
  const std::string prefix = common_prefix(words);
  std::string insert = prefix.substr(std::min(typed.size(), prefix.size()));
  if (words.size() == 1) return {.insert = insert + " ", .choices = {}};
  if (!insert.empty()) return {.insert = std::move(insert), .choices = {}};
  return {.insert = {}, .choices = std::move(words)};
}

}  // namespace

ShellLine parse_shell_line(std::string_view line) {
  std::string_view rest = trimmed(line);
  if (rest.empty()) return {};
  const std::string_view word = take_word(rest);
  const std::string verb = upper(word);
  if (rest.empty()) {
    if (verb == "EXIT" || verb == "QUIT" || verb == "Q") return {.kind = ShellLine::Kind::kExit};
    if (verb == "HELP" || verb == "?") return {.kind = ShellLine::Kind::kHelp};
  }
  const bool known = std::ranges::find(kVerbs, verb) != kVerbs.end();
  ShellLine result{.kind = ShellLine::Kind::kRequest, .request = known ? verb : std::string(word)};
  if (rest.empty()) return result;
  if (verb != "PUT" && verb != "APPEND") {
    if (known) result.topic = rest;
    result.request.append(" ").append(rest);
    return result;
  }
  result.topic = take_word(rest);
  result.request.append(" ").append(result.topic);
  if (!rest.empty()) result.request.append(" ").append(without_quotes(rest));
  return result;
}

Completion complete(std::string_view before_cursor, const std::set<std::string>& topics) {
  std::string_view rest =
      before_cursor.substr(std::min(before_cursor.find_first_not_of(kBlanks), before_cursor.size()));
  std::vector<std::string> words;
  if (rest.find_first_of(kBlanks) == std::string_view::npos) {
    const std::string typed = upper(rest);
    const bool small = !rest.empty() && rest.back() >= 'a' && rest.back() <= 'z';
    for (const std::string_view verb : kVerbs) {
      if (verb.starts_with(typed)) words.push_back(small ? lower(verb) : std::string(verb));
    }
    for (const std::string_view word : kShellWords) {
      if (!rest.empty() && upper(word).starts_with(typed) && word != "q") words.emplace_back(word);
    }
    return choose(rest, std::move(words));
  }
  const std::string verb = upper(take_word(rest));
  const bool takes_topic = verb != "METRICS" && std::ranges::find(kVerbs, verb) != kVerbs.end();
  if (!takes_topic || rest.find_first_of(kBlanks) != std::string_view::npos) return {};
  for (const std::string& topic : topics) {
    if (topic.starts_with(rest)) words.push_back(topic);
  }
  return choose(rest, std::move(words));
}

std::string_view shell_help() {
  return R"(REGISTER <topic>         create a topic; OK also when it exists
PUT <topic> <payload>    append a record; one pair of quotes round the payload is not stored
APPEND <topic> <payload> the same, and its offset
GET <topic>              the next record, or EMPTY; moves the cursor that all readers share
STATE <topic>            segments, leaders, counts and the cursor, as JSON
METRICS                  the node's Raft state, as JSON
help, exit (or quit, q, Ctrl-C, Ctrl-D)
)";
}

}  // namespace walrus::cli
