#include "net/client_session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "tests/unit/net/raw_client.h"
#include "tests/unit/net/session_server.h"

namespace walrus::net {
namespace {

using namespace std::string_view_literals;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

std::string length_prefix(std::uint32_t length) {
  std::string bytes;
  append_little(bytes, length);
  return bytes;
}

TEST(ClientSession, AnswersEachRequestInTurn) {
  SessionServer server;
  RawClient client(server.port());
  EXPECT_EQ(client.ask("REGISTER logs"), "OK");
  EXPECT_EQ(client.ask("PUT logs a"), "OK");
  EXPECT_EQ(client.ask("GET logs"), "OK logs");
  EXPECT_EQ(client.ask("GET none"), "EMPTY");
  EXPECT_EQ(client.ask("nonsense"), "ERR unknown command");
  EXPECT_EQ(client.ask("PUT logs"), "ERR PUT requires a payload");
}

TEST(ClientSession, AnswersTwoThousandRequestsOfOneWriteInOrder) {
  SessionServer server;
  RawClient client(server.port());
  std::string requests;
  for (int i = 0; i < 2000; ++i) requests += frame("GET topic" + std::to_string(i));
  ASSERT_TRUE(client.send(requests));
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(client.reply(), "OK topic" + std::to_string(i));
  EXPECT_LT(server.run([](auto& s) { return s.sink().flushes; }), 500u) << "requests are not submitted in groups";
}

TEST(ClientSession, WritesAnswersOfAnyOrderInTheOrderOfTheRequests) {
  SessionServer server;
  server.run([](auto& s) { s.sink().hold = true; });
  RawClient client(server.port());
  ASSERT_TRUE(client.send(frame("GET a") + frame("bad") + frame("GET b") + frame("") + frame("GET c")));
  ASSERT_TRUE(server.wait_until([](auto& s) { return s.sink().held.size() == 3; }));
  server.run([](auto& s) {
    for (const int i : {2, 0, 1}) s.sink().answer(s.sink().held[static_cast<std::size_t>(i)]);
    s.sink().held.front().sink->flush();
    s.sink().held.clear();
  });
  for (const auto expected : {"OK a", "ERR unknown command", "OK b", "ERR invalid frame length", "OK c"}) {
    EXPECT_EQ(client.reply(), expected);
  }
}

TEST(ClientSession, LetsARequestOfAnotherVerbWaitForTheAnswersBeforeIt) {
  SessionServer server;
  server.run([](auto& s) { s.sink().hold = true; });
  RawClient client(server.port());
  ASSERT_TRUE(client.send(frame("PUT t 1") + frame("PUT t 2") + frame("GET t") + frame("GET t") + frame("PUT t 3")));
  const auto answer_all = [](auto& s) {
    for (const auto& request : s.sink().held) s.sink().answer(request);
    s.sink().held.front().sink->flush();
    s.sink().held.clear();
  };
  for (const std::size_t together : {2, 2, 1}) {
    ASSERT_TRUE(server.wait_until([&](auto& s) { return s.sink().held.size() >= together; }));
    EXPECT_EQ(server.run([](auto& s) { return s.sink().held.size(); }), together);
    server.run(answer_all);
  }
  for (const auto expected : {"OK", "OK", "OK t", "OK t", "OK"}) EXPECT_EQ(client.reply(), expected);
}

TEST(ClientSession, KeepsBytesAsTheyAre) {
  SessionServer server;
  server.run([](auto& s) { s.sink().hold = true; });
  RawClient client(server.port());
  const std::string payload("  \0 \xff\n blanks at both ends  \0"sv);
  ASSERT_TRUE(client.send_frame("PUT t " + payload));
  ASSERT_TRUE(server.wait_until([](auto& s) { return s.sink().held.size() == 1; }));
  EXPECT_EQ(server.run([](auto& s) { return s.sink().held.front().payload; }), payload);
}

TEST(ClientSession, TakesFramesHoweverTheyAreCut) {
  SessionServer server;
  RawClient client(server.port());
  client.set_no_delay();
  std::string stream;
  for (int i = 0; i < 50; ++i) stream += frame("GET topic" + std::to_string(i)) + length_prefix(0);
  for (std::size_t at = 0, size = 1; at < stream.size(); at += size, size = size % 7 + 1) {
    ASSERT_TRUE(client.send(std::string_view(stream).substr(at, size)));
  }
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(client.reply(), "OK topic" + std::to_string(i));
    ASSERT_EQ(client.reply(), "ERR invalid frame length");
  }
}

TEST(ClientSession, SkipsAnOversizeBodyAndStaysUsable) {
  SessionServer server;
  RawClient client(server.port());
  ASSERT_TRUE(client.send(length_prefix(1 << 20)));
  EXPECT_EQ(client.reply(), "ERR invalid frame length");
  ASSERT_TRUE(client.send(std::string(1 << 20, 'x')));
  EXPECT_EQ(client.ask("GET a"), "OK a");
  EXPECT_EQ(client.ask(std::string(limits::kMaxFrameBytes + 1, 'x')), "ERR invalid frame length");
  const std::string longest = "PUT t " + std::string(limits::kMaxFrameBytes - 6, 'x');
  EXPECT_EQ(client.ask(longest), "OK");
}

TEST(ClientSession, ClosesAfterALengthThatNobodySkips) {
  SessionServer server;
  RawClient client(server.port());
  ASSERT_TRUE(client.send(frame("GET a") + length_prefix(0xffffffff) + "junk"));
  EXPECT_EQ(client.reply(), "OK a");
  EXPECT_EQ(client.reply(), "ERR invalid frame length");
  EXPECT_TRUE(client.closed_by_server());
}

TEST(ClientSession, AnswersHttpWithAnErrorAndCloses) {
  SessionServer server;
  RawClient client(server.port());
  ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + std::string(300'000, 'x')));
  EXPECT_EQ(client.reply(), "ERR invalid frame length");
  EXPECT_TRUE(client.closed_by_server());
  client.finish_sending();
  EXPECT_TRUE(server.wait_until([](auto& s) { return s.open_connections() == 0; }));
}

TEST(ClientSession, AnswersWhatWasReadBeforeTheClientsEndOfStream) {
  SessionServer server;
  server.run([](auto& s) { s.sink().hold = true; });
  RawClient client(server.port());
  ASSERT_TRUE(client.send_frame("PUT t a"));
  client.finish_sending();
  ASSERT_TRUE(server.wait_until([](auto& s) { return s.sink().held.size() == 1; }));
  server.run([](auto& s) {
    s.sink().answer(s.sink().held.front());
    s.sink().held.front().sink->flush();
    s.sink().held.clear();
  });
  EXPECT_EQ(client.reply(), "OK");
  EXPECT_TRUE(client.closed_by_server());
}

TEST(ClientSession, DropsAnswersThatComeAfterTheClientIsGone) {
  SessionServer server;
  server.run([](auto& s) { s.sink().hold = true; });
  {
    RawClient client(server.port());
    ASSERT_TRUE(client.send_frame("PUT t a"));
    ASSERT_TRUE(server.wait_until([](auto& s) { return s.sink().held.size() == 1; }));
    ASSERT_TRUE(client.send(length_prefix(0)));  // unread at the close below: the connection is reset
  }
  server.run([](auto& s) {
    s.sink().answer(s.sink().held.front());
    s.sink().held.front().sink->flush();
    s.sink().held.clear();
    s.sink().hold = false;
  });
  ASSERT_TRUE(server.wait_until([](auto& s) { return s.open_connections() == 0; }));
  EXPECT_EQ(RawClient(server.port()).ask("GET a"), "OK a");
}

TEST(ClientSession, DoesNotLetANaiveClientWaitForADelayedAcknowledgement) {
  // Length and text in two writes without TCP_NODELAY: the second waits in the client until the first is acknowledged.
  SessionServer server;
  RawClient client(server.port());
  constexpr int kRequests = 100;
  const auto start = Clock::now();
  for (int i = 0; i < kRequests; ++i) {
    const std::string whole = frame("PUT t payload");
    ASSERT_TRUE(client.send(whole.substr(0, 4)));
    ASSERT_TRUE(client.send(whole.substr(4)));
    ASSERT_EQ(client.reply(), "OK");
  }
  EXPECT_LT(Clock::now() - start, kRequests * milliseconds(20));  // 40 ms each without a quick acknowledgement
}

}  // namespace
}  // namespace walrus::net
