// Raft members under faults: crashes at any moment, pauses, cuts, hand-overs, full disks, members that come and go.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/metadata/raft_group.h"
#include "tests/unit/metadata/test_seed.h"

namespace walrus::metadata::test {
namespace {

using namespace std::chrono_literals;

class Faults {
 public:
  Faults(RaftGroup& group, std::uint64_t seed) : group_(group), random_(seed) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      one_fault();
      const auto until = group_.world.now() + random_.between(io::Duration(1ms), io::Duration(300ms));
      while (group_.world.now() < until) {
        for (auto& [id, node] : group_.nodes) {
          if (node->up() && !node->loop->paused() && node->member->leads()) group_.propose(*node);
        }
        group_.world.run_for(random_.between(io::Duration(100us), io::Duration(20ms)));
        collect_dead();
      }
    }
  }

  void end() {
    group_.heal();
    for (auto& [id, node] : group_.nodes) {
      node->disk->set_capacity(UINT64_MAX);
      node->disk->set_hook({});
      if (node->loop->paused()) node->loop->resume();
    }
    collect_dead();
    for (auto& [id, node] : group_.nodes) {
      if (!node->up()) restart(*node);
    }
  }

  std::uint64_t crashes = 0;
  std::uint64_t mid_write = 0;
  std::uint64_t full_disks = 0;

 private:
  GroupNode& any() {
    auto at = group_.nodes.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random_.below(group_.nodes.size())));
    return *at->second;
  }

  void one_fault() {
    GroupNode& node = any();
    switch (random_.below(10)) {
      case 0:
        if (node.up()) crash(node);
        break;
      case 1:
        if (node.up()) die_inside_a_disk_call(node);
        break;
      case 2:
        if (node.up()) node.loop->paused() ? node.loop->resume() : node.loop->pause();
        break;
      case 3:
        group_.isolate(node.id.value());
        break;
      case 4:
        group_.cut(node.id.value(), any().id.value());
        break;
      case 5:
        if (node.up() && !node.loop->paused() && node.member->leads()) (void)node.member->transfer({});
        break;
      case 6:
        ++full_disks;
        node.disk->set_capacity(random_.chance(0.5) ? 1 : 20'000);
        break;
      case 7:
        for (auto& [id, other] : group_.nodes) other->disk->set_capacity(UINT64_MAX);
        break;
      default:
        group_.heal();
        for (auto& [id, other] : group_.nodes) {
          if (!other->up()) restart(*other);
          if (other->loop->paused()) other->loop->resume();
        }
    }
  }

  void crash(GroupNode& node) {
    ++crashes;
    node.crash(io::kAllCrashModels[random_.below(io::kAllCrashModels.size())]);
  }

  void die_inside_a_disk_call(GroupNode& node) {
    node.expects_failure = true;
    auto left = std::make_shared<std::uint64_t>(random_.below(12));
    node.disk->set_hook([&node, left](const io::SimDisk::Event&) {
      if ((*left)-- == 0) node.disk->power_off();
    });
  }

  void collect_dead() {
    for (auto& [id, node] : group_.nodes) {
      if (!node->up() || !node->failure) continue;
      ++mid_write;
      crash(*node);
    }
  }

  void restart(GroupNode& node) {
    node.disk->set_capacity(UINT64_MAX);
    ASSERT_TRUE(node.start()) << node.failure->message();
  }

  RaftGroup& group_;
  io::Random random_;
};

TEST(RaftFaults, what_was_acknowledged_is_applied_exactly_once_on_every_node) {
  const std::uint64_t first_seed = test_seed();
  std::uint64_t acknowledged = 0, elections = 0, crashes = 0, mid_write = 0, snapshots = 0;
  for (std::uint64_t round = 0; round < 40 && !testing::Test::HasFailure(); ++round) {
    const std::uint64_t seed = first_seed + round;
    SCOPED_TRACE(fmt::format("seed {} (round {})", seed, round));
    RaftGroup group(seed, {.snapshot_threshold = 30, .snapshot_trailing = 20, .log_file_bytes = 8192, .loss = 0.02});
    group.start_voters(round % 2 == 0 ? 3 : 5);
    Faults faults(group, seed);
    faults.run(80);
    faults.end();
    ASSERT_TRUE(group.run_until([&] { return group.leader() != nullptr && group.leader()->member->ready(); }, 60s));
    for (int i = 0; i < 3; ++i) group.propose_and_wait();
    ASSERT_TRUE(group.run_until([&] { return group.converged(); }, 60s)) << group.describe();
    ASSERT_EQ(group.members_up().size(), group.nodes.size());
    group.expect_acknowledged_exactly_once(group.members_up());
    acknowledged += group.acknowledged.size();
    elections += group.elections;
    crashes += faults.crashes;
    mid_write += faults.mid_write;
    for (auto& [id, node] : group.nodes) snapshots += node->machine.restored;
  }
  fmt::print("{} ids acknowledged, {} elections, {} crashes ({} inside a disk call), {} snapshots restored\n",
             acknowledged, elections, crashes, mid_write, snapshots);
  EXPECT_GT(acknowledged, 1000u);
  EXPECT_GT(elections, 100u);
  EXPECT_GT(mid_write, 50u);
  EXPECT_GT(snapshots, 10u);
}

/// Adds, promotes or removes one member when that is possible; true once the group has exactly `wanted` as voters.
bool toward(RaftGroup& group, const std::set<std::uint64_t>& wanted) {
  GroupNode* leader = group.leader();
  if (leader == nullptr || !leader->member->can_change_members()) return false;
  Members members = leader->member->members();
  for (const std::uint64_t id : wanted) {
    const RaftId raft_id(1000 + id);
    const Member* member = find_member(members, raft_id);
    if (member == nullptr) {
      members.push_back({raft_id, NodeId(id), "127.0.0.1:1", MemberRole::kStandby});
      EXPECT_TRUE(leader->member->change_members(members));
      return false;
    }
    if (member->role == MemberRole::kVoter) continue;
    if (leader->member->match_index(raft_id).value_or(0) + 5 < leader->member->last_index()) return false;
    for (Member& one : members) {
      if (one.raft_id == raft_id) one.role = MemberRole::kVoter;
    }
    EXPECT_TRUE(leader->member->change_members(members));
    return false;
  }
  for (auto at = members.begin(); at != members.end(); ++at) {
    if (wanted.contains(at->node_id.value())) continue;
    if (at->raft_id == leader->raft_id) {
      (void)leader->member->transfer({});
    } else {
      members.erase(at);
      EXPECT_TRUE(leader->member->change_members(members));
    }
    return false;
  }
  return true;
}

TEST(RaftFaults, all_original_members_can_be_replaced_one_by_one_under_load_and_crashes) {
  const std::uint64_t first_seed = test_seed();
  for (std::uint64_t round = 0; round < 10 && !testing::Test::HasFailure(); ++round) {
    const std::uint64_t seed = first_seed + round;
    SCOPED_TRACE(fmt::format("seed {} (round {})", seed, round));
    io::Random random(seed);
    RaftGroup group(seed, {.snapshot_threshold = 30, .snapshot_trailing = 20, .log_file_bytes = 8192, .loss = 0.01});
    group.start_voters(3);
    std::set<std::uint64_t> wanted{1, 2, 3};
    for (std::uint64_t next = 4; next <= 9; ++next) {
      group.start_joiner(next);
      wanted.insert(next);
      if (next > 4) wanted.erase(next - 4);
      const auto limit = group.world.now() + 60s;
      bool done = false;
      for (int i = 0; (!done || i < 30) && group.world.now() < limit; ++i) {
        if (GroupNode* leader = group.leader()) group.propose(*leader);
        done = toward(group, wanted);
        group.world.run_for(random.between(io::Duration(1ms), io::Duration(20ms)));
        if (random.chance(0.02)) {
          GroupNode& victim = group.node(*std::next(wanted.begin(), static_cast<std::ptrdiff_t>(random.below(3))));
          if (victim.up()) victim.crash(io::kAllCrashModels[random.below(4)]);
          group.world.run_for(random.between(io::Duration(1ms), io::Duration(1s)));
          ASSERT_TRUE(victim.start());
        }
      }
      ASSERT_TRUE(done) << "the members did not become what was wanted with node " << next;
    }
    wanted.erase(*wanted.begin());
    ASSERT_TRUE(group.run_until([&] { return toward(group, wanted); }, 60s));
    for (const std::uint64_t id : {1, 2, 3, 4, 5, 6}) {
      if (!wanted.contains(id) && group.node(id).up()) group.node(id).crash(io::CrashModel::kLoseUnsynced);
    }
    for (int i = 0; i < 3; ++i) group.propose_and_wait();
    ASSERT_TRUE(group.run_until([&] { return group.converged(); }, 60s)) << group.describe();
    ASSERT_EQ(group.members_up().size(), 3u);
    EXPECT_EQ(count_voters(group.leader()->member->members()), 3u);
    for (GroupNode* node : group.members_up()) EXPECT_GT(node->id, NodeId(3));
    group.expect_acknowledged_exactly_once(group.members_up());
    EXPECT_GT(group.acknowledged.size(), 80u);
  }
}

TEST(RaftFaults, a_follower_that_was_paused_across_membership_changes_ends_with_the_right_members) {
  const std::uint64_t first_seed = test_seed();
  for (std::uint64_t round = 0; round < 20 && !testing::Test::HasFailure(); ++round) {
    const std::uint64_t seed = first_seed + round;
    SCOPED_TRACE(fmt::format("seed {} (round {})", seed, round));
    RaftGroup group(seed, {.snapshot_threshold = 100'000});  // it must catch up by entries
    group.start_voters(3);
    GroupNode* leader = group.await_leader();
    GroupNode& paused = group.node(leader->id == NodeId(3) ? 2 : 3);
    paused.loop->pause();
    for (int i = 0; i < 20; ++i) group.propose_and_wait();
    group.start_joiner(4);
    std::set<std::uint64_t> wanted{1, 2, 3, 4};
    ASSERT_TRUE(group.run_until([&] { return toward(group, wanted); }, 30s));
    for (int i = 0; i < 20; ++i) group.propose_and_wait();
    const std::uint64_t gone = leader->id == NodeId(1) ? 2 : 1;
    if (gone != paused.id.value()) wanted.erase(gone);
    paused.loop->resume();
    ASSERT_TRUE(group.run_until([&] { return toward(group, wanted); }, 30s));
    ASSERT_TRUE(group.run_until([&] { return group.converged(); }, 30s));
    EXPECT_EQ(paused.member->members(), group.leader()->member->members());
    // And it can lead with them.
    for (int tries = 0; tries < 10 && group.leader() != &paused; ++tries) {
      if (group.leader() != nullptr) (void)group.leader()->member->transfer(paused.raft_id);
      group.run_until([&] { return group.leader() == &paused; }, 2s);
    }
    ASSERT_EQ(group.leader(), &paused);
    group.propose_and_wait();
    ASSERT_TRUE(group.run_until([&] { return paused.member->can_change_members(); }));
  }
}

TEST(RaftFaults, a_full_disk_is_waited_out_and_nothing_acknowledged_is_lost) {
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  RaftGroup group(seed, {.snapshot_threshold = 50, .snapshot_trailing = 20, .log_file_bytes = 4096});
  group.start_voters(1);
  GroupNode& node = group.node(1);
  for (int i = 0; i < 20; ++i) group.propose_and_wait();
  node.disk->set_capacity(1);
  for (int i = 0; i < 200 && node.member->leads(); ++i) group.propose(node);
  EXPECT_FALSE(node.member->leads()) << "it must have run out of space";
  group.world.run_for(5s);
  EXPECT_FALSE(node.member->leads());
  node.disk->set_capacity(UINT64_MAX);
  ASSERT_TRUE(group.run_until([&] { return node.member->leads(); }, 5s));
  for (int i = 0; i < 20; ++i) group.propose_and_wait();
  group.expect_acknowledged_exactly_once({&node});
}

TEST(RaftFaults, an_io_error_ends_the_member) {
  for (const auto operation : {io::SimDisk::Operation::kWrite, io::SimDisk::Operation::kSync}) {
    RaftGroup group(test_seed(), {});
    group.start_voters(1);
    GroupNode& node = group.node(1);
    for (int i = 0; i < 20; ++i) group.propose_and_wait();
    node.expects_failure = true;
    node.disk->fail_nth(operation, 1, "/raft");
    group.propose(node);
    ASSERT_TRUE(node.failure.has_value());
    EXPECT_EQ(node.failure->code, ErrorCode::kIo);
    EXPECT_FALSE(node.member->leads());
    EXPECT_EQ(group.propose(node), 0u);
  }
}

}  // namespace
}  // namespace walrus::metadata::test
