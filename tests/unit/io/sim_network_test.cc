#include "io/sim/sim_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"

namespace walrus::io {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr NodeId kA{1};
constexpr NodeId kB{2};
constexpr NodeId kC{3};

Message text(std::string header) { return {.type = 1, .header = std::move(header), .body = {}}; }

/// A node that records what it gets and answers each call with the same text and a "!".
struct Node {
  Node(SimWorld& world, SimNetwork& network, NodeId node, std::uint32_t channel = Channel::kNode)
      : loop(world.make_loop("node")), transport(network.make_transport(node, channel, address_of(node), loop)) {
    transport->set_handler([this](NodeId from, Message message, Reply reply) {
      EXPECT_TRUE(loop.in_thread());
      senders.push_back(from);
      got.push_back(message.header);
      if (!reply) return;
      if (answers) {
        reply(text(message.header + "!"));
      } else {
        held.push_back(std::move(reply));
      }
    });
  }
  static std::string address_of(NodeId node) { return "10.0.0." + std::to_string(node.value()) + ":6000"; }
  void meet(NodeId other) { transport->set_address(other, address_of(other)); }
  /// The process ends.
  void die() {
    loop.stop();
    transport.reset();
  }

  SimLoop& loop;
  std::unique_ptr<Transport> transport;
  std::vector<std::string> got;
  std::vector<NodeId> senders;
  bool answers = true;
  std::vector<Reply> held;
};

class SimNetworkTest : public testing::Test {
 protected:
  void SetUp() override {
    a_.meet(kB);
    b_.meet(kA);
  }
  /// What a call from a to b comes to: the reply's text, or the error's.
  std::string outcome_of_call(const std::string& what, Duration timeout = limits::kCallTimeout) {
    std::string outcome;
    start_call(what, outcome, timeout);
    EXPECT_TRUE(world_.run_until([&] { return !outcome.empty(); }, 1h));
    return outcome;
  }
  void start_call(const std::string& what, std::string& outcome, Duration timeout = limits::kCallTimeout) {
    a_.transport->call(kB, text(what), timeout, [&outcome](Result<Message> result) {
      EXPECT_EQ(outcome, "") << "answered twice";
      outcome = result ? result->header : std::string(error_text(result.error().code));
    });
    EXPECT_EQ(outcome, "") << "answered inside call()";
  }
  void connect() {
    a_.transport->send(kB, text("hello"));
    ASSERT_TRUE(world_.run_until([&] { return !b_.got.empty(); }, 1s));
    b_.got.clear();
  }

  const std::string unavailable_{error_text(ErrorCode::kUnavailable)};
  const std::string unknown_{error_text(ErrorCode::kOutcomeUnknown)};
  SimWorld world_{1};
  SimNetwork network_{world_};
  Node a_{world_, network_, kA};
  Node b_{world_, network_, kB};
};

TEST_F(SimNetworkTest, AMessageArrivesWithItsSenderTypeHeaderAndBody) {
  std::optional<Message> got;
  NodeId sender;
  b_.transport->set_handler([&](NodeId from, Message message, Reply reply) {
    EXPECT_FALSE(reply);
    sender = from;
    got = std::move(message);
  });
  a_.transport->send(kB, {.type = 7, .header = "header", .body = SharedBytes("body")});
  ASSERT_TRUE(world_.run_until([&] { return got.has_value(); }, 1s));
  EXPECT_EQ(sender, kA);
  EXPECT_EQ(got->type, 7);
  EXPECT_EQ(got->header, "header");
  EXPECT_EQ(got->body.view(), "body");
}

TEST_F(SimNetworkTest, ACallGetsItsReply) { EXPECT_EQ(outcome_of_call("ping"), "ping!"); }

TEST_F(SimNetworkTest, AnErrorGivenAsReplyReachesTheCaller) {
  b_.transport->set_handler([](NodeId, const Message&, Reply reply) { reply(fail(ErrorCode::kFenced)); });
  EXPECT_EQ(outcome_of_call("ping"), error_text(ErrorCode::kFenced));
}

TEST_F(SimNetworkTest, DelayTakesVirtualTime) {
  network_.set_delays(10ms, 10ms);
  connect();
  const TimePoint start = world_.now();
  EXPECT_EQ(outcome_of_call("ping"), "ping!");
  EXPECT_EQ(world_.now() - start, Duration{20ms});
}

TEST_F(SimNetworkTest, MessagesArriveInOrderWhateverTheirDelays) {
  network_.set_delays(1us, 100ms);
  std::vector<std::string> sent;
  for (int i = 0; i < 200; ++i) {
    sent.push_back(std::to_string(i));
    a_.transport->send(kB, text(sent.back()));
  }
  ASSERT_TRUE(world_.run_until([&] { return b_.got.size() == sent.size(); }, 10s));
  EXPECT_EQ(b_.got, sent);
}

TEST_F(SimNetworkTest, AnUnknownNodeIsUnavailable) {
  std::optional<ErrorCode> error;
  a_.transport->call(kC, text("x"), 1s, [&](Result<Message> result) { error = result.error().code; });
  a_.transport->send(kC, text("x"));
  ASSERT_TRUE(world_.run_until([&] { return error.has_value(); }, 1s));
  EXPECT_EQ(*error, ErrorCode::kUnavailable);
}

TEST_F(SimNetworkTest, ANodeThatIsDownIsUnavailableUntilItIsBack) {
  b_.die();
  EXPECT_EQ(outcome_of_call("x"), unavailable_);
  EXPECT_EQ(outcome_of_call("x"), unavailable_);
  Node restarted(world_, network_, kB);
  world_.run_for(1s);
  EXPECT_EQ(outcome_of_call("x"), "x!");
}

TEST_F(SimNetworkTest, AnotherNodeAtTheAddressIsUnavailable) {
  a_.transport->set_address(kC, Node::address_of(kB));
  std::optional<ErrorCode> error;
  a_.transport->call(kC, text("x"), 1s, [&](Result<Message> result) { error = result.error().code; });
  ASSERT_TRUE(world_.run_until([&] { return error.has_value(); }, 5s));
  EXPECT_EQ(*error, ErrorCode::kUnavailable);
  EXPECT_TRUE(b_.got.empty());
}

TEST_F(SimNetworkTest, AnAddressAloneIsEnoughForACall) {
  std::string outcome;
  a_.transport->call_address(Node::address_of(kB), text("join"), 1s,
                             [&](Result<Message> result) { outcome = result.value().header; });
  ASSERT_TRUE(world_.run_until([&] { return !outcome.empty(); }, 1s));
  EXPECT_EQ(outcome, "join!");
  EXPECT_THAT(b_.senders, ElementsAre(kA));
}

TEST_F(SimNetworkTest, ConnectedTellsWhetherAConnectionStands) {
  EXPECT_FALSE(a_.transport->connected(kB));
  connect();
  EXPECT_TRUE(a_.transport->connected(kB));
  EXPECT_FALSE(b_.transport->connected(kA));
  b_.die();
  world_.run_for(10ms);
  EXPECT_FALSE(a_.transport->connected(kB));
}

TEST_F(SimNetworkTest, ACallBehindACutLinkIsUnavailableWhenNothingWasSent) {
  network_.cut(kA, kB);
  EXPECT_EQ(outcome_of_call("x"), unavailable_);
  EXPECT_EQ(outcome_of_call("x", 1ms), unavailable_);
  EXPECT_TRUE(b_.got.empty());
}

TEST_F(SimNetworkTest, ACallIntoACutLinkHasAnUnknownOutcome) {
  connect();
  network_.cut(kA, kB);
  EXPECT_EQ(outcome_of_call("x", 100ms), unknown_);
  EXPECT_EQ(outcome_of_call("y", 1h), unknown_);
  EXPECT_LE(world_.now().time_since_epoch(), limits::kPeerSilenceLimit + 1s);
  EXPECT_TRUE(b_.got.empty());
}

TEST_F(SimNetworkTest, WhenOnlyTheWayBackIsCutTheCallIsCarriedOutAndItsOutcomeUnknown) {
  connect();
  network_.cut(kB, kA);
  EXPECT_EQ(outcome_of_call("x"), unknown_);
  EXPECT_THAT(b_.got, ElementsAre("x"));
}

TEST_F(SimNetworkTest, WhatWasUnderWayArrivesLateWhenTheLinkHealsInTime) {
  connect();
  network_.cut(kA, kB);
  std::string outcome;
  start_call("late", outcome);
  world_.run_for(limits::kPeerSilenceLimit / 2);
  EXPECT_EQ(outcome, "");
  network_.heal(kA, kB);
  ASSERT_TRUE(world_.run_until([&] { return !outcome.empty(); }, 1s));
  EXPECT_EQ(outcome, "late!");
}

TEST_F(SimNetworkTest, WhatWasUnderWayIsLostWhenTheLinkHealsTooLate) {
  connect();
  network_.cut(kA, kB);
  a_.transport->send(kB, text("lost"));
  world_.run_for(limits::kPeerSilenceLimit + 1s);
  network_.heal(kA, kB);
  world_.run_for(1s);
  EXPECT_TRUE(b_.got.empty());
  EXPECT_EQ(outcome_of_call("after"), "after!");
}

TEST_F(SimNetworkTest, APartitionSeparatesItsSidesOnly) {
  Node c(world_, network_, kC);
  c.meet(kA);
  a_.meet(kC);
  network_.partition({kA, kC});
  EXPECT_EQ(outcome_of_call("x"), unavailable_);
  a_.transport->send(kC, text("same side"));
  world_.run_for(1s);
  EXPECT_THAT(c.got, ElementsAre("same side"));
  network_.heal_all();
  world_.run_for(1s);
  EXPECT_EQ(outcome_of_call("x"), "x!");
}

TEST_F(SimNetworkTest, ABrokenConnectionLosesWhatIsUnderWayAndTheNextMessageMakesANewOne) {
  connect();
  std::string outcome;
  start_call("x", outcome);
  network_.break_connections(kA, kB);
  ASSERT_TRUE(world_.run_until([&] { return !outcome.empty(); }, 1ms));
  EXPECT_EQ(outcome, unknown_);
  world_.run_for(1s);
  EXPECT_TRUE(b_.got.empty());
  EXPECT_EQ(outcome_of_call("y"), "y!");
}

TEST_F(SimNetworkTest, LossTakesTheConnectionAlongAndNeverLeavesAHole) {
  network_.set_loss(0.05);
  network_.set_delays(1ms, 10ms);
  for (int i = 0; i < 500; ++i) {
    a_.transport->send(kB, text(std::to_string(i)));
    world_.run_for(1ms);
  }
  world_.run_for(1s);
  // Runs of consecutive numbers, with holes only where a connection was lost.
  ASSERT_GT(b_.got.size(), 100u);
  ASSERT_LT(b_.got.size(), 500u);
  std::size_t holes = 0;
  for (std::size_t i = 1; i < b_.got.size(); ++i) {
    const int before = std::stoi(b_.got[i - 1]);
    const int now = std::stoi(b_.got[i]);
    ASSERT_LT(before, now);
    holes += now != before + 1 ? 1 : 0;
  }
  EXPECT_LE(holes, 40u);
  EXPECT_GE(holes, 1u);
}

TEST_F(SimNetworkTest, ACallWhoseNodeDiesHasAnUnknownOutcomeAtOnce) {
  connect();
  b_.answers = false;
  std::string outcome;
  start_call("x", outcome, 1h);
  ASSERT_TRUE(world_.run_until([&] { return !b_.held.empty(); }, 1s));
  b_.die();
  ASSERT_TRUE(world_.run_until([&] { return !outcome.empty(); }, 1s));
  EXPECT_EQ(outcome, unknown_);
  b_.held.front()(text("too late"));
}

TEST_F(SimNetworkTest, ANodeThatDiesBehindACutLinkIsMissedOnlyLater) {
  connect();
  b_.answers = false;
  std::string outcome;
  start_call("x", outcome, 1h);
  ASSERT_TRUE(world_.run_until([&] { return !b_.held.empty(); }, 1s));
  network_.isolate(kB);
  b_.die();
  world_.run_for(limits::kPeerSilenceLimit / 2);
  EXPECT_EQ(outcome, "");
  world_.run_for(limits::kPeerSilenceLimit);
  EXPECT_EQ(outcome, unknown_);
}

TEST_F(SimNetworkTest, ACrashedCallerHearsNothing) {
  connect();
  bool heard = false;
  a_.transport->call(kB, text("x"), 1s, [&](const Result<Message>&) { heard = true; });
  a_.die();
  world_.run_for(10s);
  EXPECT_FALSE(heard);
}

TEST_F(SimNetworkTest, AStoppingCallersCallsAreAnswered) {
  connect();
  std::string outcome;
  start_call("x", outcome);
  a_.transport.reset();
  EXPECT_EQ(outcome, unknown_);
}

TEST_F(SimNetworkTest, AForgottenNodeIsUnavailableAndItsCallsEnd) {
  connect();
  std::string outcome;
  start_call("x", outcome);
  a_.transport->forget(kB);
  EXPECT_EQ(outcome, unknown_);
  EXPECT_EQ(outcome_of_call("y"), unavailable_);
}

TEST_F(SimNetworkTest, APausedNodeAnswersWhenItIsBack) {
  connect();
  b_.loop.pause();
  std::string outcome;
  start_call("x", outcome, 1h);
  world_.run_for(1min);
  EXPECT_EQ(outcome, "");
  b_.loop.resume();
  ASSERT_TRUE(world_.run_until([&] { return !outcome.empty(); }, 1s));
  EXPECT_EQ(outcome, "x!");
}

TEST_F(SimNetworkTest, TooMuchUnderWayIsRefused) {
  connect();
  network_.cut(kA, kB);
  const SharedBytes body(std::string(limits::kMaxPeerQueuedBytes / 4, 'x'));
  std::vector<ErrorCode> errors;
  for (int i = 0; i < 6; ++i) {
    a_.transport->call(kB, {.type = 1, .header = {}, .body = body}, 1s,
                       [&](const Result<Message>& result) { errors.push_back(result.error().code); });
  }
  ASSERT_TRUE(world_.run_until([&] { return errors.size() == 6; }, 2s));
  EXPECT_EQ(std::ranges::count(errors, ErrorCode::kUnavailable), 2);
  EXPECT_EQ(std::ranges::count(errors, ErrorCode::kOutcomeUnknown), 4);
}

TEST_F(SimNetworkTest, OnlyWhatBearsItIsReplayedAndTheCallerHearsOneAnswer) {
  network_.set_replays(1, 1s, [](const Message& message) { return message.header != "once"; });
  EXPECT_EQ(outcome_of_call("once"), "once!");
  EXPECT_EQ(outcome_of_call("twice"), "twice!");
  a_.transport->send(kB, text("one way"));
  world_.run_for(2s);
  EXPECT_THAT(b_.got, testing::UnorderedElementsAre("once", "twice", "twice", "one way", "one way"));
  EXPECT_THAT(b_.senders, testing::Each(kA));
  EXPECT_EQ(network_.replays(), 2u);
}

TEST_F(SimNetworkTest, NothingIsReplayedThroughACutLink) {
  connect();
  network_.set_replays(1, 1s, [](const Message&) { return true; });
  a_.transport->send(kB, text("x"));
  world_.run_for(3ms);
  ASSERT_EQ(network_.replays(), 1u);
  network_.cut(kA, kB);
  world_.run_for(2s);
  EXPECT_THAT(b_.got, ElementsAre("x"));
}

TEST_F(SimNetworkTest, WhatIsReplayedReachesWhoeverListensThereByThen) {
  connect();
  network_.set_replays(1, 1s, [](const Message&) { return true; });
  a_.transport->send(kB, text("x"));
  a_.transport->send(kB, text("y"));
  world_.run_for(5ms);
  ASSERT_EQ(network_.replays(), 2u);
  b_.die();
  Node again(world_, network_, kB);
  world_.run_for(2s);
  EXPECT_THAT(again.got, testing::UnorderedElementsAre("x", "y"));
}

TEST_F(SimNetworkTest, AShardChannelReachesTheShardWithThatNumberModuloTheReceiversShards) {
  Node sender(world_, network_, kC, Channel::shard(3));
  sender.meet(kB);
  Node shard0(world_, network_, kB, Channel::shard(0));
  Node shard1(world_, network_, kB, Channel::shard(1));
  sender.transport->send(kB, text("for 3 mod 2"));
  world_.run_for(1s);
  EXPECT_TRUE(shard0.got.empty());
  EXPECT_THAT(shard1.got, ElementsAre("for 3 mod 2"));
}

TEST(SimNetworkRun, TheSameSeedGivesTheSameRun) {
  const auto run = [](std::uint64_t seed) {
    SimWorld world(seed);
    SimNetwork network(world);
    network.set_loss(0.02);
    Node a(world, network, kA);
    Node b(world, network, kB);
    a.meet(kB);
    b.meet(kA);
    std::string outcomes;
    for (int i = 0; i < 200; ++i) {
      Node& from = i % 2 == 0 ? a : b;
      from.transport->call(i % 2 == 0 ? kB : kA, text("x"), 1s, [&outcomes](Result<Message> result) {
        outcomes += result ? '.' : result.error().code == ErrorCode::kUnavailable ? 'u' : '?';
      });
      world.run_for(world.random().between(Duration{0}, Duration{3ms}));
    }
    world.run_for(10s);
    EXPECT_EQ(outcomes.size(), 200u) << "every call is answered once";
    return std::pair(outcomes, world.fingerprint());
  };
  const auto first = run(5);
  EXPECT_THAT(first.first, testing::HasSubstr("?"));
  EXPECT_EQ(first, run(5));
  EXPECT_NE(first, run(6));
}

}  // namespace
}  // namespace walrus::io
