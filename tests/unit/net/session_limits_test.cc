// What one client can cost: time, memory, connections.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tests/unit/net/raw_client.h"
#include "tests/unit/net/session_server.h"

namespace walrus::net {
namespace {

using std::chrono::milliseconds;

SessionOptions impatient() {
  SessionOptions options;
  options.sweep_interval = milliseconds(10);
  options.partial_frame_timeout = milliseconds(100);
  options.stalled_reply_timeout = milliseconds(100);
  options.linger_timeout = milliseconds(100);
  return options;
}

/// Writes `bytes` over and over until nothing has been taken for a while; returns how much went.
std::size_t send_until_stuck(RawClient& client, const std::string& bytes) {
  std::size_t sent = 0;
  int refused = 0;
  while (refused < 50 && sent < 512 * limits::kMiB) {
    const std::size_t size = client.send_without_waiting(std::string_view(bytes).substr(sent % bytes.size()));
    sent += size;
    refused = size == 0 ? refused + 1 : 0;
    if (size == 0) std::this_thread::sleep_for(milliseconds(2));
  }
  return sent;
}

TEST(SessionLimits, HalfAFrameEndsItsConnectionAndNoOther) {
  SessionServer server(impatient());
  RawClient half(server.port());
  RawClient idle(server.port());
  RawClient half_length(server.port());
  RawClient half_skipped(server.port());
  ASSERT_TRUE(half.send(frame("PUT t a").substr(0, 7)));
  ASSERT_TRUE(half_length.send("\5"));
  std::string oversize;
  append_little(oversize, std::uint32_t{100'000});
  ASSERT_TRUE(half_skipped.send(oversize + "body"));
  EXPECT_EQ(half_skipped.reply(), "ERR invalid frame length");
  EXPECT_TRUE(half.closed_by_server());
  EXPECT_TRUE(half_length.closed_by_server());
  EXPECT_TRUE(half_skipped.closed_by_server());
  EXPECT_EQ(idle.ask("GET a"), "OK a");
  EXPECT_EQ(server.open_connections(), 1u);
}

TEST(SessionLimits, ASlowSenderIsServedAsLongAsItSends) {
  SessionServer server(impatient());
  RawClient slow(server.port());
  slow.set_no_delay();
  for (const char byte : frame("GET slow")) {
    ASSERT_TRUE(slow.send({&byte, 1}));
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_EQ(slow.reply(), "OK slow");
}

TEST(SessionLimits, UnansweredRequestsStopTheReadingAndCostBoundedMemory) {
  SessionServer server;
  server.run([](auto& s) { s.sink().hold = true; });
  RawClient client(server.port());
  std::string requests;
  for (int i = 0; i < 64; ++i) requests += frame("PUT t " + std::string(1000, 'x'));
  send_until_stuck(client, requests);
  EXPECT_LE(server.run([](auto& s) { return s.sink().payload_bytes; }), limits::kMaxPipelinedBytes);
  EXPECT_GE(server.run([](auto& s) { return s.sink().payload_bytes; }), limits::kMaxPipelinedBytes / 2);
  EXPECT_LE(server.run([](auto& s) { return s.group().held_bytes(); }),
            limits::kMaxPipelinedBytes + limits::kClientReadBytes + limits::kMaxFrameBytes);
  EXPECT_EQ(RawClient(server.port()).ask("nonsense"), "ERR unknown command");
  // All of it goes on once the answers come.
  server.run([](auto& s) {
    s.sink().hold = false;
    auto held = std::exchange(s.sink().held, {});
    for (const auto& request : held) s.sink().answer(request);
    held.front().sink->flush();
  });
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(client.reply(), "OK");
}

TEST(SessionLimits, NoMoreThanTheLimitOfRequestsIsInFlight) {
  SessionServer server;
  server.run([](auto& s) { s.sink().hold = true; });
  RawClient client(server.port());
  std::string requests;
  for (int i = 0; i < 64; ++i) requests += frame("PUT t x");
  send_until_stuck(client, requests);
  EXPECT_EQ(server.run([](auto& s) { return s.sink().held.size(); }), limits::kMaxPipelinedRequests);
}

TEST(SessionLimits, AReaderThatNeverReadsCostsBoundedMemory) {
  SessionServer server;
  server.run([](auto& s) { s.sink().record = std::string(60'000, 'r'); });
  RawClient client(server.port(), 4096);
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += frame("GET t");
  send_until_stuck(client, requests);
  EXPECT_LE(server.run([](auto& s) { return s.group().held_bytes(); }),
            limits::kMaxPipelinedBytes + limits::kClientReadBytes + limits::kMaxFrameBytes);
  EXPECT_EQ(RawClient(server.port()).ask("REGISTER a"), "OK");
  // It can still change its mind.
  for (int i = 0; i < 500; ++i) ASSERT_EQ(client.reply().value_or("").size(), 60'003u);
}

TEST(SessionLimits, AReaderThatNeverReadsIsClosedInTheEnd) {
  SessionServer server(impatient());
  server.run([](auto& s) { s.sink().record = std::string(60'000, 'r'); });
  RawClient client(server.port(), 4096);
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += frame("GET t");
  send_until_stuck(client, requests);
  EXPECT_TRUE(server.wait_until([](auto& s) { return s.open_connections() == 0; }));
  EXPECT_EQ(server.run([](auto& s) { return s.group().held_bytes(); }), 0u);
}

TEST(SessionLimits, AllSessionsTogetherHoldABoundedAmount) {
  SessionOptions options;
  options.max_client_bytes = 1 * limits::kMiB;
  SessionServer server(options);
  server.run([](auto& s) { s.sink().hold = true; });
  std::vector<RawClient> clients;
  std::string requests;
  for (int i = 0; i < 64; ++i) requests += frame("PUT t " + std::string(1000, 'x'));
  for (int i = 0; i < 8; ++i) send_until_stuck(clients.emplace_back(server.port()), requests);
  EXPECT_LE(server.run([](auto& s) { return s.sink().payload_bytes; }),
            options.max_client_bytes + 8 * (limits::kFairClientBytes + 4 * limits::kClientReadBytes));
  // Each still has its fair share.
  const auto fair = limits::kFairClientBytes / 1000 * 8;
  EXPECT_GE(server.run([](auto& s) { return s.sink().held.size(); }), fair);
}

TEST(SessionLimits, AConnectionTooManyIsToldSo) {
  SessionServer server({}, 2);
  RawClient first(server.port());
  RawClient second(server.port());
  EXPECT_EQ(first.ask("GET a"), "OK a");
  EXPECT_EQ(second.ask("GET a"), "OK a");
  RawClient third(server.port());
  EXPECT_EQ(third.reply(), "ERR overloaded: not carried out, try again: too many connections");
  EXPECT_TRUE(third.closed_by_server());
  EXPECT_EQ(first.ask("GET a"), "OK a");
}

TEST(SessionLimits, ThousandsOfIdleConnectionsHoldNoBuffers) {
  SessionServer server(impatient());
  std::vector<RawClient> clients;
  for (int i = 0; i < 400; ++i) {
    RawClient& client = clients.emplace_back(server.port());
    ASSERT_EQ(client.ask("GET a"), "OK a");
  }
  ASSERT_TRUE(server.wait_until([](auto& s) { return s.group().buffer_bytes() == 0; }));
  EXPECT_EQ(server.run([](auto& s) { return s.group().sessions(); }), 400u);
  for (RawClient& client : clients) ASSERT_EQ(client.ask("GET b"), "OK b");
}

TEST(SessionRate, WhoSendsTooMuchIsSlowedDownNotDropped) {
  SessionOptions options;
  options.bytes_per_second = 200'000;
  options.partial_frame_timeout = milliseconds(10);  // waiting for its turn is no fault of the client's
  options.sweep_interval = milliseconds(5);
  SessionServer server(options);
  RawClient client(server.port());
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += frame("PUT t " + std::string(1000, 'x'));
  const auto begin = std::chrono::steady_clock::now();
  std::thread sending([&] { EXPECT_TRUE(client.send(requests)); });
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client.reply(), "OK") << i;
  sending.join();
  // 100 kB at 200 kB a second; the last read goes through before it is paid for.
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(350));
  EXPECT_EQ(RawClient(server.port()).ask("GET a"), "OK a") << "others are not concerned";
}

TEST(SessionRate, RepliesCountToo) {
  SessionOptions options;
  options.bytes_per_second = 200'000;
  SessionServer server(options);
  server.run([](auto& s) { s.sink().record = std::string(10'000, 'r'); });
  RawClient client(server.port());
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 10; ++i) ASSERT_EQ(client.ask("GET t").size(), 10'003u);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(400));
}

TEST(SessionStop, AnswersWhatIsInFlightAndThenCloses) {
  SessionServer server;
  server.run([](auto& s) { s.sink().hold = true; });
  RawClient client(server.port());
  ASSERT_TRUE(client.send_frame("PUT t a"));
  ASSERT_TRUE(server.wait_until([](auto& s) { return s.sink().held.size() == 1; }));
  std::thread answering([&] {
    ASSERT_TRUE(server.wait_until([](auto& s) { return s.group().stopping(); }));
    server.run([](auto& s) {
      s.sink().answer(s.sink().held.front());
      s.sink().held.front().sink->flush();
      s.sink().held.clear();
    });
  });
  server.stop_group(std::chrono::seconds(10));
  answering.join();
  EXPECT_EQ(client.reply(), "OK");
  EXPECT_TRUE(client.closed_by_server());
}

TEST(SessionStop, DoesNotWaitLongerThanItIsTold) {
  SessionServer server;
  server.run([](auto& s) { s.sink().hold = true; });
  RawClient client(server.port());
  ASSERT_TRUE(client.send_frame("PUT t a"));
  ASSERT_TRUE(server.wait_until([](auto& s) { return s.sink().held.size() == 1; }));
  server.stop_group(milliseconds(20));
  EXPECT_TRUE(client.closed_by_server());
  server.run([](auto& s) { s.sink().held.clear(); });
}

}  // namespace
}  // namespace walrus::net
