// The engine against a std::vector: random appends, reads, seals, removals, clean stops, kills and power cuts.
#include <gtest/gtest.h>

#include "tests/unit/storage/sim_store.h"

namespace walrus::storage {
namespace {

using test::SimStore;
using namespace std::chrono_literals;

class ModelRun {
 public:
  explicit ModelRun(std::uint64_t seed) : store_(seed, test::small_files()), random_(seed ^ 0x9e3779b97f4a7c15) {
    store_.engine.wal_writes_in_flight = 1 + random_.below(4);
    store_.engine.open_segment_files = 2 + random_.below(4);
  }

  void run(std::size_t steps) {
    ASSERT_TRUE(store_.open());
    for (std::size_t i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      step();
      store_.world.run_for(std::chrono::microseconds(random_.below(400)));
    }
    restart(0);
    for (auto& [key, topic] : topics_) check_all(key, topic);
    EXPECT_GT(records_read_, steps);
  }

 private:
  struct Topic {
    Offset base;
    std::vector<std::string> values;
    std::uint64_t acknowledged = 0;
    bool sealed = false;
  };

  void step() {
    const SegmentKey key{TopicId(1 + random_.below(5)), SegmentId(random_.below(2))};
    if (!topics_.contains(key)) topics_[key].base = Offset(random_.below(1000));
    Topic& topic = topics_[key];
    const auto dice = random_.below(1000);
    if (dice < 650) return append(key, topic);
    if (dice < 960) return read(key, topic);
    if (dice < 970) return seal(key, topic);
    if (dice < 980) return remove(key);
    restart(random_.below(6));
  }

  Segment& segment(SegmentKey key, Topic& topic) {
    Segment& segment = store_.segment(key, topic.base);
    segment.watch([&segment, &topic] { topic.acknowledged = segment.durable_end() - segment.base(); });
    return segment;
  }

  void append(SegmentKey key, Topic& topic) {
    std::vector<std::string> values(1 + random_.below(5));
    for (std::string& value : values) value.assign(random_.below(random_.chance(0.05) ? 6000 : 300), 'v');
    for (std::string& value : values) value += std::to_string(random_.next());
    const Status status = test::append(segment(key, topic), values);
    EXPECT_EQ(status.has_value(), !topic.sealed);
    if (status) topic.values.insert(topic.values.end(), values.begin(), values.end());
  }

  void read(SegmentKey key, Topic& topic) {
    Segment& there = segment(key, topic);
    ASSERT_EQ(there.end() - there.base(), topic.values.size());
    if (topic.values.empty()) return;
    const auto from = random_.below(topic.values.size());
    const auto limit = from + 1 + random_.below(std::min<std::size_t>(60, topic.values.size() - from));
    const auto read = store_.values(there, there.base() + from, there.base() + limit, 1 + random_.below(8000));
    records_read_ += read.size();
    const auto begin = topic.values.begin() + static_cast<std::ptrdiff_t>(from);
    EXPECT_EQ(read, std::vector(begin, begin + static_cast<std::ptrdiff_t>(limit - from)));
  }

  void check_all(SegmentKey key, Topic& topic) {
    Segment& there = segment(key, topic);
    EXPECT_EQ(store_.values(there), topic.values);
    records_read_ += topic.values.size();
  }

  void seal(SegmentKey key, Topic& topic) {
    segment(key, topic).seal();
    topic.sealed = true;
    ASSERT_TRUE(store_.wait_durable(store_.segment(key, topic.base)));
    store_.settle();
  }

  void remove(SegmentKey key) {
    ASSERT_TRUE(store_.store->remove(key));
    topics_.erase(key);
    store_.settle();
  }

  /// 0, 1: clean stop; 2: kill; the rest: power cuts.
  void restart(std::uint64_t how) {
    if (how < 2) {
      ASSERT_TRUE(store_.close());
    } else if (how == 2) {
      store_.kill();
      store_.world.run_for(10ms);
    } else {
      store_.crash(io::kAllCrashModels[random_.below(io::kAllCrashModels.size())]);
    }
    ASSERT_TRUE(store_.open());
    EXPECT_TRUE(store_.report.damage.empty()) << store_.report.damage.front();
    if (how < 2) EXPECT_EQ(store_.report.batches_replayed, 0u);
    for (auto& [key, topic] : topics_) {
      const Segment& there = store_.segment(key, topic.base);
      const std::uint64_t size = there.end() - there.base();
      ASSERT_GE(size, how < 2 ? topic.values.size() : topic.acknowledged);
      ASSERT_LE(size, topic.values.size());
      topic.values.resize(size);
      topic.acknowledged = size;
      // A seal that a crash has overtaken is forgotten; it is the metadata's to repeat.
      topic.sealed = there.sealed();
    }
  }

  SimStore store_;
  io::Random random_;
  std::map<SegmentKey, Topic> topics_;
  std::size_t records_read_ = 0;
};

TEST(Model, RandomRunsAgreeWithAVector) {
  const std::uint64_t seed = test::fresh_seed();
  for (std::uint64_t run = 0; run < 10; ++run) {
    SCOPED_TRACE("WALRUS_TEST_SEED=" + std::to_string(seed + run));
    ModelRun(seed + run).run(1500);
    if (HasFailure()) return;
  }
}

TEST(Model, AThousandTopicsShareTheLog) {
  SimStore store(21);
  ASSERT_TRUE(store.open());
  const auto key = [](std::uint64_t i) { return SegmentKey{TopicId(i), SegmentId(0)}; };
  for (int round = 0; round < 5; ++round) {
    for (std::uint64_t i = 1; i <= 1000; ++i) {
      ASSERT_TRUE(
          test::append(store.segment(key(i)), {"topic " + std::to_string(i), "round " + std::to_string(round)}));
      if (i % 50 == 0) store.world.run_for(2ms);
    }
  }
  for (std::uint64_t i = 1; i <= 1000; ++i) ASSERT_TRUE(store.wait_durable(store.segment(key(i))));
  store.crash(io::CrashModel::kKeepRandomSectors);
  ASSERT_TRUE(store.open());
  EXPECT_TRUE(store.report.damage.empty());
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    const auto values = store.values(store.segment(key(i)));
    ASSERT_EQ(values.size(), 10u);
    EXPECT_EQ(values[8], "topic " + std::to_string(i));
    EXPECT_EQ(values[9], "round 4");
  }
  ASSERT_TRUE(store.close());
}

}  // namespace
}  // namespace walrus::storage
