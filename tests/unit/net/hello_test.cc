// HELLO: larger frames, and what they may cost.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "net/large_frames.h"
#include "tests/unit/net/raw_client.h"
#include "tests/unit/net/session_server.h"

namespace walrus::net {
namespace {

using std::chrono::milliseconds;

const std::string kLargePut = "PUT t " + std::string(1 * limits::kMiB, 'x');

TEST(Hello, TellsWhatTheConnectionMaySend) {
  SessionOptions options;
  options.node = NodeId(3);
  SessionServer server(options);
  RawClient client(server.port());
  EXPECT_EQ(client.ask("HELLO"),
            R"(OK {"version":")" WALRUS_VERSION R"(","node_id":3,"max_frame_bytes":65536,"max_record_bytes":16777216,)"
            R"("max_write_bytes":25165824})");
}

TEST(Hello, AllowsLargerFramesUpToItsLimitOnThisConnectionOnly) {
  SessionServer server;
  RawClient large(server.port());
  RawClient small(server.port());
  EXPECT_NE(large.ask("HELLO max_frame=2000000").find(R"("max_frame_bytes":2000000,)"), std::string::npos);
  EXPECT_EQ(large.ask(kLargePut), "OK");
  EXPECT_EQ(small.ask(kLargePut), "ERR invalid frame length");
  EXPECT_EQ(large.ask("PUT t " + std::string(2'000'000, 'x')), "ERR invalid frame length");
  EXPECT_NE(large.ask("HELLO max_frame=4000000000").find(R"("max_frame_bytes":67108864,)"), std::string::npos);
  EXPECT_NE(large.ask("HELLO max_frame=1").find(R"("max_frame_bytes":65536,)"), std::string::npos)
      << "what is documented always fits";
  EXPECT_EQ(large.ask("HELLO colour=red"), "ERR invalid argument: option 'colour' is not known here");
}

TEST(Hello, InAPipelineCountsFromTheNextRequestOn) {
  SessionServer server;
  RawClient client(server.port());
  ASSERT_TRUE(client.send(frame("PUT t a") + frame("HELLO max_frame=2000000") + frame(kLargePut) + frame("PUT t b")));
  EXPECT_EQ(client.reply(), "OK");
  EXPECT_TRUE(client.reply().value_or("").starts_with("OK {"));
  EXPECT_EQ(client.reply(), "OK");
  EXPECT_EQ(client.reply(), "OK");
}

TEST(LargeFrames, OfManyConnectionsShareABound) {
  SessionOptions options;
  options.max_large_frames_bytes = 3 * limits::kMiB;
  SessionServer server(options);
  server.run([](auto& s) { s.sink().hold = true; });
  std::vector<RawClient> clients;
  for (int i = 0; i < 6; ++i) {
    RawClient& client = clients.emplace_back(server.port());
    ASSERT_TRUE(client.ask("HELLO max_frame=2000000").starts_with("OK"));
    // Half of it: whoever has no room is not read.
    const std::string bytes = frame(kLargePut);
    client.send_without_waiting(std::string_view(bytes).substr(0, bytes.size() / 2));
  }
  ASSERT_TRUE(server.wait_until([](auto& s) { return s.group().large_frames().taken() > limits::kMiB; }));
  EXPECT_LE(server.run([](auto& s) { return s.group().large_frames().taken(); }), 3 * limits::kMiB);
  EXPECT_LE(server.run([](auto& s) { return s.group().buffer_bytes(); }), 5 * limits::kMiB);
}

TEST(LargeFrames, WaitForRoomAndAreAllCarriedOut) {
  SessionOptions options;
  options.max_large_frames_bytes = 2 * limits::kMiB + limits::kMiB / 2;
  SessionServer server(options);
  std::vector<std::thread> clients;
  std::atomic<int> answered{0};
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      RawClient client(server.port());
      ASSERT_TRUE(client.ask("HELLO max_frame=2000000").starts_with("OK"));
      for (int n = 0; n < 5; ++n) {
        ASSERT_EQ(client.ask(kLargePut), "OK");
        ++answered;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 40);
  EXPECT_TRUE(server.wait_until([](auto& s) { return s.group().large_frames().taken() == 0; }));
}

TEST(LargeFrames, GiveTheirRoomBackWhenTheConnectionBreaks) {
  SessionOptions options;
  options.max_large_frames_bytes = limits::kMiB;
  SessionServer server(options);
  RawClient waiting(server.port());
  {
    RawClient client(server.port());
    ASSERT_TRUE(client.ask("HELLO max_frame=2000000").starts_with("OK"));
    const std::string bytes = frame(kLargePut);
    ASSERT_TRUE(client.send(std::string_view(bytes).substr(0, 200'000)));
    ASSERT_TRUE(server.wait_until([](auto& s) { return s.group().large_frames().taken() > 0; }));
    ASSERT_TRUE(waiting.ask("HELLO max_frame=2000000").starts_with("OK"));
    waiting.send_without_waiting(bytes);
  }
  EXPECT_TRUE(server.wait_until([](auto& s) { return s.open_connections() == 1; }));
  EXPECT_TRUE(
      server.wait_until([](auto& s) { return s.sink().submitted > 0 || s.group().large_frames().taken() > 0; }));
}

TEST(LargeFrames, ThatComeTooSlowlyAreGivenUp) {
  SessionOptions options;
  options.sweep_interval = milliseconds(5);
  options.partial_frame_timeout = milliseconds(50);
  SessionServer server(options);
  RawClient client(server.port());
  ASSERT_TRUE(client.ask("HELLO max_frame=2000000").starts_with("OK"));
  std::string bytes = frame("PUT t " + std::string(100'000, 'x'));
  ASSERT_TRUE(client.send(std::string_view(bytes).substr(0, 10)));
  // A byte now and then keeps a small frame alive, not a large one.
  const auto begin = std::chrono::steady_clock::now();
  while (client.send("x")) {
    ASSERT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

TEST(Room, IsGrantedInTheOrderOfAsking) {
  LargeFrames room(10);
  std::vector<int> granted;
  const auto wants = [&](int who, bool still = true) {
    return [&granted, who, still] {
      granted.push_back(who);
      return still;
    };
  };
  EXPECT_TRUE(room.take(8, wants(1)));
  EXPECT_FALSE(room.take(5, wants(2, false)));
  EXPECT_FALSE(room.take(1, wants(3))) << "would fit, but is not first in line";
  EXPECT_FALSE(room.take(20, wants(4)));
  room.give_back(8);
  EXPECT_EQ(granted, (std::vector<int>{2, 3}));
  EXPECT_EQ(room.taken(), 1u);
  room.give_back(1);
  EXPECT_EQ(granted.back(), 4) << "larger than the room: alone in it";
  EXPECT_EQ(room.taken(), 20u);
}

}  // namespace
}  // namespace walrus::net
