// What io/file.h promises, of every disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/random.h"
#include "tests/unit/io/aligned_memory.h"
#include "tests/unit/io/disk_under_test.h"

namespace walrus::io {
namespace {

using Mode = OpenOptions::Mode;
using testing::ElementsAre;

constexpr std::size_t kBlock = limits::kDirectAlignment;

class DiskTest : public testing::TestWithParam<DiskKind> {
 protected:
  void SetUp() override {
    if (!GetParam().make) GTEST_SKIP() << "this machine has none";
    under_test_ = GetParam().make();
  }
  Disk& disk() { return under_test_->disk(); }
  std::string path(const std::string& name) { return under_test_->directory() + "/" + name; }
  std::unique_ptr<File> open(const std::string& name, OpenOptions options) {
    auto file = disk().open(path(name), options, under_test_->loop());
    EXPECT_TRUE(file.has_value()) << file.error().message();
    return file ? std::move(*file) : nullptr;
  }
  ErrorCode open_error(const std::string& name, OpenOptions options) {
    const auto file = disk().open(path(name), options, under_test_->loop());
    EXPECT_FALSE(file.has_value());
    return file ? ErrorCode::kUnsupported : file.error().code;
  }
  std::string content(const std::string& name) { return disk().read_file(path(name)).value(); }
  void on_loop(std::function<void()> work) { under_test_->on_loop(std::move(work)); }
  bool run_until(std::function<bool()> predicate) { return under_test_->run_until(std::move(predicate)); }

  std::unique_ptr<DiskUnderTest> under_test_;
};

std::string name_of(const testing::TestParamInfo<DiskKind>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Disk, DiskTest, testing::ValuesIn(disk_kinds()), name_of);

TEST_P(DiskTest, WhatIsWrittenIsRead) {
  auto file = open("f", {.mode = Mode::kCreate});
  ASSERT_TRUE(file->write(3, "abc"));
  ASSERT_TRUE(file->write(6, "def"));
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(file->size(), 9u);
  EXPECT_EQ(content("f"), std::string(3, '\0') + "abcdef");
}

TEST_P(DiskTest, AReadIsShortOnlyAtTheEndOfTheFile) {
  auto file = open("f", {.mode = Mode::kCreate});
  ASSERT_TRUE(file->write(0, "0123456789"));
  char into[8];
  EXPECT_EQ(file->read(0, into, 8), 8u);
  EXPECT_EQ(file->read(8, into, 8), 2u);
  EXPECT_EQ(std::string_view(into, 2), "89");
  EXPECT_EQ(file->read(10, into, 8), 0u);
  EXPECT_EQ(file->read(1000, into, 8), 0u);
}

TEST_P(DiskTest, ModesDecideWhatOpenDoesWithAMissingOrAPresentFile) {
  EXPECT_EQ(open_error("f", {.mode = Mode::kRead}), ErrorCode::kNotFound);
  EXPECT_EQ(open_error("f", {.mode = Mode::kReadWrite}), ErrorCode::kNotFound);
  EXPECT_EQ(open_error("no/such/f", {.mode = Mode::kCreate}), ErrorCode::kNotFound);
  ASSERT_TRUE(open("f", {.mode = Mode::kCreateNew})->write(0, "kept"));
  EXPECT_EQ(open_error("f", {.mode = Mode::kCreateNew}), ErrorCode::kExists);
  EXPECT_EQ(open("f", {.mode = Mode::kCreate})->size(), 4u);
  EXPECT_EQ(open("f", {.mode = Mode::kReadWrite})->size(), 4u);
  EXPECT_FALSE(open("f", {.mode = Mode::kRead})->write(0, "x"));
  EXPECT_EQ(content("f"), "kept");
}

TEST_P(DiskTest, ErrorsNameThePath) {
  const auto file = disk().open(path("missing"), {}, nullptr);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().detail, testing::HasSubstr(path("missing")));
}

TEST_P(DiskTest, TruncateShortensAndExtendsWithZeros) {
  auto file = open("f", {.mode = Mode::kCreate});
  ASSERT_TRUE(file->write(0, "abcdef"));
  ASSERT_TRUE(file->truncate(3));
  ASSERT_TRUE(file->truncate(5));
  EXPECT_EQ(content("f"), std::string("abc\0\0", 5));
}

TEST_P(DiskTest, PrewriteExtendsWithZerosAndKeepsWhatIsThere) {
  for (const bool direct : {false, true}) {
    const std::string name = direct ? "direct" : "buffered";
    if (direct) {
      AlignedMemory block(kBlock, 'x');
      ASSERT_TRUE(open(name, {.mode = Mode::kCreate, .direct_sync = true})->write(0, block.view()));
    } else {
      ASSERT_TRUE(open(name, {.mode = Mode::kCreate})->write(0, std::string(kBlock, 'x')));
    }
    auto file = open(name, {.mode = Mode::kReadWrite, .direct_sync = direct});
    ASSERT_TRUE(file->prewrite(3 * 1024 * 1024 + kBlock));
    EXPECT_EQ(file->size(), 3 * 1024 * 1024 + kBlock);
    ASSERT_TRUE(file->prewrite(kBlock));
    EXPECT_EQ(content(name), std::string(kBlock, 'x') + std::string(3 * 1024 * 1024, '\0'));
  }
}

TEST_P(DiskTest, DirectFilesReadBackWhatWasWritten) {
  auto file = open("f", {.mode = Mode::kCreate, .direct_sync = true});
  AlignedMemory a(2 * kBlock, 'a');
  AlignedMemory b(kBlock, 'b');
  ASSERT_TRUE(file->write(0, a.view()));
  ASSERT_TRUE(file->write(kBlock, b.view()));
  AlignedMemory into(4 * kBlock, '?');
  EXPECT_EQ(file->read(0, into.data(), 4 * kBlock), 2 * kBlock);
  EXPECT_EQ(into.view().substr(0, 2 * kBlock), std::string(kBlock, 'a') + std::string(kBlock, 'b'));
}

TEST_P(DiskTest, WhatADirectHandleWritesBetweenBytesOfAnotherIsSeenThroughBoth) {
  auto cached = open("f", {.mode = Mode::kCreate});
  auto direct = open("f", {.mode = Mode::kReadWrite, .direct = true});
  ASSERT_TRUE(cached->write(kBlock - 3, "abc"));
  AlignedMemory blocks(2 * kBlock, 'd');
  ASSERT_TRUE(direct->write(kBlock, blocks.view()));
  ASSERT_TRUE(cached->write(3 * kBlock, "xyz"));
  ASSERT_TRUE(cached->sync());
  EXPECT_EQ(cached->size(), 3 * kBlock + 3);
  EXPECT_EQ(content("f"), std::string(kBlock - 3, '\0') + "abc" + std::string(2 * kBlock, 'd') + "xyz");

  AlignedMemory into(4 * kBlock, '?');
  EXPECT_EQ(direct->read(2 * kBlock, into.data(), 2 * kBlock), kBlock + 3);
  EXPECT_EQ(into.view().substr(0, kBlock + 3), std::string(kBlock, 'd') + "xyz");
}

TEST_P(DiskTest, DirectoriesAreMadeListedAndRemoved) {
  ASSERT_TRUE(disk().make_directories(path("a/b/c")));
  ASSERT_TRUE(disk().make_directories(path("a/b/c")));
  ASSERT_TRUE(open("a/b/file", {.mode = Mode::kCreate}));
  EXPECT_THAT(disk().list(path("a/b")).value(), ElementsAre("c", "file"));
  EXPECT_EQ(disk().exists(path("a/b/c")), true);
  EXPECT_EQ(disk().exists(path("a/x")), false);
  EXPECT_EQ(disk().list(path("a/x")).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(disk().remove(path("a/b")));
  ASSERT_TRUE(disk().remove(path("a/b/file")));
  ASSERT_TRUE(disk().remove(path("a/b/c")));
  EXPECT_EQ(disk().remove(path("a/b/c")).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(disk().sync_directory(path("a/b")));
  EXPECT_THAT(disk().list(path("a/b")).value(), ElementsAre());
  EXPECT_EQ(disk().sync_directory(path("nowhere")).error().code, ErrorCode::kNotFound);
}

TEST_P(DiskTest, DurableDirectoriesAreMadeBelowWhatIsThere) {
  for (const char* name : {"a", "a/b/c//", "a/b/c"}) {
    EXPECT_TRUE(disk().make_durable_directories(path(name)));
    EXPECT_EQ(disk().exists(path(name)), true);
  }
  ASSERT_TRUE(open("f", {.mode = Mode::kCreate}));
  EXPECT_FALSE(disk().make_durable_directories(path("f")));
  EXPECT_FALSE(disk().make_durable_directories(path("f/below/it")));
}

TEST_P(DiskTest, ADirectoryCannotTakeThePlaceOfAFile) {
  ASSERT_TRUE(open("f", {.mode = Mode::kCreate}));
  EXPECT_FALSE(disk().make_directories(path("f")));
  EXPECT_FALSE(disk().make_directories(path("f/below")));
}

TEST_P(DiskTest, RenameReplacesAtomically) {
  ASSERT_TRUE(open("old", {.mode = Mode::kCreate})->write(0, "old"));
  ASSERT_TRUE(open("new", {.mode = Mode::kCreate})->write(0, "new"));
  ASSERT_TRUE(disk().rename(path("new"), path("old")));
  EXPECT_EQ(content("old"), "new");
  EXPECT_EQ(disk().exists(path("new")), false);
  EXPECT_EQ(disk().rename(path("new"), path("old")).error().code, ErrorCode::kNotFound);
}

TEST_P(DiskTest, AFileStaysUsableWhenItsNameIsGone) {
  auto file = open("f", {.mode = Mode::kCreate});
  ASSERT_TRUE(disk().remove(path("f")));
  ASSERT_TRUE(file->write(0, "still"));
  char into[5];
  EXPECT_EQ(file->read(0, into, 5), 5u);
}

TEST_P(DiskTest, ReplacingAFileLeavesNoTemporaryBehind) {
  ASSERT_TRUE(disk().replace_file(path("state"), "one, and quite long"));
  ASSERT_TRUE(disk().replace_file(path("state"), "two"));
  EXPECT_EQ(content("state"), "two");
  EXPECT_THAT(disk().list(under_test_->directory()).value(), ElementsAre("state"));
}

TEST_P(DiskTest, ALockIsHeldOnceAndFreedWithItsHolder) {
  auto held = disk().lock(path("lock"));
  ASSERT_TRUE(held);
  EXPECT_EQ(disk().lock(path("lock")).error().code, ErrorCode::kLocked);
  held->reset();
  EXPECT_TRUE(disk().lock(path("lock")));
}

TEST_P(DiskTest, FreeBytesAreKnown) {
  const auto free = disk().free_bytes(under_test_->directory());
  ASSERT_TRUE(free);
  EXPECT_GT(*free, 0u);
  EXPECT_EQ(disk().free_bytes(path("nowhere")).error().code, ErrorCode::kNotFound);
}

TEST_P(DiskTest, AsynchronousWritesAreDoneAfterTheCallReturnsAndThenReadable) {
  auto file = open("f", {.mode = Mode::kCreate, .direct_sync = true});
  AlignedMemory a(kBlock, 'a');
  AlignedMemory b(kBlock, 'b');
  int done = 0;
  on_loop([&] {
    const auto count = [&](Status status) {
      EXPECT_TRUE(status) << status.error().message();
      EXPECT_TRUE(under_test_->loop()->in_thread());
      ++done;
    };
    file->async_write(0, a.view(), count);
    file->async_write(kBlock, b.view(), count);
    EXPECT_EQ(done, 0);
  });
  ASSERT_TRUE(run_until([&] { return done == 2; }));
  EXPECT_EQ(content("f"), std::string(kBlock, 'a') + std::string(kBlock, 'b'));
}

TEST_P(DiskTest, AWriteThatIsAloneIsDoneAfterTheCallReturnsLikeAnyOther) {
  auto file = open("f", {.mode = Mode::kCreate, .direct_sync = true});
  AlignedMemory block(kBlock, 'a');
  constexpr int kWrites = 50;  // enough for a disk that is slow to be found out
  int done = 0;
  bool returned = false;
  std::function<void()> next = [&] {
    file->async_write_alone(static_cast<std::uint64_t>(done) * kBlock, block.view(), [&](Status status) {
      EXPECT_TRUE(returned);
      returned = false;
      EXPECT_TRUE(status) << status.error().message();
      EXPECT_TRUE(under_test_->loop()->in_thread());
      if (++done < kWrites) under_test_->loop()->post([&] { next(); });
    });
    returned = true;
  };
  on_loop([&] { next(); });
  ASSERT_TRUE(run_until([&] { return done == kWrites; }));
  EXPECT_EQ(content("f"), std::string(kWrites * kBlock, 'a'));
}

TEST_P(DiskTest, AsynchronousReadsAreShortOnlyAtTheEnd) {
  auto file = open("f", {.mode = Mode::kCreate});
  ASSERT_TRUE(file->write(0, "0123456789"));
  char head[4];
  char tail[4];
  char beyond[4];
  std::vector<std::size_t> sizes(3, 99);
  on_loop([&] {
    file->async_read(0, head, 4, [&](Result<std::size_t> got) { sizes[0] = got.value(); });
    file->async_read(8, tail, 4, [&](Result<std::size_t> got) { sizes[1] = got.value(); });
    file->async_read(50, beyond, 4, [&](Result<std::size_t> got) { sizes[2] = got.value(); });
  });
  ASSERT_TRUE(run_until([&] { return std::ranges::count(sizes, 99u) == 0; }));
  EXPECT_THAT(sizes, ElementsAre(4, 2, 0));
  EXPECT_EQ(std::string_view(head, 4), "0123");
  EXPECT_EQ(std::string_view(tail, 2), "89");
}

TEST_P(DiskTest, AnAsynchronousDirectReadAcrossTheEndIsShort) {
  ASSERT_TRUE(open("f", {.mode = Mode::kCreate})->write(0, std::string(kBlock + 100, 'x')));
  auto file = open("f", {.mode = Mode::kRead, .direct_sync = true});
  AlignedMemory into(3 * kBlock, '?');
  std::size_t size = 0;
  on_loop([&] { file->async_read(0, into.data(), 3 * kBlock, [&](Result<std::size_t> got) { size = got.value(); }); });
  ASSERT_TRUE(run_until([&] { return size != 0; }));
  EXPECT_EQ(size, kBlock + 100);
  EXPECT_EQ(file->read(0, into.data(), 3 * kBlock), kBlock + 100);
}

TEST_P(DiskTest, AnAsynchronousSyncIsDone) {
  auto file = open("f", {.mode = Mode::kCreate});
  ASSERT_TRUE(file->write(0, "abc"));
  bool done = false;
  on_loop([&] {
    file->async_sync([&](Status status) {
      EXPECT_TRUE(status);
      done = true;
    });
  });
  EXPECT_TRUE(run_until([&] { return done; }));
}

TEST_P(DiskTest, AnAsynchronousCallThatFailsSaysSoThroughItsCallback) {
  ASSERT_TRUE(open("f", {.mode = Mode::kCreate})->write(0, "abc"));
  auto file = open("f", {.mode = Mode::kRead});
  std::optional<ErrorCode> error;
  on_loop([&] {
    file->async_write(0, "x", [&](Status status) { error = status ? ErrorCode::kUnsupported : status.error().code; });
    EXPECT_FALSE(error);
  });
  ASSERT_TRUE(run_until([&] { return error.has_value(); }));
  EXPECT_EQ(*error, ErrorCode::kIo);
}

TEST_P(DiskTest, ManyOperationsMayBeInFlightAtOnce) {
  constexpr std::size_t kBlocks = 2000;
  auto file = open("f", {.mode = Mode::kCreate});
  std::vector<std::string> blocks;
  for (std::size_t i = 0; i < kBlocks; ++i) blocks.push_back(std::string(64, static_cast<char>('a' + i % 26)));
  std::size_t done = 0;
  on_loop([&] {
    for (std::size_t i = 0; i < kBlocks; ++i) {
      file->async_write(i * 64, blocks[i], [&](Status status) { done += status ? 1 : 0; });
    }
  });
  ASSERT_TRUE(run_until([&] { return done == kBlocks; }));
  const std::string all = content("f");
  ASSERT_EQ(all.size(), kBlocks * 64);
  for (std::size_t i = 0; i < kBlocks; ++i) ASSERT_EQ(all.substr(i * 64, 64), blocks[i]);
}

TEST_P(DiskTest, AWriteMayStartTheNextFromItsCallback) {
  auto file = open("f", {.mode = Mode::kCreate, .direct_sync = true});
  AlignedMemory block(kBlock, 'z');
  std::size_t written = 0;
  std::function<void()> next = [&] {
    file->async_write(written * kBlock, block.view(), [&](Status status) {
      ASSERT_TRUE(status);
      if (++written < 20) next();
    });
  };
  on_loop([&] { next(); });
  ASSERT_TRUE(run_until([&] { return written == 20; }));
  EXPECT_EQ(file->size(), 20 * kBlock);
}

TEST_P(DiskTest, RandomWritesAndReadsMatchAString) {
  const std::uint64_t seed = 20250101;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Random random(seed);
  auto file = open("f", {.mode = Mode::kCreate});
  std::string model;
  for (int step = 0; step < 300; ++step) {
    const std::uint64_t position = random.below(100'000);
    const std::string bytes(random.below(40'000), static_cast<char>('a' + step % 26));
    if (random.chance(0.05)) {
      ASSERT_TRUE(file->truncate(position));
      model.resize(position);
    } else if (random.chance(0.5)) {
      ASSERT_TRUE(file->write(position, bytes));
      if (!bytes.empty() && model.size() < position + bytes.size()) model.resize(position + bytes.size());
      if (!bytes.empty()) model.replace(position, bytes.size(), bytes);
    } else {
      std::string into(bytes.size(), '?');
      const auto got = file->read(position, into.data(), into.size());
      ASSERT_EQ(std::string_view(into).substr(0, got.value()),
                position < model.size() ? std::string_view(model).substr(position, bytes.size()) : "");
    }
  }
  EXPECT_EQ(content("f"), model);
}

}  // namespace
}  // namespace walrus::io
