#include "tests/harness/numbered_writer.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace walrus::test {
namespace {

/// The number in "<prefix><number>"; nothing for any other text.
std::optional<std::uint64_t> number_behind(const std::string& prefix, std::string_view payload) {
  if (!payload.starts_with(prefix)) return std::nullopt;
  payload.remove_prefix(prefix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(payload.data(), payload.data() + payload.size(), number);
  if (error != std::errc{} || end != payload.data() + payload.size()) return std::nullopt;
  return number;
}

}  // namespace

void NumberedWriter::run() {
  try {
    Connection connection(port_);
    while (!stopped_ || acknowledged_ < sent_) {
      std::string bytes;
      while (!stopped_ && sent_ - acknowledged_ < kDepth) {
        bytes += frame("PUT " + topic_ + " " + prefix_ + std::to_string(sent_));
        ++sent_;
      }
      connection.send_bytes(bytes);
      if (acknowledged_ == sent_) return;
      const auto reply = connection.receive_unless_closed();
      if (!reply) return;
      if (*reply != "OK") {
        refusal_ = *reply;
        return;
      }
      ++acknowledged_;
    }
  } catch (const std::system_error&) {  // the node is gone: as expected of a writer that is there to see it killed
  }
}

std::string judge(const std::vector<std::string>& payloads, std::uint64_t first, std::uint64_t acknowledged,
                  std::uint64_t sent) {
  std::uint64_t next = first;
  for (const std::string& payload : payloads) {
    if (payload != std::to_string(next)) {
      return "expected record " + std::to_string(next) + ", got " + payload.substr(0, 40);
    }
    ++next;
  }
  if (next < acknowledged) {
    return "record " + std::to_string(next) + " is lost; all below " + std::to_string(acknowledged) +
           " were acknowledged";
  }
  if (next > sent) return "record " + std::to_string(next - 1) + " was never sent";
  return {};
}

std::string judge_all(const std::vector<std::string>& payloads, const std::vector<Written>& writers) {
  for (const std::string& payload : payloads) {
    const bool known = std::ranges::any_of(writers, [&](const Written& writer) {
      const auto number = number_behind(writer.prefix, payload);
      return number && *number < writer.sent;
    });
    if (!known) return "record " + payload.substr(0, 40) + " was never sent";
  }
  for (const Written& writer : writers) {
    std::uint64_t next = 0;  // the lowest number that may come
    for (const std::string& payload : payloads) {
      const auto number = number_behind(writer.prefix, payload);
      if (!number) continue;
      if (*number < next) return "record " + payload + " comes twice or too late";
      if (*number > next && next < writer.acknowledged) break;  // reported below
      next = *number + 1;
    }
    if (next < writer.acknowledged) {
      return "record " + writer.prefix + std::to_string(next) + " is lost; all below " +
             std::to_string(writer.acknowledged) + " were acknowledged";
    }
  }
  return {};
}

}  // namespace walrus::test
