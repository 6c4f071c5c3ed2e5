// What a shell completes of walrus-cli's command line, and its manual page, made from the command line's own
// description so that they cannot disagree with it. `walrus-cli completion bash|zsh|man` prints them; the build
// installs them. Pure.
#pragma once

#include <CLI/App.hpp>

#include <string>

namespace walrus::cli {

/// For bash-completion. Words that are topics or groups are asked for at the cluster that WALRUS_ADDR, or the default,
/// names.
std::string bash_completion(const CLI::App& app);
std::string zsh_completion(const CLI::App& app);
/// In roff, section 1.
std::string manual_page(const CLI::App& app);

}  // namespace walrus::cli
