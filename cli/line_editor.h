// A line from the terminal, with editing, history and completion (libedit). The history is a file that only its owner
// can read, with a bounded number of lines, rewritten after each line. One at a time; main thread.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/shell_line.h"

namespace walrus::cli {

inline constexpr int kMaxHistoryLines = 1'000;

class LineEditor {
 public:
  using Completer = std::function<Completion(std::string_view before_cursor)>;

  /// An empty `history_file` keeps the history in memory. One that cannot be read or written is no error.
  LineEditor(std::string prompt, std::filesystem::path history_file, Completer completer);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  /// The next line without its newline; nothing at Ctrl-D on an empty line and at Ctrl-C.
  std::optional<std::string> read_line();
  void remember(const std::string& line);

 private:
  class Terminal;
  std::unique_ptr<Terminal> terminal_;
};

}  // namespace walrus::cli
