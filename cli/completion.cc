#include "cli/completion.h"

#include <CLI/Option.hpp>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace walrus::cli {
namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_name().empty(); });
}

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return option->nonpositional(); });
}

std::vector<const CLI::Option*> positionals_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

std::vector<std::string> flags_of(const CLI::Option& option) {
  std::vector<std::string> flags;
  for (const std::string& name : option.get_snames()) flags.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) flags.push_back("--" + name);
  return flags;
}

/// Words that may stand behind a command: its own commands and options.
std::vector<std::string> words_of(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::App* command : commands_of(app)) words.push_back(command->get_name());
  for (const CLI::Option* option : options_of(app)) std::ranges::copy(flags_of(*option), std::back_inserter(words));
  return words;
}

/// One "path) …" of the case in the bash function, for a command and all below it. `path` is how it is called.
void add_cases(const CLI::App& app, const std::string& path, std::string& cases) {
  std::string names;
  const auto positionals = positionals_of(app);
  for (std::size_t i = 0; i < positionals.size(); ++i) {
    const std::string name = positionals[i]->get_name(true);
    if (name == "topic" || name == "group") names += fmt::format(" [{}]={}", i, name);
  }
  cases += fmt::format("    \"{}\") words=\"{}\"; names=({} ) ;;\n", path, fmt::join(words_of(app), " "), names);
  for (const CLI::App* command : commands_of(app)) {
    add_cases(*command, path.empty() ? command->get_name() : path + " " + command->get_name(), cases);
  }
}

constexpr std::string_view kBashHead = R"text(# bash completion for walrus-cli, made by `walrus-cli completion bash`
_walrus_cli_names() {
  if [ "$1" = topic ]; then
    walrus-cli --timeout 1 topic list 2>/dev/null | awk 'NR > 1 { print $1 }'
  else
    walrus-cli --timeout 1 group list "$2" 2>/dev/null | awk 'NR > 1 { print $1 }'
  fi
}
_walrus_cli() {
  local current="${COMP_WORDS[COMP_CWORD]}" path="" word words
  local -a given=()
  local -A names=()
  local i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${COMP_WORDS[i]}"
    [[ "$word" == -* ]] && continue
    _walrus_cli_words "$path"
    if [[ " $words " == *" $word "* ]]; then path="${path:+$path }$word"; else given+=("$word"); fi
  done
  _walrus_cli_words "$path"
  local kind="${names[${#given[@]}]}"
  if [ -n "$kind" ] && [[ "$current" != -* ]]; then
    words="$(_walrus_cli_names "$kind" "${given[0]}")"
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
_walrus_cli_words() {
  names=()
  case "$1" in
)text";

std::string roff(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '-') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

void add_options(const CLI::App& app, std::string& page) {
  for (const CLI::Option* option : positionals_of(app)) {
    page += fmt::format(".TP\n\\fI{}\\fR\n{}\n", roff(option->get_name(true)), roff(option->get_description()));
  }
  for (const CLI::Option* option : options_of(app)) {
    page += fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(fmt::format("{}", fmt::join(flags_of(*option), ", "))),
                        roff(option->get_description()));
  }
}

void add_commands(const CLI::App& app, const std::string& path, std::string& page) {
  for (const CLI::App* command : commands_of(app)) {
    const std::string name = path.empty() ? command->get_name() : path + " " + command->get_name();
    page += fmt::format(".SS {}\n{}\n", roff(name), roff(command->get_description()));
    add_options(*command, page);
    add_commands(*command, name, page);
  }
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
  std::string cases;
  add_cases(app, "", cases);
  std::string script(kBashHead);
  script += cases;
  script += "  esac\n}\ncomplete -F _walrus_cli walrus-cli\n";
  return script;
}

std::string zsh_completion(const CLI::App& app) {
  return "#compdef walrus-cli\n# made by `walrus-cli completion zsh`: the one for bash, through zsh's bashcompinit\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash_completion(app);
}

std::string manual_page(const CLI::App& app) {
  std::string page =
      fmt::format(".TH WALRUS\\-CLI 1\n.SH NAME\nwalrus\\-cli \\- {}\n.SH SYNOPSIS\n", "talk to a Walrus cluster");
  page += ".B walrus\\-cli\n[\\fIoptions\\fR] [\\fIcommand\\fR \\&.\\|.\\|.]\n.SH DESCRIPTION\n" +
          roff(app.get_description()) + "\n";
  page += ".SH OPTIONS\n";
  add_options(app, page);
  page += ".SH COMMANDS\n";
  add_commands(app, "", page);
  return page;
}

}  // namespace walrus::cli
