#include "greeting.h"

#include <fmt/core.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <optional>
#include <poll.h>
#include <string>
#include <system_error>

#include "base/limits.h"
#include "protocol/frame.h"

namespace walrus::client {
namespace {

constexpr std::string_view kAllowed = R"("max_frame_bytes":)";
constexpr std::size_t kMaxAnswerBytes = 4 * limits::kKiB;

std::unexpected<Error> refuse(std::string reason) {
  return std::unexpected(Error{.kind = ErrorKind::kCannotConnect, .text = std::move(reason)});
}

std::optional<std::uint64_t> allowed_by(std::string_view json) {
  const auto at = json.find(kAllowed);
  if (at == std::string_view::npos) return std::nullopt;
  json.remove_prefix(at + kAllowed.size());
  std::uint64_t bytes = 0;
  if (std::from_chars(json.data(), json.data() + json.size(), bytes).ec != std::errc()) return std::nullopt;
  return bytes;
}

Result<void> judge(std::string_view answer, std::size_t max_frame_bytes) {
  if (answer.starts_with("ERR ")) return {};
  const auto allowed = allowed_by(answer);
  if (!allowed) return refuse("what came back is not an answer of a Walrus server");
  if (*allowed >= max_frame_bytes) return {};
  return refuse(fmt::format("the server takes requests of at most {} bytes, not of {}", *allowed, max_frame_bytes));
}

/// More bytes of the answer.
Result<void> receive(int socket, std::string& to, std::chrono::steady_clock::time_point deadline) {
  for (;;) {
    std::array<char, kMaxAnswerBytes> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv() fills it
    const ssize_t got = ::recv(socket, bytes.data(), bytes.size(), 0);
    if (got == 0) return refuse("closed by the server");
    if (got > 0) {
      to.append(bytes.data(), static_cast<std::size_t>(got));
      return {};
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return refuse(std::generic_category().message(errno));
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return refuse("no answer to HELLO in time");
    pollfd waiting{socket, POLLIN, 0};
    ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 1'000'000'000)));
  }
}

}  // namespace

Result<void> greet(int socket, std::size_t max_frame_bytes, std::chrono::milliseconds timeout) {
  if (max_frame_bytes <= limits::kMaxFrameBytes) return {};
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::string request;
  protocol::append_frame(request, fmt::format("HELLO max_frame={}", max_frame_bytes));
  // The first bytes on a connection always find room.
  const ssize_t sent = ::send(socket, request.data(), request.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(request.size())) return refuse(std::generic_category().message(errno));
  std::string bytes;
  protocol::FrameDecoder decoder(kMaxAnswerBytes);
  for (;;) {
    if (auto received = receive(socket, bytes, deadline); !received) return received;
    std::string_view rest = bytes;
    const auto step = decoder.next(rest);
    if (step.event == protocol::FrameDecoder::Event::kFrame && rest.empty()) return judge(step.text, max_frame_bytes);
    if (step.event != protocol::FrameDecoder::Event::kNeedMore) {
      return refuse("what came back is not an answer of a Walrus server");
    }
    bytes.erase(0, bytes.size() - rest.size());
  }
}

}  // namespace walrus::client
