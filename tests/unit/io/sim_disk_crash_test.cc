// What a power cut leaves on a SimDisk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/limits.h"
#include "io/sim/sim_disk.h"
#include "tests/unit/io/aligned_memory.h"

namespace walrus::io {
namespace {

using namespace std::chrono_literals;
using Mode = OpenOptions::Mode;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kBlock = limits::kDirectAlignment;

std::string name_of(CrashModel model) {
  switch (model) {
    case CrashModel::kLoseUnsynced:
      return "LoseUnsynced";
    case CrashModel::kKeepRandomSectors:
      return "KeepRandomSectors";
    case CrashModel::kTearLastWrite:
      return "TearLastWrite";
    case CrashModel::kKeepRandomWrites:
      return "KeepRandomWrites";
  }
  return "?";
}

class PowerCut : public testing::TestWithParam<CrashModel> {
 protected:
  std::unique_ptr<File> open(const std::string& path, OpenOptions options) {
    return std::move(*disk_.open(path, options, &loop_));
  }
  void write_synced(const std::string& path, const std::string& content) {
    auto file = open(path, {.mode = Mode::kCreate});
    ASSERT_TRUE(file->write(0, content));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(disk_.sync_directory("/"));
  }
  void crash() { disk_.crash(GetParam()); }
  bool loses_everything() const { return GetParam() == CrashModel::kLoseUnsynced; }
  bool keeps_names() const { return GetParam() == CrashModel::kTearLastWrite; }

  SimWorld world_{1};
  SimLoop& loop_ = world_.make_loop("node");
  SimDisk disk_{world_, 7};
};

INSTANTIATE_TEST_SUITE_P(All, PowerCut, testing::ValuesIn(kAllCrashModels),
                         [](const auto& tested) { return name_of(tested.param); });

TEST_P(PowerCut, KeepsWhatWasSynced) {
  write_synced("f", "synced");
  crash();
  EXPECT_EQ(disk_.read_file("f").value(), "synced");
}

TEST_P(PowerCut, KeepsDurableDirectoriesHoweverDeep) {
  ASSERT_TRUE(disk_.make_durable_directories("a/b/c/"));
  crash();
  EXPECT_TRUE(disk_.exists("a/b/c").value());
}

TEST_P(PowerCut, KeepsWhatAKilledProgramHadMadeWhenItWasAboutToMakeDirectoriesDurable) {
  ASSERT_TRUE(disk_.make_durable_directories("a"));
  ASSERT_TRUE(disk_.make_directories("a/b"));
  disk_.kill_process();
  ASSERT_TRUE(disk_.make_durable_directories("a/b"));
  crash();
  EXPECT_TRUE(disk_.exists("a/b").value());
}

TEST_P(PowerCut, LeavesOldOrNewBytesInAnUnsyncedSector) {
  const std::string old_bytes(16 * kBlock, 'o');
  const std::string new_bytes(16 * kBlock, 'n');
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SimDisk disk(world_, seed);
    {
      auto file = std::move(*disk.open("f", {.mode = Mode::kCreate}, nullptr));
      ASSERT_TRUE(file->write(0, old_bytes));
      ASSERT_TRUE(file->sync());
      ASSERT_TRUE(disk.sync_directory("/"));
      ASSERT_TRUE(file->write(0, new_bytes));
    }
    disk.crash(GetParam());
    const std::string after = disk.read_file("f").value();
    ASSERT_EQ(after.size(), old_bytes.size());
    for (std::size_t at = 0; at < after.size(); at += 512) {
      const std::string piece = after.substr(at, 512);
      ASSERT_TRUE(piece == std::string(512, 'o') || piece == std::string(512, 'n')) << "seed " << seed;
    }
    outcomes.insert(after);
  }
  if (loses_everything()) {
    EXPECT_THAT(outcomes, ElementsAre(old_bytes));
  } else if (GetParam() == CrashModel::kKeepRandomWrites) {
    EXPECT_THAT(outcomes, ElementsAre(new_bytes, old_bytes));
  } else {
    EXPECT_GT(outcomes.size(), 5u);
  }
}

TEST_P(PowerCut, TakesAFileWhoseDirectoryWasNotSyncedOrNot) {
  std::set<std::size_t> names;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SimDisk disk(world_, seed);
    {
      auto file = std::move(*disk.open("f", {.mode = Mode::kCreate}, nullptr));
      ASSERT_TRUE(file->write(0, "synced"));
      ASSERT_TRUE(file->sync());
    }
    disk.crash(GetParam());
    names.insert(disk.list("/").value().size());
    if (disk.exists("f").value()) EXPECT_EQ(disk.read_file("f").value(), "synced");
  }
  if (loses_everything()) {
    EXPECT_THAT(names, ElementsAre(0));
  } else if (keeps_names()) {
    EXPECT_THAT(names, ElementsAre(1));
  } else {
    EXPECT_THAT(names, ElementsAre(0, 1));
  }
}

TEST_P(PowerCut, AfterAnUnsyncedRenameOneOfTheTwoIsThere) {
  write_synced("old", "old");
  write_synced("new", "new");
  ASSERT_TRUE(disk_.rename("new", "old"));
  crash();
  const std::string content = disk_.read_file("old").value();
  EXPECT_TRUE(content == "old" || content == "new") << content;
  EXPECT_EQ(disk_.exists("new").value(), content == "old");
  if (loses_everything()) EXPECT_EQ(content, "old");
}

TEST_P(PowerCut, AChainOfRenamesNeverLosesOrDoublesTheFile) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SimDisk disk(world_, seed);
    {
      auto file = std::move(*disk.open("a", {.mode = Mode::kCreate}, nullptr));
      ASSERT_TRUE(disk.sync_directory("/"));
    }
    ASSERT_TRUE(disk.rename("a", "b"));
    ASSERT_TRUE(disk.rename("b", "c"));
    ASSERT_TRUE(disk.rename("c", "d"));
    disk.crash(GetParam());
    EXPECT_EQ(disk.list("/").value().size(), 1u) << "seed " << seed;
  }
}

TEST_P(PowerCut, ARenameBetweenDirectoriesIsAtomicAndDurableWithEitherDirectory) {
  ASSERT_TRUE(disk_.make_directories("x"));
  ASSERT_TRUE(disk_.make_directories("y"));
  ASSERT_TRUE(open("x/f", {.mode = Mode::kCreate}));
  for (const char* directory : {"/", "x", "y"}) ASSERT_TRUE(disk_.sync_directory(directory));
  ASSERT_TRUE(disk_.rename("x/f", "y/f"));
  ASSERT_TRUE(disk_.sync_directory("x"));
  crash();
  EXPECT_THAT(disk_.list("x").value(), IsEmpty());
  EXPECT_THAT(disk_.list("y").value(), ElementsAre("f"));
}

TEST_P(PowerCut, CannotUndoAReplacedFile) {
  ASSERT_TRUE(disk_.replace_file("state", "one"));
  ASSERT_TRUE(disk_.replace_file("state", "two"));
  crash();
  EXPECT_EQ(disk_.read_file("state").value(), "two");
}

TEST_P(PowerCut, InTheMiddleOfAReplacementLeavesOldOrNew) {
  // Every moment of replace_file(): before the nth change, what would a power cut leave?
  ASSERT_TRUE(disk_.replace_file("state", "old"));
  int moments = 0;
  disk_.set_hook([&](const SimDisk::Event&) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      const auto image = disk_.image_after_power_cut(world_, GetParam(), seed);
      const std::string content = image->read_file("state").value();
      EXPECT_TRUE(content == "old" || content == "new") << content;
      ++moments;
    }
  });
  ASSERT_TRUE(disk_.replace_file("state", "new"));
  EXPECT_GE(moments, 50);
}

TEST_P(PowerCut, KeepsADirectWriteThatWasDone) {
  AlignedMemory block(kBlock, 'd');
  auto file = open("f", {.mode = Mode::kCreate, .direct_sync = true});
  ASSERT_TRUE(disk_.sync_directory("/"));
  bool done = false;
  file->async_write(0, block.view(), [&](Status status) { done = status.has_value(); });
  ASSERT_TRUE(world_.run_until([&] { return done; }, 1s));
  ASSERT_TRUE(file->write(kBlock, block.view()));
  crash();
  EXPECT_EQ(disk_.read_file("f").value(), std::string(2 * kBlock, 'd'));
}

TEST_P(PowerCut, KeepsADirectWriteWithoutSyncOnceAnotherHandleHasSynced) {
  auto cached = open("f", {.mode = Mode::kCreate});
  auto direct = open("f", {.mode = Mode::kReadWrite, .direct = true});
  AlignedMemory block(limits::kDirectAlignment, 'd');
  ASSERT_TRUE(direct->write(0, block.view()));
  ASSERT_TRUE(cached->sync());
  ASSERT_TRUE(disk_.sync_directory("/"));
  AlignedMemory lost(limits::kDirectAlignment, 'l');
  ASSERT_TRUE(direct->write(limits::kDirectAlignment, lost.view()));
  disk_.crash(GetParam());
  const std::string left = disk_.read_file("f").value();
  EXPECT_EQ(left.substr(0, limits::kDirectAlignment), block.view());
  if (loses_everything()) EXPECT_EQ(left.size(), limits::kDirectAlignment);
}

TEST_P(PowerCut, MayTakeADirectWriteThatIsInFlightAndNeverReportsItDone) {
  std::set<std::size_t> sizes;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SimDisk disk(world_, seed);
    AlignedMemory block(2 * kBlock, 'd');
    auto file = std::move(*disk.open("f", {.mode = Mode::kCreate, .direct_sync = true}, &loop_));
    ASSERT_TRUE(disk.sync_directory("/"));
    file->async_write(0, block.view(), [&](Status) { FAIL() << "its node has crashed"; });
    disk.crash(GetParam());
    file.reset();
    world_.run_for(1s);
    sizes.insert(disk.read_file("f").value().size());
  }
  EXPECT_TRUE(sizes.contains(0));
  EXPECT_EQ(sizes.size() == 1, loses_everything());
}

TEST_P(PowerCut, AnAsynchronousSyncCoversOnlyWhatWasWrittenBeforeIt) {
  write_synced("f", "00");
  auto file = open("f", {.mode = Mode::kReadWrite});
  ASSERT_TRUE(file->write(0, "1"));
  bool done = false;
  file->async_sync([&](Status status) { done = status.has_value(); });
  ASSERT_TRUE(file->write(1, "2"));
  ASSERT_TRUE(world_.run_until([&] { return done; }, 1s));
  crash();
  const std::string content = disk_.read_file("f").value();
  EXPECT_EQ(content.front(), '1');
  if (loses_everything()) EXPECT_EQ(content, "10");
}

TEST_P(PowerCut, AFailedSyncLosesItsWritesEvenWhenALaterSyncSucceeds) {
  write_synced("f", "old");
  auto file = open("f", {.mode = Mode::kReadWrite});
  ASSERT_TRUE(file->write(0, "new"));
  disk_.fail_nth(SimDisk::Operation::kSync, 1);
  ASSERT_EQ(file->sync().error().code, ErrorCode::kIo);
  EXPECT_EQ(disk_.read_file("f").value(), "new");
  ASSERT_TRUE(file->sync());
  crash();
  EXPECT_EQ(disk_.read_file("f").value(), "old");
}

TEST_P(PowerCut, OldFilesAndLocksAreDeadAndTheLockIsFree) {
  auto file = open("f", {.mode = Mode::kCreate});
  auto held = std::move(*disk_.lock("lock"));
  crash();
  char byte = 0;
  EXPECT_EQ(file->write(0, "x").error().code, ErrorCode::kIo);
  EXPECT_EQ(file->read(0, &byte, 1).error().code, ErrorCode::kIo);
  EXPECT_EQ(file->sync().error().code, ErrorCode::kIo);
  auto held_by_the_next = disk_.lock("lock");
  ASSERT_TRUE(held_by_the_next);
  held.reset();  // must not free what is now another's
  EXPECT_EQ(disk_.lock("lock").error().code, ErrorCode::kLocked);
}

TEST_P(PowerCut, IsTheSameForTheSameSeed) {
  const auto run = [&](std::uint64_t seed) {
    SimDisk disk(world_, seed);
    for (const char* name : {"a", "b", "c"}) {
      auto file = std::move(*disk.open(name, {.mode = Mode::kCreate}, nullptr));
      for (int i = 0; i < 20; ++i) EXPECT_TRUE(file->write(i * 5000, std::string(5000, static_cast<char>('a' + i))));
    }
    disk.crash(GetParam());
    std::string all;
    for (const std::string& name : disk.list("/").value()) all += name + disk.read_file(name).value();
    return all;
  };
  EXPECT_TRUE(run(1) == run(1));  // not EXPECT_EQ: nobody wants to read these
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 0; seed < 10; ++seed) outcomes.insert(run(seed));
  EXPECT_EQ(outcomes.size() == 1, loses_everything());
}

TEST(SimDisk, AfterPowerOffNothingChangesUntilTheCrash) {
  SimWorld world(1);
  SimLoop& loop = world.make_loop("node");
  SimDisk disk(world, 1);
  AlignedMemory block(kBlock, 'd');
  auto file = std::move(*disk.open("f", {.mode = Mode::kCreate, .direct_sync = true}, &loop));
  ASSERT_TRUE(disk.sync_directory("/"));
  disk.power_off();
  EXPECT_FALSE(file->write(0, block.view()));
  EXPECT_FALSE(disk.rename("f", "g"));
  EXPECT_FALSE(disk.remove("f"));
  EXPECT_FALSE(disk.open("h", {.mode = Mode::kCreate}, nullptr));
  disk.crash(CrashModel::kTearLastWrite);
  EXPECT_THAT(disk.list("/").value(), ElementsAre("f"));
  EXPECT_EQ(disk.read_file("f").value(), "");
}

TEST(SimDisk, TheHookMayCutThePowerBeforeAnyChange) {
  SimWorld world(1);
  for (std::uint64_t cut = 1; cut <= 5; ++cut) {
    SimDisk disk(world, 1);
    ASSERT_TRUE(disk.replace_file("state", "old"));
    const std::uint64_t start = disk.changes();
    disk.set_hook([&](const SimDisk::Event&) {
      if (disk.changes() - start == cut) disk.power_off();
    });
    EXPECT_FALSE(disk.replace_file("state", "new"));
    disk.crash(CrashModel::kLoseUnsynced);
    EXPECT_EQ(disk.read_file("state").value(), "old") << "cut before change " << cut;
  }
}

TEST(SimDisk, AKilledProcessLosesItsFilesButNotTheirContent) {
  SimWorld world(1);
  SimLoop& loop = world.make_loop("node");
  SimDisk disk(world, 1);
  AlignedMemory block(kBlock, 'd');
  auto buffered = std::move(*disk.open("buffered", {.mode = Mode::kCreate}, &loop));
  auto direct = std::move(*disk.open("direct", {.mode = Mode::kCreate, .direct_sync = true}, &loop));
  ASSERT_TRUE(buffered->write(0, "not synced"));
  direct->async_write(0, block.view(), [&](Status) { FAIL() << "its process is gone"; });
  disk.kill_process();
  EXPECT_FALSE(buffered->write(0, "x"));
  world.run_for(1s);
  EXPECT_EQ(disk.read_file("buffered").value(), "not synced");
  EXPECT_EQ(disk.read_file("direct").value().size(), kBlock);
}

TEST(SimDisk, AnImageOfAPowerCutLeavesTheRunAlone) {
  SimWorld world(1);
  SimDisk disk(world, 1);
  auto file = std::move(*disk.open("f", {.mode = Mode::kCreate}, nullptr));
  ASSERT_TRUE(disk.sync_directory("/"));
  ASSERT_TRUE(file->write(0, "not synced"));
  const auto image = disk.image_after_power_cut(world, CrashModel::kLoseUnsynced, 1);
  EXPECT_EQ(image->read_file("f").value(), "");
  ASSERT_TRUE(image->replace_file("f", "another life"));
  EXPECT_EQ(disk.read_file("f").value(), "not synced");
  ASSERT_TRUE(file->sync());
}

TEST(SimDisk, PrewrittenFilesAreCheapToImage) {
  SimWorld world(1);
  SimDisk disk(world, 1);
  for (const char* name : {"1.wal", "2.wal", "3.wal", "4.wal"}) {
    auto file = std::move(*disk.open(name, {.mode = Mode::kCreate, .direct_sync = true}, nullptr));
    ASSERT_TRUE(file->prewrite(64 * limits::kMiB));
  }
  ASSERT_TRUE(disk.sync_directory("/"));
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    const auto image = disk.image_after_power_cut(world, CrashModel::kKeepRandomSectors, seed);
    ASSERT_EQ(image->open("4.wal", {}, nullptr).value()->size(), 64 * limits::kMiB);
  }
}

}  // namespace
}  // namespace walrus::io
