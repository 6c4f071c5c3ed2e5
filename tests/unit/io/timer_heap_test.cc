#include "io/timer_heap.h"

#include <gtest/gtest.h>

#include <string>

namespace walrus::io {
namespace {

using namespace std::chrono_literals;

TimePoint at(Duration since_start) { return TimePoint{since_start}; }

TEST(TimerHeap, CallsComeByDueTimeAndThenInTheOrderOfArming) {
  TimerHeap heap;
  std::string order;
  auto a = heap.add(at(2s), [&] { order += 'a'; });
  auto b = heap.add(at(1s), [&] { order += 'b'; });
  auto c = heap.add(at(2s), [&] { order += 'c'; });
  auto d = heap.add(at(1s), [&] { order += 'd'; });
  while (auto call = heap.pop_due(at(2s))) call->run();
  EXPECT_EQ(order, "bdac");
  EXPECT_FALSE(a.armed());
}

TEST(TimerHeap, NothingIsDueBeforeItsTime) {
  TimerHeap heap;
  auto timer = heap.add(at(2s), [] {});
  EXPECT_FALSE(heap.pop_due(at(2s - 1ns)).has_value());
  EXPECT_TRUE(heap.pop_due(at(2s)).has_value());
}

TEST(TimerHeap, ACancelledCallIsNeitherDueNorRun) {
  TimerHeap heap;
  auto first = heap.add(at(1s), [] { FAIL() << "was cancelled"; });
  auto second = heap.add(at(2s), [] {});
  first.cancel();
  EXPECT_EQ(heap.next_due(), at(2s));
}

TEST(TimerHeap, ACallTakenOutCanStillBeCancelled) {
  TimerHeap heap;
  auto timer = heap.add(at(1s), [] { FAIL() << "was cancelled"; });
  auto call = heap.pop_due(at(1s));
  ASSERT_TRUE(call);
  timer.cancel();
  call->run();
}

TEST(TimerHeap, ManyCancelledTimeoutsDoNotPileUp) {
  TimerHeap heap;
  auto kept = heap.add(at(1h), [] {});
  for (int i = 0; i < 100'000; ++i) heap.add(at(1h), [] {}).cancel();
  EXPECT_LT(heap.size(), 200u);
  EXPECT_EQ(heap.next_due(), at(1h));
}

TEST(TimerHeap, ADestructorMayArmATimerWhileCancelledOnesArePurged) {
  TimerHeap heap;
  std::vector<Timer> armed_on_the_way_out;
  struct ArmsWhenDestroyed {
    TimerHeap* heap;
    std::vector<Timer>* timers;
    ArmsWhenDestroyed(TimerHeap* h, std::vector<Timer>* t) : heap(h), timers(t) {}
    ArmsWhenDestroyed(ArmsWhenDestroyed&& other) noexcept
        : heap(std::exchange(other.heap, nullptr)), timers(other.timers) {}
    ~ArmsWhenDestroyed() {
      if (heap != nullptr) timers->push_back(heap->add(TimePoint{7s}, [] {}));
    }
  };
  for (int i = 0; i < 1000; ++i) {
    heap.add(at(1h), [arms = ArmsWhenDestroyed(&heap, &armed_on_the_way_out)] {}).cancel();
  }
  ASSERT_GT(armed_on_the_way_out.size(), 100u);
  std::size_t run = 0;
  while (heap.pop_due(at(7s))) ++run;
  EXPECT_EQ(run, armed_on_the_way_out.size());
}

TEST(TimerHeap, DueTimesDoNotOverflow) {
  EXPECT_EQ(due_at(at(5s), Duration::max()), TimePoint::max());
  EXPECT_EQ(due_at(at(5s), -1s), at(5s));
  EXPECT_EQ(due_at(at(5s), 1s), at(6s));
}

}  // namespace
}  // namespace walrus::io
