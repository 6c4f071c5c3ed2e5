// Addresses as people write them ("host:port", "[v6]:port", several with commas between) and TCP connections to them.
// Errors are values; any thread; nothing is kept between calls.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "walrus/client/result.h"

namespace walrus::client {

struct Endpoint {
  std::string host;
  std::string port;

  /// As it was written, with brackets round an IPv6 address.
  std::string text() const;
};

/// "127.0.0.1:9091,127.0.0.1:9092". kInvalidRequest when a part is not HOST:PORT with a port of 1 to 65535.
Result<std::vector<Endpoint>> parse_endpoints(std::string_view list);

/// A connected, non-blocking socket with TCP_NODELAY; the caller closes it. The error is kCannotConnect and its text
/// the reason alone ("Connection refused"). A name that resolves to several addresses is tried in their order.
Result<int> connect_tcp(const Endpoint& endpoint, std::chrono::milliseconds timeout);

}  // namespace walrus::client
