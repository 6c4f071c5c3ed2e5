#include "cli/shell_line.h"

#include <algorithm>
#include <array>

namespace walrus::cli {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::array<std::string_view, 29> kVerbs = {
    "REGISTER", "PUT",     "GET",    "STATE",  "METRICS", "APPEND", "EXPECT", "FETCH",    "READ",   "COMMIT",
    "SEEK",     "CURSORS", "FORGET", "QUEUE",  "LEASE",   "ACK",    "NACK",   "EXTEND",   "TOPICS", "NODES",
    "DESCRIBE", "ALTER",   "TRIM",   "DELETE", "DRAIN",   "MPUT",   "FENCE",  "PRODUCER", "HELLO"};
constexpr std::array<std::string_view, 9> kGroupVerbs = {"READ",  "COMMIT", "SEEK", "FORGET", "QUEUE",
                                                         "LEASE", "ACK",    "NACK", "EXTEND"};
constexpr std::array<std::string_view, 6> kVerbsWithoutTopic = {"METRICS", "NODES",    "TOPICS",
                                                                "DRAIN",   "PRODUCER", "HELLO"};

template <std::size_t size>
bool is_one_of(std::string_view verb, const std::array<std::string_view, size>& verbs) {
  return std::ranges::find(verbs, verb) != verbs.end();
}
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

std::string_view trimmed_front(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kBlanks), text.size()));
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
  const bool known = is_one_of(verb, kVerbs);
  ShellLine result{.kind = ShellLine::Kind::kRequest, .request = known ? verb : std::string(word)};
  if (rest.empty()) return result;
  if (verb != "PUT" && verb != "APPEND") {
    if (known && !is_one_of(verb, kVerbsWithoutTopic)) result.topic = rest.substr(0, rest.find_first_of(kBlanks));
    result.request.append(" ").append(rest);
    return result;
  }
  result.topic = take_word(rest);
  result.request.append(" ").append(result.topic);
  if (!rest.empty()) result.request.append(" ").append(without_quotes(rest));
  return result;
}

std::string topic_of_groups(std::string_view before_cursor) {
  std::string_view rest = trimmed_front(before_cursor);
  if (!is_one_of(upper(take_word(rest)), kGroupVerbs)) return {};
  if (rest.find_first_of(kBlanks) == std::string_view::npos) return {};
  return std::string(take_word(rest));
}

Completion complete(std::string_view before_cursor, const std::set<std::string>& topics,
                    const std::set<std::string>& groups) {
  std::string_view rest = trimmed_front(before_cursor);
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
  if (!is_one_of(verb, kVerbs) || is_one_of(verb, kVerbsWithoutTopic)) return {};
  const bool in_group = is_one_of(verb, kGroupVerbs) && rest.find_first_of(kBlanks) != std::string_view::npos;
  if (in_group) take_word(rest);
  if (rest.find_first_of(kBlanks) != std::string_view::npos) return {};
  for (const std::string& name : in_group ? groups : topics) {
    if (name.starts_with(rest)) words.push_back(name);
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
