// A writer whose records are numbered, so that what comes back can be judged: PUTs 0, 1, 2 … to one topic, pipelined to
// a depth, until told to stop or until the connection breaks. Knows how many were sent and how many acknowledged.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/harness/connection.h"

namespace walrus::test {

class NumberedWriter {
 public:
  NumberedWriter(std::uint16_t port, std::string topic, std::uint64_t first = 0, std::size_t depth = 64)
      : port_(port), topic_(std::move(topic)), depth_(depth), sent_(first), acknowledged_(first) {}

  /// Runs on the caller's thread. Returns when stop() was called and all was answered, when the connection broke, or at
  /// the first reply that is not OK (see refusal()).
  void run();
  void stop() { stopped_ = true; }  ///< any thread

  /// Numbers below are known to be acknowledged. Any thread.
  std::uint64_t acknowledged() const { return acknowledged_; }
  /// Numbers below were sent; after run().
  std::uint64_t sent() const { return sent_; }
  /// The first reply that was not OK; empty when there was none; after run().
  const std::string& refusal() const { return refusal_; }

 private:
  std::uint16_t port_;
  std::string topic_;
  std::size_t depth_;
  std::uint64_t sent_;
  std::atomic<std::uint64_t> acknowledged_;
  std::atomic<bool> stopped_ = false;
  std::string refusal_;
};

/// Checks what a drain gave against what writers knew: the numbers from `first` on, each once, in order; at least up to
/// `acknowledged` and never past `sent`. Returns what is wrong, or nothing.
std::string judge(const std::vector<std::string>& payloads, std::uint64_t first, std::uint64_t acknowledged,
                  std::uint64_t sent);

}  // namespace walrus::test
