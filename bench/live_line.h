// Progress of a run on stderr, when that is a terminal: one line that is rewritten, gone at the end. One thread.
#pragma once

#include <fmt/core.h>

#include <cstdio>
#include <string>
#include <unistd.h>
#include <utility>

#include "bench/load.h"
#include "bench/report.h"

namespace walrus::bench {

class LiveLine {
 public:
  explicit LiveLine(std::string what) : what_(std::move(what)), live_(::isatty(STDERR_FILENO) == 1) {}
  ~LiveLine() {
    if (live_) fmt::print(stderr, "\r\x1b[K");
  }
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;

  void show(const LoadStatus& status) {
    const double seconds = status.seconds - last_.seconds;
    const auto rate = seconds > 0 ? static_cast<double>(status.done - last_.done) / seconds : 0;
    last_ = status;
    if (!live_) return;
    fmt::print(stderr, "\r\x1b[K{} {:.1f} s  {}/s  {} done  {} errors", what_, status.seconds, grouped(rate),
               grouped(static_cast<double>(status.done)), grouped(static_cast<double>(status.failed)));
    std::fflush(stderr);
  }

 private:
  std::string what_;
  bool live_;
  LoadStatus last_{};
};

}  // namespace walrus::bench
