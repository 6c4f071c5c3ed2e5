#include "broker/work_queue.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

namespace walrus::broker {
namespace {

WorkQueue queue(metadata::QueueSettings settings = {}) {
  return WorkQueue({.settings = std::move(settings), .done = {}, .failures = {}}, Offset(0));
}

/// Gives up to `max` at `now`, for 100 ms; the offsets given.
std::vector<std::uint64_t> give(WorkQueue& from, std::int64_t now, std::uint32_t max, std::uint64_t end) {
  const auto run = from.next_run(now, max, Offset(end));
  if (!run) return {};
  (void)from.grant(*run, now + 100);
  std::vector<std::uint64_t> given;
  given.reserve(run->count);
  for (std::uint32_t i = 0; i < run->count; ++i) given.push_back((run->first + i).value());
  return given;
}
using Offsets = std::vector<std::uint64_t>;

TEST(WorkQueue, GivesEachRecordToOneWorkerAndIsDoneWhenAllBeforeAreDone) {
  WorkQueue jobs = queue();
  EXPECT_EQ(give(jobs, 0, 2, 3), (Offsets{0, 1}));
  EXPECT_EQ(give(jobs, 0, 2, 3), (Offsets{2}));
  EXPECT_EQ(give(jobs, 0, 2, 3), Offsets{});
  EXPECT_TRUE(jobs.ack(Offset(1)));
  EXPECT_EQ(jobs.offset(), Offset(0));
  EXPECT_TRUE(jobs.ack(Offset(0)));
  EXPECT_EQ(jobs.offset(), Offset(2));
  EXPECT_FALSE(jobs.ack(Offset(0))) << "again";
  EXPECT_TRUE(jobs.ack(Offset(2)));
  EXPECT_EQ(jobs.offset(), Offset(3));
  EXPECT_TRUE(jobs.state().done.empty());
}

TEST(WorkQueue, ALeaseThatRunsOutComesAgainAfterTheDelayAndBeforeAnythingNew) {
  WorkQueue jobs = queue({.retry_delay_ms = 50});
  give(jobs, 0, 1, 10);
  EXPECT_FALSE(jobs.expire(99));
  EXPECT_TRUE(jobs.expire(100));
  EXPECT_EQ(give(jobs, 149, 1, 10), (Offsets{1})) << "not yet due";
  const auto again = jobs.next_run(150, 1, Offset(10));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->first, Offset(0));
  EXPECT_EQ(jobs.grant(*again, 300), (std::vector<std::uint32_t>{2}));
}

TEST(WorkQueue, OnlyTheHolderOfALeaseCanGiveItUpOrExtendIt) {
  WorkQueue jobs = queue();
  give(jobs, 0, 1, 1);
  jobs.expire(100);
  give(jobs, 100, 1, 1);  // with another worker now: the second try
  EXPECT_FALSE(jobs.nack(Offset(0), 1, 100));
  EXPECT_FALSE(jobs.extend(Offset(0), 1, 500));
  EXPECT_TRUE(jobs.extend(Offset(0), 2, 500));
  EXPECT_FALSE(jobs.expire(499));
  EXPECT_TRUE(jobs.nack(Offset(0), 2, 499));
  EXPECT_TRUE(jobs.ack(Offset(0))) << "the first worker is done after all";
}

TEST(WorkQueue, NamesARecordAsDeadWhenItsTriesAreUsedUp) {
  WorkQueue jobs = queue({.max_tries = 2});
  give(jobs, 0, 1, 5);
  jobs.nack(Offset(0), 1, 0);
  EXPECT_TRUE(jobs.dead().empty());
  give(jobs, 0, 1, 5);
  jobs.nack(Offset(0), 2, 0);
  ASSERT_EQ(jobs.dead().size(), 1u);
  EXPECT_EQ(jobs.dead().front().offset, Offset(0));
  EXPECT_EQ(give(jobs, 0, 1, 5), (Offsets{1})) << "it is not given again";
  jobs.ack(Offset(0));
  EXPECT_TRUE(jobs.dead().empty());
}

TEST(WorkQueue, OneInFlightIsStrictlyInOrder) {
  WorkQueue jobs = queue({.in_flight = 1});
  EXPECT_EQ(give(jobs, 0, 10, 10), (Offsets{0}));
  EXPECT_EQ(give(jobs, 0, 10, 10), Offsets{});
  jobs.nack(Offset(0), 0, 70);
  EXPECT_EQ(give(jobs, 69, 10, 10), Offsets{}) << "nothing overtakes it";
  EXPECT_EQ(give(jobs, 70, 10, 10), (Offsets{0}));
  jobs.ack(Offset(0));
  EXPECT_EQ(give(jobs, 70, 10, 10), (Offsets{1}));
}

// An owner after a roll knows what failed, and not what else was given: the failure lies behind what comes first.
TEST(WorkQueue, OneInFlightGoesOnInOrderWhateverIsDueBehindIt) {
  metadata::QueueInfo stored{.settings = {.in_flight = 1}, .done = {}, .failures = {}};
  stored.failures.push_back({.offset = Offset(2), .tries = 1, .due_ms = 0});
  WorkQueue jobs(stored, Offset(0));
  for (std::uint64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(give(jobs, 10, 3, 4), (Offsets{i}));
    EXPECT_EQ(give(jobs, 10, 3, 4), Offsets{});
    EXPECT_TRUE(jobs.ack(Offset(i)));
  }
}

TEST(WorkQueue, WhatWasNeverGivenCanBeDoneOnlyWhileThereIsRoom) {
  WorkQueue jobs = queue();
  give(jobs, 0, 1, 1'000'000);
  for (std::uint64_t offset = 2; jobs.can_ack(Offset(offset)); offset += 2) {
    ASSERT_LE(offset, 2 * limits::kMaxQueueExceptions);
    EXPECT_TRUE(jobs.ack(Offset(offset)));
  }
  EXPECT_EQ(jobs.state().done.size(), limits::kMaxQueueExceptions);
  EXPECT_TRUE(jobs.can_ack(Offset(0))) << "it is with a worker";
  EXPECT_TRUE(jobs.can_ack(Offset(2))) << "that is known";
}

TEST(WorkQueue, WhatClosesTheFirstHoleGoesOnHoweverMuchIsDoneBehindIt) {
  WorkQueue jobs = queue();
  for (std::uint64_t offset = 1; jobs.can_ack(Offset(offset)); offset += 2) jobs.ack(Offset(offset));
  EXPECT_TRUE(jobs.can_ack(Offset(0)));
  EXPECT_EQ(give(jobs, 0, 10, 1'000'000), (Offsets{0}));
  EXPECT_TRUE(give(jobs, 0, 10, 1'000'000).empty());
  jobs.ack(Offset(0));
  EXPECT_EQ(jobs.offset(), Offset(2));
  EXPECT_EQ(give(jobs, 0, 1, 1'000'000), (Offsets{2}));
}

TEST(WorkQueue, ANewOwnerGivesWhatWasWithAWorkerAndRemembersTries) {
  WorkQueue first = queue();
  give(first, 0, 4, 10);
  first.ack(Offset(1));
  first.nack(Offset(2), 0, 30);
  give(first, 30, 1, 10);  // 2 again, on lease
  WorkQueue second(first.state(), first.offset());
  const auto run = second.next_run(0, 10, Offset(10));
  ASSERT_TRUE(run);
  std::set<std::uint64_t> given;
  for (auto next = second.next_run(1000, 10, Offset(10)); next; next = second.next_run(1000, 10, Offset(10))) {
    const auto tries = second.grant(*next, 2000);
    for (std::uint32_t i = 0; i < next->count; ++i) {
      given.insert((next->first + i).value());
      if (next->first + i == Offset(2)) EXPECT_EQ(tries[i], 2u);
    }
  }
  EXPECT_EQ(given, (std::set<std::uint64_t>{0, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(WorkQueue, ATrimTakesWhatIsGoneOutOfIt) {
  WorkQueue jobs = queue();
  give(jobs, 0, 6, 10);
  jobs.ack(Offset(3));
  jobs.nack(Offset(1), 0, 0);
  jobs.trim(Offset(3));
  EXPECT_EQ(jobs.offset(), Offset(4));
  EXPECT_EQ(jobs.on_lease(), 2u);
  EXPECT_EQ(give(jobs, 0, 10, 10), (Offsets{6, 7, 8, 9}));
}

TEST(WorkQueue, HoldsNoMoreExceptionsThanItsBound) {
  WorkQueue jobs = queue({.in_flight = 1'000'000});
  constexpr std::uint64_t kEnd = 100'000;
  while (!give(jobs, 0, 1000, kEnd).empty()) {
  }
  EXPECT_LE(jobs.on_lease(), limits::kMaxQueueExceptions);
  for (std::uint64_t i = 1; i < limits::kMaxQueueExceptions; i += 2) jobs.ack(Offset(i));
  EXPECT_TRUE(give(jobs, 0, 1000, kEnd).empty());
  for (std::uint64_t i = 0; i < limits::kMaxQueueExceptions; i += 2) jobs.ack(Offset(i));
  EXPECT_EQ(jobs.offset(), Offset(limits::kMaxQueueExceptions));
  EXPECT_FALSE(give(jobs, 0, 1000, kEnd).empty());
}

/// Any sequence of calls, with owners that are lost: every record is given until it is done, none is lost, and none is
/// given that is known to be done.
TEST(WorkQueue, LosesNothingWhateverHappens) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  constexpr std::uint64_t kEnd = 300;
  WorkQueue jobs = queue({.retry_delay_ms = 20, .in_flight = 50});
  std::set<std::uint64_t> done;
  std::vector<std::uint64_t> held;
  std::int64_t now = 0;
  for (int step = 0; step < 200'000 && done.size() < kEnd; ++step) {
    const auto kind = random() % 100;
    if (kind < 45) {
      for (const std::uint64_t offset : give(jobs, now, 1 + random() % 5, kEnd)) {
        ASSERT_FALSE(done.contains(offset));
        held.push_back(offset);
      }
    } else if (kind < 80 && !held.empty()) {
      std::swap(held[random() % held.size()], held.back());
      jobs.ack(Offset(held.back()));
      done.insert(held.back());
      held.pop_back();
    } else if (kind < 90 && !held.empty()) {
      jobs.nack(Offset(held[random() % held.size()]), 0, now + 10);
    } else if (kind < 99) {
      now += static_cast<std::int64_t>(random() % 60);
      jobs.expire(now);
    } else {
      jobs = WorkQueue(jobs.state(), jobs.offset());
    }
    std::uint64_t first_open = 0;
    while (done.contains(first_open)) ++first_open;
    ASSERT_EQ(jobs.offset(), Offset(first_open));
  }
  EXPECT_EQ(done.size(), kEnd);
}

}  // namespace
}  // namespace walrus::broker
