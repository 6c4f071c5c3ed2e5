#include "io/sim/sim_loop.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace walrus::io {
namespace {

using namespace std::chrono_literals;

TEST(SimLoop, RunsPostedTasksInOrderWithoutTimeGoingOn) {
  SimWorld world(1);
  SimLoop& loop = world.make_loop("node");
  std::string order;
  loop.post([&] {
    order += 'a';
    loop.post([&] { order += 'c'; });
  });
  loop.post([&] { order += 'b'; });
  world.run_ready();
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(world.now(), TimePoint{});
}

TEST(SimLoop, TimeAdvancesToTheEarliestTimerOnlyWhenNothingIsReady) {
  SimWorld world(1);
  SimLoop& loop = world.make_loop("node");
  std::vector<Duration> times;
  auto late = loop.after(3s, [&] { times.push_back(loop.now().time_since_epoch()); });
  auto early = loop.after(1s, [&] {
    times.push_back(loop.now().time_since_epoch());
    loop.post([&] { times.push_back(loop.now().time_since_epoch()); });
  });
  loop.post([&] { times.push_back(loop.now().time_since_epoch()); });
  while (world.step()) {
  }
  EXPECT_EQ(times, (std::vector<Duration>{0s, 1s, 1s, 3s}));
}

TEST(SimLoop, ACancelledTimerNeitherRunsNorMovesTime) {
  SimWorld world(1);
  SimLoop& loop = world.make_loop("node");
  {
    auto forgotten = loop.after(1s, [] { FAIL() << "its timer was destroyed"; });
  }
  EXPECT_FALSE(world.step());
  EXPECT_EQ(world.now(), TimePoint{});
}

TEST(SimLoop, ATimerCanBeCancelledByATaskOfTheSameInstant) {
  SimWorld world(1);
  SimLoop& loop = world.make_loop("node");
  Timer second;
  auto first = loop.after(1s, [&] { second.cancel(); });
  second = loop.after(1s, [] { FAIL() << "was cancelled"; });
  world.run_for(2s);
  EXPECT_FALSE(first.armed());
}

TEST(SimLoop, RunForStopsAtItsEndAndRunsWhatIsDueThen) {
  SimWorld world(1);
  SimLoop& loop = world.make_loop("node");
  int runs = 0;
  auto in_time = loop.after(2s, [&] { ++runs; });
  auto too_late = loop.after(2s + 1ns, [&] { ++runs; });
  world.run_for(2s);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(world.now(), TimePoint{2s});
}

TEST(SimLoop, RunUntilTellsWhetherThePredicateHeld) {
  SimWorld world(1);
  SimLoop& loop = world.make_loop("node");
  bool done = false;
  auto timer = loop.after(2s, [&] { done = true; });
  EXPECT_FALSE(world.run_until([&] { return done; }, 1s));
  EXPECT_EQ(world.now(), TimePoint{1s});
  EXPECT_TRUE(world.run_until([&] { return done; }, 10s));
  EXPECT_EQ(world.now(), TimePoint{2s});
}

TEST(SimLoop, AStoppedLoopNeverRunsAgain) {
  SimWorld world(1);
  SimLoop& loop = world.make_loop("node");
  auto timer = loop.after(1s, [] { FAIL(); });
  loop.post([&] {
    loop.stop();
    loop.post([] { FAIL(); });
    EXPECT_FALSE(loop.after(1s, [] { FAIL(); }).armed());
  });
  loop.post([] { FAIL(); });
  world.run_for(1min);
  EXPECT_TRUE(loop.stopped());
  EXPECT_FALSE(timer.armed());
}

TEST(SimLoop, WhatAStoppedLoopsTasksOwnIsDestroyedAfterTheRunningTask) {
  SimWorld world(1);
  SimLoop& loop = world.make_loop("node");
  auto owned = std::make_shared<int>(7);
  std::weak_ptr<int> watch = owned;
  loop.post([&loop, watch] {
    loop.stop();
    EXPECT_FALSE(watch.expired());
  });
  loop.post([owned = std::move(owned)] {});
  world.run_ready();
  EXPECT_TRUE(watch.expired());
}

TEST(SimLoop, APausedLoopCatchesUpInOrderWhenResumed) {
  SimWorld world(1);
  SimLoop& paused = world.make_loop("paused");
  SimLoop& other = world.make_loop("other");
  std::string order;
  auto b = paused.after(2s, [&] { order += 'b'; });
  auto a = paused.after(1s, [&] { order += 'a'; });
  bool other_ran = false;
  auto o = other.after(3s, [&] { other_ran = true; });
  paused.pause();
  world.run_for(5s);
  EXPECT_EQ(order, "");
  EXPECT_TRUE(other_ran);
  paused.resume();
  world.run_ready();
  EXPECT_EQ(order, "ab");
  EXPECT_EQ(paused.now(), TimePoint{5s});
}

TEST(SimLoop, OnlyTheRunningLoopIsInItsThread) {
  SimWorld world(1);
  SimLoop& one = world.make_loop("one");
  SimLoop& two = world.make_loop("two");
  EXPECT_TRUE(one.in_thread());
  bool ran = false;
  one.post([&] { ran = one.in_thread() && !two.in_thread(); });
  world.run_ready();
  EXPECT_TRUE(ran);
}

TEST(SimLoop, ClocksOfNodesDifferByTheirOffset) {
  SimWorld world(1);
  SimLoop& one = world.make_loop("one");
  SimLoop& two = world.make_loop("two");
  two.set_clock_offset(100s);
  EXPECT_EQ(two.now() - one.now(), Duration{100s});
  bool ran = false;
  auto timer = two.after(1s, [&] { ran = true; });
  world.run_for(1s);
  EXPECT_TRUE(ran);
}

/// A small chaotic run: loops that post to each other and arm random timers.
std::pair<std::uint64_t, std::string> chaos(std::uint64_t seed, SimWorld::Order order) {
  SimWorld world(seed, order);
  std::vector<SimLoop*> loops;
  for (const char* name : {"0", "1", "2"}) loops.push_back(&world.make_loop(name));
  std::string trace;
  std::vector<Timer> timers;
  std::function<void(std::size_t, int)> work = [&](std::size_t self, int depth) {
    trace += loops[self]->name();
    if (depth == 0) return;
    const std::size_t to = loops[self]->random() % loops.size();
    loops[to]->post([&work, to, depth] { work(to, depth - 1); });
    timers.push_back(
        loops[self]->after(Duration(loops[self]->random() % 1000), [&work, self, depth] { work(self, depth - 1); }));
  };
  for (std::size_t i = 0; i < loops.size(); ++i) loops[i]->post([&work, i] { work(i, 8); });
  world.run_for(1s);
  return {world.fingerprint(), trace};
}

TEST(SimWorld, TheSameSeedGivesTheSameRunAndAnotherSeedAnother) {
  for (const auto order : {SimWorld::Order::kFifo, SimWorld::Order::kShuffled}) {
    EXPECT_EQ(chaos(7, order), chaos(7, order));
    EXPECT_NE(chaos(7, order).second, chaos(8, order).second);
    EXPECT_NE(chaos(7, order).first, chaos(8, order).first);
  }
}

TEST(SimWorld, ShufflingChangesTheInterleavingButNotALoopsOwnOrder) {
  const auto interleaving = [](std::uint64_t seed) {
    SimWorld world(seed, SimWorld::Order::kShuffled);
    SimLoop& a = world.make_loop("a");
    SimLoop& b = world.make_loop("b");
    std::string all;
    std::string own;
    for (char c = '0'; c <= '9'; ++c) {
      a.post([&, c] {
        all += 'a';
        own += c;
      });
      b.post([&] { all += 'b'; });
    }
    world.run_ready();
    EXPECT_EQ(own, "0123456789") << "seed " << seed;
    return all;
  };
  EXPECT_NE(interleaving(1), interleaving(2));
}

}  // namespace
}  // namespace walrus::io
