#include "net/peer_identity.h"

#include <gtest/gtest.h>

#include "net/peer_acceptor.h"
#include "tests/unit/net/peer_node.h"

namespace walrus::net {
namespace {

PeerClaim claim(const PeerIdentity& caller, std::uint64_t expected) {
  return read_hello(make_hello(caller, NodeId(expected), 0)).value();
}

ErrorCode refusal(const PeerIdentity& self, const PeerClaim& of) { return check_claim(self, of).error().code; }

TEST(PeerIdentity, AHelloComesBackAsItWasSent) {
  const PeerClaim read = read_hello(make_hello(identity(7), NodeId(9), 3)).value();
  EXPECT_EQ(read.identity.cluster_id, kCluster);
  EXPECT_EQ(read.identity.node_id, NodeId(7));
  EXPECT_EQ(read.identity.disk_id, identity(7).disk_id);
  EXPECT_EQ(read.identity.boot_id, identity(7).boot_id);
  EXPECT_EQ(read.identity.peer_address, "127.0.0.1:0");
  EXPECT_EQ(read.expected_node, NodeId(9));
  EXPECT_EQ(read.channel, 3u);
  EXPECT_FALSE(read.guest());
  EXPECT_TRUE(claim(identity(7, Uuid()), 0).guest());
}

TEST(PeerIdentity, AHelloWithoutIdsOrOfAnUnknownFormatIsNotRead) {
  peer::Hello hello = make_hello(identity(7), NodeId(9), 0);
  hello.set_disk_id("short");
  EXPECT_FALSE(read_hello(hello));
  hello = make_hello(identity(7), NodeId(9), 0);
  hello.set_node_id(0);
  EXPECT_FALSE(read_hello(hello));
  hello = make_hello(identity(7), NodeId(9), 0);
  hello.set_format_version(0);
  EXPECT_EQ(read_hello(hello).error().code, ErrorCode::kUnsupported);
  hello.set_format_version(kPeerFormatVersion + 1);  // a newer node speaks our format, too
  EXPECT_TRUE(read_hello(hello));
}

TEST(PeerIdentity, AMemberOfTheSameClusterIsWelcome) {
  EXPECT_TRUE(check_claim(identity(1), claim(identity(2), 1)));
  EXPECT_TRUE(check_claim(identity(1), claim(identity(2, Uuid()), 0)));
}

TEST(PeerIdentity, AForeignClusterAWrongNodeAndADuplicateIdAreRefused) {
  const PeerIdentity self = identity(1);
  EXPECT_EQ(refusal(self, claim(identity(2, Uuid(9, 9)), 1)), ErrorCode::kIdentityRefused);
  EXPECT_EQ(refusal(self, claim(identity(2), 3)), ErrorCode::kConflict);
  PeerIdentity twin = self;
  twin.boot_id = Uuid(9, 9);
  EXPECT_EQ(refusal(self, claim(twin, 0)), ErrorCode::kIdentityRefused);
  EXPECT_NE(check_claim(self, claim(twin, 0)).error().detail.find("copied"), std::string::npos);
  EXPECT_EQ(refusal(self, claim(self, 0)), ErrorCode::kConflict);  // itself
  EXPECT_EQ(refusal(identity(1, Uuid()), claim(identity(2), 1)), ErrorCode::kUnavailable);
}

TEST(PeerIdentity, AReplyFromAnotherClusterOrNodeIsNotAccepted) {
  const PeerIdentity self = identity(1);
  EXPECT_TRUE(check_hello_reply(self, NodeId(2), make_hello_reply(identity(2), {})));
  EXPECT_FALSE(check_hello_reply(self, NodeId(3), make_hello_reply(identity(2), {})));
  EXPECT_FALSE(check_hello_reply(self, NodeId(2), make_hello_reply(identity(2, Uuid(9, 9)), {})));
  const auto refused =
      check_hello_reply(self, NodeId(2), make_hello_reply(identity(2), fail(ErrorCode::kIdentityRefused, "why")));
  EXPECT_EQ(refused.error().code, ErrorCode::kIdentityRefused);
  EXPECT_EQ(refused.error().detail, "why");
}

TEST(LiveProcesses, LetARestartedNodeInOnceItsOldConnectionsAreGone) {
  LiveProcesses live(milliseconds(100));
  const Uuid before(1, 0);
  const Uuid after(2, 0);
  const io::TimePoint start{};
  live.opened(NodeId(1), before);
  live.opened(NodeId(1), before);
  EXPECT_TRUE(live.admit(NodeId(1), before, start));
  EXPECT_EQ(live.admit(NodeId(1), after, start).error().code, ErrorCode::kUnavailable);
  live.closed(NodeId(1), before);
  EXPECT_EQ(live.admit(NodeId(1), after, start + milliseconds(50)).error().code, ErrorCode::kUnavailable);
  live.closed(NodeId(1), before);
  EXPECT_TRUE(live.admit(NodeId(1), after, start + milliseconds(60)));
}

TEST(LiveProcesses, RefuseASecondProcessWhileTheFirstOneLives) {
  LiveProcesses live(milliseconds(100));
  const io::TimePoint start{};
  live.opened(NodeId(1), Uuid(1, 0));
  EXPECT_EQ(live.admit(NodeId(1), Uuid(2, 0), start).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(live.admit(NodeId(1), Uuid(2, 0), start + milliseconds(101)).error().code, ErrorCode::kIdentityRefused);
  EXPECT_TRUE(live.admit(NodeId(1), Uuid(1, 0), start + milliseconds(102)));
  EXPECT_TRUE(live.admit(NodeId(2), Uuid(3, 0), start));
}

}  // namespace
}  // namespace walrus::net
