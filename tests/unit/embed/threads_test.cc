// Many threads on one store. Run under TSan, too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "tests/unit/embed/open_store.h"

namespace walrus::test {
namespace {

class ThreadsTest : public testing::TestWithParam<store::Fsync> {
 protected:
  ThreadsTest() {
    options_.shards = 2;
    options_.fsync = GetParam();
  }
  void on_threads(int count, const std::function<void(int)>& work) {
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) threads.emplace_back([&work, i] { work(i); });
    for (std::thread& thread : threads) thread.join();
  }
  TempDir directory_;
  store::Options options_ = small_options(directory_);
};

constexpr int kThreads = 16;
constexpr int kAppends = 200;

TEST_P(ThreadsTest, EachAppendOfManyThreadsIsThereOnceAndInItsThreadsOrder) {
  store::Store store = open_store(options_);
  on_threads(kThreads, [&](int thread) {
    for (int i = 0; i < kAppends; ++i) {
      store::Topic topic = topic_of(store, "t" + std::to_string(i % 3));
      const std::string value = std::to_string(thread) + ":" + std::to_string(i) + std::string(200, 'x');
      const auto offset = topic.append(value);
      ASSERT_TRUE(offset) << offset.error().message();
    }
  });
  std::multiset<std::string> all;
  for (const std::string& name : store.topics()) {
    std::map<std::string, int> last;
    for (const std::string& value : values_from(topic_of(store, name), 0)) {
      all.insert(value);
      const auto colon = value.find(':');
      const int number = std::stoi(value.substr(colon + 1));
      const auto [it, first] = last.emplace(value.substr(0, colon), number);
      if (!first) {
        EXPECT_LT(it->second, number);
      }
      it->second = number;
    }
  }
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kThreads * kAppends));
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), all.size());
}

TEST_P(ThreadsTest, ReadersSealersTrimmersAndCursorsDoNotDisturbAppends) {
  store::Store store = open_store(options_);
  store::Topic topic = topic_of(store, "t");
  std::atomic<int> appended{0};
  std::atomic<std::uint64_t> taken{0};
  on_threads(kThreads, [&](int thread) {
    if (thread == 0) {
      while (appended < (kThreads - 3) * kAppends) {
        ASSERT_EQ(outcome(topic.seal()), "ok");
        const auto stats = topic.stats().value();
        ASSERT_EQ(outcome(topic.trim(stats.start + stats.records / 4)), "ok");
      }
    } else if (thread < 3) {
      store::Cursor cursor = topic.cursor("c", {.persist_every = 50}).value();
      while (true) {
        const bool last = appended >= (kThreads - 3) * kAppends;
        const auto record = cursor.next();
        ASSERT_TRUE(record) << record.error().message();
        if (*record) ++taken;
        if (!*record && last) break;
      }
    } else {
      for (int i = 0; i < kAppends; ++i) {
        ASSERT_EQ(outcome(topic.append(std::string(300, 'x'))), "ok");
        ++appended;
      }
    }
  });
  EXPECT_EQ(topic.stats().value().end, static_cast<std::uint64_t>((kThreads - 3) * kAppends));
  EXPECT_GT(taken, 0u);
}

TEST_P(ThreadsTest, ACursorGoesOnWhileTheTopicIsTrimmedUnderIt) {
  store::Store store = open_store(options_);
  store::Topic topic = topic_of(store, "t");
  std::atomic<bool> trimmed{false};
  on_threads(2, [&](int thread) {
    if (thread == 0) {
      for (int i = 0; i < kAppends / 2; ++i) ASSERT_EQ(outcome(topic.trim(topic.append("x").value() + 1)), "ok");
      trimmed = true;
      return;
    }
    // Each trim takes the record that it stands on, sometimes while it looks where to go on.
    store::Cursor cursor = topic.cursor("c", {.persist_every = kAppends}).value();
    while (!trimmed) ASSERT_EQ(outcome(cursor.next()), "ok");
  });
}

TEST_P(ThreadsTest, AReadWhoseSegmentIsTrimmedMeanwhileIsOutOfRange) {
  options_.segment_records = 1;
  constexpr std::uint64_t kSegments = 150;
  {
    store::Store store = open_store(options_);
    store::Topic topic = topic_of(store, "t");
    for (std::uint64_t i = 0; i < kSegments; ++i) ASSERT_EQ(outcome(topic.append("x")), "ok");
  }
  // Opened again: the first read of each segment begins with its index, which takes it a while.
  store::Store store = open_store(options_);
  store::Topic topic = topic_of(store, "t");
  std::atomic<std::uint64_t> start{0};
  on_threads(2, [&](int thread) {
    while (start < kSegments) {
      if (thread == 0) {
        ASSERT_EQ(outcome(topic.trim(start + 1)), "ok");
        ++start;
        continue;
      }
      const auto records = topic.read(start, 1);
      if (!records) ASSERT_EQ(records.error().code, store::ErrorCode::kOutOfRange) << records.error().message();
    }
  });
}

TEST_P(ThreadsTest, CloseLetsCallsUnderWayEndAndRefusesLaterOnes) {
  store::Store store = open_store(options_);
  store::Topic topic = topic_of(store, "t");
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<int> begun{0};
  on_threads(kThreads, [&](int thread) {
    if (thread == 0) {
      while (begun < kThreads - 1) std::this_thread::yield();
      ASSERT_EQ(outcome(store.close()), "ok");
      return;
    }
    while (true) {
      const auto offset = topic.append("x");
      if (!offset) {
        ASSERT_EQ(offset.error().code, store::ErrorCode::kClosed) << offset.error().message();
        return;
      }
      if (++acknowledged; thread > 0) begun.fetch_add(1);
    }
  });
  store::Store again = open_store(options_);
  EXPECT_EQ(topic_of(again, "t").stats().value().end, acknowledged);
}

std::string policy_name(const testing::TestParamInfo<store::Fsync>& info) {
  constexpr const char* kNames[] = {"always", "interval", "never"};
  return kNames[static_cast<int>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Policies, ThreadsTest,
                         testing::Values(store::Fsync::kAlways, store::Fsync::kInterval, store::Fsync::kNever),
                         policy_name);

}  // namespace
}  // namespace walrus::test
