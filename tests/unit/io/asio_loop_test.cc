#include "io/asio_loop.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <future>
#include <pthread.h>
#include <set>
#include <thread>

#include "tests/unit/io/running_loop.h"

namespace walrus::io {
namespace {

using namespace std::chrono_literals;

TEST(AsioLoop, RunsPostedTasksInOrderOnItsOwnNamedThread) {
  RunningLoop loop("test loop");
  std::string order;
  std::string thread_name(16, '\0');
  loop->post([&] { order += 'a'; });
  loop->post([&] {
    order += 'b';
    EXPECT_TRUE(loop->in_thread());
    pthread_getname_np(pthread_self(), thread_name.data(), thread_name.size());
  });
  loop.on_loop([&] { order += 'c'; });
  EXPECT_EQ(order, "abc");
  EXPECT_STREQ(thread_name.c_str(), "test loop");
  EXPECT_FALSE(loop->in_thread());
}

TEST(AsioLoop, ATaskThatPostsLetsWhatWasQueuedGoFirst) {
  RunningLoop loop;
  std::string order;
  std::promise<void> done;
  loop.on_loop([&] {
    loop->post([&] {
      loop->post([&] {
        order += 'c';
        done.set_value();
      });
      order += 'a';
    });
    loop->post([&] { order += 'b'; });
  });
  done.get_future().get();
  EXPECT_EQ(order, "abc");
}

TEST(AsioLoop, EachThreadsPostsKeepTheirOrderAndNoneIsLost) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 20'000;
  RunningLoop loop;
  std::vector<int> last(kThreads, -1);
  int ran = 0;
  bool ordered = true;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kPosts; ++i) {
        loop->post([&, t, i] {
          ordered = ordered && last[t] == i - 1;
          last[t] = i;
          ++ran;
        });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  loop.on_loop([&] {
    EXPECT_TRUE(ordered);
    EXPECT_EQ(ran, kThreads * kPosts);
  });
}

TEST(AsioLoop, TimersRunByTheirDueTimeWhateverTheOrderOfArming) {
  RunningLoop loop;
  std::string order;
  std::promise<void> done;
  std::vector<Timer> timers;
  TimePoint armed;
  loop.on_loop([&] {
    armed = loop->now();
    timers.push_back(loop->after(30ms, [&] {
      order += 'c';
      EXPECT_GE(loop->now() - armed, 30ms);
      done.set_value();
    }));
    timers.push_back(loop->after(10ms, [&] { order += 'b'; }));
    timers.push_back(loop->after(0ms, [&] { order += 'a'; }));
    timers.push_back(loop->after(20ms, [&] { order += 'x'; }));
    timers.back().cancel();
  });
  done.get_future().get();
  loop.on_loop([&] {
    EXPECT_EQ(order, "abc");
    timers.clear();
  });
}

TEST(AsioLoop, ATimerThatRearmsItselfForNowDoesNotStarveTasks) {
  RunningLoop loop;
  Timer timer;
  bool stop = false;
  std::function<void()> spin = [&] {
    if (!stop) timer = loop->after(0s, [&] { spin(); });
  };
  loop.on_loop([&] { spin(); });
  loop.on_loop([&] { stop = true; });  // returns only if tasks still run
  loop.on_loop([&] { timer.cancel(); });
}

TEST(AsioLoop, AsioHandlersShareTheThread) {
  RunningLoop loop;
  std::promise<bool> in_thread;
  boost::asio::post(loop->context(), [&] { in_thread.set_value(loop->in_thread()); });
  EXPECT_TRUE(in_thread.get_future().get());
}

TEST(AsioLoop, StopBeforeRunMakesRunReturn) {
  AsioLoop loop("stopped");
  loop.post([] { FAIL() << "the loop was stopped"; });
  loop.stop();
  loop.run();
}

TEST(AsioLoop, StopFromATaskSkipsTheTasksBehindIt) {
  AsioLoop loop("stops itself");
  bool ran = false;
  loop.post([&] {
    ran = true;
    loop.stop();
  });
  loop.post([] { FAIL() << "the loop was stopped"; });
  loop.run();
  EXPECT_TRUE(ran);
}

TEST(AsioLoop, WhatUnrunTasksOwnIsDestroyedWithTheLoop) {
  auto owned = std::make_shared<int>(7);
  std::weak_ptr<int> watch = owned;
  {
    AsioLoop loop("never runs");
    Timer timer = loop.after(1h, [copy = owned] {});
    loop.post([moved = std::move(owned)] {});
    loop.stop();
    loop.run();
    EXPECT_FALSE(watch.expired());
  }
  EXPECT_TRUE(watch.expired());
}

TEST(AsioLoop, RandomBitsDoNotRepeat) {
  AsioLoop one("one");
  AsioLoop two("two");
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    seen.insert(one.random());
    seen.insert(two.random());
  }
  EXPECT_EQ(seen.size(), 2000u);
}

TEST(AsioLoop, WallTimeIsThatOfTheSystem) {
  AsioLoop loop("clock");
  const auto system =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  EXPECT_LE(std::abs(loop.wall_ms() - system.count()), 10'000);
}

}  // namespace
}  // namespace walrus::io
