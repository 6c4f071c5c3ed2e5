#include "storage/record_batch.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <random>

#include "tests/unit/storage/golden.h"

namespace walrus::storage {
namespace {

constexpr std::int64_t kTime = 1'700'000'000'000;

struct OwnedRecord {
  std::optional<std::string> key;
  std::string value;
  std::int64_t timestamp_ms;
};

std::vector<OwnedRecord> read_all(std::string_view batch) {
  std::vector<OwnedRecord> records;
  BatchReader reader(batch);
  std::uint64_t expected = reader.header().base_offset.value();
  while (true) {
    auto next = reader.next();
    EXPECT_TRUE(next) << next.error().message();
    if (!next || !*next) return records;
    EXPECT_EQ((*next)->offset, Offset(expected++));
    std::optional<std::string> key;
    if ((*next)->key) key.emplace(*(*next)->key);
    records.push_back({key, std::string((*next)->value), (*next)->timestamp_ms});
  }
}

std::string three_records() {
  BatchBuilder builder;
  const RecordHeader headers[] = {{"a", "1"}, {"empty", ""}};
  builder.set_producer(4242, 3, 17);
  builder.add("k", "v1", headers, kTime);
  builder.add(std::string(200, 'x'), kTime + 250);
  builder.add("", "", {}, kTime - 1000);
  return builder.finish(Offset(1'000'000'007));
}

TEST(RecordBatch, WritesTheBytesOfThePublicFormat) {
  BatchBuilder builder;
  builder.add("hello", kTime);
  EXPECT_EQ(builder.finish(Offset(7)), test::read_golden("batch_one_put"));
  EXPECT_EQ(three_records(), test::read_golden("batch_three_records"));
}

TEST(RecordBatch, ReadsBackWhatTheHeaderSays) {
  const std::string batch = three_records();
  const auto header = check_batch(batch);
  ASSERT_TRUE(header) << header.error().message();
  EXPECT_EQ(header->base_offset, Offset(1'000'000'007));
  EXPECT_EQ(header->end_offset(), Offset(1'000'000'010));
  EXPECT_EQ(header->size, batch.size());
  EXPECT_EQ(header->records, 3u);
  EXPECT_EQ(header->first_timestamp_ms, kTime);
  EXPECT_EQ(header->max_timestamp_ms, kTime + 250);
  EXPECT_EQ(header->producer_id, 4242);
  EXPECT_EQ(header->producer_epoch, 3);
  EXPECT_EQ(header->base_sequence, 17);

  const auto records = read_all(batch);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].key, "k");
  EXPECT_EQ(records[0].value, "v1");
  EXPECT_EQ(records[1].key, std::nullopt);
  EXPECT_EQ(records[1].value, std::string(200, 'x'));
  EXPECT_EQ(records[2].key, "");
  EXPECT_EQ(records[2].timestamp_ms, kTime - 1000);
}

TEST(RecordBatch, BaseOffsetCanBeSetWithoutANewCrc) {
  std::string batch = three_records();
  set_base_offset(batch, Offset(5));
  const auto header = check_batch(batch);
  ASSERT_TRUE(header) << header.error().message();
  EXPECT_EQ(header->base_offset, Offset(5));
}

TEST(RecordBatch, FinishedSharedIsTheSameAndTheBuilderBeginsAnew) {
  BatchBuilder shared;
  BatchBuilder plain;
  SharedBytes first;
  for (const std::size_t size : {100, 5'000, 100}) {  // copied, handed over, copied
    shared.add(std::string(size, 'v'), kTime);
    plain.add(std::string(size, 'v'), kTime);
    const SharedBytes batch = shared.finish_shared(Offset(3));
    if (first.empty()) first = batch;
    EXPECT_EQ(batch.view(), plain.finish(Offset(3)));
    EXPECT_TRUE(shared.empty());
  }
  EXPECT_EQ(read_all(first.view()).front().value, std::string(100, 'v')) << "what comes later does not touch it";
  shared.set_producer(1, 2, 3);
  shared.add("dropped", kTime + 1);
  shared.clear();
  shared.add("kept", kTime);
  plain.add("kept", kTime);
  EXPECT_EQ(shared.finish_shared(Offset(9)).view(), plain.finish(Offset(9)));
}

TEST(RecordBatch, BuilderIsEmptyAfterFinishAndForgetsTheProducer) {
  BatchBuilder builder;
  EXPECT_TRUE(builder.empty());
  builder.set_producer(1, 2, 3);
  builder.add("first", kTime);
  EXPECT_EQ(builder.records(), 1u);
  const std::string first = builder.finish(Offset(0));
  EXPECT_EQ(first.size(), kBatchHeaderBytes + 12);
  EXPECT_TRUE(builder.empty());
  EXPECT_EQ(builder.bytes(), 0u);

  builder.add("second", kTime + 5);
  const std::string second = builder.finish(Offset(1));
  EXPECT_EQ(read_all(second).at(0).value, "second");
  EXPECT_EQ(parse_batch_header(second)->first_timestamp_ms, kTime + 5);
  EXPECT_EQ(parse_batch_header(second)->producer_id, -1);
}

TEST(RecordBatch, RandomRecordsSurviveTheRoundTrip) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  BatchBuilder builder;
  for (int round = 0; round < 200; ++round) {
    std::vector<OwnedRecord> written;
    const auto count = 1 + random() % 50;
    for (std::uint64_t i = 0; i < count; ++i) {
      OwnedRecord record;
      if (random() % 2 == 0) record.key.emplace(random() % 20, 'k');
      record.value.resize(random() % 300);
      for (char& c : record.value) c = static_cast<char>(random());
      record.timestamp_ms = random() % 10 == 0 ? static_cast<std::int64_t>(random()) : kTime + static_cast<int>(i);
      std::vector<RecordHeader> headers(random() % 3, RecordHeader{"name", "value"});
      builder.add(record.key, record.value, headers, record.timestamp_ms);
      written.push_back(std::move(record));
    }
    const std::size_t announced = builder.bytes();
    const std::string batch = builder.finish(Offset(random() >> 2));
    EXPECT_EQ(announced, batch.size());
    ASSERT_TRUE(check_batch(batch));
    const auto read = read_all(batch);
    ASSERT_EQ(read.size(), written.size());
    for (std::size_t i = 0; i < read.size(); ++i) {
      EXPECT_EQ(read[i].key, written[i].key);
      EXPECT_EQ(read[i].value, written[i].value);
      EXPECT_EQ(read[i].timestamp_ms, written[i].timestamp_ms);
    }
  }
}

TEST(RecordBatch, EveryFlippedBitBehindTheLeaderEpochIsFound) {
  const std::string good = three_records();
  for (std::size_t byte = 16; byte < good.size(); ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[byte] = static_cast<char>(bad[byte] ^ (1 << bit));
      EXPECT_FALSE(check_batch(bad)) << "byte " << byte << " bit " << bit;
    }
  }
}

TEST(RecordBatch, NoPrefixOfABatchIsABatch) {
  const std::string good = three_records();
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto header = check_batch(std::string_view(good).substr(0, size));
    ASSERT_FALSE(header) << size;
    EXPECT_EQ(header.error().code, ErrorCode::kCorrupt);
  }
  EXPECT_FALSE(check_batch(good + "x"));
  EXPECT_TRUE(parse_batch_header(good + "x"));
}

TEST(RecordBatch, ImpossibleHeadersAreRefused) {
  const std::string good = three_records();
  const auto with = [&](std::size_t at, std::uint32_t value) {
    std::string bad = good;
    store_big(bad.data() + at, value);
    return parse_batch_header(bad).has_value();
  };
  EXPECT_TRUE(with(12, 99));          // leader epoch: any
  EXPECT_FALSE(with(0, 0xffffffff));  // a negative base offset
  EXPECT_FALSE(with(8, 10));          // shorter than a header
  EXPECT_FALSE(with(8, 0xffffffff));
  EXPECT_FALSE(with(57, 0));   // no records
  EXPECT_FALSE(with(57, 50));  // not what the last offset delta says
}

TEST(RecordBatch, CompressedRecordsAreNotGuessedAt) {
  std::string batch = three_records();
  batch[22] = 4;  // zstd
  ASSERT_TRUE(parse_batch_header(batch));
  BatchReader reader(batch);
  const auto record = reader.next();
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, ErrorCode::kUnsupported);
}

TEST(RecordBatch, InsidesThatDoNotAddUpAreCorruptAndNeverReadPastTheEnd) {
  const std::string good = three_records();
  std::size_t refused = 0;
  for (std::size_t byte = kBatchHeaderBytes; byte < good.size(); ++byte) {
    for (const char value : {'\x00', '\x01', '\x7f', '\xff'}) {
      std::string bad = good;
      bad[byte] = value;
      BatchReader reader(bad);
      auto next = reader.next();
      while (next && *next) next = reader.next();
      if (!next) ++refused;
    }
  }
  EXPECT_GT(refused, 50u);
}

}  // namespace
}  // namespace walrus::storage
