// Golden bytes of the engine's own formats, and what their decoders refuse.
#include <gtest/gtest.h>

#include "storage/segment_index.h"
#include "storage/wal_format.h"
#include "tests/unit/storage/golden.h"
#include "tests/unit/storage/sim_store.h"

namespace walrus::storage {
namespace {

std::string golden_group(wal::GroupHeader& header) {
  const std::string batch = test::read_golden("batch_one_put");
  header.flags = wal::kFlagRestart;
  header.previous_crc = 0x01020304;
  header.log_id = 0x1122334455667788;
  header.file = 3;
  header.group = 42;
  header.durable = 40;
  header.first_live_file = 2;
  header.first_live_group = 17;
  header.void_from = 41;
  header.entries = 2;
  header.payload_bytes = static_cast<std::uint32_t>(2 * wal::kEntryHeaderBytes + batch.size());
  std::string bytes(header.size(), 'x');
  char* to = bytes.data() + wal::kGroupHeaderBytes;
  const SegmentKey key{TopicId(5), SegmentId(6)};
  to = wal::store_entry_header(to, {key, Offset(4), 1234, static_cast<std::uint32_t>(batch.size())});
  batch.copy(to, batch.size());
  wal::store_entry_header(to + batch.size(), {key, Offset(), 0, 0, wal::EntryKind::kRemove});
  wal::seal_group(bytes.data(), header);
  return bytes;
}

TEST(WalFormat, AGroupHasItsGoldenBytes) {
  wal::GroupHeader header;
  const std::string bytes = golden_group(header);
  const std::string golden = test::read_golden("wal_group");
  EXPECT_EQ(bytes.substr(0, golden.size()), golden);
  EXPECT_EQ(bytes.size(), wal::kBlockBytes);
  EXPECT_EQ(bytes.find_first_not_of('\0', golden.size()), std::string::npos);
}

TEST(WalFormat, AGroupReadsBack) {
  wal::GroupHeader written;
  const std::string bytes = golden_group(written);
  const auto header = wal::peek_group(bytes);
  ASSERT_TRUE(header);
  EXPECT_TRUE(wal::group_is_whole(*header, bytes));
  EXPECT_EQ(header->flags, wal::kFlagRestart);
  EXPECT_EQ(header->group, 42u);
  EXPECT_EQ(header->durable, 40u);
  EXPECT_EQ(header->first_live_file, 2u);
  EXPECT_EQ(header->first_live_group, 17u);
  EXPECT_EQ(header->void_from, 41u);
  wal::EntryReader reader(*header, bytes);
  const auto batch = reader.next();
  ASSERT_TRUE(batch && *batch);
  EXPECT_EQ((*batch)->header.key, (SegmentKey{TopicId(5), SegmentId(6)}));
  EXPECT_EQ((*batch)->header.base, Offset(4));
  EXPECT_EQ((*batch)->header.position, 1234u);
  EXPECT_EQ((*batch)->batch, test::read_golden("batch_one_put"));
  const auto removal = reader.next();
  ASSERT_TRUE(removal && *removal);
  EXPECT_EQ((*removal)->header.kind, wal::EntryKind::kRemove);
  const auto end = reader.next();
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
}

TEST(WalFormat, EveryFlippedBitOfAGroupIsFound) {
  wal::GroupHeader header;
  const std::string good = golden_group(header);
  const std::size_t used = wal::kGroupHeaderBytes + header.payload_bytes;
  for (std::size_t byte = 0; byte < used; ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[byte] = static_cast<char>(bad[byte] ^ (1 << bit));
      const auto peeked = wal::peek_group(bad);
      EXPECT_FALSE(peeked && wal::group_is_whole(*peeked, bad)) << "byte " << byte;
    }
  }
}

TEST(WalFormat, AGroupWithAPromiseAndACutHasItsGoldenBytesAndReadsBack) {
  const SegmentKey key{TopicId(5), SegmentId(6)};
  wal::GroupHeader header{.flags = wal::kFlagPromises,
                          .previous_crc = 0x01020304,
                          .log_id = 0x1122334455667788,
                          .file = 3,
                          .group = 42,
                          .durable = 40,
                          .first_live_file = 2,
                          .first_live_group = 17,
                          .payload_bytes = 2 * wal::kEntryHeaderBytes,
                          .entries = 2};
  std::string bytes(header.size(), 'x');
  char* to = bytes.data() + wal::kGroupHeaderBytes;
  to = wal::store_entry_header(to, {key, Offset(4), 77, 0, wal::EntryKind::kPromise});
  wal::store_entry_header(to, {key, Offset(4), 1234, 0, wal::EntryKind::kTruncate});
  wal::seal_group(bytes.data(), header);
  const std::string golden = test::read_golden("wal_group_promise");
  EXPECT_EQ(bytes.substr(0, golden.size()), golden);

  wal::EntryReader reader(header, bytes);
  const auto promise = reader.next();
  ASSERT_TRUE(promise && *promise);
  EXPECT_EQ((*promise)->header.kind, wal::EntryKind::kPromise);
  EXPECT_EQ((*promise)->header.position, 77u);
  const auto cut = reader.next();
  ASSERT_TRUE(cut && *cut);
  EXPECT_EQ((*cut)->header.kind, wal::EntryKind::kTruncate);
  EXPECT_EQ((*cut)->header.position, 1234u);
}

TEST(WalFormat, ACheckpointHasItsGoldenBytesAndNoOtherIsTaken) {
  const std::string good = wal::encode_checkpoint({.log_id = 0x1122334455667788, .first_file = 3, .first_group = 42});
  EXPECT_EQ(good, test::read_golden("wal_checkpoint"));
  const auto read = wal::decode_checkpoint(good);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->first_file, 3u);
  EXPECT_EQ(read->first_group, 42u);
  for (std::size_t byte = 0; byte < 36; ++byte) {
    std::string bad = good;
    bad[byte] = static_cast<char>(bad[byte] ^ 0x10);
    EXPECT_FALSE(wal::decode_checkpoint(bad)) << "byte " << byte;
  }
  EXPECT_FALSE(wal::decode_checkpoint(good.substr(1)));
}

TEST(WalFormat, ACheckpointOfAWeakerPolicyHasItsGoldenBytes) {
  const std::string bytes =
      wal::encode_checkpoint({.log_id = 0x1122334455667788, .first_file = 3, .first_group = 42, .unsynced = true});
  EXPECT_EQ(bytes, test::read_golden("wal_checkpoint_unsynced"));
  EXPECT_TRUE(wal::decode_checkpoint(bytes)->unsynced);
  EXPECT_FALSE(wal::decode_checkpoint(test::read_golden("wal_checkpoint"))->unsynced);
}

class Index : public ::testing::Test {
 protected:
  static constexpr SegmentKey kKey{TopicId(5), SegmentId(6)};
  /// Batches of ten records in 100 bytes; the time goes up by 10 ms a batch, with a dip at the fifth.
  static SegmentIndex filled() {
    SegmentIndex index(kKey, Offset(1000), 250);
    for (std::uint64_t i = 0; i < 10; ++i) {
      BatchHeader batch;
      batch.base_offset = Offset(1000 + 10 * i);
      batch.records = 10;
      batch.size = 100;
      batch.crc = static_cast<std::uint32_t>(7 * i);
      batch.max_timestamp_ms = i == 4 ? 5 : static_cast<std::int64_t>(10 * i);
      index.note(batch, 100 * i);
    }
    return index;
  }
  static std::string encoded(const SegmentIndex& index) {
    return index.encode_header() + index.encode_entries(0, index.entries().size());
  }
};

TEST_F(Index, FindsTheLastEntryAtOrBefore) {
  const SegmentIndex index = filled();
  ASSERT_EQ(index.entries().size(), 3u);
  EXPECT_EQ(index.entries()[0].offset, Offset(1030));
  EXPECT_EQ(index.entries()[0].position, 300u);
  EXPECT_EQ(index.entries()[0].max_timestamp_ms, 20);
  EXPECT_EQ(index.entries()[1].max_timestamp_ms, 50);
  EXPECT_EQ(index.find(Offset(1000)).position, 0u);
  EXPECT_EQ(index.find(Offset(1029)).position, 0u);
  EXPECT_EQ(index.find(Offset(1030)).position, 300u);
  EXPECT_EQ(index.find(Offset(5000)).position, 900u);
  EXPECT_EQ(index.last_before(599).position, 300u);
  EXPECT_EQ(index.position_behind(Offset(1000)), 300u);
  EXPECT_EQ(index.position_behind(Offset(1030)), 600u);
  EXPECT_EQ(index.position_behind(Offset(1090)), UINT64_MAX);
}

TEST_F(Index, FindsByTimeWithoutMissingALateRecord) {
  const SegmentIndex index = filled();
  EXPECT_EQ(index.find_time(0).position, 0u);
  EXPECT_EQ(index.find_time(20).position, 0u) << "20 is reached before the entry";
  EXPECT_EQ(index.find_time(21).position, 300u);
  EXPECT_EQ(index.find_time(1000).position, 900u);
}

TEST_F(Index, HasItsGoldenBytesAndReadsBack) {
  const SegmentIndex index = filled();
  const IndexFooter footer{Offset(1100), 1000, 90, index.hash()};
  const std::string bytes = encoded(index) + index.encode_footer(footer);
  EXPECT_EQ(bytes, test::read_golden("index2_sealed"));
  SegmentIndex read(kKey, Offset(1000), 250);
  EXPECT_EQ(read.decode(bytes), footer);
  EXPECT_EQ(read.entries(), index.entries());
  EXPECT_EQ(read.max_timestamp_ms(), 90);
  EXPECT_EQ(read.hash(), index.hash());
}

TEST_F(Index, OfTheFirstFormatIsNotTakenAndSoIsBuiltAnew) {
  SegmentIndex read(kKey, Offset(1000), 250);
  EXPECT_FALSE(read.decode(test::read_golden("index_sealed")));
  EXPECT_TRUE(read.entries().empty());
}

TEST_F(Index, SkipsWhatIsDamagedAndRefusesWhatIsAnothers) {
  const SegmentIndex index = filled();
  std::string bytes = encoded(index);
  bytes[SegmentIndex::kItemBytes * 2 + 9] ^= 1;
  SegmentIndex read(kKey, Offset(1000), 250);
  EXPECT_FALSE(read.decode(bytes));
  ASSERT_EQ(read.entries().size(), 2u);
  EXPECT_EQ(read.find(Offset(1075)).position, 300u) << "a longer walk, not a wrong one";
  EXPECT_FALSE(read.decode(bytes.substr(0, bytes.size() - 5)));
  EXPECT_EQ(read.entries().size(), 1u);

  SegmentIndex other({TopicId(5), SegmentId(7)}, Offset(1000), 250);
  EXPECT_FALSE(other.decode(encoded(index)));
  EXPECT_TRUE(other.entries().empty());
}

TEST_F(Index, ForgetsWhatIsCut) {
  SegmentIndex index = filled();
  index.cut(600);
  EXPECT_EQ(index.entries().size(), 1u);
  EXPECT_EQ(index.max_timestamp_ms(), 20);
  EXPECT_EQ(index.hash(), index.entries().back().hash);
}

}  // namespace
}  // namespace walrus::storage
