// What the answers of single calls come to, for Connection and Client alike. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "walrus/client/records.h"
#include "walrus/client/result.h"

namespace walrus::client {

std::unexpected<Error> invalid_request(std::string text);
/// kInvalidRequest when no server would take it.
Result<void> check_topic(std::string_view topic);
Result<void> check_group(std::string_view group);
/// The same for a record; `limit` is the longest that fits a frame.
Result<void> check_payload(std::string_view payload, std::size_t limit);

/// An ERR answer as an error; the server may itself not know the outcome.
Error server_error(const Reply& reply);

/// "OK" and nothing else.
Result<void> plain_ok(const Result<Reply>& reply);
/// The payload of an answer that must have one.
Result<std::string> payload_of(const Result<Reply>& reply);
/// The same for a GET, which may find nothing.
Result<std::optional<std::string>> record_of(const Result<Reply>& reply);
/// The whole answer as it came, unless it is an ERR.
Result<std::string> text_of(const Result<Reply>& reply);
/// "<first> <count> <next> <end>", a newline and the records (docs/protocol/text.md, FETCH).
Result<Records> records_of(const Result<Reply>& reply);
/// The same of a LEASE, where each record stands behind its tries.
Result<Records> leased_records_of(const Result<Reply>& reply);
/// The payload as a decimal number.
Result<std::uint64_t> number_of(const Result<Reply>& reply);

}  // namespace walrus::client
