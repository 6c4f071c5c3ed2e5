// Between a client session and the broker: requests go down, answers come back by slot number.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "protocol/text.h"

namespace walrus::broker {

/// What the client gets: "OK", "OK <payload>", "EMPTY" or "ERR <payload>".
struct Answer {
  enum class Kind : std::uint8_t { kOk, kOkPayload, kEmpty, kError };
  Kind kind = Kind::kOk;
  std::string_view payload;                ///< valid only during the call that passes it
  std::span<const SharedBytes> body = {};  ///< goes behind the payload; whoever keeps it shares the bytes
};

/// Takes answers, in any order of slots, each slot once. Called on the loop that the request was submitted on, possibly
/// before submit() returns.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  virtual void answer(std::uint64_t slot, const Answer& answer) = 0;
  /// The request waits for something that may not come for long; until it is answered it holds next to nothing.
  virtual void park(std::uint64_t) {}
  /// A group of answer() calls is over: now is the time to write to the socket. Called at least once after each group.
  virtual void flush() = 0;
};

/// One per shard: what the sessions of that shard hand their requests to.
class RequestSink {
 public:
  virtual ~RequestSink() = default;
  /// The views of `request` are valid only during the call. Requests of one session for one topic are carried out in
  /// the order of submission. The sink is kept alive until it was answered.
  virtual void submit(const protocol::Request& request, const std::shared_ptr<AnswerSink>& sink,
                      std::uint64_t slot) = 0;
  /// A group of submit() calls (one read from the socket) is over.
  virtual void flush() = 0;
};

}  // namespace walrus::broker
