#include "cli/line_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fcntl.h>
#include <memory>
#include <random>
#include <unistd.h>
#include <vector>

namespace walrus::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

File file_of(std::string_view bytes) {
  File file(std::tmpfile(), &std::fclose);
  EXPECT_EQ(std::fwrite(bytes.data(), 1, bytes.size(), file.get()), bytes.size());
  EXPECT_EQ(std::fseek(file.get(), 0, SEEK_SET), 0);
  return file;
}

std::vector<std::string> lines_of(LineReader& reader) {
  std::vector<std::string> lines;
  for (;;) {
    while (const auto line = reader.next()) lines.emplace_back(*line);
    if (!reader.wants_input()) return lines;
    EXPECT_EQ(reader.fill(), 0);
  }
}

std::vector<std::string> split(std::string_view bytes, std::size_t max_line_bytes = 1000) {
  const File file = file_of(bytes);
  LineReader reader(::fileno(file.get()), max_line_bytes);
  return lines_of(reader);
}

TEST(LineReader, OnlyANewlineEndsALine) { EXPECT_THAT(split("a\r\nb c\n\td\n"), ElementsAre("a\r", "b c", "\td")); }

TEST(LineReader, ALastLineWithoutNewlineCounts) { EXPECT_THAT(split("a\nb"), ElementsAre("a", "b")); }

TEST(LineReader, EmptyLinesAreLines) { EXPECT_THAT(split("\n\na\n\n"), ElementsAre("", "", "a", "")); }

TEST(LineReader, NoBytesAreNoLine) { EXPECT_THAT(split(""), IsEmpty()); }

TEST(LineReader, ZeroBytesAreBytes) {
  EXPECT_THAT(split(std::string_view("a\0b\n", 4)), ElementsAre(std::string("a\0b", 3)));
}

TEST(LineReader, ALineOfTheGreatestLengthPassesAndOneByteMoreDoesNot) {
  EXPECT_THAT(split("12345\n12345", 5), ElementsAre("12345", "12345"));
  const File file = file_of("12345\n123456\nnext\n");
  LineReader reader(::fileno(file.get()), 5);
  EXPECT_THAT(lines_of(reader), ElementsAre("12345"));
  EXPECT_TRUE(reader.too_long());
  EXPECT_EQ(reader.line_number(), 2U);
}

TEST(LineReader, AnEndlessLineIsRefusedBeforeItFillsTheMemory) {
  const int zeros = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
  LineReader reader(zeros, 1000);
  EXPECT_THAT(lines_of(reader), IsEmpty());
  EXPECT_TRUE(reader.too_long());
  ::close(zeros);
}

TEST(LineReader, ADescriptorThatCannotBeReadIsAnErrorNotAnEnd) {
  LineReader reader(-1, 1000);
  EXPECT_EQ(reader.fill(), EBADF);
}

TEST(LineReader, RandomBytesComeApartAsADumbSplitterSaysTheyDo) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  std::string bytes(3'000'000, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() % 40 == 0 ? '\n' : random());
  std::vector<std::string> expected;
  for (std::size_t from = 0; from < bytes.size();) {
    const auto end = std::min(bytes.find('\n', from), bytes.size());
    expected.push_back(bytes.substr(from, end - from));
    from = end + 1;
  }
  EXPECT_EQ(split(bytes, 100'000), expected);
}

}  // namespace
}  // namespace walrus::cli
