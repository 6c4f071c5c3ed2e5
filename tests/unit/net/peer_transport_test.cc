#include "net/peer_transport.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "protocol/peer_frame.h"
#include "tests/unit/net/peer_node.h"
#include "tests/unit/net/raw_client.h"

namespace walrus::net {
namespace {

PeerNodeOptions quick_pings() {
  PeerNodeOptions options;
  options.transport.connection.ping_interval = milliseconds(20);
  options.transport.connection.silence_limit = milliseconds(200);
  return options;
}

std::string hello_bytes(const PeerIdentity& self, std::uint64_t expected) {
  const std::string header = make_hello(self, NodeId(expected), 0).SerializeAsString();
  return protocol::encode_peer_frame({.type = peer::HELLO, .kind = {}, .call_id = 0, .header = header, .body = {}})
      .value();
}

TEST(PeerTransport, ACallReachesTheOtherNodeAndItsReplyComesBack) {
  PeerNode one(identity(1));
  PeerNode two(identity(2));
  one.meet(2, two.port());
  const auto reply = one.call(2, text_message("header", std::string("bo\0dy", 5)));
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(reply->type, 20);
  EXPECT_EQ(reply->header, "header");
  EXPECT_EQ(reply->body.view(), std::string_view("bo\0dy", 5));
  EXPECT_TRUE(one.connected(2));
  two.run([](PeerNode& self) { EXPECT_EQ(self.received().front().from, NodeId(1)); });
}

TEST(PeerTransport, AnErrorGivenToTheReplyIsWhatTheCallerGets) {
  PeerNode one(identity(1));
  PeerNode two(identity(2));
  one.meet(2, two.port());
  const auto reply = one.call(2, text_message(""));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kGap);
  EXPECT_EQ(reply.error().detail, "empty");
}

TEST(PeerTransport, MessagesArriveInTheOrderOfSendingWhateverTheirSize) {
  PeerNode one(identity(1));
  PeerNode two(identity(2));
  one.meet(2, two.port());
  const std::vector<std::size_t> sizes = {0, 10, 70'000, 1, 3 << 20, 65'500, 65'536, 100};
  constexpr std::size_t kMessages = 400;
  for (std::size_t i = 0; i < kMessages; ++i) {
    const std::size_t size = i < 16 ? sizes[i % sizes.size()] : i % 300;
    one.send(2, text_message(std::to_string(i), std::string(size, static_cast<char>('a' + i % 26))));
  }
  ASSERT_TRUE(eventually([&] { return two.run([](PeerNode& self) { return self.received().size(); }) == kMessages; }));
  two.run([&](PeerNode& self) {
    for (std::size_t i = 0; i < kMessages; ++i) {
      const std::size_t size = i < 16 ? sizes[i % sizes.size()] : i % 300;
      const io::Message& message = self.received()[i].message;
      ASSERT_EQ(message.header, std::to_string(i));
      ASSERT_EQ(message.body.view(), std::string(size, static_cast<char>('a' + i % 26)));
    }
  });
}

TEST(PeerTransport, BothSidesMayCallAtOnce) {
  PeerNode one(identity(1));
  PeerNode two(identity(2));
  one.meet(2, two.port());
  two.meet(1, one.port());
  std::vector<std::future<Result<io::Message>>> replies;
  for (int i = 0; i < 100; ++i) {
    replies.push_back(one.start_call(2, text_message("from one")));
    replies.push_back(two.start_call(1, text_message("from two")));
  }
  for (auto& reply : replies) EXPECT_TRUE(reply.get());
}

TEST(PeerTransport, AnUnknownOrUnreachableNodeIsSurelyNotReached) {
  PeerNode one(identity(1));
  EXPECT_EQ(one.call(9, text_message("x")).error().code, ErrorCode::kUnavailable);
  std::uint16_t nobody = 0;
  {
    PeerNode gone(identity(2));
    nobody = gone.port();
  }
  one.meet(2, nobody);
  EXPECT_EQ(one.call(2, text_message("x")).error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(one.connected(2));
  one.run([](PeerNode& self) { self.transport().forget(NodeId(2)); });
  EXPECT_EQ(one.call(2, text_message("x")).error().code, ErrorCode::kUnavailable);
}

TEST(PeerTransport, ACallWhosePeerDiesIsOfUnknownOutcome) {
  PeerNode one(identity(1));
  PeerNode two(identity(2));
  two.run([](PeerNode& self) { self.hold_replies = true; });
  one.meet(2, two.port());
  auto reply = one.start_call(2, text_message("x"));
  ASSERT_TRUE(eventually([&] { return two.run([](PeerNode& self) { return self.held().size(); }) == 1; }));
  two.kill();
  EXPECT_EQ(reply.get().error().code, ErrorCode::kOutcomeUnknown);
}

TEST(PeerTransport, AfterHangingUpWhatWasSentIsOfUnknownOutcomeAndTheNextCallConnectsAgain) {
  PeerNode one(identity(1));
  PeerNode two(identity(2));
  two.run([](PeerNode& self) { self.hold_replies = true; });
  one.meet(2, two.port());
  auto reply = one.start_call(2, text_message("x"));
  ASSERT_TRUE(eventually([&] { return two.run([](PeerNode& self) { return self.held().size(); }) == 1; }));
  one.run([](PeerNode& self) { self.transport().hang_up(NodeId(2), "a test"); });
  EXPECT_EQ(reply.get().error().code, ErrorCode::kOutcomeUnknown);
  two.run([](PeerNode& self) { self.hold_replies = false; });
  EXPECT_TRUE(eventually([&] { return one.call(2, text_message("y")).has_value(); }));
}

TEST(PeerTransport, ACallThatIsNotAnsweredInTimeIsOfUnknownOutcome) {
  PeerNode one(identity(1));
  PeerNode two(identity(2));
  two.run([](PeerNode& self) { self.hold_replies = true; });
  one.meet(2, two.port());
  auto reply = one.start_call(2, text_message("x"), milliseconds(50));
  EXPECT_EQ(reply.get().error().code, ErrorCode::kOutcomeUnknown);
  // The late reply finds nobody, and the connection goes on.
  two.run([](PeerNode& self) {
    self.hold_replies = false;
    for (auto& late : self.held()) late(text_message("late"));
  });
  EXPECT_EQ(one.call(2, text_message("y"))->header, "y");
}

TEST(PeerTransport, ACallThatNeverGotAConnectionIsSurelyNotCarriedOut) {
  PeerNode one(identity(1));
  PeerNodeOptions silent;
  silent.accepting = false;
  PeerNode two(identity(2), silent);
  one.meet(2, two.port());
  EXPECT_EQ(one.start_call(2, text_message("x"), milliseconds(50)).get().error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(one.start_call(2, text_message("x")).get().error().code, ErrorCode::kUnavailable);  // connect time-out
}

TEST(PeerTransport, AFullQueueRefusesWithoutAConnectionAndWithOne) {
  PeerNodeOptions narrow;
  narrow.transport.connection.max_queued_bytes = 100'000;
  PeerNode one(identity(1), narrow);
  PeerNodeOptions silent;
  silent.accepting = false;
  PeerNode two(identity(2), silent);
  one.meet(2, two.port());
  auto first = one.start_call(2, text_message("x", std::string(90'000, 'x')));
  const auto refused = one.start_call(2, text_message("x", std::string(20'000, 'x'))).get();
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(refused.error().detail.find("full"), std::string::npos);
  two.run([](PeerNode& self) { self.acceptor().start(); });
  EXPECT_TRUE(first.get());
  // Now the other side stops reading: what the sockets do not hold is refused, at once.
  two.freeze();
  bool full = false;
  for (int i = 0; i < 1000 && !full; ++i) {
    auto reply = one.start_call(2, text_message("x", std::string(90'000, 'x')));
    full = reply.wait_for(milliseconds(1)) == std::future_status::ready &&
           reply.get().error().detail.find("full") != std::string::npos;
  }
  EXPECT_TRUE(full);
}

TEST(PeerTransport, AHalfOpenConnectionIsNoticed) {
  PeerNode one(identity(1), quick_pings());
  PeerNode two(identity(2), quick_pings());
  one.meet(2, two.port());
  ASSERT_TRUE(one.call(2, text_message("x")));
  two.freeze();
  EXPECT_EQ(one.call(2, text_message("y")).error().code, ErrorCode::kOutcomeUnknown);
  EXPECT_FALSE(one.connected(2));
}

TEST(PeerTransport, AnIdleConnectionStaysOpen) {
  PeerNode one(identity(1), quick_pings());
  PeerNode two(identity(2), quick_pings());
  one.meet(2, two.port());
  ASSERT_TRUE(one.call(2, text_message("x")));
  std::this_thread::sleep_for(milliseconds(500));  // more than twice the silence that closes
  EXPECT_TRUE(one.connected(2));
}

TEST(PeerTransport, ConnectsAgainAfterARestart) {
  PeerNode one(identity(1));
  auto two = std::make_unique<PeerNode>(identity(2));
  one.meet(2, two->port());
  ASSERT_TRUE(one.call(2, text_message("x")));
  PeerNodeOptions same_port;
  same_port.port = two->port();
  two.reset();
  PeerIdentity restarted = identity(2);
  restarted.boot_id = Uuid(9, 9);
  PeerNode again(restarted, same_port);
  EXPECT_TRUE(eventually([&] { return one.call(2, text_message("y")).has_value(); }));
}

TEST(PeerTransport, FollowsANodeThatMoves) {
  PeerNode one(identity(1));
  PeerNode before(identity(2));
  one.meet(2, before.port());
  ASSERT_TRUE(one.call(2, text_message("x")));
  PeerNode after(identity(2));
  one.meet(2, after.port());
  ASSERT_TRUE(one.call(2, text_message("y")));
  after.run([](PeerNode& self) { EXPECT_EQ(self.received().size(), 1u); });
}

TEST(PeerTransport, ReachesAHostByName) {
  PeerNode one(identity(1));
  PeerNode two(identity(2));
  one.run([&](PeerNode& self) { self.transport().set_address(NodeId(2), "localhost:" + std::to_string(two.port())); });
  EXPECT_TRUE(one.call(2, text_message("x")));
}

TEST(PeerHello, AForeignClusterIsRefusedOnBothSides) {
  PeerNode one(identity(1));
  PeerNode stranger(identity(2, Uuid(9, 9)));
  one.meet(2, stranger.port());
  EXPECT_EQ(one.call(2, text_message("x")).error().code, ErrorCode::kUnavailable);
  ASSERT_EQ(one.refusals().size(), 1u);
  EXPECT_TRUE(one.refusals()[0].foreign_cluster);
  EXPECT_FALSE(one.refusals()[0].own_fault);
  EXPECT_NE(one.refusals()[0].error.detail.find(kCluster.hex()), std::string::npos);
}

TEST(PeerHello, AWrongNodeAtTheAddressIsNotTalkedTo) {
  PeerNode one(identity(1));
  PeerNode three(identity(3));
  one.meet(2, three.port());
  const auto reply = one.call(2, text_message("x"));
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(reply.error().detail.find("node 2 was expected at this address, but it is node 3"), std::string::npos);
  EXPECT_FALSE(one.refusals().at(0).own_fault);
  three.run([](PeerNode& self) { EXPECT_TRUE(self.received().empty()); });
}

TEST(PeerHello, ADiskThatTheClusterDoesNotKnowUnderThisNodeIdIsRefused) {
  PeerNodeOptions knows;
  knows.acceptor.identity_check = [](NodeId node, const Uuid& disk) -> Status {
    if (disk == identity(node.value()).disk_id) return {};
    return fail(ErrorCode::kIdentityRefused, "another disk");
  };
  PeerNode one(identity(1), knows);
  PeerIdentity wiped = identity(2);
  wiped.disk_id = Uuid(9, 9);
  PeerNode two(wiped);
  two.meet(1, one.port());
  EXPECT_FALSE(two.call(1, text_message("x")));
  ASSERT_TRUE(eventually([&] { return !two.refusals().empty(); }));
  EXPECT_TRUE(two.refusals()[0].own_fault);
  EXPECT_EQ(two.refusals()[0].error.detail, "another disk");
}

TEST(PeerHello, AForgottenNodeIsHungUpOnAndHearsWhyWhenItComesAgain) {
  std::atomic<bool> removed = false;
  PeerNodeOptions knows;
  knows.acceptor.identity_check = [&removed](NodeId, const Uuid&) -> Status {
    if (removed) return fail(ErrorCode::kIdentityRefused, "the node was removed");
    return {};
  };
  PeerNode one(identity(1), knows);
  PeerNode two(identity(2));
  two.meet(1, one.port());
  ASSERT_TRUE(two.call(1, text_message("x")));
  removed = true;
  EXPECT_TRUE(two.call(1, text_message("y"))) << "a connection that is open tells nothing";
  one.run([](PeerNode& self) { self.transport().forget(NodeId(2)); });
  ASSERT_TRUE(eventually([&] {
    (void)two.call(1, text_message("z"));
    return !two.refusals().empty();
  }));
  EXPECT_TRUE(two.refusals()[0].own_fault);
  EXPECT_EQ(two.refusals()[0].error.detail, "the node was removed");
}

TEST(PeerHello, TheCallerChecksTheDiskOfWhoAnswers) {
  PeerNodeOptions knows;
  knows.transport.identity_check = [](NodeId, const Uuid&) -> Status {
    return fail(ErrorCode::kIdentityRefused, "another disk");
  };
  PeerNode one(identity(1), knows);
  PeerNode two(identity(2));
  one.meet(2, two.port());
  EXPECT_EQ(one.call(2, text_message("x")).error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(one.refusals().at(0).own_fault);  // it is theirs
}

TEST(PeerHello, ASecondProcessWithACopiedDirectoryIsRefusedAndTheFirstGoesOn) {
  PeerNodeOptions impatient;
  impatient.acceptor.conflict_limit = milliseconds(50);
  PeerNode one(identity(1), impatient);
  PeerNode two(identity(2));
  two.meet(1, one.port());
  ASSERT_TRUE(two.call(1, text_message("x")));
  PeerIdentity copied = identity(2);
  copied.boot_id = Uuid(9, 9);
  PeerNode copy(copied);
  copy.meet(1, one.port());
  ASSERT_TRUE(eventually([&] {
    EXPECT_EQ(copy.call(1, text_message("y")).error().code, ErrorCode::kUnavailable);
    const auto refusals = copy.refusals();
    return !refusals.empty() && refusals.back().own_fault;
  }));
  EXPECT_NE(copy.refusals().back().error.detail.find("copied"), std::string::npos);
  EXPECT_TRUE(two.call(1, text_message("z")));
}

TEST(PeerHello, AGuestMayJoinAndNothingElse) {
  PeerNode member(identity(1));
  PeerNode guest(identity(2, Uuid()));
  io::Message join{.type = peer::JOIN, .header = "join", .body = {}};
  const auto reply = guest.call_address(member.port(), join);
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(reply->header, "join");
  EXPECT_EQ(guest.call_address(member.port(), text_message("x")).error().code, ErrorCode::kIdentityRefused);
  PeerNode outsider(identity(3, Uuid()));
  EXPECT_EQ(guest.call_address(outsider.port(), join).error().code, ErrorCode::kUnavailable);
}

TEST(PeerHello, AGuestWithANodeIdThatIsTakenHearsSo) {
  PeerNode member(identity(1));
  PeerIdentity same_id = identity(1, Uuid());
  same_id.disk_id = Uuid(8, 8);
  same_id.boot_id = Uuid(9, 9);
  PeerNode guest(same_id);
  const auto reply = guest.call_address(member.port(), {.type = peer::JOIN, .header = "join", .body = {}});
  EXPECT_EQ(reply.error().code, ErrorCode::kIdentityRefused);
  EXPECT_NE(reply.error().detail.find("node id 1 is in use"), std::string::npos);
  ASSERT_TRUE(eventually([&] { return !guest.refusals().empty(); }));
  EXPECT_TRUE(guest.refusals()[0].own_fault);
}

TEST(PeerHello, BytesThatAreNoHelloCostTheirConnectionAlone) {
  PeerNodeOptions impatient;
  impatient.acceptor.hello_timeout = milliseconds(50);
  PeerNode one(identity(1), impatient);
  RawClient http(one.port());
  ASSERT_TRUE(http.send("GET / HTTP/1.1\r\n\r\n"));
  RawClient silent(one.port());
  RawClient eager(one.port());
  ASSERT_TRUE(eager.send(hello_bytes(identity(3), 1) + "more than a hello"));
  EXPECT_TRUE(http.closed_by_server());
  EXPECT_TRUE(silent.closed_by_server());
  EXPECT_TRUE(eager.closed_by_server());
  PeerNode two(identity(2));
  two.meet(1, one.port());
  EXPECT_TRUE(two.call(1, text_message("x")));
}

}  // namespace
}  // namespace walrus::net
