// Each fault of a link, seen from both ends of a connection through the proxy.
#include "tests/chaos/fault_proxy.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <poll.h>
#include <string>
#include <unistd.h>

#include "peer.pb.h"
#include "protocol/peer_frame.h"
#include "tests/harness/connection.h"

namespace walrus::chaos {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kCaller = 1;
constexpr std::uint64_t kTarget = 2;

sockaddr_in at(const char* host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

std::string hello() {
  peer::Hello hello;
  hello.set_node_id(kCaller);
  const std::string header = hello.SerializeAsString();
  return *protocol::encode_peer_frame(
      {.type = peer::HELLO, .kind = protocol::PeerFrameKind::kCall, .call_id = 1, .header = header, .body = {}});
}

/// A target that listens, a proxy in front of it, and a caller that has said hello.
class Proxied : public ::testing::Test {
 protected:
  void SetUp() override {
    const int on = 1;
    ASSERT_EQ(::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    const sockaddr_in target = at("127.0.0.1", port_);
    ASSERT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&target), sizeof target), 0);
    ASSERT_EQ(::listen(listener_, 8), 0);
    connect();
  }
  void TearDown() override {
    for (const int socket : {caller_, target_, listener_}) ::close(socket);
  }

  void connect() {
    const sockaddr_in address = at("127.0.1.2", port_);
    ASSERT_EQ(::connect(caller_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    target_ = ::accept(listener_, nullptr, nullptr);
    say(caller_, hello());
    ASSERT_EQ(hear(target_, hello().size()), hello());
  }
  static void say(int socket, const std::string& bytes) {
    ASSERT_EQ(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  /// Up to `size` bytes, as far as they come within `patience`.
  static std::string hear(int socket, std::size_t size, std::chrono::milliseconds patience = 20s) {
    std::string heard;
    pollfd poll_for{.fd = socket, .events = POLLIN, .revents = 0};
    while (heard.size() < size && ::poll(&poll_for, 1, static_cast<int>(patience.count())) > 0) {
      char bytes[1024];
      const ssize_t count = ::recv(socket, bytes, std::min(sizeof bytes, size - heard.size()), 0);
      if (count <= 0) return heard + "<end>";
      heard.append(bytes, static_cast<std::size_t>(count));
    }
    return heard;
  }

  const std::uint16_t port_ = test::free_port();
  LinkRules rules_;
  FaultProxy proxy_{{.node = kTarget, .listen_host = "127.0.1.2", .port = port_, .seed = 1}, rules_};
  int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int caller_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int target_ = -1;
};

TEST_F(Proxied, BytesPassBothWays) {
  say(caller_, "there");
  EXPECT_EQ(hear(target_, 5), "there");
  say(target_, "back");
  EXPECT_EQ(hear(caller_, 4), "back");
}

TEST_F(Proxied, AStalledLinkHoldsOneDirectionUntilItIsHealed) {
  rules_.set(kCaller, kTarget, {.stalled = true});
  say(caller_, "there");
  say(target_, "back");
  EXPECT_EQ(hear(caller_, 4), "back");
  EXPECT_EQ(hear(target_, 5, 100ms), "");
  rules_.heal(kCaller, kTarget);
  EXPECT_EQ(hear(target_, 5), "there");
}

TEST_F(Proxied, AStalledLinkHoldsTheEndOfAConnectionToo) {
  rules_.set(kCaller, kTarget, {.stalled = true});
  ::shutdown(caller_, SHUT_RDWR);
  EXPECT_EQ(hear(target_, 1, 100ms), "");
  rules_.heal_all();
  EXPECT_EQ(hear(target_, 1), "<end>");
}

TEST_F(Proxied, ASwallowingLinkLosesBytesForGood) {
  rules_.set(kCaller, kTarget, {.swallowed = true});
  say(caller_, "gone");
  EXPECT_EQ(hear(target_, 4, 100ms), "");
  rules_.heal_all();
  say(caller_, "here");
  EXPECT_EQ(hear(target_, 4), "here");
}

TEST_F(Proxied, ACorruptingLinkFlipsOneBit) {
  rules_.set(kCaller, kTarget, {.corrupt = 1});
  say(caller_, "x");
  const std::string heard = hear(target_, 1);
  ASSERT_EQ(heard.size(), 1);
  const unsigned changed = static_cast<unsigned char>(heard[0]) ^ static_cast<unsigned char>('x');
  EXPECT_EQ(__builtin_popcount(changed), 1);
  EXPECT_EQ(proxy_.bits_flipped(), 1);
}

TEST_F(Proxied, ADelayedLinkIsLate) {
  rules_.set(kCaller, kTarget, {.delay = 200ms});
  const auto started = std::chrono::steady_clock::now();
  say(caller_, "late");
  EXPECT_EQ(hear(target_, 4), "late");
  EXPECT_GE(std::chrono::steady_clock::now() - started, 200ms);
}

TEST_F(Proxied, AResetEndsBothSides) {
  proxy_.reset_connections(kCaller);
  EXPECT_EQ(hear(caller_, 1), "<end>");
  EXPECT_EQ(hear(target_, 1), "<end>");
}

TEST_F(Proxied, AHalfOpenLinkAcceptsAndLeadsNowhere) {
  rules_.set(kCaller, kTarget, {.half_open = true});
  const int second = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = at("127.0.1.2", port_);
  ASSERT_EQ(::connect(second, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  say(second, hello());
  const int there = ::accept(listener_, nullptr, nullptr);
  EXPECT_EQ(hear(there, 1, 100ms), "");
  EXPECT_EQ(hear(second, 1, 1ms), "");
  ::close(second);
  ::close(there);
}

}  // namespace
}  // namespace walrus::chaos
