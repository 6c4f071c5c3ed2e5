// SIGINT and SIGTERM as something to wait for. The first one asks to stop: requested() turns true and descriptor()
// readable. A second one ends the process as usual. SIGPIPE is ignored, so that writing reports a closed pipe.
// One at a time; main thread.
#pragma once

#include <chrono>

namespace walrus::cli {

class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool requested() const;
  /// Stays readable once a stop was requested.
  int descriptor() const;
  /// Sleeps, but not past a request to stop.
  void wait_for(std::chrono::milliseconds time) const;
};

}  // namespace walrus::cli
