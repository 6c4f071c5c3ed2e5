// One connection of a load: a non-blocking socket, what waits to be written, what was read, and when each request in
// flight began. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "bench/codec.h"

namespace walrus::bench {

/// Monotonic nanoseconds.
using Nanoseconds = std::int64_t;
Nanoseconds monotonic_now();

struct PendingRequest {
  Nanoseconds began = 0;  ///< sent; in an open loop: due
  std::uint32_t topic = 0;
  RequestKind kind = RequestKind::kPut;
};

class Lane {
 public:
  /// `number` is different for each lane of a run.
  Lane(int socket, std::size_t number) : socket_(socket), number_(number) {}
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  int socket() const { return socket_; }
  std::size_t in_flight() const { return pending_.size(); }
  bool broken() const { return !break_reason_.empty(); }
  const std::string& break_reason() const { return break_reason_; }
  /// The socket did not take all: write again when it is writable.
  bool blocked() const { return sent_ < out_.size(); }

  /// Before the first request.
  void greet(const Codec& codec) { out_ += codec.greeting(number_); }
  void queue(const Codec& codec, const PendingRequest& request);
  void send();
  /// One read; then take_answer() until it gives none.
  void receive();
  /// The next answer with the request it belongs to. A reply that is none breaks the lane.
  bool take_answer(const Codec& codec, Answer& answer, PendingRequest& request);

 private:
  void break_off(std::string reason);

  int socket_;
  const std::size_t number_;
  std::string out_;
  std::size_t sent_ = 0;
  std::string in_;
  std::size_t taken_ = 0;
  std::uint64_t queued_ = 0;
  std::deque<PendingRequest> pending_;
  std::string break_reason_;
};

}  // namespace walrus::bench
