// What a call to a Walrus cluster can come to: a value, or an Error that says what is known about the request.
//
// The distinction that matters is whether a request was carried out: kCannotConnect, kInvalidRequest and kNotSent say
// that it was not; kOutcomeUnknown says that nobody knows (it left, no answer came). Only the caller can decide whether
// to repeat such a request, so the client never does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace walrus::client {

enum class ErrorKind : std::uint8_t {
  kInvalidRequest,  ///< refused here: it could not be expressed, or is longer than the server takes
  kCannotConnect,   ///< no address answered
  kNotSent,         ///< the connection broke before the whole request was handed to the system: not carried out
  kOutcomeUnknown,  ///< the request left, no answer came: carried out or not
  kServer,          ///< the server answered ERR; `text` is what stood behind it
  kProtocol,        ///< what came back is not the Walrus protocol
  kFenced,          ///< a newer producer of the same name is at work; a Producer's records only
  kOverloaded,      ///< too much is queued in this client, and this thread must not wait: not carried out
  kClosed,          ///< asked of a client or producer that is being destroyed: not carried out, and never will be
};

/// Requests of a broken connection that had no answer yet.
struct Unanswered {
  std::size_t unknown = 0;   ///< sent: outcome unknown
  std::size_t not_sent = 0;  ///< certainly not carried out
};

struct Error {
  ErrorKind kind = ErrorKind::kProtocol;
  std::string text;         ///< one line for people, without a full stop
  Unanswered unanswered{};  ///< when a connection broke
};

template <class T>
using Result = std::expected<T, Error>;

/// A server's answer. `payload` lies in the connection's buffer: valid until the next call on that connection.
struct Reply {
  enum class Kind : std::uint8_t { kOk, kPayload, kEmpty, kError };
  Kind kind = Kind::kOk;
  std::string_view payload{};  ///< of kPayload; of kError: the text behind "ERR "
  std::string_view text{};     ///< the whole answer as it came
};

/// True for errors of the server that mean "not carried out, and likely to go away by itself": no leader just now,
/// overload, a node that is starting or stopping. `text` is what stood behind "ERR ".
bool is_transient(std::string_view text);

}  // namespace walrus::client
