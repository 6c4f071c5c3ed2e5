#include "metadata/raft_message.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/limits.h"
#include "io/message.h"
#include "peer.pb.h"

namespace walrus::metadata {
namespace {

using Type = RaftMessage::Type;

const Members kMembers = {{RaftId(71), NodeId(1), "127.0.0.1:6000", MemberRole::kVoter}};

RaftEntry command(std::uint64_t term, const std::string& text) {
  return {term, EntryType::kCommand, payload_of_command(text)};
}
RaftEntry change(std::uint64_t term) { return {term, EntryType::kChange, encode_members(kMembers)}; }

RaftMessage append_entries(std::vector<RaftEntry> entries) {
  return {.type = Type::kAppendEntries,
          .from = RaftId(71),
          .to = RaftId(72),
          .term = 9,
          .index = 4,
          .index_term = 3,
          .commit = 4,
          .entries = std::move(entries)};
}

std::string hex_of(std::string_view bytes) {
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return hex;
}

TEST(RaftMessage, golden_bytes) {
  const io::Message message =
      encode_message(append_entries({command(5, "hi"), {9, EntryType::kBarrier, std::string(8, '\0')}}));
  EXPECT_EQ(message.type, 10);
  EXPECT_EQ(hex_of(message.header),
            "0847104818012009320205093a0201024202080848045003"
            "5804");
  EXPECT_EQ(hex_of(message.body.view()), "02000000686900000000000000000000");
}

TEST(RaftMessage, comes_back_as_it_was) {
  const auto check = [](const RaftMessage& message) {
    const auto back = decode_message(encode_message(message));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->type, message.type);
    EXPECT_EQ(back->from, message.from);
    EXPECT_EQ(back->to, message.to);
    EXPECT_EQ(back->term, message.term);
    EXPECT_EQ(back->index, message.index);
    EXPECT_EQ(back->index_term, message.index_term);
    EXPECT_EQ(back->commit, message.commit);
    EXPECT_EQ(back->rejected, message.rejected);
    EXPECT_EQ(back->granted, message.granted);
    EXPECT_EQ(back->pre_vote, message.pre_vote);
    EXPECT_EQ(back->disrupt_leader, message.disrupt_leader);
    EXPECT_EQ(back->entries, message.entries);
    EXPECT_EQ(back->members, message.members);
    EXPECT_EQ(back->members_index, message.members_index);
    EXPECT_EQ(back->data_offset, message.data_offset);
    EXPECT_EQ(back->data_size, message.data_size);
    EXPECT_EQ(back->data.view(), message.data.view());
  };
  check(append_entries({}));
  check(append_entries({command(3, "a"), change(4), command(9, "")}));
  for (const Type type :
       {Type::kAppendEntriesResult, Type::kRequestVote, Type::kRequestVoteResult, Type::kTimeoutNow}) {
    check({.type = type,
           .from = RaftId(1),
           .to = RaftId(2),
           .term = 3,
           .index = 4,
           .index_term = 2,
           .rejected = 5,
           .granted = true,
           .pre_vote = true,
           .disrupt_leader = true});
  }
  check({.type = Type::kInstallSnapshot,
         .from = RaftId(1),
         .to = RaftId(2),
         .term = 3,
         .index = 4,
         .index_term = 2,
         .members_index = 3,
         .members = kMembers,
         .data_offset = 2,
         .data_size = 9,
         .data = SharedBytes(std::string("part"))});
}

TEST(RaftMessage, what_no_correct_member_sends_is_refused) {
  const auto refused = [](const std::function<void(peer::Raft&)>& damage, std::vector<RaftEntry> entries = {}) {
    const io::Message good = encode_message(append_entries(std::move(entries)));
    peer::Raft header;
    EXPECT_TRUE(header.ParseFromString(good.header));
    damage(header);
    return !decode_message(io::make_message(peer::RAFT, header, good.body));
  };
  EXPECT_FALSE(refused([](peer::Raft&) {}, {command(5, "a")}));
  EXPECT_TRUE(refused([](peer::Raft& raft) { raft.set_term(0); }));
  EXPECT_TRUE(refused([](peer::Raft& raft) { raft.set_from(0); }));
  EXPECT_TRUE(refused([](peer::Raft& raft) { raft.set_to(0); }));
  EXPECT_TRUE(refused([](peer::Raft& raft) { raft.set_type(0); }));
  EXPECT_TRUE(refused([](peer::Raft& raft) { raft.set_type(7); }));
  EXPECT_TRUE(refused([](peer::Raft& raft) { raft.set_index(0); }));        // a term without an entry
  EXPECT_TRUE(refused([](peer::Raft& raft) { raft.set_index_term(0); }));   // an entry without a term
  EXPECT_TRUE(refused([](peer::Raft& raft) { raft.set_index_term(10); }));  // from the future
  EXPECT_TRUE(refused([](peer::Raft& raft) { raft.set_entry_terms(0, 2); }, {command(5, "a")}));   // falls
  EXPECT_TRUE(refused([](peer::Raft& raft) { raft.set_entry_terms(0, 10); }, {command(5, "a")}));  // from the future
  EXPECT_TRUE(refused([](peer::Raft& raft) { raft.set_entry_types(0, 4); }, {command(5, "a")}));
  EXPECT_TRUE(refused([](peer::Raft& raft) { raft.set_entry_sizes(0, 16); }, {command(5, "a")}));
  EXPECT_TRUE(refused([](peer::Raft& raft) { raft.set_entry_sizes(0, 0); }, {command(5, "a")}));
  EXPECT_TRUE(refused([](peer::Raft& raft) { raft.add_entry_terms(5); }, {command(5, "a")}));
  EXPECT_TRUE(refused([](peer::Raft& raft) { raft.set_entry_types(0, 3); }, {command(5, "a")}));  // not members
  EXPECT_TRUE(refused([](peer::Raft& raft) { raft.set_type(3); }, {command(5, "a")}));            // a vote with entries
}

TEST(RaftMessage, is_cut_so_that_membership_entries_come_first) {
  const RaftMessage whole =
      append_entries({command(4, "a"), change(4), command(5, "b"), command(5, "c"), change(6), change(7)});
  const auto parts = split_at_membership(whole);
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(parts[0].entries, std::vector{command(4, "a")});
  EXPECT_EQ(parts[1].entries, (std::vector{change(4), command(5, "b"), command(5, "c")}));
  EXPECT_EQ(parts[1].index, 5u);
  EXPECT_EQ(parts[1].index_term, 4u);
  EXPECT_EQ(parts[2].entries, std::vector{change(6)});
  EXPECT_EQ(parts[2].index, 8u);
  EXPECT_EQ(parts[2].index_term, 5u);
  EXPECT_EQ(parts[3].entries, std::vector{change(7)});
  EXPECT_EQ(split_at_membership(append_entries({})).size(), 1u);
  EXPECT_EQ(split_at_membership(append_entries({change(4), command(5, "b")})).size(), 1u);
}

TEST(RaftMessage, the_commit_index_is_limited_to_what_the_message_brings) {
  RaftMessage message = append_entries({command(4, "a"), command(5, "b")});  // entries 5 and 6
  message.commit = 100;
  EXPECT_EQ(limited_commit(message, 3), 6u);
  EXPECT_EQ(limited_commit(message, 8), 8u);
  message.commit = 5;
  EXPECT_EQ(limited_commit(message, 3), 5u);
}

TEST(RaftMessage, is_cut_by_size_without_losing_anything) {
  std::vector<RaftEntry> entries;
  for (int i = 0; i < 40; ++i) entries.push_back(command(5, std::string(60'000, static_cast<char>('a' + i % 26))));
  const auto parts = split_by_size(append_entries(entries));
  EXPECT_GT(parts.size(), 2u);
  std::vector<RaftEntry> joined;
  std::uint64_t index = 4;
  for (const RaftMessage& part : parts) {
    EXPECT_EQ(part.index, index);
    std::size_t bytes = 0;
    for (const RaftEntry& entry : part.entries) bytes += entry.payload.size();
    EXPECT_LE(bytes, limits::kRaftMessageBytes);
    index += part.entries.size();
    joined.insert(joined.end(), part.entries.begin(), part.entries.end());
  }
  EXPECT_EQ(joined, entries);
}

}  // namespace
}  // namespace walrus::metadata
