// What a node makes of bytes: limits, pipelining, and clients that lie, dawdle or speak something else.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include "tests/harness/single_node.h"

namespace walrus::test {
namespace {

constexpr std::size_t kLimit = 65'536;
constexpr std::size_t kMiB = 1024 * 1024;
const std::string kInvalidLength = "ERR invalid frame length";

using Frames = SingleNode;

std::string announce(std::size_t length) {
  std::string bytes;
  for (std::size_t i = 0; i < 4; ++i) bytes.push_back(static_cast<char>((length >> (8 * i)) & 0xff));
  return bytes;
}

/// AddressSanitizer keeps freed memory for a while (256 MiB of it), so a server built with it cannot be held to a size.
#if defined(__has_feature) && __has_feature(address_sanitizer)
constexpr bool kMemoryTells = false;
#else
constexpr bool kMemoryTells = true;
#endif

/// "VmRSS:   1234 kB" of /proc/<pid>/status, in bytes.
std::size_t resident_bytes(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; status >> word;) {
    std::size_t kib = 0;
    if (word == "VmRSS:" && status >> kib) return kib * 1024;
  }
  return 0;
}

TEST_F(Frames, OfLengthZeroAreAnErrorThatTheConnectionSurvives) {
  Connection connection = node_.connect();
  EXPECT_EQ(connection.request(""), kInvalidLength);
  EXPECT_EQ(connection.request(""), kInvalidLength);
  EXPECT_EQ(connection.request("REGISTER logs"), "OK");
}

TEST_F(Frames, OfExactlyTheLimitAreTakenAndOneByteMoreIsSkipped) {
  Connection connection = node_.connect();
  ASSERT_EQ(connection.request("REGISTER logs"), "OK");
  const std::string head = "PUT logs ";
  const std::string largest(kLimit - head.size(), 'x');
  EXPECT_EQ(connection.request(head + largest), "OK");
  EXPECT_EQ(connection.request(head + largest + "y"), kInvalidLength);
  EXPECT_EQ(connection.request("GET logs"), "OK " + largest);
  EXPECT_EQ(connection.request("GET logs"), "EMPTY");
}

TEST_F(Frames, ThatAreTooLongAreAnsweredBeforeTheirBodyComes) {
  Connection connection = node_.connect();
  connection.send_bytes(announce(kLimit + 1));
  EXPECT_EQ(connection.receive(), kInvalidLength);
  connection.send_bytes(std::string(kLimit + 1, 'G') + frame("GET logs"));
  EXPECT_EQ(connection.receive(), "ERR topic not found");
}

TEST_F(Frames, OfUpTo16MiBAreSkippedWithoutBeingBuffered) {
  Connection connection = node_.connect();
  const std::string body(16 * kMiB, 'b');
  connection.send_bytes(announce(body.size()) + body);
  ASSERT_EQ(connection.receive(), kInvalidLength);
  const std::size_t before = resident_bytes(node_.pid());
  ASSERT_GT(before, 0U);
  std::vector<Connection> others;
  for (int i = 0; i < 8; ++i) {
    others.push_back(node_.connect());
    others.back().send_bytes(announce(body.size()) + body.substr(1));  // one byte short: all of it is still pending
    ASSERT_EQ(others.back().receive(), kInvalidLength);
  }
  if (kMemoryTells) EXPECT_LT(resident_bytes(node_.pid()), before + 16 * kMiB);
  for (Connection& other : others) {
    other.send_bytes("b");
    EXPECT_EQ(other.request("GET logs"), "ERR topic not found");
  }
}

TEST_F(Frames, PastWhatAnybodyWouldSkipEndTheConnection) {
  for (const std::size_t length : {16 * kMiB + 1, std::size_t{0x7fffffff}, std::size_t{0xffffffff}}) {
    Connection connection = node_.connect();
    connection.send_bytes(announce(length));
    EXPECT_EQ(connection.receive(), kInvalidLength) << length;
    EXPECT_TRUE(connection.closed_by_peer()) << length;
  }
  EXPECT_EQ(node_.request("GET logs"), "ERR topic not found");
}

TEST_F(Frames, ThatAreHttpEndTheConnection) {
  Connection connection = node_.connect();
  connection.send_bytes("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  EXPECT_EQ(connection.receive(), kInvalidLength);
  EXPECT_TRUE(connection.closed_by_peer());
  EXPECT_EQ(node_.request("GET logs"), "ERR topic not found");
}

TEST_F(Frames, MayComeByteByByteAndCutAnywhere) {
  Connection connection = node_.connect();
  const std::string bytes = frame("REGISTER logs") + frame("PUT logs slow") + frame("GET logs");
  for (const char byte : bytes) connection.send_bytes(std::string(1, byte));
  EXPECT_EQ(connection.receive(), "OK");
  EXPECT_EQ(connection.receive(), "OK");
  EXPECT_EQ(connection.receive(), "OK slow");
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    connection.send_bytes(std::string_view(bytes).substr(0, cut));
    connection.send_bytes(std::string_view(bytes).substr(cut));
    ASSERT_EQ(connection.receive(), "OK") << cut;
    ASSERT_EQ(connection.receive(), "OK") << cut;
    ASSERT_EQ(connection.receive(), "OK slow") << cut;
  }
}

TEST_F(Frames, TwoThousandInOneWriteAreAnsweredInOrder) {
  constexpr int kRequests = 2'000;
  Connection connection = node_.connect();
  ASSERT_EQ(connection.request("REGISTER logs"), "OK");
  std::string puts;
  std::string gets;
  for (int i = 0; i < kRequests; ++i) {
    puts += frame("PUT logs " + std::to_string(i));
    gets += frame("GET logs");
  }
  connection.send_bytes(puts);
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ(connection.receive(), "OK") << i;
  connection.send_bytes(gets);
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ(connection.receive(), "OK " + std::to_string(i));
  EXPECT_EQ(connection.request("GET logs"), "EMPTY");
}

TEST_F(Frames, OfAllKindsInOneWriteReadAsIfEachHadBeenWaitedFor) {
  Connection connection = node_.connect();
  std::string bytes;
  for (int i = 0; i < 100; ++i) {
    const std::string topic = "topic-" + std::to_string(i % 7);
    bytes += frame("REGISTER " + topic) + frame("PUT " + topic + " " + std::to_string(i)) + frame("GET " + topic) +
             frame("GET " + topic) + frame("NONSENSE") + frame("") + frame("PUT " + topic);
  }
  connection.send_bytes(bytes);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(connection.receive(), "OK");
    ASSERT_EQ(connection.receive(), "OK");
    ASSERT_EQ(connection.receive(), "OK " + std::to_string(i));
    ASSERT_EQ(connection.receive(), "EMPTY");
    ASSERT_EQ(connection.receive(), "ERR unknown command");
    ASSERT_EQ(connection.receive(), kInvalidLength);
    ASSERT_EQ(connection.receive(), "ERR PUT requires a payload");
  }
}

TEST_F(Frames, SentBeforeAHalfCloseAreStillAnswered) {
  Connection connection = node_.connect();
  connection.send_bytes(frame("REGISTER logs") + frame("PUT logs x") + frame("GET logs"));
  connection.finish_sending();
  EXPECT_EQ(connection.receive(), "OK");
  EXPECT_EQ(connection.receive(), "OK");
  EXPECT_EQ(connection.receive(), "OK x");
  EXPECT_TRUE(connection.closed_by_peer());
}

TEST_F(Frames, LeftHalfByManyConnectionsDoNotDisturbTheOthers) {
  std::vector<Connection> dawdlers;
  for (int i = 0; i < 200; ++i) {
    dawdlers.push_back(node_.connect());
    switch (i % 4) {
      case 0:
        dawdlers.back().send_bytes(announce(kLimit).substr(0, 1 + (i / 4) % 3));
        break;
      case 1:
        dawdlers.back().send_bytes(announce(kLimit) + "PUT lo");
        break;
      case 2:
        dawdlers.back().send_bytes(announce(10 * kMiB) + "skipped");
        break;
      default:
        break;  // says nothing at all
    }
  }
  Connection connection = node_.connect();
  ASSERT_EQ(connection.request("REGISTER logs"), "OK");
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(connection.request("PUT logs " + std::to_string(i)), "OK");
    ASSERT_EQ(connection.request("GET logs"), "OK " + std::to_string(i));
  }
}

TEST_F(Frames, OfAClientThatNeverReadsStopThatClientOnly) {
  // Requests whose replies nobody takes: far more than the node and both kernels' socket buffers hold.
  constexpr std::size_t kFarTooMuch = 96 * kMiB;
  Connection connection = node_.connect();
  ASSERT_EQ(connection.request("REGISTER logs"), "OK");
  const std::size_t before = resident_bytes(node_.pid());
  const std::string some_requests = [] {
    std::string bytes;
    for (int i = 0; i < 4'000; ++i) bytes += frame("GET logs");
    return bytes;
  }();
  Connection greedy = node_.connect();
  std::size_t accepted = 0;
  while (accepted < kFarTooMuch) {
    const std::size_t sent = greedy.send_what_fits(some_requests, 200ms);
    if (sent == 0) break;  // the node reads no more from this one
    accepted += sent;
    if (sent < some_requests.size()) break;
  }
  EXPECT_LT(accepted, kFarTooMuch) << "the node took everything from a client that reads nothing";
  if (kMemoryTells) EXPECT_LT(resident_bytes(node_.pid()), before + 24 * kMiB);
  ASSERT_EQ(connection.request("PUT logs x"), "OK");
}

TEST_F(Frames, OfANaiveClientInTwoWritesDoNotWaitForDelayedAcks) {
  // Length and text in two writes with Nagle's algorithm on: the second write leaves only once the first is
  // acknowledged. A receiver that delays its ACKs makes that 40 ms for each request.
  Connection connection = node_.connect();
  connection.set_no_delay(false);
  std::vector<std::chrono::steady_clock::duration> round_trips;
  for (int i = 0; i < 101; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const std::string bytes = frame("GET logs");
    connection.send_bytes(std::string_view(bytes).substr(0, 4));
    connection.send_bytes(std::string_view(bytes).substr(4));
    ASSERT_EQ(connection.receive(), "ERR topic not found");
    round_trips.push_back(std::chrono::steady_clock::now() - start);
  }
  std::ranges::nth_element(round_trips, round_trips.begin() + 50);
  EXPECT_LT(round_trips[50], 20ms) << "the median of 101 requests";
}

}  // namespace
}  // namespace walrus::test
