#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "metadata/segments.h"
#include "tests/unit/metadata/test_seed.h"

namespace walrus::metadata {
namespace {

constexpr std::uint64_t kChunk = SegmentList::kChunk;

SegmentInfo segment(std::uint64_t id, std::uint64_t hash = 0) {
  SegmentInfo info;
  info.id = SegmentId(id);
  info.hash = hash;
  return info;
}

SegmentList list_of(std::uint64_t first, std::uint64_t count) {
  std::vector<SegmentInfo> segments;
  for (std::uint64_t id = first; id < first + count; ++id) segments.push_back(segment(id));
  return SegmentList(std::move(segments));
}

/// id and hash of each.
using Content = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
Content content_of(const auto& segments) {
  Content content;
  for (const SegmentInfo& each : segments) content.emplace_back(each.id.value(), each.hash);
  return content;
}

struct Changes {
  std::size_t visited = 0;
  std::map<std::uint64_t, const SegmentInfo*> earlier;  // by id
};
Changes changes(const SegmentList& now, const SegmentList* before) {
  Changes result;
  now.each_changed(before, [&](const SegmentInfo& each, const SegmentInfo* earlier) {
    ++result.visited;
    EXPECT_TRUE(result.earlier.emplace(each.id.value(), earlier).second) << "visited twice";
  });
  return result;
}

TEST(SegmentListTest, is_empty_at_first) {
  const SegmentList list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.begin(), list.end());
  EXPECT_EQ(list.find(SegmentId(0)), nullptr);
  EXPECT_EQ(changes(list, nullptr).visited, 0u);
}

TEST(SegmentListTest, finds_what_it_holds_wherever_it_begins) {
  for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{1}, kChunk - 1, kChunk, 5 * kChunk + 7}) {
    for (const std::uint64_t count : {std::uint64_t{1}, kChunk - 1, kChunk, kChunk + 1, 3 * kChunk}) {
      const SegmentList list = list_of(first, count);
      ASSERT_EQ(list.size(), count);
      EXPECT_EQ(list.front().id, SegmentId(first));
      EXPECT_EQ(list.back().id, SegmentId(first + count - 1));
      for (std::uint64_t id = first; id < first + count; ++id) EXPECT_EQ(list.find(SegmentId(id))->id, SegmentId(id));
      EXPECT_EQ(list.find(SegmentId(first + count)), nullptr);
      if (first > 0) EXPECT_EQ(list.find(SegmentId(first - 1)), nullptr);
    }
  }
}

TEST(SegmentListTest, a_roll_of_a_long_list_changes_only_its_end) {
  SegmentList before = list_of(3, 10'000);
  SegmentList now = before;
  now.change_back().hash = 1;
  now.push_back(segment(10'003));
  const Changes seen = changes(now, &before);
  EXPECT_LE(seen.visited, 2 * kChunk);
  ASSERT_TRUE(seen.earlier.contains(10'002));
  EXPECT_EQ(seen.earlier.at(10'002)->hash, 0u);
  ASSERT_TRUE(seen.earlier.contains(10'003));
  EXPECT_EQ(seen.earlier.at(10'003), nullptr);
}

TEST(SegmentListTest, what_is_behind_a_trim_has_not_changed) {
  const SegmentList before = list_of(0, 10 * kChunk);
  SegmentList now = before;
  now.drop_front(3 * kChunk + 5);
  EXPECT_EQ(now.front().id, SegmentId(3 * kChunk + 5));
  EXPECT_EQ(changes(now, &before).visited, 0u);
}

/// Against a vector, with the lists of earlier steps, which stay as they were.
TEST(SegmentListTest, is_a_vector_whose_copies_are_not_touched) {
  const std::uint64_t seed = test::test_seed();
  std::mt19937_64 random(seed);
  SCOPED_TRACE(seed);
  std::uint64_t next = random() % 100;
  SegmentList list;
  std::vector<SegmentInfo> oracle;
  struct Old {
    SegmentList list;
    Content content;
  };
  std::vector<Old> old;
  for (std::uint64_t step = 1; step <= 3'000; ++step) {
    const auto choice = random() % 100;
    if (choice < 60 || oracle.empty()) {
      list.push_back(segment(next, step));
      oracle.push_back(segment(next++, step));
    } else if (choice < 98) {
      const std::size_t place = random() % oracle.size();
      list.change(place).hash = step;
      oracle[place].hash = step;
    } else {
      const std::size_t count = random() % oracle.size() + 1;  // sometimes all
      list.drop_front(count);
      oracle.erase(oracle.begin(), oracle.begin() + static_cast<std::ptrdiff_t>(count));
    }
    ASSERT_EQ(content_of(list), content_of(oracle));
    ASSERT_EQ(list.size(), oracle.size());
    if (random() % 20 == 0) old.push_back({list, content_of(oracle)});
    if (old.empty()) continue;

    const Old& some = old[random() % old.size()];
    ASSERT_EQ(content_of(some.list), some.content);
    const Changes seen = changes(list, &some.list);
    for (const SegmentInfo& each : oracle) {
      const SegmentInfo* earlier = some.list.find(each.id);
      const auto visited = seen.earlier.find(each.id.value());
      if (visited != seen.earlier.end()) {
        ASSERT_EQ(visited->second, earlier);
      } else {
        ASSERT_NE(earlier, nullptr) << "a new one was left out: " << each.id.value();
        ASSERT_EQ(earlier->hash, each.hash) << "a changed one was left out: " << each.id.value();
      }
    }
  }
}

}  // namespace
}  // namespace walrus::metadata
