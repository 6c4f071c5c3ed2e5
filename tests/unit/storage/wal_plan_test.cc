// What recovery decides, on headers alone: torn tails, rot, restarts.
#include <gtest/gtest.h>

#include "storage/wal_reader.h"

namespace walrus::storage::wal {
namespace {

/// A log of one-block groups; the CRC of group n is 1000 + n.
class Log {
 public:
  explicit Log(std::uint64_t first_group = 1) : next_(first_group) {
    survey_.checkpoint = {.log_id = 9, .first_file = 1, .first_group = first_group};
    survey_.files.push_back({.path = "a.wal", .number = 1, .size = 1 << 20});
  }
  /// A group that was issued when groups up to `durable` were known to be durable.
  Log& group(std::uint64_t durable) { return put(durable, 0); }
  Log& restart(std::uint64_t void_from, std::uint64_t durable) { return put(durable, void_from); }
  /// One that was issued and cannot be read.
  Log& lost() {
    ++next_;
    position_ += kBlockBytes;
    return *this;
  }
  std::vector<std::uint64_t> replayed() {
    plan_ = plan(survey_);
    std::vector<std::uint64_t> groups;
    for (const GroupPlace& place : plan_.replay) groups.push_back(place.header.group);
    return groups;
  }
  const Plan& last() const { return plan_; }
  Survey& survey() { return survey_; }

 private:
  Log& put(std::uint64_t durable, std::uint64_t void_from) {
    GroupPlace place;
    place.header.log_id = 9;
    place.header.file = 1;
    place.header.group = next_;
    place.header.durable = durable;
    place.header.crc = static_cast<std::uint32_t>(1000 + next_);
    place.header.previous_crc = place.header.crc - 1;
    place.header.first_live_file = 1;
    place.header.first_live_group = survey_.checkpoint.first_group;
    if (void_from != 0) {
      place.header.flags = kFlagRestart;
      place.header.void_from = void_from;
    }
    place.position = position_;
    survey_.groups.push_back(place);
    position_ += kBlockBytes;
    ++next_;
    return *this;
  }

  Survey survey_;
  Plan plan_;
  std::uint64_t next_;
  std::uint64_t position_ = 0;
};

using Groups = std::vector<std::uint64_t>;

TEST(WalPlan, AnEmptyLogStartsWhereTheCheckpointSays) {
  Log log(5);
  EXPECT_EQ(log.replayed(), Groups{});
  EXPECT_EQ(log.last().next_file, 1u);
  EXPECT_EQ(log.last().next_group, 5u);
}

TEST(WalPlan, AWholeLogIsReplayedInOrder) {
  Log log(5);
  log.group(4).group(5).group(5);
  EXPECT_EQ(log.replayed(), (Groups{5, 6, 7}));
  EXPECT_TRUE(log.last().damage.empty());
  EXPECT_EQ(log.last().torn_bytes, 0u);
  EXPECT_EQ(log.last().next_file, 2u);
  EXPECT_EQ(log.last().next_group, 8u);
}

TEST(WalPlan, ALostGroupThatNobodyCallsDurableEndsTheLog) {
  Log log;
  log.group(0).group(0).lost().group(1).group(2);
  EXPECT_EQ(log.replayed(), (Groups{1, 2}));
  EXPECT_TRUE(log.last().damage.empty());
  EXPECT_EQ(log.last().torn_bytes, 2 * kBlockBytes);
  EXPECT_EQ(log.last().next_group, 6u) << "numbers of cut groups are not given again";
}

TEST(WalPlan, ALostGroupThatALaterOneCallsDurableIsRotAndIsSteppedOver) {
  Log log;
  log.group(0).lost().group(1).group(3).group(4);
  EXPECT_EQ(log.replayed(), (Groups{1, 3, 4, 5}));
  ASSERT_EQ(log.last().damage.size(), 1u);
  EXPECT_EQ(log.last().damage[0].first_group, 2u);
  EXPECT_EQ(log.last().damage[0].last_group, 2u);
  EXPECT_EQ(log.last().damage[0].path, "a.wal");
  EXPECT_EQ(log.last().damage[0].position, kBlockBytes);
}

TEST(WalPlan, RotAndATornTailInOneGapAreToldApart) {
  Log log;
  log.group(0).lost().lost().group(2);
  EXPECT_EQ(log.replayed(), (Groups{1}));
  ASSERT_EQ(log.last().damage.size(), 1u);
  EXPECT_EQ(log.last().damage[0].last_group, 2u);
  EXPECT_EQ(log.last().torn_bytes, kBlockBytes);
}

TEST(WalPlan, GroupsVoidedByARestartDoNotCountEvenWhenTheyAreWhole) {
  Log log;
  log.group(0).group(1).group(1).restart(2, 1).group(4);
  EXPECT_EQ(log.replayed(), (Groups{1, 4, 5}));
  EXPECT_TRUE(log.last().damage.empty());
}

TEST(WalPlan, ALostVoidedGroupIsNoDamage) {
  Log log;
  log.group(0).lost().group(1).restart(2, 1).group(4).group(5);
  EXPECT_EQ(log.replayed(), (Groups{1, 4, 5, 6}));
  EXPECT_TRUE(log.last().damage.empty());
}

TEST(WalPlan, TwoRestartsInARowVoidAllBetween) {
  Log log;
  log.group(0).lost().restart(2, 1).group(1).restart(2, 1).group(5);
  EXPECT_EQ(log.replayed(), (Groups{1, 5, 6}));
  EXPECT_TRUE(log.last().damage.empty());
}

TEST(WalPlan, DamageInFrontOfARestartIsStillFound) {
  Log log;
  log.group(0).lost().group(2).lost().restart(4, 3).group(5);
  EXPECT_EQ(log.replayed(), (Groups{1, 3, 5, 6}));
  ASSERT_EQ(log.last().damage.size(), 1u);
  EXPECT_EQ(log.last().damage[0].first_group, 2u);
}

TEST(WalPlan, AGroupThatIsNotChainedToTheOneBeforeIsDamage) {
  Log log;
  log.group(0).group(1).group(2);
  log.survey().groups[1].header.previous_crc ^= 1;
  EXPECT_EQ(log.replayed(), (Groups{1, 3}));
  ASSERT_EQ(log.last().damage.size(), 1u);
  EXPECT_EQ(log.last().damage[0].first_group, 2u);
}

TEST(WalPlan, WhatTheYoungestGroupCallsNotNeededIsNotMissed) {
  Log log;
  log.lost().lost().group(2).group(3);
  for (GroupPlace& place : log.survey().groups) place.header.first_live_group = 3;
  EXPECT_EQ(log.replayed(), (Groups{3, 4}));
  EXPECT_TRUE(log.last().damage.empty());
}

}  // namespace
}  // namespace walrus::storage::wal
