#include "walrus/client/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "tests/unit/client/fake_server.h"

namespace walrus::client {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using testing::FakeServer;
using ::testing::HasSubstr;
using Action = FakeServer::Action;

Options options_for(const std::string& addresses) {
  Options options;
  options.endpoints = parse_endpoints(addresses).value();
  return options;
}

/// An address that refuses connections: its port was free a moment ago.
std::string refusing_address() { return FakeServer().address(); }

TEST(Connection, RecordsComeBackAsTheyWereWritten) {
  FakeServer server;
  Connection connection(options_for(server.address()));
  ASSERT_TRUE(connection.register_topic("logs"));
  const std::string bytes = "  blanks, \n newline, \0 zero, \xff byte "s;
  ASSERT_TRUE(connection.put("logs", bytes));
  const auto first = connection.get("logs");
  ASSERT_TRUE(first);
  EXPECT_EQ(*first, bytes);
  const auto second = connection.get("logs");
  ASSERT_TRUE(second);
  EXPECT_EQ(*second, std::nullopt);
}

TEST(Connection, StateAndMetricsAreTheJsonAlone) {
  FakeServer server;
  server.add_topic("logs", {"a", "b"});
  Connection connection(options_for(server.address()));
  EXPECT_EQ(connection.state("logs").value(), R"({"topic":"logs","total_entries":2})");
  EXPECT_THAT(connection.metrics().value(), HasSubstr("\"state\":\"Leader\""));
}

TEST(Connection, AnErrorOfTheServerKeepsItsTextAndTheConnection) {
  FakeServer server;
  Connection connection(options_for(server.address()));
  const auto put = connection.put("absent", "x");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kServer);
  EXPECT_EQ(put.error().text, "topic not found");
  EXPECT_TRUE(connection.register_topic("absent"));
  EXPECT_EQ(server.connections(), 1U);
}

TEST(Connection, AServerThatDoesNotKnowTheOutcomeIsNotTakenForANo) {
  FakeServer server;
  server.set_script([](auto) { return Action{Action::Kind::kAnswer, "ERR outcome unknown: the leader was lost"}; });
  Connection connection(options_for(server.address()));
  EXPECT_EQ(connection.put("logs", "x").error().kind, ErrorKind::kOutcomeUnknown);
}

TEST(Connection, ABrokenPutIsOfUnknownOutcomeAndNeverRepeated) {
  FakeServer server;
  server.set_script([](auto) { return Action{Action::Kind::kHangUp}; });
  Connection connection(options_for(server.address()));
  const auto put = connection.put("logs", "x");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kOutcomeUnknown);
  EXPECT_EQ(put.error().unanswered.unknown, 1U);
  EXPECT_THAT(put.error().text, HasSubstr(server.address()));
  EXPECT_THAT(server.requests(), ElementsAre("PUT logs x"));
}

TEST(Connection, ABrokenGetIsNeverRepeatedEither) {
  FakeServer server;
  server.add_topic("logs", {"a"});
  server.set_script([](auto) { return Action{Action::Kind::kHangUp}; });
  Connection connection(options_for(server.address()));
  EXPECT_EQ(connection.get("logs").error().kind, ErrorKind::kOutcomeUnknown);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(Connection, WhatMayBeRepeatedIsRepeatedOnce) {
  FakeServer server;
  std::atomic<int> asked = 0;
  server.set_script([&](auto) { return Action{asked++ == 0 ? Action::Kind::kHangUp : Action::Kind::kServe}; });
  Connection connection(options_for(server.address()));
  EXPECT_TRUE(connection.register_topic("logs"));
  EXPECT_THAT(server.requests(), ElementsAre("REGISTER logs", "REGISTER logs"));
}

TEST(Connection, AConnectionThatDiedWhileIdleIsReplacedBeforeAnythingIsSent) {
  FakeServer server;
  server.add_topic("logs");
  Connection connection(options_for(server.address()));
  ASSERT_TRUE(connection.put("logs", "before"));
  server.hang_up();
  ASSERT_TRUE(connection.put("logs", "after"));
  EXPECT_EQ(server.connections(), 2U);
  EXPECT_THAT(server.records("logs"), ElementsAre("before", "after"));
}

TEST(Connection, TheNextAddressIsTriedWhenOneDoesNotAnswer) {
  FakeServer server;
  Connection connection(options_for(refusing_address() + "," + server.address()));
  EXPECT_TRUE(connection.register_topic("logs"));
  EXPECT_EQ(connection.address(), server.address());
}

TEST(Connection, WhenNobodyAnswersEachAddressIsNamedWithItsReason) {
  const std::string first = refusing_address();
  const std::string second = refusing_address();
  Connection connection(options_for(first + "," + second));
  const auto put = connection.put("logs", "x");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kCannotConnect);
  EXPECT_EQ(put.error().text,
            "cannot connect to " + first + ": Connection refused; " + second + ": Connection refused");
  EXPECT_EQ(put.error().unanswered.not_sent, 1U);
  EXPECT_EQ(connection.in_flight(), 0U);
}

TEST(Connection, ASilentServerBreaksTheConnectionAfterTheTimeout) {
  FakeServer server;
  server.set_script([](auto) { return Action{Action::Kind::kSilence}; });
  auto options = options_for(server.address());
  options.reply_timeout = std::chrono::milliseconds(1);
  Connection connection(options);
  const auto put = connection.put("logs", "x");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kOutcomeUnknown);
  EXPECT_THAT(put.error().text, HasSubstr("no answer within 0.001 s"));
}

TEST(Connection, AStrangerOnThePortIsRecognised) {
  FakeServer server;
  server.set_script([](auto) { return Action{Action::Kind::kAnswer, "HTTP/1.1 400 Bad Request"}; });
  Connection connection(options_for(server.address()));
  EXPECT_EQ(connection.metrics().error().kind, ErrorKind::kProtocol);
}

TEST(Connection, WhatCannotBeSaidIsRefusedBeforeItIsSent) {
  FakeServer server;
  Connection connection(options_for(server.address()));
  EXPECT_EQ(connection.register_topic("two words").error().kind, ErrorKind::kInvalidRequest);
  EXPECT_EQ(connection.put("logs", "").error().kind, ErrorKind::kInvalidRequest);
  EXPECT_EQ(connection.put("logs", std::string(65'536, 'x')).error().kind, ErrorKind::kInvalidRequest);
  EXPECT_TRUE(server.requests().empty());
}

TEST(Connection, ThePayloadThatJustFitsAFrameIsTaken) {
  FakeServer server;
  server.add_topic("logs");
  Connection connection(options_for(server.address()));
  const std::string longest(connection.max_payload_bytes("logs"), 'x');
  EXPECT_TRUE(connection.put("logs", longest));
  EXPECT_FALSE(connection.put("logs", longest + "x"));
  EXPECT_THAT(server.records("logs"), ElementsAre(longest));
}

TEST(Connection, PipelinedRequestsAreAnsweredInTheirOrder) {
  FakeServer server;
  server.add_topic("logs");
  Connection connection(options_for(server.address()));
  constexpr int kRequests = 5'000;
  for (int i = 0; i < kRequests; ++i) ASSERT_TRUE(connection.enqueue_put("logs", "record " + std::to_string(i)));
  for (int i = 0; i < kRequests; ++i) ASSERT_TRUE(connection.enqueue_get("logs"));
  EXPECT_EQ(connection.in_flight(), 2U * kRequests);
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ(connection.wait_reply().value().text, "OK");
  for (int i = 0; i < kRequests; ++i) {
    ASSERT_EQ(connection.wait_reply().value().payload, "record " + std::to_string(i));
  }
  EXPECT_EQ(connection.in_flight(), 0U);
  EXPECT_EQ(connection.unsent_bytes(), 0U);
}

TEST(Connection, AFewQueuedRequestsLeaveInOneWrite) {
  FakeServer server;
  server.add_topic("logs");
  Connection connection(options_for(server.address()));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(connection.enqueue_put("logs", "x"));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(connection.wait_reply());
  EXPECT_EQ(server.reads_from_sockets(), 1U);
}

TEST(Connection, MoreThanTheSocketsHoldInBothDirectionsDoesNotLock) {
  FakeServer server;
  server.add_topic("logs");
  server.set_script(
      [](std::string_view request) { return Action{Action::Kind::kAnswer, "OK " + std::string(request)}; });
  Connection connection(options_for(server.address()));
  const std::string payload(60'000, 'x');
  constexpr int kRequests = 500;  // 30 MB out, 30 MB back
  for (int i = 0; i < kRequests; ++i) ASSERT_TRUE(connection.enqueue_put("logs", payload));
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ(connection.wait_reply().value().payload.size(), payload.size() + 9);
}

TEST(Connection, ABreakHandsOutWhatHadArrivedAndCountsTheRest) {
  FakeServer server;
  server.add_topic("logs");
  std::atomic<int> asked = 0;
  server.set_script([&](auto) { return Action{asked++ < 3 ? Action::Kind::kServe : Action::Kind::kHangUp}; });
  Connection connection(options_for(server.address()));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(connection.enqueue_put("logs", "x"));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(connection.wait_reply()) << i;
  const auto broken = connection.wait_reply();
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().kind, ErrorKind::kOutcomeUnknown);
  EXPECT_EQ(broken.error().unanswered.unknown, 7U);
  EXPECT_EQ(broken.error().unanswered.not_sent, 0U);
  EXPECT_EQ(connection.in_flight(), 0U);
}

TEST(Connection, TheNextCallAfterABreakConnectsAgain) {
  FakeServer server;
  std::atomic<int> asked = 0;
  server.add_topic("logs");
  server.set_script([&](auto) { return Action{asked++ == 0 ? Action::Kind::kHangUp : Action::Kind::kServe}; });
  Connection connection(options_for(server.address()));
  ASSERT_FALSE(connection.put("logs", "first"));
  ASSERT_TRUE(connection.put("logs", "second"));
  EXPECT_THAT(server.records("logs"), ElementsAre("second"));
}

TEST(Result, OnlyErrorsThatPassByThemselvesAreTransient) {
  EXPECT_TRUE(is_transient("raft cluster not initialized"));
  EXPECT_TRUE(is_transient("NotLeaderError"));
  EXPECT_TRUE(is_transient("unavailable: not carried out, try again: no leader"));
  EXPECT_FALSE(is_transient("topic not found"));
  EXPECT_FALSE(is_transient("outcome unknown: the request may or may not have been carried out"));
  EXPECT_FALSE(is_transient(""));
}

}  // namespace
}  // namespace walrus::client
