// Promises: durable when answered, known after every kind of end, lost only out loud.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/layout.h"
#include "storage/promise_table.h"
#include "storage/shard_promises.h"
#include "tests/unit/storage/golden.h"
#include "tests/unit/storage/sim_store.h"

namespace walrus::storage {
namespace {

using test::append;
using test::kFirst;
using test::kNode;
using test::kSecond;
using test::SimStore;
using namespace std::chrono_literals;

constexpr SegmentKey key_of(std::uint64_t topic) { return {TopicId(topic), SegmentId(0)}; }

/// Promises and waits for the answer.
Status promise(SimStore& store, Segment& segment, Epoch epoch) {
  std::optional<Status> answer;
  segment.promise(epoch, [&](Status status) { answer = std::move(status); });
  EXPECT_TRUE(store.world.run_until([&] { return answer.has_value(); }, 60s)) << "promise() never answers";
  return answer.value_or(fail(ErrorCode::kTimedOut));
}

TEST(PromiseTable, HasItsGoldenBytesAndReadsBack) {
  PromiseTable table;
  table.promise({TopicId(5), SegmentId(6)}, Epoch(1000));
  table.remove({TopicId(5), SegmentId(7)});
  table.promise({TopicId(9), SegmentId(0)}, Epoch(0x1122334455667788));
  table.lose(TopicId(9));
  const std::string bytes = table.encode();
  EXPECT_EQ(bytes, test::read_golden("promises"));
  const auto read = PromiseTable::decode(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, table);
  for (std::size_t byte = 0; byte < bytes.size(); ++byte) {
    std::string bad = bytes;
    bad[byte] = static_cast<char>(bad[byte] ^ 4);
    EXPECT_FALSE(PromiseTable::decode(bad)) << "byte " << byte;
  }
  EXPECT_FALSE(PromiseTable::decode(bytes.substr(1)));
  EXPECT_FALSE(PromiseTable::decode({}));
}

TEST(PromiseTable, TellsLostFromNone) {
  PromiseTable table;
  table.promise(key_of(3), Epoch(10));
  EXPECT_FALSE(table.look_up(key_of(4)).lost);
  table.lose(TopicId(5));
  table.remove(key_of(5));
  EXPECT_TRUE(table.look_up(key_of(4)).lost);
  EXPECT_FALSE(table.look_up(key_of(3)).lost) << "known from something newer";
  EXPECT_FALSE(table.look_up(key_of(5)).lost) << "begun anew";
  EXPECT_FALSE(table.look_up(key_of(6)).lost) << "younger than the loss";
  table.compact();
  EXPECT_FALSE(table.look_up(key_of(5)).lost);
}

TEST(Promises, CountAtOnceAndAreDurableWhenAnswered) {
  for (const io::CrashModel model : io::kAllCrashModels) {
    SimStore store(61);
    ASSERT_TRUE(store.open());
    Segment& segment = store.segment();
    EXPECT_EQ(segment.promised(), Epoch());
    ASSERT_TRUE(append(segment, {"before"}));
    bool answered = false;
    segment.promise(Epoch(12), [&](const Status& status) { answered = status.has_value(); });
    EXPECT_EQ(segment.promised(), Epoch(12));
    EXPECT_FALSE(answered);
    ASSERT_TRUE(store.world.run_until([&] { return answered; }, 60s));
    EXPECT_EQ(segment.durable_end(), Offset(1)) << "in the order of the log";
    store.crash(model);
    ASSERT_TRUE(store.open());
    EXPECT_EQ(store.segment().promised(), Epoch(12));
    EXPECT_EQ(store.segment().end(), Offset(1));
    ASSERT_TRUE(promise(store, store.segment(), Epoch(5)));
    EXPECT_EQ(store.segment().promised(), Epoch(12)) << "never falls";
  }
}

TEST(Promises, OutliveTheLogFilesThatHeldThem) {
  SimStore store(62);
  ASSERT_TRUE(store.open());
  for (std::uint64_t topic = 20; topic < 40; ++topic) {
    ASSERT_TRUE(promise(store, store.segment(key_of(topic)), Epoch(100 + topic)));
  }
  Segment& busy = store.segment();
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(append(busy, {std::string(1500, 'x')}));
    if (i % 3 == 0) ASSERT_TRUE(store.wait_durable(busy));
  }
  store.settle();
  EXPECT_TRUE(*store.disk->exists(layout::shard_promises(kNode, 0)));
  for (int life = 0; life < 3; ++life) {
    if (life == 1) {
      ASSERT_TRUE(store.close());
    } else {
      store.crash(io::CrashModel::kLoseUnsynced);
    }
    ASSERT_TRUE(store.open());
    EXPECT_TRUE(store.report.damage.empty());
    for (std::uint64_t topic = 20; topic < 40; ++topic) {
      EXPECT_EQ(store.segment(key_of(topic)).promised(), Epoch(100 + topic));
      ASSERT_TRUE(append(store.segment(key_of(topic)), {"an append"}));
    }
  }
}

TEST(Promises, ALogOfNothingElseIsReleasedToo) {
  SimStore store(63);
  ASSERT_TRUE(store.open());
  for (std::uint64_t i = 1; i <= 200; ++i) ASSERT_TRUE(promise(store, store.segment(), Epoch(i)));
  store.settle();
  EXPECT_LE(store.disk->list(layout::wal_directory(kNode, 0))->size(), 1 + 2 + store.engine.wal_spare_files);
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.segment().promised(), Epoch(200));
}

TEST(Promises, OfARemovedSegmentGoWithItAndDoNotComeBack) {
  for (const bool filler : {false, true}) {
    SimStore store(64);
    ASSERT_TRUE(store.open());
    ASSERT_TRUE(promise(store, store.segment(), Epoch(50)));
    ASSERT_TRUE(promise(store, store.segment(kSecond), Epoch(60)));
    // The old promise may be in a file, the log or both when it goes.
    const auto fill = [&] {
      for (int i = 0; filler && i < 150; ++i) {
        ASSERT_TRUE(append(store.segment(key_of(99)), {std::string(1500, 'x')}));
        if (i % 3 == 0) ASSERT_TRUE(store.wait_durable(store.segment(key_of(99))));
      }
    };
    fill();
    ASSERT_TRUE(store.store->remove(kFirst));
    EXPECT_EQ(store.segment().promised(), Epoch());
    store.settle();
    fill();
    store.crash(io::CrashModel::kLoseUnsynced);
    ASSERT_TRUE(store.open());
    EXPECT_EQ(store.segment().promised(), Epoch());
    EXPECT_EQ(store.segment(kSecond).promised(), Epoch(60));
    ASSERT_TRUE(promise(store, store.segment(), Epoch(7)));
    ASSERT_TRUE(store.close());
    ASSERT_TRUE(store.open());
    EXPECT_EQ(store.segment().promised(), Epoch(7));
    EXPECT_EQ(store.segment(kSecond).promised(), Epoch(60));
  }
}

// A node whose retention removes segments for years keeps nothing of them.
TEST(Promises, OfRemovedSegmentsLeaveNothingBehind) {
  SimStore store(65);
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(promise(store, store.segment(kSecond), Epoch(60)));
  ASSERT_TRUE(store.close());
  ASSERT_TRUE(store.open());  // from here on this one stands in the node's own table
  ShardPromises promises(*store.disk, kNode, 0);
  ASSERT_TRUE(promises.open());
  for (std::uint64_t topic = 100; topic < 1100; ++topic) {
    promises.promise(key_of(topic), Epoch(topic));
    EXPECT_TRUE(promises.remove(key_of(topic)));
    EXPECT_EQ(promises.look_up(key_of(topic)).epoch, Epoch());
  }
  EXPECT_TRUE(promises.remove(kSecond));
  EXPECT_EQ(promises.look_up(kSecond).epoch, Epoch());
  promises.logged(1);
  ASSERT_TRUE(promises.before_release(2));
  const auto bytes = store.disk->read_file(layout::shard_promises(kNode, 0));
  ASSERT_TRUE(bytes);
  const auto table = PromiseTable::decode(*bytes);
  ASSERT_TRUE(table);
  EXPECT_THAT(table->entries(), testing::ElementsAre(testing::Pair(kSecond, Epoch())));
}

TEST(Promises, CanBeMadeForASegmentThatTakesNoAppends) {
  SimStore store(65);
  ASSERT_TRUE(store.open());
  Segment& segment = store.segment();
  ASSERT_TRUE(append(segment, {"lost"}));
  store.disk->fail_nth(io::SimDisk::Operation::kWrite, 1, ".wal");
  store.settle();
  ASSERT_FALSE(segment.status());
  EXPECT_TRUE(promise(store, segment, Epoch(3)));
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.segment().promised(), Epoch(3));
}

TEST(Promises, ThatCannotBeMadeDurableAreAnsweredWithTheError) {
  SimStore store(66);
  ASSERT_TRUE(store.open());
  store.settle();
  store.disk->fail_nth(io::SimDisk::Operation::kWrite, 1, ".wal");
  EXPECT_FALSE(promise(store, store.segment(), Epoch(3)));
  EXPECT_EQ(store.segment().promised(), Epoch(3)) << "kept as far as we are concerned";
  EXPECT_TRUE(store.segment().status()) << "it says nothing about the records";
  EXPECT_TRUE(promise(store, store.segment(), Epoch(3))) << "the log goes on in another file";
}

TEST(Promises, WithoutSpaceAreAnsweredWithDiskFull) {
  SimStore store(67);
  store.disk->set_capacity(300 * limits::kKiB);
  ASSERT_TRUE(store.open());
  while (append(store.segment(), {std::string(2000, 'x')})) store.world.run_for(1ms);
  // What room is left may still take some.
  Status status;
  for (std::uint64_t epoch = 1; status && epoch < 500; ++epoch) {
    std::optional<Status> answer;
    store.segment().promise(Epoch(epoch), [&](Status made) { answer = std::move(made); });
    store.world.run_for(10ms);
    ASSERT_TRUE(answer.has_value());
    status = *answer;
  }
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kDiskFull);
}

class LostPromises : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(store_.open());
    ASSERT_TRUE(promise(store_, store_.segment(), Epoch(50)));
    ASSERT_TRUE(append(store_.segment(), {"a"}));
    ASSERT_TRUE(append(store_.segment(key_of(3)), {"sealed"}));
    store_.segment(key_of(3)).seal();
    ASSERT_TRUE(store_.close());
    ASSERT_TRUE(store_.open());
    ASSERT_TRUE(store_.close());
    ASSERT_TRUE(*store_.disk->exists(layout::node_promises(kNode)));
  }
  SimStore store_{68};
};

TEST_F(LostPromises, MakeEverySegmentSuspectThatMayHaveHadOne) {
  store_.disk->flip_bits(layout::node_promises(kNode), 40);
  for (int start = 0; start < 2; ++start) {
    ASSERT_TRUE(store_.open());
    EXPECT_EQ(store_.report.damage.size(), start == 0 ? 1u : 0u) << "reported once";
    EXPECT_TRUE(store_.report.promises_lost) << "and known for ever";
    EXPECT_EQ(store_.segment().status().error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(store_.values(store_.segment()), std::vector<std::string>{"a"}) << "readable all the same";
    EXPECT_FALSE(store_.segment(key_of(6)).status()) << "an empty segment may have promised, too";
    EXPECT_TRUE(store_.segment(key_of(3)).status()) << "a sealed one is past its epochs";
    EXPECT_TRUE(store_.segment(key_of(1000)).status()) << "younger than the damage";
    ASSERT_TRUE(store_.close());
  }
  ASSERT_TRUE(store_.open());
  ASSERT_TRUE(store_.store->remove(kFirst));
  EXPECT_TRUE(store_.segment().status()) << "removed and begun anew, it has promised nothing";
  ASSERT_TRUE(promise(store_, store_.segment(), Epoch(70)));
  store_.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store_.open());
  EXPECT_TRUE(store_.segment().status());
  EXPECT_EQ(store_.segment().promised(), Epoch(70));
}

TEST_F(LostPromises, APromiseInTheLogIsNewerThanADamagedFile) {
  ASSERT_TRUE(store_.open());
  ASSERT_TRUE(promise(store_, store_.segment(), Epoch(51)));
  store_.crash(io::CrashModel::kLoseUnsynced);
  store_.disk->flip_bits(layout::node_promises(kNode), 40);
  ASSERT_TRUE(store_.open());
  EXPECT_EQ(store_.segment().promised(), Epoch(51));
  EXPECT_TRUE(store_.segment().status());
}

TEST_F(LostPromises, RotInALogThatHeldPromisesMayHaveTakenOne) {
  store_.engine.wal_file_bytes = 1 * limits::kMiB;
  ASSERT_TRUE(store_.open());
  ASSERT_TRUE(promise(store_, store_.segment(kSecond), Epoch(90)));
  ASSERT_TRUE(promise(store_, store_.segment(key_of(9)), Epoch(91)));
  store_.settle();
  store_.crash(io::CrashModel::kLoseUnsynced);
  const std::string wal = layout::wal_directory(kNode, 0);
  bool flipped = false;
  for (const std::string& name : *store_.disk->list(wal)) {
    const auto bytes = store_.disk->read_file(wal + "/" + name);
    // The first group of this life is the promise of the second segment.
    if (!name.ends_with(".wal") || bytes->find("WWAL") != 0 || flipped) continue;
    store_.disk->flip_bits(wal + "/" + name, 100);
    flipped = true;
  }
  ASSERT_TRUE(flipped);
  ASSERT_TRUE(store_.open());
  EXPECT_FALSE(store_.report.damage.empty());
  EXPECT_TRUE(store_.report.promises_lost);
  EXPECT_EQ(store_.segment(kSecond).status().error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(store_.segment(key_of(9)).promised(), Epoch(91));
  EXPECT_TRUE(store_.segment(key_of(9)).status()) << "known from behind the damage";
}

TEST(Promises, StayWhenACopyIsSetAside) {
  SimStore store(70);
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(append(store.segment(), {"not what it should be"}));
  ASSERT_TRUE(store.wait_durable(store.segment()));
  ASSERT_TRUE(promise(store, store.segment(), Epoch(9)));
  ASSERT_TRUE(store.store->set_aside(kFirst, Offset(0)));
  EXPECT_EQ(store.segment().end(), Offset(0));
  EXPECT_EQ(store.segment().promised(), Epoch(9));
  const auto kept = store.disk->list(layout::quarantine_directory(kNode));
  EXPECT_TRUE(!kept || kept->size() <= 1) << "there is a file only when the log was written out";
  ASSERT_TRUE(append(store.segment(), {"as it should be"}));
  ASSERT_TRUE(store.wait_durable(store.segment()));
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.values(store.segment()), (std::vector<std::string>{"as it should be"}));
  EXPECT_EQ(store.segment().promised(), Epoch(9));
}

TEST(Promises, ASetAsideCopyIsKeptForAPersonToLookAt) {
  SimStore store(71);
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(append(store.segment(), {"not what it should be"}));
  ASSERT_TRUE(store.close());
  ASSERT_TRUE(store.open());
  ASSERT_EQ(store.segment().end(), Offset(1));
  ASSERT_TRUE(store.store->set_aside(kFirst, Offset(0)));
  EXPECT_EQ(store.segment().end(), Offset(0));
  const auto kept = store.disk->list(layout::quarantine_directory(kNode));
  ASSERT_TRUE(kept);
  EXPECT_EQ(*kept, std::vector<std::string>{"topic_7-segment_0-copy_1.log"});
}

TEST(Promises, StayWhenACopyIsDiscardedAndNothingElseDoes) {
  SimStore store(72);
  store.engine.wal_file_bytes = 256 * limits::kKiB;
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(append(store.segment(), {"one too many"}));
  ASSERT_TRUE(store.wait_durable(store.segment()));
  ASSERT_TRUE(promise(store, store.segment(), Epoch(9)));
  ASSERT_TRUE(store.store->discard(kFirst));
  EXPECT_THAT(*store.store->list(kFirst.topic), testing::IsEmpty());
  // What the log held of it is not waited for.
  for (std::size_t i = 0; i < 500; ++i) {
    ASSERT_TRUE(append(store.segment(kSecond), {test::filler(i)}));
    ASSERT_TRUE(store.wait_durable(store.segment(kSecond)));
  }
  EXPECT_LE(store.disk->list(layout::wal_directory(kNode, 0))->size(), 5u);
  store.crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_THAT(*store.store->list(kFirst.topic), testing::IsEmpty());
  EXPECT_EQ(store.segment().end(), Offset(0));
  EXPECT_EQ(store.segment().promised(), Epoch(9));
}

TEST(Promises, StayWithTheNodeWhenTheNumberOfShardsChanges) {
  SimStore store(69);
  ASSERT_TRUE(store.open());
  ASSERT_TRUE(promise(store, store.segment(), Epoch(5)));
  ASSERT_TRUE(store.close());
  ASSERT_TRUE(recover(*store.disk, kNode));
  io::SimLoop& loop = store.world.make_loop("another shard");
  auto other = open_shard_store(*store.disk, loop, {.directory = kNode, .shard = 1, .engine = store.engine});
  ASSERT_TRUE(other);
  Segment* segment = *(*other)->open_segment(kFirst, Offset(0));
  EXPECT_EQ(segment->promised(), Epoch(5));
  std::optional<Status> answer;
  segment->promise(Epoch(8), [&](Status status) { answer = std::move(status); });
  ASSERT_TRUE(store.world.run_until([&] { return answer.has_value(); }, 60s));
  store.disk->power_off();
  other->reset();
  loop.stop();
  store.disk->crash(io::CrashModel::kLoseUnsynced);
  ASSERT_TRUE(store.open());
  EXPECT_EQ(store.segment().promised(), Epoch(8));
}

}  // namespace
}  // namespace walrus::storage
