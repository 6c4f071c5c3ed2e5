#include "replication/quorum.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "io/random.h"

namespace walrus::replication {
namespace {

/// The slow, obvious definition: the largest end that at least Q replicas have reached.
Offset dumb_commit(const std::vector<Offset>& ends) {
  Offset best(0);
  for (const Offset candidate : ends) {
    const auto reached = std::ranges::count_if(ends, [&](Offset end) { return end >= candidate; });
    if (static_cast<std::size_t>(reached) >= ack_quorum(ends.size())) best = std::max(best, candidate);
  }
  return best;
}

TEST(Quorum, IsAMajority) {
  EXPECT_EQ(ack_quorum(1), 1u);
  EXPECT_EQ(ack_quorum(2), 2u);
  EXPECT_EQ(ack_quorum(3), 2u);
  EXPECT_EQ(ack_quorum(5), 3u);
}

TEST(Quorum, OfOneCommitsWhatIsDurable) {
  Quorum quorum(1, Offset(10));
  EXPECT_EQ(quorum.commit(), Offset(10));
  quorum.advance(0, Offset(17));
  EXPECT_EQ(quorum.commit(), Offset(17));
}

TEST(Quorum, OfThreeWaitsForTheSecond) {
  Quorum quorum(3, Offset(0));
  quorum.advance(0, Offset(5));
  EXPECT_EQ(quorum.commit(), Offset(0));
  quorum.advance(2, Offset(3));
  EXPECT_EQ(quorum.commit(), Offset(3));
}

TEST(Quorum, IgnoresALateOlderAnswer) {
  Quorum quorum(1, Offset(0));
  quorum.advance(0, Offset(5));
  quorum.advance(0, Offset(4));
  EXPECT_EQ(quorum.commit(), Offset(5));
  EXPECT_EQ(quorum.durable_end(0), Offset(5));
}

TEST(Quorum, AgreesWithTheDumbDefinitionOnRandomHistories) {
  const std::uint64_t seed = 20261121;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  io::Random random(seed);
  for (int run = 0; run < 500; ++run) {
    const std::size_t replicas = 1 + random.below(7);
    Quorum quorum(replicas, Offset(0));
    std::vector<Offset> ends(replicas, Offset(0));
    for (int step = 0; step < 50; ++step) {
      const std::size_t replica = random.below(replicas);
      const Offset end(random.below(100));
      ends[replica] = std::max(ends[replica], end);
      quorum.advance(replica, end);
      ASSERT_EQ(quorum.commit(), dumb_commit(ends));
    }
  }
}

}  // namespace
}  // namespace walrus::replication
