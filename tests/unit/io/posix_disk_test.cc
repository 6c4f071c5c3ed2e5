// What is particular to the disk of a real machine; what all disks promise is in disk_test.cc.
#include "io/posix_disk.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <fcntl.h>
#include <filesystem>
#include <liburing.h>
#include <unistd.h>

#include "tests/unit/io/aligned_memory.h"
#include "tests/unit/io/running_loop.h"

namespace walrus::io {
namespace {

using namespace std::chrono_literals;
using Mode = OpenOptions::Mode;

constexpr std::size_t kBlock = limits::kDirectAlignment;

bool kernel_has_io_uring() {
  io_uring ring{};
  if (io_uring_queue_init(4, &ring, 0) != 0) return false;
  io_uring_queue_exit(&ring);
  return true;
}

class PosixDiskTest : public testing::Test {
 protected:
  PosixDiskTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "walrus-posix-disk-test-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  ~PosixDiskTest() override { std::filesystem::remove_all(directory_); }
  std::string path(const std::string& name) const { return directory_ / name; }

  std::filesystem::path directory_;
};

TEST_F(PosixDiskTest, UsesIoUringWhereTheKernelHasItAndTheOptionAllowsIt) {
  AsioLoop loop("rings");
  {
    PosixDisk disk;
    ASSERT_TRUE(disk.open(path("f"), {.mode = Mode::kCreate}, &loop));
    EXPECT_EQ(disk.uses_io_uring(), kernel_has_io_uring());
  }
  PosixDisk disk(PosixDisk::Options{.use_io_uring = false});
  ASSERT_TRUE(disk.open(path("f"), {.mode = Mode::kCreate}, &loop));
  EXPECT_FALSE(disk.uses_io_uring());
}

TEST_F(PosixDiskTest, AFileDestroyedAfterItsLoopEndedWaitsForItsWrites) {
  for (const bool use_io_uring : {true, false}) {
    RunningLoop loop;
    PosixDisk disk(PosixDisk::Options{.use_io_uring = use_io_uring});
    const std::string name = path(use_io_uring ? "uring" : "threads");
    auto file = std::move(*disk.open(name, {.mode = Mode::kCreate, .direct_sync = true}, &*loop));
    {
      const AlignedMemory block(kBlock, 'x');
      loop.on_loop([&] {
        for (std::uint64_t i = 0; i < 50; ++i) file->async_write(i * kBlock, block.view(), [](Status) {});
      });
      loop.stop();
      file.reset();
    }  // the memory may go only now
    if (!use_io_uring) EXPECT_EQ(disk.read_file(name).value(), std::string(50 * kBlock, 'x'));
  }
}

TEST_F(PosixDiskTest, ACompletionThatNeverRanMayHoldItsFileForLongerThanTheDiskLives) {
  for (const bool use_io_uring : {true, false}) {
    RunningLoop loop;
    auto disk = std::make_unique<PosixDisk>(PosixDisk::Options{.use_io_uring = use_io_uring});
    std::shared_ptr<File> file = std::move(*disk->open(path("f"), {.mode = Mode::kCreate}, &*loop));
    loop.on_loop([&] {
      File& target = *file;
      target.async_write(0, "x", [held = std::move(file)](const Status&) { ADD_FAILURE() << "the loop has ended"; });
      loop->stop();
    });
    loop.stop();
    disk.reset();
  }
}

TEST_F(PosixDiskTest, TwoLoopsHaveTheirOwnCompletions) {
  RunningLoop one;
  RunningLoop two;
  PosixDisk disk;
  std::atomic<int> done = 0;
  std::vector<std::unique_ptr<File>> files;
  for (RunningLoop* loop : {&one, &two}) {
    files.push_back(std::move(*disk.open(path("f" + std::to_string(files.size())), {.mode = Mode::kCreate}, &**loop)));
    File& file = *files.back();
    loop->on_loop([&done, &file, loop] {
      for (int i = 0; i < 100; ++i) {
        file.async_write(static_cast<std::uint64_t>(i), "x", [&done, loop](Status status) {
          if (status && (*loop)->in_thread()) ++done;
        });
      }
    });
  }
  const auto give_up = std::chrono::steady_clock::now() + 1min;
  while (done != 200 && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
  EXPECT_EQ(done, 200);
  one.stop();
  two.stop();
}

TEST_F(PosixDiskTest, PrewrittenFilesAreReallyAllocated) {
  PosixDisk disk;
  auto file = std::move(*disk.open(path("f"), {.mode = Mode::kCreate, .direct_sync = true}, nullptr));
  ASSERT_TRUE(file->prewrite(8 * limits::kMiB));
  struct stat status{};
  ASSERT_EQ(stat(path("f").c_str(), &status), 0);
  EXPECT_GE(static_cast<std::size_t>(status.st_blocks) * 512, 8 * limits::kMiB);
}

TEST_F(PosixDiskTest, DescriptorsAreNotInheritedByOtherPrograms) {
  PosixDisk disk;
  auto file = std::move(*disk.open(path("file-to-look-for"), {.mode = Mode::kCreate}, nullptr));
  auto lock = std::move(*disk.lock(path("lock-to-look-for")));
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink(entry.path(), gone).filename().string();
    if (gone || !target.ends_with("-to-look-for")) continue;
    ++found;
    EXPECT_NE(fcntl(std::stoi(entry.path().filename()), F_GETFD) & FD_CLOEXEC, 0) << target;
  }
  EXPECT_EQ(found, 2);
}

TEST_F(PosixDiskTest, AnotherProcessCannotTakeALockThatIsHeld) {
  PosixDisk disk;
  auto held = disk.lock(path("lock"));
  ASSERT_TRUE(held);
  const auto try_in_another_process = [&] {
    const pid_t child = fork();
    if (child == 0) {
      const auto lock = PosixDisk().lock(path("lock"));
      _exit(lock ? 0 : lock.error().code == ErrorCode::kLocked ? 1 : 2);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
  };
  EXPECT_EQ(try_in_another_process(), 1);
  held->reset();
  EXPECT_EQ(try_in_another_process(), 0);
}

TEST_F(PosixDiskTest, ErrorsCarryTheSystemsText) {
  PosixDisk disk;
  const auto missing = disk.open(path("missing"), {}, nullptr);
  EXPECT_EQ(missing.error().message(), "not found: open " + path("missing") + ": No such file or directory");
  const auto full = disk.open("/dev/full", {.mode = Mode::kReadWrite}, nullptr);
  if (!full) GTEST_SKIP() << "no /dev/full here";
  EXPECT_EQ((*full)->write(0, "x").error().message(), "disk full: write /dev/full: No space left on device");
}

TEST_F(PosixDiskTest, AFullDiskIsToldByAsynchronousWritesToo) {
  for (const bool use_io_uring : {true, false}) {
    RunningLoop loop;
    PosixDisk disk(PosixDisk::Options{.use_io_uring = use_io_uring});
    auto file = disk.open("/dev/full", {.mode = Mode::kReadWrite}, &*loop);
    if (!file) GTEST_SKIP() << "no /dev/full here";
    std::promise<ErrorCode> code;
    loop.on_loop([&] { (*file)->async_write(0, "x", [&](Status status) { code.set_value(status.error().code); }); });
    EXPECT_EQ(code.get_future().get(), ErrorCode::kDiskFull);
    loop.stop();
  }
}

TEST_F(PosixDiskTest, AReadErrorOfTheSystemIsToldBothWays) {
  RunningLoop loop;
  PosixDisk disk;
  // A directory opens for reading, and refuses reads.
  auto file = std::move(*disk.open(directory_, {.mode = Mode::kRead}, &*loop));
  char byte = 0;
  EXPECT_EQ(file->read(0, &byte, 1).error().code, ErrorCode::kIo);
  std::promise<ErrorCode> code;
  loop.on_loop(
      [&] { file->async_read(0, &byte, 1, [&](Result<std::size_t> got) { code.set_value(got.error().code); }); });
  EXPECT_EQ(code.get_future().get(), ErrorCode::kIo);
  loop.stop();
}

}  // namespace
}  // namespace walrus::io
