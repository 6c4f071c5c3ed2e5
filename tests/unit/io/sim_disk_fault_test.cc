// Faults of a SimDisk that is not cut off from power.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "io/sim/sim_disk.h"
#include "tests/unit/io/aligned_memory.h"

namespace walrus::io {
namespace {

using namespace std::chrono_literals;
using Mode = OpenOptions::Mode;
using Operation = SimDisk::Operation;

constexpr std::size_t kBlock = limits::kDirectAlignment;

class SimDiskFault : public testing::Test {
 protected:
  std::unique_ptr<File> open(const std::string& path, OpenOptions options) {
    return std::move(*disk_.open(path, options, &loop_));
  }
  /// Starts a write and runs until it is done.
  Status async_write(File& file, std::uint64_t position, std::string_view bytes) {
    std::optional<Status> result;
    file.async_write(position, bytes, [&](Status status) { result = std::move(status); });
    EXPECT_TRUE(world_.run_until([&] { return result.has_value(); }, 1h));
    return *result;
  }

  SimWorld world_{1};
  SimLoop& loop_ = world_.make_loop("node");
  SimDisk disk_{world_, 7};
};

TEST_F(SimDiskFault, TheNthOperationOfAKindOnAPathFailsOnce) {
  auto log = open("log", {.mode = Mode::kCreate});
  auto other = open("other", {.mode = Mode::kCreate});
  disk_.fail_nth(Operation::kWrite, 2, "log");
  EXPECT_TRUE(log->write(0, "1"));
  EXPECT_TRUE(other->write(0, "1"));
  EXPECT_TRUE(other->write(1, "2"));
  EXPECT_EQ(log->write(1, "2").error().code, ErrorCode::kIo);
  EXPECT_TRUE(log->write(2, "3"));
}

TEST_F(SimDiskFault, AFaultMayLastAndBeCleared) {
  auto file = open("f", {.mode = Mode::kCreate});
  disk_.fail_nth(Operation::kSync, 1, "", UINT64_MAX);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(file->sync());
  disk_.clear_faults();
  EXPECT_TRUE(file->sync());
}

TEST_F(SimDiskFault, EveryKindOfOperationCanFail) {
  auto file = open("f", {.mode = Mode::kCreate});
  char byte = 0;
  for (const auto operation :
       {Operation::kCreate, Operation::kRead, Operation::kWrite, Operation::kSync, Operation::kTruncate,
        Operation::kRename, Operation::kRemove, Operation::kMakeDirectory, Operation::kSyncDirectory}) {
    disk_.fail_nth(operation, 1);
  }
  EXPECT_FALSE(disk_.open("new", {.mode = Mode::kCreate}, nullptr));
  EXPECT_FALSE(disk_.exists("new").value());
  EXPECT_FALSE(file->read(0, &byte, 1));
  EXPECT_FALSE(file->write(0, "x"));
  EXPECT_FALSE(file->sync());
  EXPECT_FALSE(file->truncate(0));
  EXPECT_FALSE(disk_.rename("f", "g"));
  EXPECT_FALSE(disk_.remove("f"));
  EXPECT_FALSE(disk_.make_directories("d"));
  EXPECT_FALSE(disk_.sync_directory("/"));
  EXPECT_TRUE(disk_.rename("f", "g"));
}

TEST_F(SimDiskFault, AsynchronousOperationsFailThroughTheirCallbacks) {
  auto file = open("f", {.mode = Mode::kCreate, .direct_sync = true});
  AlignedMemory block(kBlock, 'a');
  disk_.fail_nth(Operation::kWrite, 1);
  EXPECT_EQ(async_write(*file, 0, block.view()).error().code, ErrorCode::kIo);
  disk_.fail_nth(Operation::kRead, 1);
  disk_.fail_nth(Operation::kSync, 1);
  int failures = 0;
  file->async_read(0, block.data(), kBlock, [&](Result<std::size_t> got) { failures += got ? 0 : 1; });
  file->async_sync([&](Status status) { failures += status ? 0 : 1; });
  EXPECT_TRUE(world_.run_until([&] { return failures == 2; }, 1s));
}

TEST_F(SimDiskFault, AFullDiskTakesNoMoreBytesUntilSpaceReturns) {
  disk_.set_capacity(2 * kBlock);
  auto file = open("f", {.mode = Mode::kCreate});
  ASSERT_TRUE(file->write(0, std::string(2 * kBlock, 'a')));
  EXPECT_EQ(disk_.free_bytes("/"), 0u);
  EXPECT_EQ(file->write(2 * kBlock, "b").error().code, ErrorCode::kDiskFull);
  EXPECT_TRUE(file->write(0, "overwriting needs no space"));
  EXPECT_EQ(file->prewrite(3 * kBlock).error().code, ErrorCode::kDiskFull);
  EXPECT_EQ(file->truncate(3 * kBlock).error().code, ErrorCode::kDiskFull);
  disk_.set_capacity(4 * kBlock);
  EXPECT_TRUE(file->write(2 * kBlock, "b"));
  EXPECT_TRUE(file->prewrite(4 * kBlock));
  ASSERT_TRUE(file->truncate(kBlock));
  EXPECT_EQ(disk_.free_bytes("/"), 3 * kBlock);
}

TEST_F(SimDiskFault, AWriteThatOnlyPartlyFitsLeavesThePartThatFits) {
  disk_.set_capacity(10);
  auto file = open("f", {.mode = Mode::kCreate});
  EXPECT_EQ(file->write(0, "0123456789abcdef").error().code, ErrorCode::kDiskFull);
  EXPECT_EQ(disk_.read_file("f").value(), "0123456789");
}

TEST_F(SimDiskFault, SlowCompletionsTakeTheirVirtualTime) {
  auto file = open("f", {.mode = Mode::kCreate, .direct_sync = true});
  AlignedMemory block(kBlock, 'a');
  disk_.set_latency(3s, 3s);
  ASSERT_TRUE(async_write(*file, 0, block.view()));
  EXPECT_EQ(world_.now(), TimePoint{3s});
}

TEST_F(SimDiskFault, WritesInFlightCompleteInAnyOrder) {
  auto file = open("f", {.mode = Mode::kCreate, .direct_sync = true});
  AlignedMemory block(kBlock, 'a');
  std::vector<int> order;
  for (int i = 0; i < 8; ++i) {
    file->async_write(i * kBlock, block.view(), [&order, i](Status) { order.push_back(i); });
  }
  ASSERT_TRUE(world_.run_until([&] { return order.size() == 8; }, 1s));
  EXPECT_FALSE(std::ranges::is_sorted(order));
}

TEST_F(SimDiskFault, RotShowsInReadsAndStaysAfterACrash) {
  ASSERT_TRUE(disk_.replace_file("f", "abc"));
  disk_.flip_bits("f", 1, 0x01);
  EXPECT_EQ(disk_.read_file("f").value(), "acc");
  disk_.crash(CrashModel::kLoseUnsynced);
  EXPECT_EQ(disk_.read_file("f").value(), "acc");
}

TEST_F(SimDiskFault, AWipedDiskIsEmptyAndUsable) {
  ASSERT_TRUE(disk_.make_directories("d"));
  ASSERT_TRUE(disk_.replace_file("d/f", "abc"));
  disk_.wipe();
  EXPECT_THAT(disk_.list("/").value(), testing::IsEmpty());
  EXPECT_TRUE(disk_.replace_file("f", "abc"));
}

TEST_F(SimDiskFault, ACompletionIsNotDeliveredToAStoppedLoop) {
  auto file = open("f", {.mode = Mode::kCreate, .direct_sync = true});
  AlignedMemory block(kBlock, 'a');
  file->async_write(0, block.view(), [](Status) { FAIL() << "the loop was stopped"; });
  loop_.stop();
  file.reset();
  world_.run_for(1s);
}

using SimDiskDeathTest = SimDiskFault;

TEST_F(SimDiskDeathTest, ChangingTheMemoryOfAWriteInFlightIsCaught) {
  auto file = open("f", {.mode = Mode::kCreate, .direct_sync = true});
  AlignedMemory block(kBlock, 'a');
  file->async_write(0, block.view(), [](Status) {});
  block.data()[17] = 'b';
  EXPECT_DEATH(world_.run_for(1s), "changed while the write was in flight");
}

TEST_F(SimDiskDeathTest, ClosingAFileWithAWriteInFlightIsCaught) {
  auto file = open("f", {.mode = Mode::kCreate, .direct_sync = true});
  AlignedMemory block(kBlock, 'a');
  file->async_write(0, block.view(), [](Status) {});
  file.reset();
  EXPECT_DEATH(world_.run_for(1s), "destroyed before its operations were done");
}

TEST_F(SimDiskDeathTest, UnalignedDirectIoIsCaught) {
  auto file = open("f", {.mode = Mode::kCreate, .direct_sync = true});
  AlignedMemory block(kBlock, 'a');
  EXPECT_DEATH((void)file->write(1, block.view()), "kDirectAlignment");
  EXPECT_DEATH((void)file->write(0, block.view().substr(0, 100)), "kDirectAlignment");
}

}  // namespace
}  // namespace walrus::io
