#include "net/output_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace walrus::net {
namespace {

std::string front_of(OutputQueue& queue) {
  std::string text;
  for (const std::string_view piece : queue.pieces()) text += piece;
  return text;
}

TEST(OutputQueue, SendsSharedBytesFromWhereTheyLie) {
  OutputQueue queue;
  const SharedBytes shared(std::string(100'000, 's'));
  queue.text() += "before";
  queue.append(shared);
  queue.text() += "behind";
  ASSERT_EQ(queue.pieces().size(), 3u);
  EXPECT_EQ(queue.pieces()[1].data(), shared.data());
  EXPECT_EQ(queue.size(), 100'012u);
}

TEST(OutputQueue, LetsGoOfSharedBytesOnceTheyAreSent) {
  OutputQueue queue;
  auto owner = std::make_shared<const std::string>("bytes");
  queue.append(SharedBytes(owner, *owner));
  queue.drop(4);
  EXPECT_EQ(owner.use_count(), 2);
  queue.drop(1);
  EXPECT_EQ(owner.use_count(), 1);
  EXPECT_TRUE(queue.empty());
}

TEST(OutputQueue, KeepsNoMemoryWhenReleasedEmpty) {
  OutputQueue queue;
  queue.text() += std::string(10'000, 't');
  queue.append(SharedBytes(std::string(10'000, 's')));
  queue.release();
  EXPECT_EQ(queue.size(), 20'000u) << "what is not sent stays";
  queue.drop(20'000);
  queue.release();
  EXPECT_EQ(queue.allocated_bytes(), 0u);
}

TEST(OutputQueue, GivesTheBytesInTheOrderInWhichTheyCame) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  OutputQueue queue;
  std::string expected;
  char next = 'a';
  for (int i = 0; i < 20'000; ++i) {
    const std::string bytes(random() % 20, next);
    next = next == 'z' ? 'a' : static_cast<char>(next + 1);
    const auto kind = random() % 4;
    if (kind == 0) {
      queue.text() += bytes;
      expected += bytes;
    } else if (kind == 1) {
      queue.append(SharedBytes(bytes));
      expected += bytes;
    } else {
      const std::string front = front_of(queue);
      ASSERT_TRUE(expected.starts_with(front));
      ASSERT_EQ(front.empty(), expected.empty());
      ASSERT_LE(queue.pieces().size(), OutputQueue::kMostPieces);
      const std::size_t sent = front.empty() ? 0 : random() % front.size() + 1;
      queue.drop(sent);
      expected.erase(0, sent);
    }
    ASSERT_EQ(queue.size(), expected.size());
  }
}

}  // namespace
}  // namespace walrus::net
