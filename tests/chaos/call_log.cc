#include "tests/chaos/call_log.h"

#include <fmt/core.h>

#include <charconv>

namespace walrus::chaos {

std::string name_of(RecordId id) { return fmt::format("{}:{}", id.producer, id.number); }

std::string payload_of(RecordId id) {
  std::uint64_t state = ((std::uint64_t{id.producer} << 32) | id.number) * 0x9E3779B97F4A7C15ULL + 1;
  std::string payload = name_of(id) + ":";
  const std::size_t fill = (state >> 20) % 150;
  for (std::size_t i = 0; i < fill; ++i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    payload.push_back(static_cast<char>(state));
  }
  return payload;
}

std::optional<RecordId> record_of(std::string_view payload) {
  RecordId id;
  const char* const end = payload.data() + payload.size();
  const auto producer = std::from_chars(payload.data(), end, id.producer);
  if (producer.ec != std::errc{} || producer.ptr == end || *producer.ptr != ':') return std::nullopt;
  const auto number = std::from_chars(producer.ptr + 1, end, id.number);
  if (number.ec != std::errc{} || payload != payload_of(id)) return std::nullopt;
  return id;
}

Outcome outcome_of(std::string_view reply) {
  if (reply == "OK" || reply.starts_with("OK ")) return Outcome::kDone;
  if (reply == "EMPTY") return Outcome::kEmpty;
  return reply.starts_with("ERR outcome unknown") ? Outcome::kUnknown : Outcome::kRefused;
}

}  // namespace walrus::chaos
