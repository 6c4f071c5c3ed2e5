// The program under test (WALRUS_PROGRAM) as a child process: bytes in, bytes and exit status out. Nothing here waits
// for a fixed time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace walrus::testing {

struct Outcome {
  int status = -1;  ///< exit status; 128 + n after signal n
  std::string out;
  std::string err;
};

/// It runs with pipes to its standard streams and a home directory of its own. stdin is closed, stdout is
/// read and the process reaped at the latest by finish(), which the destructor does not do: it kills.
class Program {
 public:
  explicit Program(const std::vector<std::string>& arguments);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void write(std::string_view bytes);
  void close_stdin();
  void close_stdout();
  /// Reads stdout until `bytes` of it have come, or its end.
  std::string read(std::size_t bytes);
  /// Reads stderr until `text` has come, or its end.
  bool wait_for_error(std::string_view text);
  void signal(int number);
  /// Closes stdin, takes the rest of both outputs and waits for the end.
  Outcome finish();

 private:
  int pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  int err_ = -1;
  std::string error_text_;
  std::string home_;
};

/// Runs to the end with `input` as stdin.
Outcome run_program(const std::vector<std::string>& arguments, std::string_view input = {});

/// The exit status of the program started by a shell: `arguments` may end with redirections.
int run_in_shell(const std::string& arguments);

}  // namespace walrus::testing
