// The vote file, snapshots and the payloads of entries.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "io/sim/sim_disk.h"
#include "metadata/raft_entry.h"
#include "metadata/raft_snapshot.h"
#include "metadata/raft_vote.h"

namespace walrus::metadata {
namespace {

using testing::HasSubstr;

std::string hex_of(std::string_view bytes) {
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return hex;
}

class RaftFilesTest : public testing::Test {
 protected:
  RaftFilesTest() : seed_(std::random_device{}()), world_(seed_), disk_(world_) {
    EXPECT_TRUE(disk_.make_directories("/raft"));
    EXPECT_TRUE(disk_.sync_directory("/"));
  }
  const std::uint64_t seed_;
  io::SimWorld world_;
  io::SimDisk disk_;
};

const Members kMembers = {{RaftId(71), NodeId(1), "127.0.0.1:6000", MemberRole::kVoter},
                          {RaftId(72), NodeId(2), "[::1]:6001", MemberRole::kStandby}};
const RaftSnapshot kSnapshot{.index = 9, .term = 4, .members_index = 7, .members = kMembers, .data = "state"};

TEST_F(RaftFilesTest, a_directory_that_was_never_used_has_neither_vote_nor_snapshot) {
  EXPECT_EQ(load_vote(disk_, "/raft").value(), std::nullopt);
  EXPECT_EQ(load_snapshot(disk_, "/raft").value(), std::nullopt);
}

TEST_F(RaftFilesTest, a_vote_survives_every_power_cut_whole) {
  SCOPED_TRACE(fmt::format("seed {}", seed_));
  std::uint64_t images = 0;
  std::mt19937_64 random(seed_);
  RaftVote before{.term = 1, .voted_for = RaftId(1)};
  RaftVote now = before;
  ASSERT_TRUE(save_vote(disk_, "/raft", before));
  disk_.set_hook([&](const io::SimDisk::Event&) {
    for (const io::CrashModel how : io::kAllCrashModels) {
      const auto image = disk_.image_after_power_cut(world_, how, random());
      const auto found = load_vote(*image, "/raft");
      ASSERT_TRUE(found) << found.error().message();
      ASSERT_TRUE(found->has_value());
      EXPECT_TRUE(**found == before || **found == now);
      ++images;
    }
  });
  for (std::uint64_t term = 2; term < 20; ++term) {
    now = {.term = term, .voted_for = RaftId(term % 3)};
    ASSERT_TRUE(save_vote(disk_, "/raft", now));
    before = now;
  }
  disk_.set_hook({});
  EXPECT_GT(images, 200u);
  disk_.power_off();
  disk_.crash(io::CrashModel::kLoseUnsynced);
  EXPECT_EQ(load_vote(disk_, "/raft").value(), now);
}

TEST_F(RaftFilesTest, a_damaged_vote_is_refused_and_never_read_as_term_0) {
  ASSERT_TRUE(save_vote(disk_, "/raft", {.term = 5, .voted_for = RaftId(2)}));
  for (std::uint64_t position = 0; position < 28; ++position) {
    disk_.flip_bits("/raft/vote", position);
    const auto found = load_vote(disk_, "/raft");
    ASSERT_FALSE(found) << position;
    EXPECT_EQ(found.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(found.error().detail, HasSubstr("/raft/vote"));
    disk_.flip_bits("/raft/vote", position);
  }
  EXPECT_TRUE(load_vote(disk_, "/raft"));
}

TEST_F(RaftFilesTest, a_snapshot_is_found_again_and_replaces_the_one_before) {
  ASSERT_TRUE(save_snapshot(disk_, "/raft", kSnapshot));
  EXPECT_EQ(load_snapshot(disk_, "/raft").value(), kSnapshot);
  RaftSnapshot later = kSnapshot;
  later.index = 300;
  ASSERT_TRUE(save_snapshot(disk_, "/raft", later));
  EXPECT_EQ(load_snapshot(disk_, "/raft").value(), later);
  EXPECT_EQ(disk_.list("/raft").value().size(), 1u);
}

TEST_F(RaftFilesTest, a_power_cut_leaves_the_old_snapshot_or_the_new_one) {
  SCOPED_TRACE(fmt::format("seed {}", seed_));
  std::mt19937_64 random(seed_);
  RaftSnapshot now = kSnapshot;
  ASSERT_TRUE(save_snapshot(disk_, "/raft", now));
  RaftSnapshot before = now;
  std::uint64_t images = 0;
  disk_.set_hook([&](const io::SimDisk::Event&) {
    for (const io::CrashModel how : io::kAllCrashModels) {
      const auto image = disk_.image_after_power_cut(world_, how, random());
      const auto found = load_snapshot(*image, "/raft");
      ASSERT_TRUE(found) << found.error().message();
      EXPECT_TRUE(*found == before || *found == now);
      ++images;
    }
  });
  for (std::uint64_t index = 10; index < 20; ++index) {
    now.index = index;
    now.data = std::string(random() % 20'000, 's');
    ASSERT_TRUE(save_snapshot(disk_, "/raft", now));
    before = now;
  }
  disk_.set_hook({});
  EXPECT_GT(images, 100u);
}

TEST_F(RaftFilesTest, a_damaged_snapshot_is_refused) {
  ASSERT_TRUE(save_snapshot(disk_, "/raft", kSnapshot));
  const std::string path = "/raft/" + disk_.list("/raft").value().at(0);
  for (std::uint64_t position = 0; position < encode_snapshot(kSnapshot).size(); position += 3) {
    disk_.flip_bits(path, position);
    const auto found = load_snapshot(disk_, "/raft");
    ASSERT_FALSE(found) << position;
    EXPECT_EQ(found.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(found.error().detail, HasSubstr(path));
    disk_.flip_bits(path, position);
  }
}

TEST(RaftFormats, golden_bytes) {
  EXPECT_EQ(hex_of(encode_vote({.term = 5, .voted_for = RaftId(71)})),
            "57414c564f544531"
            "0500000000000000"
            "4700000000000000"
            "6468472e");
  EXPECT_EQ(hex_of(encode_snapshot(kSnapshot)),
            "57414c534e415031"
            "0900000000000000"
            "0400000000000000"
            "0700000000000000"
            "0500000000000000"
            "40000000"
            "010200000000000000"
            "4700000000000000"
            "31403132372e302e302e313a3630303000"
            "01"
            "4800000000000000"
            "32405b3a3a315d3a3630303100"
            "00"
            "00000000000000"
            "7374617465"
            "a5f26c06");
  EXPECT_EQ(hex_of(payload_of_command("hello")), "0500000068656c6c6f00000000000000");
}

TEST(RaftEntry, a_command_comes_back_out_of_its_payload) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string command(size, 'c');
    const std::string payload = payload_of_command(command);
    EXPECT_EQ(payload.size() % 8, 0u);
    EXPECT_EQ(command_of_payload(payload).value(), command);
  }
  EXPECT_FALSE(command_of_payload(""));
  EXPECT_FALSE(command_of_payload(std::string("\x05\0\0\0abcd", 8)));
}

TEST(RaftEntry, members_come_back_and_lies_are_refused) {
  const std::string good = encode_members(kMembers);
  EXPECT_EQ(decode_members(good).value(), kMembers);
  EXPECT_EQ(good.size() % 8, 0u);
  EXPECT_FALSE(decode_members(""));
  for (std::size_t cut = 0; cut < good.size(); cut += 8) {
    if (cut + 8 < good.size()) EXPECT_FALSE(decode_members(std::string_view(good).substr(0, cut))) << cut;
  }
  EXPECT_FALSE(decode_members(encode_members({})));
  EXPECT_FALSE(decode_members(encode_members({kMembers[0], kMembers[0]})));
  EXPECT_FALSE(decode_members(encode_members({{RaftId(0), NodeId(1), "a", MemberRole::kVoter}})));
  EXPECT_FALSE(decode_members(encode_members({{RaftId(1), NodeId(0), "a", MemberRole::kVoter}})));
  EXPECT_FALSE(decode_members(encode_members({{RaftId(1), NodeId(1), "a", static_cast<MemberRole>(3)}})));
}

}  // namespace
}  // namespace walrus::metadata
