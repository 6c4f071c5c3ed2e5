// HELLO: what a client says first on a connection over which it wants to send more than 64 KiB in one request
// (docs/protocol/text.md, Large requests).
#pragma once

#include <chrono>
#include <cstddef>

#include "walrus/client/result.h"

namespace walrus::client {

/// Asks for frames of `max_frame_bytes` over a fresh, non-blocking socket and waits for the answer; says nothing when
/// what every server takes is enough. A server that does not know HELLO is believed to have been started for them. The
/// error is kCannotConnect and its text the reason alone.
Result<void> greet(int socket, std::size_t max_frame_bytes, std::chrono::milliseconds timeout);

}  // namespace walrus::client
