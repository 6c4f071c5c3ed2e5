#include "embed/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>

namespace walrus::embed {
namespace {

using catalog::Record;

std::vector<Record> samples() {
  return {catalog::SnapshotBegins{catalog::kFormat, TopicId(3)},
          catalog::TopicCreated{TopicId(1), "orders"},
          catalog::TopicRemoved{TopicId(1)},
          catalog::SegmentOpened{TopicId(1), SegmentId(2), Offset(1000), 1'700'000'000'000},
          catalog::StartMoved{TopicId(1), Offset(1001), SegmentId(2)},
          catalog::RetentionSet{TopicId(1), {3'600'000, 1 << 30, 1'000'000}},
          catalog::CursorMoved{TopicId(1), "billing", Offset(1002)},
          catalog::CursorRemoved{TopicId(1), "billing"}};
}

/// Hex digits of a golden file; what stands behind '#' is for people. One record a line.
std::vector<std::string> golden_records() {
  std::ifstream file(WALRUS_GOLDEN_DIR "/embed/catalog_records.hex");
  std::vector<std::string> records;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string bytes;
    for (std::string word; words >> word;) {
      for (std::size_t i = 0; i + 1 < word.size(); i += 2) {
        bytes.push_back(static_cast<char>(std::stoi(word.substr(i, 2), nullptr, 16)));
      }
    }
    if (!bytes.empty()) records.push_back(bytes);
  }
  return records;
}

TEST(CatalogFormatTest, RecordsAreTheGoldenBytes) {
  const auto golden = golden_records();
  ASSERT_EQ(golden.size(), samples().size());
  for (std::size_t i = 0; i < golden.size(); ++i) {
    EXPECT_EQ(catalog::encode(samples()[i]), golden[i]) << "record " << i;
    EXPECT_EQ(catalog::decode(golden[i]).value(), samples()[i]) << "record " << i;
  }
}

TEST(CatalogFormatTest, CutOffOrLengthenedRecordsAreCorrupt) {
  for (const Record& record : samples()) {
    const std::string whole = catalog::encode(record);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_EQ(catalog::decode(whole.substr(0, size)).error().code, ErrorCode::kCorrupt);
    }
    EXPECT_EQ(catalog::decode(whole + "x").error().code, ErrorCode::kCorrupt);
  }
}

TEST(CatalogFormatTest, KindsAndFormatsOfLaterVersionsAreNamedAsSuch) {
  EXPECT_EQ(catalog::decode("\x63whatever").error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(catalog::decode(catalog::encode(catalog::SnapshotBegins{2, TopicId(1)})).error().code,
            ErrorCode::kUnsupported);
}

Catalog begun() {
  Catalog catalog;
  EXPECT_TRUE(catalog.apply(catalog::SnapshotBegins{catalog::kFormat, TopicId(1)}));
  return catalog;
}

bool same(const Catalog& a, const Catalog& b) { return a.snapshot() == b.snapshot(); }

TEST(CatalogTest, ASnapshotLeadsToTheSameCatalogWhateverHappenedBefore) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  Catalog catalog = begun();
  std::map<std::uint64_t, std::uint64_t> segments;  // of each topic there is
  for (int i = 0; i < 3000; ++i) {
    const std::uint64_t topic = 1 + random() % 30;
    const auto name = "c" + std::to_string(random() % 5);
    const bool known = segments.contains(topic);
    Record record = catalog::CursorMoved{TopicId(topic), name, Offset(random() % 100)};
    const auto choice = random() % 8;
    if (!known) {
      record = catalog::TopicCreated{TopicId(topic), "t" + std::to_string(topic)};
      ASSERT_TRUE(catalog.apply(record));
      record = catalog::SegmentOpened{TopicId(topic), SegmentId(), Offset()};
      segments[topic] = 0;
    } else if (choice == 0) {
      record = catalog::TopicRemoved{TopicId(topic)};
      segments.erase(topic);
    } else if (choice < 3) {
      const std::uint64_t next = ++segments[topic];
      record =
          catalog::SegmentOpened{TopicId(topic), SegmentId(next), Offset(next * 10), static_cast<int>(random() % 9)};
    } else if (choice == 3) {
      const auto& there = catalog.topics().at(TopicId(topic));
      const auto& first = there.segments[random() % there.segments.size()];
      record = catalog::StartMoved{TopicId(topic), std::max(there.start, first.base), first.id};
    } else if (choice == 4) {
      record = catalog::RetentionSet{TopicId(topic), {random() % 3, 0, 1}};
    } else if (choice == 5) {
      record = catalog::CursorRemoved{TopicId(topic), name};
    }
    ASSERT_TRUE(catalog.apply(record)) << "step " << i;
    if (i % 100 != 0) continue;
    Catalog again;
    for (const Record& one : catalog.snapshot()) {
      ASSERT_TRUE(again.apply(catalog::decode(catalog::encode(one)).value())) << "step " << i;
    }
    ASSERT_TRUE(same(catalog, again)) << "step " << i;
  }
}

TEST(CatalogTest, WhatDoesNotFitIsRefusedAndChangesNothing) {
  Catalog fresh;
  EXPECT_FALSE(fresh.apply(catalog::TopicCreated{TopicId(1), "t"})) << "before a snapshot";
  Catalog catalog = begun();
  EXPECT_FALSE(catalog.apply(catalog::SnapshotBegins{catalog::kFormat, TopicId(1)}));
  EXPECT_FALSE(catalog.apply(catalog::TopicCreated{TopicId(0), "catalog"}));
  ASSERT_TRUE(catalog.apply(catalog::TopicCreated{TopicId(1), "t"}));
  ASSERT_TRUE(catalog.apply(catalog::SegmentOpened{TopicId(1), SegmentId(5), Offset(10)}));
  const Catalog before = catalog;
  EXPECT_FALSE(catalog.apply(catalog::TopicCreated{TopicId(1), "t"}));
  EXPECT_FALSE(catalog.apply(catalog::SegmentOpened{TopicId(1), SegmentId(5), Offset(20)}));
  EXPECT_FALSE(catalog.apply(catalog::SegmentOpened{TopicId(1), SegmentId(6), Offset(9)}));
  EXPECT_FALSE(catalog.apply(catalog::StartMoved{TopicId(1), Offset(10), SegmentId(4)}));
  EXPECT_TRUE(same(catalog, before));
}

TEST(CatalogTest, WhatComesAfterATopicsRemovalHasNoEffect) {
  Catalog catalog = begun();
  const Catalog before = catalog;
  for (const Record& late : samples()) {
    if (std::holds_alternative<catalog::SnapshotBegins>(late) || std::holds_alternative<catalog::TopicCreated>(late)) {
      continue;
    }
    EXPECT_TRUE(catalog.apply(late));
  }
  EXPECT_TRUE(same(catalog, before));
}

TEST(CatalogTest, TopicNumbersAreNeverGivenOutAgain) {
  Catalog catalog = begun();
  ASSERT_TRUE(catalog.apply(catalog::TopicCreated{TopicId(7), "t"}));
  ASSERT_TRUE(catalog.apply(catalog::TopicRemoved{TopicId(7)}));
  EXPECT_EQ(catalog.next_topic(), TopicId(8));
}

}  // namespace
}  // namespace walrus::embed
