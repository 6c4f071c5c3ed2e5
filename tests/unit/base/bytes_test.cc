#include "base/bytes.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

namespace walrus {
namespace {

std::string encoded(std::int64_t value) {
  char raw[kMaxVarintBytes];
  return std::string(raw, store_varint(raw, value));
}

const std::vector<std::int64_t>& interesting_values() {
  static const auto values = [] {
    std::vector<std::int64_t> all = {0, std::numeric_limits<std::int64_t>::min(),
                                     std::numeric_limits<std::int64_t>::max()};
    for (int bit = 0; bit < 63; ++bit) {
      for (const std::int64_t near : {-1, 0, 1}) {
        all.push_back((std::int64_t{1} << bit) + near);
        all.push_back(-(std::int64_t{1} << bit) + near);
      }
    }
    return all;
  }();
  return values;
}

TEST(Varint, HasTheBytesOfTheFormat) {
  EXPECT_EQ(encoded(0), std::string("\x00", 1));
  EXPECT_EQ(encoded(-1), "\x01");
  EXPECT_EQ(encoded(1), "\x02");
  EXPECT_EQ(encoded(63), "\x7e");
  EXPECT_EQ(encoded(-64), "\x7f");
  EXPECT_EQ(encoded(64), "\x80\x01");
  EXPECT_EQ(encoded(300), "\xd8\x04");
  EXPECT_EQ(encoded(std::numeric_limits<std::int64_t>::max()), "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  EXPECT_EQ(encoded(std::numeric_limits<std::int64_t>::min()), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

TEST(Varint, ComesBackAsItWasAndLeavesWhatFollows) {
  for (const std::int64_t value : interesting_values()) {
    const std::string bytes = encoded(value) + "rest";
    std::string_view from = bytes;
    std::int64_t read = 0;
    ASSERT_TRUE(take_varint(from, read));
    EXPECT_EQ(read, value);
    EXPECT_EQ(from, "rest");
  }
}

TEST(Varint, SizeIsKnownBeforehand) {
  for (const std::int64_t value : interesting_values()) EXPECT_EQ(varint_size(value), encoded(value).size()) << value;
}

TEST(Varint, CutOffAtAnyByteIsRefused) {
  for (const std::int64_t value : interesting_values()) {
    const std::string bytes = encoded(value);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      std::string_view from = std::string_view(bytes).substr(0, size);
      std::int64_t read = 0;
      EXPECT_FALSE(take_varint(from, read));
    }
  }
}

TEST(Varint, TooLongOrTooLargeIsRefused) {
  std::int64_t read = 0;
  const std::string eleven = std::string(10, '\x80') + '\x01';
  std::string_view from = eleven;
  EXPECT_FALSE(take_varint(from, read));
  // Ten bytes hold 70 bits; what is beyond the 64th must be zero.
  const std::string too_large = std::string(9, '\xff') + '\x02';
  from = too_large;
  EXPECT_FALSE(take_varint(from, read));
}

TEST(ZigZag, KeepsSmallNumbersSmallAndComesBack) {
  EXPECT_EQ(zigzag(0), 0u);
  EXPECT_EQ(zigzag(-1), 1u);
  EXPECT_EQ(zigzag(1), 2u);
  EXPECT_EQ(zigzag(std::numeric_limits<std::int64_t>::min()), std::numeric_limits<std::uint64_t>::max());
  for (const std::int64_t value : interesting_values()) EXPECT_EQ(unzigzag(zigzag(value)), value);
}

TEST(Integers, HaveTheByteOrderOfTheirName) {
  char raw[9] = {};
  store_little<std::uint32_t>(raw + 1, 0x01020304);  // unaligned on purpose
  EXPECT_EQ(std::string(raw + 1, 4), "\x04\x03\x02\x01");
  EXPECT_EQ(load_little<std::uint32_t>(raw + 1), 0x01020304u);
  EXPECT_EQ(load_big<std::uint32_t>(raw + 1), 0x04030201u);
  store_big<std::uint64_t>(raw + 1, 0x0102030405060708);
  EXPECT_EQ(std::string(raw + 1, 8), "\x01\x02\x03\x04\x05\x06\x07\x08");
  EXPECT_EQ(load_big<std::uint64_t>(raw + 1), 0x0102030405060708u);
  std::string text = "x";
  append_little<std::uint16_t>(text, 0x4142);
  EXPECT_EQ(text, "xBA");
}

TEST(SharedBytes, SharesWithoutCopyingAndKeepsTheOwnerAlive) {
  std::string text(1000, 'a');
  const char* const characters = text.data();
  SharedBytes whole(std::move(text));
  EXPECT_EQ(whole.data(), characters);
  const SharedBytes copy = whole;
  EXPECT_EQ(copy.data(), characters);
  whole = SharedBytes();
  EXPECT_EQ(copy.view(), std::string(1000, 'a'));
}

TEST(SharedBytes, ASliceKeepsTheWholeAlive) {
  SharedBytes slice = SharedBytes(std::string("0123456789")).slice(3, 4);
  EXPECT_EQ(slice.view(), "3456");
  EXPECT_EQ(slice.slice(2).view(), "56");
  EXPECT_EQ(slice.slice(4).view(), "");
}

TEST(SharedBytes, AnOwnerOfAnyKindIsReleasedWithTheLastSlice) {
  auto owner = std::make_shared<std::vector<char>>(16, 'x');
  const std::weak_ptr<std::vector<char>> watch = owner;
  SharedBytes bytes(owner, {owner->data(), owner->size()});
  owner.reset();
  SharedBytes slice = bytes.slice(8);
  bytes = {};
  EXPECT_EQ(slice.size(), 8u);
  EXPECT_FALSE(watch.expired());
  slice = {};
  EXPECT_TRUE(watch.expired());
}

TEST(SharedBytes, ByDefaultIsEmpty) {
  EXPECT_TRUE(SharedBytes().empty());
  EXPECT_EQ(SharedBytes().size(), 0u);
  EXPECT_EQ(SharedBytes().slice(0).view(), "");
}

}  // namespace
}  // namespace walrus
