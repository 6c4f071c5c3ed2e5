#include "metadata/raft_log.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "io/sim/sim_disk.h"

namespace walrus::metadata {
namespace {

using testing::HasSubstr;

constexpr const char* kDirectory = "/raft";

RaftEntry entry(std::uint64_t term, const std::string& text) {
  return {term, EntryType::kCommand, payload_of_command(text)};
}

std::string text_of(const RaftEntry& from) { return std::string(command_of_payload(from.payload).value()); }

/// "index:term:text" of all entries, for comparison and for people.
std::vector<std::string> describe(const RaftLog& log) {
  std::vector<std::string> all;
  for (std::uint64_t index = log.first_index(); index <= log.last_index(); ++index) {
    all.push_back(fmt::format("{}:{}:{}", index, log.find(index)->term, text_of(*log.find(index))));
  }
  return all;
}

class RaftLogTest : public testing::Test {
 protected:
  RaftLogTest() : seed_(std::random_device{}()), world_(seed_), disk_(std::make_unique<io::SimDisk>(world_)) {
    EXPECT_TRUE(disk_->make_directories(kDirectory));
    EXPECT_TRUE(disk_->sync_directory("/"));
  }
  void SetUp() override { RecordProperty("seed", fmt::format("{}", seed_)); }

  Result<RaftLog> open(io::Disk& disk) {
    return RaftLog::open(disk, {.directory = kDirectory, .salt = seed_, .file_bytes = 4096});
  }
  RaftLog open_ok() {
    auto log = open(*disk_);
    EXPECT_TRUE(log) << log.error().message() << " seed " << seed_;
    return std::move(*log);
  }
  std::vector<std::string> files() {
    auto names = disk_->list(kDirectory).value();
    for (std::string& name : names) name = std::string(kDirectory) + "/" + name;
    return names;
  }

  const std::uint64_t seed_;
  io::SimWorld world_;
  std::unique_ptr<io::SimDisk> disk_;
};

TEST_F(RaftLogTest, a_new_log_is_empty_and_starts_at_1) {
  RaftLog log = open_ok();
  EXPECT_TRUE(log.empty());
  EXPECT_EQ(log.first_index(), 1u);
  EXPECT_EQ(log.last_index(), 0u);
  EXPECT_EQ(log.term_of(1), 0u);
}

TEST_F(RaftLogTest, finds_everything_again_after_a_power_cut) {
  {
    RaftLog log = open_ok();
    for (std::uint64_t i = 1; i <= 100; ++i) {
      ASSERT_TRUE(log.append(i, std::vector{entry(1 + i / 10, fmt::format("e{}", i))}));
    }
  }
  disk_->power_off();
  disk_->crash(io::CrashModel::kLoseUnsynced);
  const RaftLog log = open_ok();
  ASSERT_EQ(log.last_index(), 100u);
  for (std::uint64_t i = 1; i <= 100; ++i) {
    EXPECT_EQ(log.term_of(i), 1 + i / 10);
    EXPECT_EQ(text_of(*log.find(i)), fmt::format("e{}", i));
  }
  EXPECT_GT(files().size(), 1u);  // it went through several files
}

TEST_F(RaftLogTest, an_append_replaces_what_it_overlaps_and_that_holds_across_restarts) {
  for (int life = 0; life < 3; ++life) {
    RaftLog log = open_ok();
    ASSERT_TRUE(log.append(life == 0 ? 1 : 3, std::vector{entry(1 + life, "a"), entry(1 + life, "b")}));
    ASSERT_TRUE(log.append(life == 0 ? 3 : 5, std::vector{entry(1 + life, "c"), entry(1 + life, "d")}));
  }
  EXPECT_THAT(describe(open_ok()), testing::ElementsAre("1:1:a", "2:1:b", "3:3:a", "4:3:b", "5:3:c", "6:3:d"));
}

TEST_F(RaftLogTest, a_cut_below_an_earlier_cut_is_found_again) {
  {
    RaftLog log = open_ok();
    for (std::uint64_t i = 1; i <= 9; ++i) ASSERT_TRUE(log.append(i, std::vector{entry(1, fmt::format("{}", i))}));
    ASSERT_TRUE(log.append(7, std::vector{entry(2, "x"), entry(2, "y")}));
    ASSERT_TRUE(log.append(3, std::vector{entry(3, "z")}));
  }
  EXPECT_THAT(describe(open_ok()), testing::ElementsAre("1:1:1", "2:1:2", "3:3:z"));
}

TEST_F(RaftLogTest, a_prefix_may_end_inside_a_part_that_was_cut_twice) {
  {
    RaftLog log = open_ok();
    for (std::uint64_t i = 1; i <= 60; ++i) ASSERT_TRUE(log.append(i, std::vector{entry(1, "a")}));
    for (std::uint64_t i = 50; i <= 55; ++i) ASSERT_TRUE(log.append(i, std::vector{entry(2, "b")}));
    for (std::uint64_t i = 40; i <= 60; ++i) ASSERT_TRUE(log.append(i, std::vector{entry(3, "c")}));
    ASSERT_TRUE(log.remove_prefix(52));
  }
  const RaftLog log = open_ok();
  EXPECT_EQ(log.first_index(), 40u);
  EXPECT_EQ(log.term_of(52), 3u);
  EXPECT_EQ(log.last_index(), 60u);
}

TEST_F(RaftLogTest, a_removed_prefix_frees_files_and_keeps_the_rest) {
  RaftLog log = open_ok();
  for (std::uint64_t i = 1; i <= 200; ++i) ASSERT_TRUE(log.append(i, std::vector{entry(1, std::string(100, 'x'))}));
  const std::size_t before = files().size();
  ASSERT_TRUE(log.remove_prefix(150));
  EXPECT_EQ(log.first_index(), 150u);
  EXPECT_EQ(log.find(149), nullptr);
  EXPECT_LT(files().size(), before / 2);
  const RaftLog again = open_ok();
  EXPECT_LE(again.first_index(), 150u);  // whole files only
  EXPECT_GT(again.first_index(), 100u);
  EXPECT_EQ(again.last_index(), 200u);
}

TEST_F(RaftLogTest, a_restart_begins_anew_behind_a_snapshot) {
  {
    RaftLog log = open_ok();
    for (std::uint64_t i = 1; i <= 50; ++i) ASSERT_TRUE(log.append(i, std::vector{entry(1, std::string(100, 'x'))}));
    ASSERT_TRUE(log.restart(1000));
    EXPECT_EQ(log.last_index(), 999u);
    ASSERT_TRUE(log.append(1000, std::vector{entry(7, "n")}));
    EXPECT_EQ(files().size(), 1u);
  }
  EXPECT_THAT(describe(open_ok()), testing::ElementsAre("1000:7:n"));
}

TEST_F(RaftLogTest, an_entry_larger_than_a_file_fits) {
  {
    RaftLog log = open_ok();
    ASSERT_TRUE(log.append(1, std::vector{entry(1, std::string(20'000, 'l'))}));
    ASSERT_TRUE(log.append(2, std::vector{entry(1, "next")}));
  }
  const RaftLog log = open_ok();
  EXPECT_EQ(log.last_index(), 2u);
  EXPECT_EQ(text_of(*log.find(1)).size(), 20'000u);
}

TEST_F(RaftLogTest, damage_before_the_last_append_is_refused_with_file_and_position) {
  {
    RaftLog log = open_ok();
    for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(log.append(i, std::vector{entry(1, "abcdefgh")}));
  }
  // Records are 40 + 16 bytes behind a header of 64: this one is the second.
  disk_->flip_bits(files().at(0), 64 + 56 + 44);
  const auto log = open(*disk_);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(log.error().detail, HasSubstr(files().at(0)));
  EXPECT_THAT(log.error().detail, HasSubstr("at 120"));
}

TEST_F(RaftLogTest, damage_anywhere_in_an_earlier_file_or_a_missing_file_is_refused) {
  {
    RaftLog log = open_ok();
    for (std::uint64_t i = 1; i <= 200; ++i) ASSERT_TRUE(log.append(i, std::vector{entry(1, std::string(96, 'x'))}));
  }
  const auto names = files();
  ASSERT_GE(names.size(), 4u);
  for (const std::uint64_t position : {0u, 20u, 62u, 64u, 300u, 1000u}) {
    disk_->flip_bits(names[1], position);
    const auto log = open(*disk_);
    ASSERT_FALSE(log) << position;
    EXPECT_EQ(log.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(log.error().detail, HasSubstr(names[1]));
    disk_->flip_bits(names[1], position);
  }
  ASSERT_TRUE(open(*disk_));
  ASSERT_TRUE(disk_->remove(names[2]));
  const auto log = open(*disk_);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, ErrorCode::kCorrupt);
}

TEST_F(RaftLogTest, after_a_failed_write_or_sync_it_refuses_everything_until_it_is_opened_anew) {
  for (const auto operation : {io::SimDisk::Operation::kWrite, io::SimDisk::Operation::kSync}) {
    RaftLog log = open_ok();
    const auto next = log.last_index() + 1;
    ASSERT_TRUE(log.append(next, std::vector{entry(1, "kept")}));
    disk_->fail_nth(operation, 1, "/log");
    EXPECT_FALSE(log.append(next + 1, std::vector{entry(1, "lost")}));
    const Status status = log.append(next + 1, std::vector{entry(1, "later")});
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kPoisoned);
    disk_->power_off();
    disk_->crash(io::CrashModel::kLoseUnsynced);
    EXPECT_EQ(open_ok().last_index(), next);
  }
}

TEST_F(RaftLogTest, a_full_disk_is_told_and_the_log_goes_on_when_there_is_space_again) {
  RaftLog log = open_ok();
  ASSERT_TRUE(log.append(1, std::vector{entry(1, "kept")}));
  disk_->set_capacity(4096);
  const Status full = log.append(2, std::vector{entry(1, std::string(8000, 'x'))});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::kDiskFull);
  disk_->set_capacity(UINT64_MAX);
  RaftLog again = open_ok();
  EXPECT_EQ(again.last_index(), 1u);
  EXPECT_TRUE(again.append(2, std::vector{entry(1, std::string(8000, 'x'))}));
}

/// What the log may hold after a crash: as it was before a step or after it, or cut but not appended to yet.
struct Model {
  std::uint64_t first = 1;
  std::vector<std::string> entries;

  std::string line(std::uint64_t index) const { return entries[index - first]; }
  std::uint64_t last() const { return first + entries.size() - 1; }
};

bool matches(const RaftLog& log, const Model& model) {
  // Entries below the model's first may still be there: prefixes go by whole files.
  if (log.first_index() > model.first || log.last_index() != model.last())
    return model.entries.empty() && log.empty() && log.last_index() == model.last();
  for (std::uint64_t index = model.first; index <= model.last(); ++index) {
    if (fmt::format("{}:{}", log.term_of(index), text_of(*log.find(index))) != model.line(index)) return false;
  }
  return true;
}

TEST_F(RaftLogTest, whatever_a_power_cut_leaves_at_any_change_is_the_log_before_or_after_the_step) {
  SCOPED_TRACE(fmt::format("seed {}", seed_));
  std::mt19937_64 random(seed_);
  Model model;
  std::vector<Model> allowed{model};
  std::uint64_t images = 0;
  std::uint64_t different = 0;  // images that hold the later state: the check must see both sides
  disk_->set_hook([&](const io::SimDisk::Event&) {
    for (const io::CrashModel how : io::kAllCrashModels) {
      const auto image = disk_->image_after_power_cut(world_, how, random());
      auto log = open(*image);
      ASSERT_TRUE(log) << log.error().message();
      ++images;
      bool found = false;
      for (std::size_t i = 0; i < allowed.size() && !found; ++i) {
        found = matches(*log, allowed[i]);
        different += found && i > 0;
      }
      ASSERT_TRUE(found) << testing::PrintToString(describe(*log));
      // A second recovery changes nothing, and the log can be written to.
      ASSERT_TRUE(log->append(log->last_index() + 1, std::vector{entry(1000, "after")}));
      ASSERT_EQ(open(*image)->last_index(), log->last_index());
    }
  });
  RaftLog log = open_ok();
  std::uint64_t term = 1;
  for (int step = 0; step < 60 && !HasFatalFailure(); ++step) {
    Model after = model;
    const auto choice = random() % 10;
    if (choice == 0 && model.entries.size() > 4) {
      const std::uint64_t keep = model.first + random() % model.entries.size();
      after.entries.erase(after.entries.begin(),
                          after.entries.begin() + static_cast<std::ptrdiff_t>(keep - model.first));
      after.first = keep;
      allowed = {model, after};
      ASSERT_TRUE(log.remove_prefix(keep));
    } else if (choice == 1) {
      after.first = model.last() + 1 + random() % 20;
      after.entries.clear();
      allowed = {model, after};
      ASSERT_TRUE(log.restart(after.first));
    } else {
      const bool cuts = choice == 2 && !model.entries.empty();
      const std::uint64_t first = cuts ? model.first + random() % model.entries.size() : model.last() + 1;
      after.entries.resize(first - model.first);
      const Model cut = after;
      term += cuts;
      std::vector<RaftEntry> entries;
      for (std::size_t i = 0, n = 1 + random() % 5; i < n; ++i) {
        const std::string text(random() % 900, static_cast<char>('a' + random() % 26));
        entries.push_back(entry(term, text));
        after.entries.push_back(fmt::format("{}:{}", term, text));
      }
      allowed = {model, cut, after};
      ASSERT_TRUE(log.append(first, entries));
    }
    model = after;
    allowed = {model};
    ASSERT_TRUE(matches(log, model));
  }
  disk_->set_hook({});
  EXPECT_GT(images, 1000u);
  EXPECT_GT(different, 20u);
}

TEST(RaftLogFormat, golden_bytes) {
  const raft_log_format::FileHeader header{.sequence = 3, .first_index = 17, .salt = 0x01020304, .restarts = true};
  const std::string bytes = raft_log_format::encode_header(header) +
                            raft_log_format::encode_append(header, 1, 17, std::vector{entry(5, "hi")});
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  EXPECT_EQ(hex,
            "57414c524c4f4731"
            "0300000000000000"
            "1100000000000000"
            "04030201"
            "01000000"
            "00000000000000000000000000000000000000000000000000000000"
            "df223994"
            "1428e7d7"
            "08000000"
            "1100000000000000"
            "0500000000000000"
            "0100000000000000"
            "00000000"
            "01000000"
            "0200000068690000");
  ASSERT_TRUE(raft_log_format::decode_header(bytes));
  EXPECT_EQ(*raft_log_format::decode_header(bytes), header);
  const auto content = raft_log_format::read_last_file(header, bytes);
  ASSERT_TRUE(content);
  EXPECT_EQ(content->entries, std::vector{entry(5, "hi")});
}

}  // namespace
}  // namespace walrus::metadata
