// A writer whose records are numbered, so that what comes back can be judged: PUTs 0, 1, 2 … to one topic, pipelined to
// a depth, until told to stop or until the connection breaks. Knows how many were sent and how many acknowledged.
//
// What a reader may find of a writer: every acknowledged record, once, in order. A record whose reply never came may be
// there or not. On one node that is a prefix: the log ends somewhere behind the last acknowledged record. Through a
// forwarding node it is not: while the leader dies, an early record may be lost in between and a later one held and
// carried out.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/harness/connection.h"

namespace walrus::test {

/// Records `<prefix><number>` that were sent, numbers from 0 up; those below `acknowledged` were answered OK.
struct Written {
  std::string prefix;
  std::uint64_t acknowledged = 0;
  std::uint64_t sent = 0;
};

class NumberedWriter {
 public:
  NumberedWriter(std::uint16_t port, std::string topic, std::string prefix = {}, std::uint64_t first = 0)
      : port_(port), topic_(std::move(topic)), prefix_(std::move(prefix)), sent_(first), acknowledged_(first) {}

  /// Runs on the caller's thread. Returns when stop() was called and all was answered, when the connection broke, or at
  /// the first reply that is not OK (see refusal()).
  void run();
  void stop() { stopped_ = true; }  ///< any thread

  /// Numbers below are known to be acknowledged. Any thread.
  std::uint64_t acknowledged() const { return acknowledged_; }
  /// After run().
  Written written() const { return {.prefix = prefix_, .acknowledged = acknowledged_, .sent = sent_}; }
  /// The first reply that was not OK; empty when there was none; after run().
  const std::string& refusal() const { return refusal_; }

 private:
  static constexpr std::size_t kDepth = 64;

  std::uint16_t port_;
  std::string topic_;
  std::string prefix_;
  std::uint64_t sent_;
  std::atomic<std::uint64_t> acknowledged_;
  std::atomic<bool> stopped_ = false;
  std::string refusal_;
};

/// For one writer, or one after the other, at the node that leads: the numbers from `first` on, each once, in order; at
/// least up to `acknowledged` and never past `sent`. Returns what is wrong, or nothing.
std::string judge(const std::vector<std::string>& payloads, std::uint64_t first, std::uint64_t acknowledged,
                  std::uint64_t sent);

/// For several writers, or forwarding nodes: every acknowledged record is there, none twice, each writer's in order,
/// and none that nobody sent. Returns what is wrong, or nothing.
std::string judge_all(const std::vector<std::string>& payloads, const std::vector<Written>& writers);

}  // namespace walrus::test
