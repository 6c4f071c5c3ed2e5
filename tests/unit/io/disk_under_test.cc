#include "tests/unit/io/disk_under_test.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <ostream>
#include <unistd.h>

#include "io/posix_disk.h"
#include "io/sim/sim_disk.h"
#include "tests/unit/io/running_loop.h"

namespace walrus::io {
namespace {

using namespace std::chrono_literals;

class SimulatedDisk final : public DiskUnderTest {
 public:
  Disk& disk() override { return disk_; }
  Loop* loop() override { return &loop_; }
  std::string directory() override {
    if (!disk_.exists("data").value()) (void)disk_.make_directories("data");
    return "data";
  }
  void on_loop(std::function<void()> work) override {
    loop_.post([work = std::move(work)] { work(); });
    world_.run_ready();
  }
  bool run_until(std::function<bool()> predicate) override { return world_.run_until(predicate, 1min); }

 private:
  SimWorld world_{1};
  SimLoop& loop_ = world_.make_loop("node");
  SimDisk disk_{world_};
};

class RealDisk final : public DiskUnderTest {
 public:
  RealDisk(const std::filesystem::path& parent, PosixDisk::Options options) : disk_(options) {
    std::string pattern = parent / "walrus-io-test-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr) << pattern;
    directory_ = pattern;
  }
  ~RealDisk() override {
    loop_.stop();  // before the disk goes
    std::filesystem::remove_all(directory_);
  }
  Disk& disk() override { return disk_; }
  Loop* loop() override { return &*loop_; }
  std::string directory() override { return directory_; }
  void on_loop(std::function<void()> work) override { loop_.on_loop(work); }
  bool run_until(std::function<bool()> predicate) override {
    const auto give_up = std::chrono::steady_clock::now() + 1min;
    for (bool held = false; std::chrono::steady_clock::now() < give_up;) {
      loop_.on_loop([&] { held = predicate(); });
      if (held) return true;
    }
    return false;
  }

 private:
  RunningLoop loop_;
  PosixDisk disk_;
  std::filesystem::path directory_;
};

}  // namespace

void PrintTo(const DiskKind& kind, std::ostream* out) { *out << kind.name; }

std::vector<DiskKind> disk_kinds() {
  std::vector<DiskKind> kinds;
  kinds.push_back({"Simulated", [] { return std::make_unique<SimulatedDisk>(); }});
  const auto add_real = [&](std::string name, std::filesystem::path parent, PosixDisk::Options options) {
    DiskKind kind{std::move(name), nullptr};
    if (access(parent.c_str(), W_OK) == 0) {
      kind.make = [parent, options] { return std::make_unique<RealDisk>(parent, options); };
    }
    kinds.push_back(std::move(kind));
  };
  const auto files = std::filesystem::temp_directory_path();
  add_real("Uring", files, {});
  add_real("Threads", files, {.use_io_uring = false});
  add_real("UringWithoutDirectIo", files, {.use_direct_io = false});
  add_real("ThreadsWithoutDirectIo", files, {.use_io_uring = false, .use_direct_io = false});
  add_real("UringOnTmpfs", "/dev/shm", {});
  add_real("ThreadsOnTmpfs", "/dev/shm", {.use_io_uring = false});
  return kinds;
}

}  // namespace walrus::io
