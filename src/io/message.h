// Between io::Message and the protobuf header inside it. Templates over any generated message, so that io/ itself needs
// no protobuf. Pure; any thread.
#pragma once

#include <cstdint>
#include <utility>

#include "base/result.h"
#include "io/transport.h"

namespace walrus::io {

/// A message of kind `type` with `header` serialized in it and `body` behind it.
template <class Header>
Message make_message(std::uint16_t type, const Header& header, SharedBytes body = {}) {
  Message message{.type = type, .header = {}, .body = std::move(body)};
  header.SerializeToString(&message.header);
  return message;
}

/// The header of a message that must be of kind `type`; kCorrupt otherwise or when it does not parse.
template <class Header>
Result<Header> parse_header(const Message& message, std::uint16_t type) {
  Header header;
  if (message.type != type || !header.ParseFromString(message.header)) {
    return fail(ErrorCode::kCorrupt, "unexpected or malformed message of type " + std::to_string(message.type));
  }
  return header;
}

}  // namespace walrus::io
