#include "bench/load.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/unit/client/fake_server.h"

namespace walrus::bench {
namespace {

using testing::FakeServer;
using Action = FakeServer::Action;

class Load : public ::testing::Test {
 protected:
  LoadPlan plan(std::uint64_t requests) const {
    LoadPlan plan;
    plan.endpoints = client::parse_endpoints(server_.address()).value();
    plan.connections = 8;
    plan.depth = 4;
    plan.requests = requests;
    plan.duration = std::chrono::hours(1);
    return plan;
  }
  LoadResult run(const LoadPlan& plan) {
    const auto codec = make_walrus_codec({.topics = topics_, .payload = "payload"});
    return run_load(plan, *codec, [](const LoadStatus&) {}).value();
  }

  FakeServer server_;
  std::vector<std::string> topics_ = {"t-0", "t-1", "t-2"};
};

TEST_F(Load, SoManyRequestsAreMadeAndCountedOnce) {
  for (const auto& topic : topics_) server_.add_topic(topic);
  auto wanted = plan(1'001);
  wanted.topics = 3;
  wanted.threads = 3;
  const LoadResult result = run(wanted);
  EXPECT_EQ(result.done, 1'001U);
  EXPECT_EQ(result.latency.count(), 1'001U);
  EXPECT_EQ(result.failed, 0U);
  EXPECT_EQ(result.unanswered, 0U);
  EXPECT_EQ(server_.connections(), 8U);
  std::size_t stored = 0;
  for (const auto& topic : topics_) {
    EXPECT_GE(server_.records(topic).size(), 300U) << topic;
    stored += server_.records(topic).size();
  }
  EXPECT_EQ(stored, 1'001U);
  std::uint64_t in_series = 0;
  for (const std::uint64_t count : result.series) in_series += count;
  EXPECT_EQ(in_series, 1'001U);
}

TEST_F(Load, TopicsAreRegisteredOnce) {
  auto wanted = plan(3);
  wanted.topics = 3;
  wanted.write = RequestKind::kRegister;
  EXPECT_EQ(run(wanted).done, 3U);
  EXPECT_EQ(server_.requests(), (std::vector<std::string>{"REGISTER t-0", "REGISTER t-1", "REGISTER t-2"}));
}

TEST_F(Load, ErrorsAreCountedByTheirText) {
  server_.add_topic("t-0");
  std::atomic<int> asked = 0;
  server_.set_script([&](auto) {
    const int i = asked++;
    if (i % 10 == 0) return Action{Action::Kind::kAnswer, "ERR disk full"};
    return i % 10 == 1 ? Action{Action::Kind::kAnswer, "ERR overloaded"} : Action{};
  });
  const LoadResult result = run(plan(1'000));
  EXPECT_EQ(result.done, 800U);
  EXPECT_EQ(result.failed, 200U);
  EXPECT_EQ(result.errors, (std::map<std::string, std::uint64_t>{{"disk full", 100}, {"overloaded", 100}}));
  EXPECT_EQ(result.latency.count(), 800U);
}

TEST_F(Load, GetsEndWhenTheTopicsRanEmpty) {
  server_.add_topic("t-0", std::vector<std::string>(500, "x"));
  auto wanted = plan(0);
  wanted.get_share = 1;
  const LoadResult result = run(wanted);
  EXPECT_TRUE(result.drained);
  EXPECT_EQ(result.done, 500U);
  EXPECT_GE(result.empty, 1U);
  EXPECT_LT(result.seconds, 3'600);
}

TEST_F(Load, BrokenConnectionsAreCountedWithTheirRequests) {
  server_.add_topic("t-0");
  server_.set_script([](auto) { return Action{Action::Kind::kHangUp}; });
  const LoadResult result = run(plan(1'000));
  EXPECT_EQ(result.done, 0U);
  EXPECT_EQ(result.broken_connections, 8U);
  EXPECT_EQ(result.unanswered, 32U);
  EXPECT_EQ(result.failed, 8U);
}

TEST_F(Load, AnOpenLoopShowsAStallInEveryRequestThatItDelayed) {
  server_.add_topic("t-0");
  constexpr auto kStall = std::chrono::milliseconds(50);
  std::atomic<bool> stalled = false;
  server_.set_script([&](auto) {
    if (!stalled.exchange(true)) std::this_thread::sleep_for(kStall);
    return Action{};
  });
  auto wanted = plan(200);
  wanted.connections = wanted.depth = 1;
  wanted.rate = 1e6;  // all 200 are due within 0.2 ms, one is in flight: each waits for the stall of the first
  const LoadResult result = run(wanted);
  EXPECT_EQ(result.done, 200U);
  EXPECT_GE(result.latency.min(), 49'000'000U);
}

TEST_F(Load, NobodyThereIsAnError) {
  auto wanted = plan(1);
  wanted.endpoints = client::parse_endpoints(FakeServer().address()).value();
  const auto codec = make_walrus_codec({.topics = topics_, .payload = "x"});
  const auto result = run_load(wanted, *codec, [](const LoadStatus&) {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, client::ErrorKind::kCannotConnect);
  EXPECT_NE(result.error().text.find("Connection refused"), std::string::npos);
}

}  // namespace
}  // namespace walrus::bench
