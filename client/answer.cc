#include "answer.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "protocol/record.h"
#include "protocol/text.h"

namespace walrus::client {
namespace {

Error unexpected_answer(const Reply& reply) {
  return Error{.kind = ErrorKind::kProtocol, .text = "unexpected answer: " + std::string(reply.text.substr(0, 80))};
}

}  // namespace

std::unexpected<Error> invalid_request(std::string text) {
  return std::unexpected(Error{.kind = ErrorKind::kInvalidRequest, .text = std::move(text)});
}

Result<void> check_name(std::string_view what, std::string_view name) {
  if (protocol::valid_topic_name(name)) return {};
  return invalid_request("invalid " + std::string(what) + " name '" + std::string(name) +
                         "': 1 to 249 bytes of UTF-8 without blanks or control characters");
}

Result<void> check_topic(std::string_view topic) { return check_name("topic", topic); }
Result<void> check_group(std::string_view group) { return check_name("group", group); }

Result<void> check_payload(std::string_view payload, std::size_t limit) {
  if (payload.empty()) return invalid_request("a record needs at least one byte");
  if (payload.size() <= limit) return {};
  return invalid_request("a record of " + std::to_string(payload.size()) + " bytes is too long: at most " +
                         std::to_string(limit) + " fit a frame");
}

Error server_error(const Reply& reply) {
  const bool unknown = reply.payload.starts_with("outcome unknown");
  return Error{.kind = unknown ? ErrorKind::kOutcomeUnknown : ErrorKind::kServer, .text = std::string(reply.payload)};
}

Result<void> plain_ok(const Result<Reply>& reply) {
  if (!reply) return std::unexpected(reply.error());
  if (reply->kind == Reply::Kind::kError) return std::unexpected(server_error(*reply));
  if (reply->kind != Reply::Kind::kOk) return std::unexpected(unexpected_answer(*reply));
  return {};
}

Result<std::string> payload_of(const Result<Reply>& reply) {
  if (!reply) return std::unexpected(reply.error());
  if (reply->kind == Reply::Kind::kError) return std::unexpected(server_error(*reply));
  if (reply->kind != Reply::Kind::kPayload) return std::unexpected(unexpected_answer(*reply));
  return std::string(reply->payload);
}

Result<std::optional<std::string>> record_of(const Result<Reply>& reply) {
  if (reply && reply->kind == Reply::Kind::kEmpty) return std::nullopt;
  return payload_of(reply);
}

Result<std::string> text_of(const Result<Reply>& reply) {
  if (!reply) return std::unexpected(reply.error());
  if (reply->kind == Reply::Kind::kError) return std::unexpected(server_error(*reply));
  return std::string(reply->text);
}

namespace {

Result<Records> records_in(const Result<Reply>& reply, bool leased) {
  auto text = payload_of(reply);
  if (!text) return std::unexpected(text.error());
  auto bytes = std::make_unique<std::string>(std::move(*text));
  const std::size_t line = bytes->find('\n');
  std::uint64_t numbers[4] = {};
  const char* at = bytes->data();
  const char* const line_end = at + std::min(line, bytes->size());
  for (std::uint64_t& number : numbers) {
    const auto [stop, error] = std::from_chars(at, line_end, number);
    if (error != std::errc()) return std::unexpected(unexpected_answer(*reply));
    at = std::min(stop + 1, line_end);
  }
  const auto [first, count, next, end] = numbers;
  std::vector<Record> records;
  std::string_view rest = line < bytes->size() ? std::string_view(*bytes).substr(line + 1) : std::string_view();
  while (!rest.empty()) {
    std::uint32_t tries = 0;
    if (leased) {
      if (rest.size() < sizeof tries) return std::unexpected(unexpected_answer(*reply));
      tries = load_little<std::uint32_t>(rest.data());
      rest.remove_prefix(sizeof tries);
    }
    const auto form = protocol::take_record(rest);
    if (!form || !form->place) return std::unexpected(unexpected_answer(*reply));
    Record record{.offset = form->place->offset.value(),
                  .timestamp_ms = form->place->timestamp_ms,
                  .key = form->key,
                  .value = form->value,
                  .headers = {},
                  .tries = tries};
    for (const auto& header : form->headers) record.headers.emplace_back(header.name, header.value);
    records.push_back(std::move(record));
  }
  if (records.size() != count || next != first + count) return std::unexpected(unexpected_answer(*reply));
  return Records(std::move(bytes), std::move(records), next, end);
}

}  // namespace

Result<Records> records_of(const Result<Reply>& reply) { return records_in(reply, false); }
Result<Records> leased_records_of(const Result<Reply>& reply) { return records_in(reply, true); }

Result<std::uint64_t> number_of(const Result<Reply>& reply) {
  const auto text = payload_of(reply);
  if (!text) return std::unexpected(text.error());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) return std::unexpected(unexpected_answer(*reply));
  return number;
}

}  // namespace walrus::client
