#include "metadata/raft_member.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/metadata/raft_group.h"
#include "tests/unit/metadata/test_seed.h"

namespace walrus::metadata::test {
namespace {

using namespace std::chrono_literals;

TEST(RaftMember, one_voter_leads_at_once_and_commits_alone) {
  RaftGroup group(test_seed(), {});
  group.start_voters(1);
  group.propose_and_wait();
  EXPECT_LT(group.world.now().time_since_epoch(), 100ms);
  EXPECT_TRUE(group.node(1).member->ready());
  EXPECT_EQ(group.node(1).member->state(), RaftState::kLeader);
  EXPECT_EQ(group.node(1).member->members().size(), 1u);
}

TEST(RaftMember, three_voters_elect_a_leader_and_apply_the_same) {
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  RaftGroup group(seed, {});
  group.start_voters(3);
  for (int i = 0; i < 200; ++i) group.propose_and_wait();
  ASSERT_TRUE(group.run_until([&] { return group.converged(); }));
  EXPECT_EQ(group.acknowledged.size(), 200u);
  EXPECT_EQ(group.members_up().size(), 3u);
  group.expect_acknowledged_exactly_once(group.members_up());
}

TEST(RaftMember, nodes_started_in_the_same_millisecond_elect_within_a_few_timeouts) {
  for (std::uint64_t round = 0; round < 50; ++round) {
    const std::uint64_t seed = test_seed() + round;
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RaftGroup group(seed, {.delay_low = 0us, .delay_high = 0us});  // every message at once: the worst for ties
    group.start_voters(2);
    ASSERT_TRUE(group.run_until([&] { return group.leader() != nullptr; }, 5s));
  }
}

TEST(RaftMember, a_follower_that_lags_behind_the_log_gets_a_snapshot) {
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  RaftGroup group(seed, {.snapshot_threshold = 20, .snapshot_trailing = 5});
  group.start_voters(3);
  GroupNode* leader = group.await_leader();
  const std::uint64_t away = leader->id == NodeId(1) ? 2 : 1;
  group.node(away).crash(io::CrashModel::kLoseUnsynced);
  for (int i = 0; i < 100; ++i) group.propose_and_wait();
  EXPECT_GT(leader->member->snapshot_index(), 50u);
  ASSERT_TRUE(group.node(away).start());
  ASSERT_TRUE(group.run_until([&] { return group.converged(); }));
  EXPECT_GT(group.node(away).machine.restored, 0u);
  group.expect_acknowledged_exactly_once(group.members_up());

  // It is a full member again: it can carry the group with one other.
  group.node(leader->id.value()).crash(io::CrashModel::kLoseUnsynced);
  for (int i = 0; i < 10; ++i) group.propose_and_wait();
}

TEST(RaftMember, restarts_from_its_own_snapshot_and_log) {
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  RaftGroup group(seed, {.snapshot_threshold = 20, .snapshot_trailing = 5, .log_file_bytes = 1024});
  group.start_voters(1);
  for (int life = 0; life < 5; ++life) {
    for (int i = 0; i < 33; ++i) group.propose_and_wait();
    group.node(1).crash(io::CrashModel::kLoseUnsynced);
    ASSERT_TRUE(group.node(1).start());
  }
  ASSERT_TRUE(group.run_until([&] { return group.converged(); }));
  EXPECT_EQ(group.node(1).machine.applied.size(), 165u);
  EXPECT_LT(group.node(1).member->log_length(), 100u);
  group.expect_acknowledged_exactly_once(group.members_up());
}

/// Raft paper, figure 8: an entry of an old term is on a majority, but may still be outvoted; counting replicas must
/// not commit it. Played with messages dropped by hand.
TEST(RaftMember, an_entry_of_an_old_term_is_not_committed_by_counting_replicas) {
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  RaftGroup group(seed, {});
  group.start_voters(5);
  GroupNode* s1 = group.await_leader();
  ASSERT_TRUE(group.run_until([&] { return group.converged(); }));
  const std::uint64_t base = s1->member->last_index();
  std::vector<GroupNode*> others;
  for (auto& [id, node] : group.nodes) {
    if (node.get() != s1) others.push_back(node.get());
  }
  GroupNode* s2 = others[0];
  GroupNode* s5 = others[3];

  // (a) s1 appends an entry that only s2 gets.
  group.tamper = [&](NodeId to, RaftMessage& message) {
    return message.type != RaftMessage::Type::kAppendEntries || message.entries.empty() || to == s2->id;
  };
  group.propose(*s1);
  ASSERT_TRUE(group.run_until([&] { return s2->member->last_index() == base + 1; }));
  // (b) s1 is cut off; s5 is elected by the others that lack the entry, and appends its own entry to itself alone.
  group.tamper = [&](NodeId, RaftMessage& message) {
    const bool appends = message.type == RaftMessage::Type::kAppendEntries && !message.entries.empty();
    const bool asks = message.type == RaftMessage::Type::kRequestVote;
    return !appends && (!asks || message.from == s5->raft_id);
  };
  group.isolate(s1->id.value());
  group.isolate(s2->id.value());
  ASSERT_TRUE(group.run_until([&] { return s5->member->leads(); }));
  group.propose(*s5);
  ASSERT_GE(s5->member->last_index(), base + 1);
  const std::uint64_t s5_term = s5->member->vote().term;
  // (c) s5 is cut off; s1 leads again and brings the old entry onto a majority, but nothing of its new term.
  group.heal();
  group.isolate(s5->id.value());
  group.tamper = [&](NodeId, RaftMessage& message) {
    if (message.type == RaftMessage::Type::kRequestVote) return message.from == s1->raft_id;
    if (message.type != RaftMessage::Type::kAppendEntries) return true;
    while (!message.entries.empty() && message.entries.back().term > s5_term) message.entries.pop_back();
    return true;
  };
  ASSERT_TRUE(group.run_until([&] { return s1->member->leads() && s1->member->vote().term > s5_term; }));
  const std::uint64_t old_index = base + 1;
  ASSERT_TRUE(group.run_until([&] {
    std::size_t holders = 0;
    for (auto& [id, node] : group.nodes) holders += node->member->last_index() >= old_index && node.get() != s5;
    return holders >= 3;
  }));
  group.world.run_for(100ms);
  // The point: on three of five nodes, and yet not committed.
  EXPECT_LT(s1->member->commit_index(), old_index);
  EXPECT_TRUE(group.acknowledged.empty());

  // (d) s1 dies; s5 may win and overwrites it. Nobody had applied it, so nothing is lost.
  s1->crash(io::CrashModel::kLoseUnsynced);
  group.heal();
  group.tamper = [&](NodeId, RaftMessage& message) {
    return message.type != RaftMessage::Type::kRequestVote || message.from == s5->raft_id;
  };
  ASSERT_TRUE(group.run_until([&] { return s5->member->leads() && s5->member->ready(); }, 60s));
  group.tamper = {};
  ASSERT_TRUE(s1->start());
  for (int i = 0; i < 5; ++i) group.propose_and_wait();
  ASSERT_TRUE(group.run_until([&] { return group.converged(); }));
  group.expect_acknowledged_exactly_once(group.members_up());
}

/// A follower whose messages this test writes itself.
struct HandFed {
  explicit HandFed(RaftGroup& group_of) : group(group_of), node(group_of.node(1)) {
    group.tamper = [](NodeId, RaftMessage&) { return false; };  // nobody else speaks
    group.run_until([&] { return node.up() && !node.member->members().empty(); });
    term = node.member->vote().term + 10;
  }
  void append(std::uint64_t index, std::uint64_t index_term, std::vector<RaftEntry> entries, std::uint64_t commit) {
    RaftMessage message{.from = RaftId(1002),
                        .to = RaftId(1001),
                        .term = term,
                        .index = index,
                        .index_term = index_term,
                        .commit = commit,
                        .entries = std::move(entries)};
    node.member->receive(NodeId(2), std::move(message));
  }
  RaftEntry command(const std::string& text) const { return {term, EntryType::kCommand, payload_of_command(text)}; }
  RaftEntry change(const Members& members) const { return {term, EntryType::kChange, encode_members(members)}; }

  RaftGroup& group;
  GroupNode& node;
  std::uint64_t term = 0;
};

TEST(RaftMember, a_membership_entry_behind_others_in_one_message_is_undone_when_it_is_outvoted) {
  RaftGroup group(test_seed(), {});
  group.start_voters(3);
  HandFed fed(group);
  const Members before = fed.node.member->members();
  Members after = before;
  after.push_back({RaftId(1009), NodeId(9), "127.0.0.1:9", MemberRole::kStandby});

  fed.append(1, 1, {fed.command("a"), fed.change(after), fed.command("b")}, 1);
  EXPECT_EQ(fed.node.member->last_index(), 4u);
  EXPECT_EQ(fed.node.member->members(), after);

  const std::uint64_t old_term = fed.term++;
  fed.append(2, old_term, {fed.command("c")}, 1);  // a new leader never saw the change at 3
  EXPECT_EQ(fed.node.member->last_index(), 3u);
  EXPECT_EQ(fed.node.member->members(), before);
}

TEST(RaftMember, a_membership_entry_behind_others_in_one_message_is_known_to_be_committed) {
  RaftGroup group(test_seed(), {});
  group.start_voters(3);
  HandFed fed(group);
  Members after = fed.node.member->members();
  after.push_back({RaftId(1009), NodeId(9), "127.0.0.1:9", MemberRole::kStandby});
  fed.append(1, 1, {fed.command("a"), fed.change(after), fed.command("b")}, 4);
  ASSERT_EQ(fed.node.machine.last, 4u);
  // A later change is outvoted: what is left must be the committed one, not the one before it.
  const Members later(after.begin(), after.end() - 1);
  fed.append(4, fed.term, {fed.change(later)}, 4);
  EXPECT_EQ(fed.node.member->members(), later);
  fed.term++;
  fed.append(4, fed.term - 1, {fed.command("c")}, 4);
  EXPECT_EQ(fed.node.member->members(), after);
}

TEST(RaftMember, a_late_heartbeat_does_not_pull_the_commit_index_back) {
  RaftGroup group(test_seed(), {});
  group.start_voters(3);
  HandFed fed(group);
  fed.append(1, 1, {fed.command("a"), fed.command("b"), fed.command("c")}, 4);
  ASSERT_EQ(fed.node.member->commit_index(), 4u);
  ASSERT_EQ(fed.node.machine.last, 4u);
  // The leader probes with an older position, and knows of more that is committed.
  fed.append(2, fed.term, {}, 6);
  EXPECT_EQ(fed.node.member->commit_index(), 4u);
  fed.append(4, fed.term, {fed.command("d"), fed.command("e")}, 6);
  EXPECT_EQ(fed.node.machine.last, 6u);
}

TEST(RaftMember, entries_from_before_its_own_snapshot_are_known_and_not_appended_again) {
  RaftGroup group(test_seed(), {.snapshot_threshold = 10, .snapshot_trailing = 2, .log_file_bytes = 512});
  group.start_voters(3);
  HandFed fed(group);
  std::vector<RaftEntry> all;  // from entry 2 on
  for (int i = 0; i < 30; ++i) all.push_back(fed.command(fmt::format("c{}", i)));
  fed.append(1, 1, all, 31);
  ASSERT_EQ(fed.node.member->applied_index(), 31u);
  ASSERT_GT(fed.node.member->snapshot_index(), 20u);
  std::vector<RaftMessage> answers;
  group.tamper = [&](NodeId, RaftMessage& message) {
    answers.push_back(message);
    return false;
  };
  // A leader without a snapshot starts from the very first entry; another one from somewhere before ours.
  const Members members = fed.node.member->members();
  std::vector<RaftEntry> from_first{{1, EntryType::kChange, encode_members(members)}};
  from_first.insert(from_first.end(), all.begin(), all.end());
  fed.append(0, 0, from_first, 31);
  fed.append(5, fed.term, {all.begin() + 4, all.begin() + 6}, 31);
  fed.append(10, fed.term, {}, 31);
  EXPECT_EQ(fed.node.member->last_index(), 31u);
  ASSERT_EQ(answers.size(), 3u);
  for (const RaftMessage& answer : answers) {
    EXPECT_EQ(answer.rejected, 0u);
    EXPECT_EQ(answer.index, 31u);
  }
  from_first.push_back(fed.command("new"));
  fed.append(0, 0, from_first, 32);
  EXPECT_EQ(fed.node.member->applied_index(), 32u);
}

TEST(RaftMember, a_refusal_that_was_overtaken_does_not_keep_a_follower_from_getting_entries) {
  RaftGroup group(test_seed(), {});
  group.start_voters(2);
  for (int i = 0; i < 5; ++i) group.propose_and_wait();
  ASSERT_TRUE(group.run_until([&] { return group.converged(); }));
  GroupNode& leader = *group.leader();
  GroupNode& follower = group.node(leader.id == NodeId(1) ? 2 : 1);
  const std::uint64_t held = leader.member->match_index(follower.raft_id).value();
  // The leader has lost sight of the follower for a while, and probes.
  group.cut(follower.id.value(), leader.id.value());
  group.world.run_for(group.options.timing.election_timeout * 9 / 10);
  const auto late = [&](std::uint64_t rejected) {
    leader.member->receive(follower.id, {.type = RaftMessage::Type::kAppendEntriesResult,
                                         .from = follower.raft_id,
                                         .to = leader.raft_id,
                                         .term = leader.member->vote().term,
                                         .index = rejected - 1,
                                         .rejected = rejected});
  };
  for (std::uint64_t rejected = held; rejected > held - 3; --rejected) late(rejected);
  group.heal();
  for (int i = 0; i < 5; ++i) group.propose_and_wait();
  ASSERT_TRUE(group.run_until([&] { return group.converged(); }, 5s)) << group.describe();
}

TEST(RaftMember, a_refusal_of_a_later_term_ends_a_leadership_whatever_it_refuses) {
  RaftGroup group(test_seed(), {});
  group.start_voters(3);
  for (int i = 0; i < 5; ++i) group.propose_and_wait();
  ASSERT_TRUE(group.run_until([&] { return group.converged(); }));
  GroupNode& leader = *group.leader();
  GroupNode& follower = group.node(leader.id == NodeId(1) ? 2 : 1);
  const std::uint64_t held = leader.member->match_index(follower.raft_id).value();
  const std::uint64_t later = leader.member->vote().term + 136;
  leader.member->receive(follower.id, {.type = RaftMessage::Type::kAppendEntriesResult,
                                       .from = follower.raft_id,
                                       .to = leader.raft_id,
                                       .term = later,
                                       .index = held,
                                       .rejected = held});
  EXPECT_FALSE(leader.member->leads());
  EXPECT_EQ(leader.member->vote().term, later);
}

TEST(RaftMember, votes_as_well_before_it_knows_that_it_may) {
  const std::uint64_t first_seed = test_seed();
  for (std::uint64_t seed = first_seed; seed < first_seed + 20; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RaftGroup group(seed, {});
    group.start_voters(2);
    for (int i = 0; i < 5; ++i) group.propose_and_wait();
    GroupNode& promoted = group.start_joiner(3);
    GroupNode* leader = group.leader();
    Members members = leader->member->members();
    members.push_back({promoted.raft_id, promoted.id, "127.0.0.1:1", MemberRole::kStandby});
    ASSERT_TRUE(leader->member->change_members(members));
    ASSERT_TRUE(group.run_until([&] { return group.converged() && leader->member->can_change_members(); }));
    // The promotion is committed by the two others, and the leader is lost before the third hears of it.
    group.cut(leader->id.value(), 3);
    members.back().role = MemberRole::kVoter;
    ASSERT_TRUE(leader->member->change_members(members));
    ASSERT_TRUE(group.run_until([&] { return leader->member->can_change_members(); }));
    ASSERT_EQ(find_member(promoted.member->members(), promoted.raft_id)->role, MemberRole::kStandby);
    leader->crash(io::CrashModel::kLoseUnsynced);
    group.heal();
    EXPECT_GT(group.propose_and_wait(), 0u) << group.describe();
    EXPECT_EQ(find_member(promoted.member->members(), promoted.raft_id)->role, MemberRole::kVoter);
  }
}

TEST(RaftMember, is_ready_only_when_a_leader_has_told_what_is_committed) {
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  RaftGroup group(seed, {.snapshot_threshold = 10, .snapshot_trailing = 5});
  group.start_voters(3);
  for (int i = 0; i < 50; ++i) group.propose_and_wait();
  ASSERT_TRUE(group.run_until([&] { return group.converged(); }));
  for (std::uint64_t id = 1; id <= 3; ++id) group.node(id).crash(io::CrashModel::kLoseUnsynced);
  group.isolate(1);
  for (std::uint64_t id = 1; id <= 3; ++id) ASSERT_TRUE(group.node(id).start());
  ASSERT_TRUE(group.run_until([&] { return group.node(2).member->ready() && group.node(3).member->ready(); }));
  group.world.run_for(2s);
  EXPECT_FALSE(group.node(1).member->ready());
  group.heal();
  ASSERT_TRUE(group.run_until([&] { return group.node(1).member->ready(); }));
  EXPECT_EQ(group.node(1).machine.applied.size(), 50u);
}

TEST(RaftMember, hands_leadership_over_on_request) {
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  RaftGroup group(seed, {});
  group.start_voters(3);
  for (int i = 0; i < 6; ++i) {
    GroupNode* before = group.await_leader();
    group.propose_and_wait();
    ASSERT_TRUE(before->member->transfer({}));
    const auto asked = group.world.now();
    ASSERT_TRUE(group.run_until([&] { return group.leader() != nullptr && group.leader() != before; }));
    EXPECT_LT(group.world.now() - asked, 100ms);  // without waiting for a timeout
  }
}

TEST(RaftMember, a_torn_vote_or_damaged_log_is_refused_at_start) {
  RaftGroup group(test_seed(), {});
  group.start_voters(1);
  for (int i = 0; i < 5; ++i) group.propose_and_wait();
  GroupNode& node = group.node(1);
  node.crash(io::CrashModel::kLoseUnsynced);
  node.disk->flip_bits("/raft/vote", 10);
  EXPECT_FALSE(node.start());
  EXPECT_EQ(node.failure->code, ErrorCode::kCorrupt);
  node.disk->flip_bits("/raft/vote", 10);
  node.disk->flip_bits("/raft/log-0000000000000001", 100);
  EXPECT_FALSE(node.start());
  EXPECT_EQ(node.failure->code, ErrorCode::kCorrupt);
  node.disk->flip_bits("/raft/log-0000000000000001", 100);
  ASSERT_TRUE(node.disk->remove("/raft/vote"));
  EXPECT_FALSE(node.start()) << "a lost vote file must not become term 0";
  EXPECT_EQ(node.failure->code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace walrus::metadata::test
