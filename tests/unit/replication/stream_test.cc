// A leader and two followers over fakes: what the stream between them promises.

#include <gtest/gtest.h>

#include "io/sim/sim_loop.h"
#include "replication/replica_table.h"
#include "replication/segment_leader.h"
#include "tests/fakes/fake_store.h"
#include "tests/fakes/fake_transport.h"

namespace walrus::replication {
namespace {

using namespace std::chrono_literals;

constexpr storage::SegmentKey kKey{TopicId(7), SegmentId(0)};

class StreamTest : public testing::Test {
 protected:
  struct Node {
    Node(io::SimWorld& world, testing_fakes::FakeNetwork& network, std::uint64_t number)
        : id(number),
          loop(world.make_loop("node")),
          transport(network, id, loop),
          table(store, [this](storage::SegmentKey, Epoch) {
            if (leader) leader->fence();
          }) {
      transport.set_handler([this](NodeId, io::Message message, io::Reply reply) { table.handle(message, reply); });
    }
    NodeId id;
    io::SimLoop& loop;
    testing_fakes::FakeStore store;
    testing_fakes::FakeTransport transport;
    ReplicaTable table;
    std::unique_ptr<SegmentLeader> leader;
  };

  StreamTest() {
    for (std::uint64_t i = 1; i <= 3; ++i) nodes_.push_back(std::make_unique<Node>(world_, network_, i));
    lead();
  }

  Node& node(std::size_t number) { return *nodes_[number - 1]; }
  testing_fakes::FakeSegment& segment(std::size_t number) { return *node(number).store.find(kKey); }
  void lead() {
    storage::Segment* own = *node(1).store.open_segment(kKey, Offset(0));
    node(1).leader = std::make_unique<SegmentLeader>(
        node(1).loop, node(1).transport, *own,
        SegmentLeader::Replicas{.epoch = Epoch(5), .nodes = {NodeId(1), NodeId(2), NodeId(3)}, .self = NodeId(1)});
  }
  void append(int records) {
    storage::BatchBuilder builder;
    for (int i = 0; i < records; ++i) builder.add("x", 1);
    std::string batch = builder.finish(Offset(0));
    SegmentLeader::AppendDone done = [this](Result<Offset> first) { answers_.push_back(first); };
    if (Status appended = node(1).leader->append(batch, static_cast<std::uint32_t>(records), done); !appended) {
      answers_.push_back(fail(appended.error()));
    }
  }
  void run() { world_.run_ready(); }
  void sync(std::initializer_list<std::size_t> numbers) {
    run();
    for (const std::size_t number : numbers) node(number).store.sync();
    run();
  }

  io::SimWorld world_{20261121};
  testing_fakes::FakeNetwork network_;
  std::vector<Result<Offset>> answers_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

TEST_F(StreamTest, ARecordIsAcknowledgedWhenTwoOfThreeHaveItDurably) {
  append(3);
  sync({1});
  EXPECT_TRUE(answers_.empty());
  sync({3});
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0], Offset(0));
}

TEST_F(StreamTest, TheLeaderNeedNotBeOneOfThem) {
  node(1).store.sync();  // its promise
  append(3);
  sync({2, 3});
  EXPECT_EQ(answers_.size(), 1u);
}

/// After a crash it would not know that it had led, and put other records where followers have these.
TEST_F(StreamTest, NothingLeavesTheLeaderBeforeItsOwnPromiseIsDurable) {
  append(3);
  run();
  EXPECT_EQ(node(2).store.find(kKey), nullptr) << "it has heard of nothing";
  sync({1});
  EXPECT_EQ(segment(2).end(), Offset(3));
  EXPECT_TRUE(answers_.empty());
  sync({2});
  EXPECT_EQ(answers_.size(), 1u);
}

TEST_F(StreamTest, AFollowerWithOtherContentIsNotCounted) {
  storage::BatchBuilder builder;
  builder.add("of another life", 1);
  ASSERT_TRUE((*node(2).store.open_segment(kKey, Offset(0)))->append(SharedBytes(builder.finish(Offset(0)))));
  node(2).store.sync();
  append(1);
  append(2);
  sync({1});
  world_.run_for(100ms);
  sync({2});
  EXPECT_TRUE(answers_.empty()) << "it is as long as the leader's copy, or longer, and another one";
  EXPECT_EQ(segment(2).end(), Offset(1));
  sync({3});
  EXPECT_EQ(answers_.size(), 2u);
  EXPECT_EQ(node(1).leader->holders(), (std::vector<NodeId>{NodeId(1), NodeId(3)}));
}

TEST_F(StreamTest, CopiesHaveEqualContent) {
  for (int i = 1; i < 20; ++i) append(i);
  sync({1, 2, 3});
  sync({1, 2, 3});
  EXPECT_EQ(segment(2).end(), segment(1).end());
  EXPECT_EQ(segment(2).hash(), segment(1).hash());
  EXPECT_EQ(segment(3).hash(), segment(1).hash());
  EXPECT_EQ(node(1).leader->holders().size(), 3u);
}

TEST_F(StreamTest, ASlowFollowerDoesNotStallTheOthers) {
  for (int i = 0; i < 10; ++i) {
    append(1);
    sync({1, 2});
  }
  EXPECT_EQ(answers_.size(), 10u);
  EXPECT_EQ(node(1).leader->holders(), (std::vector<NodeId>{NodeId(1), NodeId(2)}));
}

TEST_F(StreamTest, AFollowerThatWasAwayCatchesUp) {
  network_.cut(NodeId(3));
  for (int i = 0; i < 10; ++i) {
    append(2);
    sync({1, 2});
  }
  network_.heal(NodeId(3));
  world_.run_for(2s);
  sync({3});
  EXPECT_EQ(segment(3).hash(), segment(1).hash());
  sync({3});
  EXPECT_EQ(node(1).leader->holders().size(), 3u);
}

TEST_F(StreamTest, ALostAnswerIsMadeUpFor) {
  sync({1});  // its promise
  append(1);
  sync({1, 2, 3});
  network_.lose_next_reply(NodeId(2));
  network_.lose_next_reply(NodeId(3));
  append(1);
  sync({1, 2, 3});
  EXPECT_EQ(answers_.size(), 1u);
  world_.run_for(100ms);
  sync({2, 3});
  EXPECT_EQ(answers_.size(), 2u);
  EXPECT_EQ(segment(2).end(), Offset(2)) << "nothing twice";
}

TEST_F(StreamTest, WithoutAQuorumTheOutcomeIsUnknownAndThenAppendsAreRefused) {
  network_.cut(NodeId(2));
  network_.cut(NodeId(3));
  append(1);
  sync({1});
  world_.run_for(limits::kQuorumPatience + 100ms);
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].error().code, ErrorCode::kOutcomeUnknown);
  append(1);
  EXPECT_EQ(answers_[1].error().code, ErrorCode::kUnavailable);
  network_.heal(NodeId(2));
  world_.run_for(2s);
  sync({2});
  append(1);
  sync({1, 2});
  ASSERT_EQ(answers_.size(), 3u);
  EXPECT_EQ(answers_[2], Offset(1)) << "the record of unknown fate has its place";
}

TEST_F(StreamTest, AFencedLeaderAcknowledgesNothingMore) {
  append(1);
  sync({1, 2, 3});
  append(1);
  node(2).table.fence(kKey, Offset(0), Epoch(9), [](const Result<FenceAnswer>&) {});
  node(3).table.fence(kKey, Offset(0), Epoch(9), [](const Result<FenceAnswer>&) {});
  sync({1, 2, 3});
  ASSERT_EQ(answers_.size(), 2u);
  EXPECT_EQ(answers_[1].error().code, ErrorCode::kOutcomeUnknown);
  append(1);
  EXPECT_EQ(answers_[2].error().code, ErrorCode::kNotLeader);
}

TEST_F(StreamTest, AFenceOnTheLeadersOwnNodeEndsIt) {
  append(1);
  node(1).table.fence(kKey, Offset(0), Epoch(9), [](const Result<FenceAnswer>&) {});
  sync({1, 2, 3});
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].error().code, ErrorCode::kOutcomeUnknown);
}

TEST_F(StreamTest, AQuorumConfirmsThatItStillAcceptsTheLeader) {
  network_.cut(NodeId(3));
  std::vector<Status> confirmed;
  node(1).leader->confirm([&](const Status& status) { confirmed.push_back(status); });
  EXPECT_TRUE(confirmed.empty()) << "this node alone cannot know";
  run();
  ASSERT_EQ(confirmed.size(), 1u);
  EXPECT_TRUE(confirmed[0]);
}

TEST_F(StreamTest, ALeaderWithoutAQuorumIsNotConfirmed) {
  network_.cut(NodeId(2));
  network_.cut(NodeId(3));
  std::optional<Status> confirmed;
  node(1).leader->confirm([&](const Status& status) { confirmed = status; });
  world_.run_for(limits::kQuorumPatience + 10ms);
  ASSERT_TRUE(confirmed);
  EXPECT_EQ(confirmed->error().code, ErrorCode::kUnavailable);
}

TEST_F(StreamTest, ALeaderThatWasReplacedIsNotConfirmed) {
  for (const std::size_t number : {2, 3}) {
    node(number).table.fence(kKey, Offset(0), Epoch(9), [](const Result<FenceAnswer>&) {});
  }
  std::optional<Status> confirmed;
  node(1).leader->confirm([&](const Status& status) { confirmed = status; });
  run();
  ASSERT_TRUE(confirmed);
  EXPECT_EQ(confirmed->error().code, ErrorCode::kNotLeader);
  EXPECT_TRUE(node(1).leader->fenced());
}

TEST_F(StreamTest, QuestionsDuringARoundShareTheNextOne) {
  int confirmed = 0;
  const auto count = [&](const Status& status) { confirmed += status ? 1 : 0; };
  node(1).leader->confirm(count);
  for (int i = 0; i < 10; ++i) node(1).leader->confirm(count);
  run();
  EXPECT_EQ(confirmed, 11);
  EXPECT_EQ(network_.calls(), 4u) << "two rounds with two followers";
}

TEST_F(StreamTest, AFollowerThatIsLeftBehindForTooLongIsCalledLagging) {
  network_.cut(NodeId(3));
  append(1);
  for (io::Duration time{}; time < 2 * limits::kFollowerPatience; time += 100ms) {
    world_.run_for(100ms);
    sync({1, 2});
  }
  EXPECT_EQ(node(1).leader->lagging(), std::vector{NodeId(3)});
  network_.heal(NodeId(3));
  for (io::Duration time{}; time < 2 * limits::kFollowerPatience; time += 100ms) {
    world_.run_for(100ms);
    sync({1, 2, 3});
  }
  EXPECT_TRUE(node(1).leader->lagging().empty());
}

TEST_F(StreamTest, ASealedReplicaIsCutAtTheEnd) {
  append(2);
  append(3);
  sync({1, 2, 3});
  bool whole = false;
  const auto note = [&](const Result<bool>& settled) { whole = settled && *settled; };
  node(2).table.settle(kKey, Offset(0), Offset(2), Epoch(9), note);
  sync({2});
  EXPECT_TRUE(whole);
  EXPECT_EQ(segment(2).end(), Offset(2));
  EXPECT_TRUE(segment(2).sealed());
  node(3).table.settle(kKey, Offset(0), Offset(9), Epoch(9), note);
  sync({3});
  EXPECT_FALSE(whole) << "it lacks records";
  EXPECT_FALSE(segment(3).sealed());
}

TEST_F(StreamTest, ASealThatReachesTheOldLeaderFirstEndsItAndItsRecordsBeyondTheEnd) {
  append(2);
  sync({1, 2, 3});
  append(3);
  bool whole = false;
  node(1).table.settle(kKey, Offset(0), Offset(2), Epoch(9),
                       [&](const Result<bool>& settled) { whole = settled && *settled; });
  ASSERT_EQ(answers_.size(), 2u);
  EXPECT_EQ(answers_[1].error().code, ErrorCode::kOutcomeUnknown);
  sync({1});
  EXPECT_TRUE(whole);
  EXPECT_EQ(segment(1).end(), Offset(2)) << "what was still being written when the seal came is cut, too";
}

TEST_F(StreamTest, AReplicaThatIsSealedTakesNothingMoreFromItsOldLeader) {
  sync({1});  // its promise
  append(2);
  sync({1, 2, 3});
  for (const std::size_t number : {2, 3}) {
    node(number).table.settle(kKey, Offset(0), Offset(2), Epoch(9), [](const Result<bool>&) {});
  }
  sync({2, 3});
  append(1);
  sync({1, 2, 3});
  EXPECT_EQ(segment(2).end(), Offset(2));
  EXPECT_EQ(segment(3).end(), Offset(2));
  ASSERT_EQ(answers_.size(), 2u);
  EXPECT_EQ(answers_[1].error().code, ErrorCode::kOutcomeUnknown);
}

}  // namespace
}  // namespace walrus::replication
