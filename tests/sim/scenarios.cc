#include "tests/sim/scenarios.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "metadata/sealing.h"
#include "tests/sim/story.h"

namespace walrus::sim {

using namespace std::chrono_literals;

namespace {

void leader_crashes_with_acks_in_flight(Story& story) {
  story.kill(story.leader());
  story.until_writable("after its leader was killed");
}

void leader_pauses_and_wakes_after_the_seal(Story& story) {
  const NodeId old = story.leader();
  story.pause(old);
  story.until_next_segment();
  story.until_acknowledged(20);
  story.run_for(60s);
  story.resume(old);
  story.until_acknowledged(20);
}

void leader_is_cut_off_with_clients(Story& story) {
  story.isolate(story.leader());
  story.until_next_segment();
  story.until_acknowledged(20);  // through the other side
}

void one_way_cut(Story& story) {
  // The leader speaks and hears nothing: heartbeats arrive, acks do not.
  const NodeId leader = story.leader();
  for (const NodeId id : story.cluster().ids()) {
    if (id != leader) story.cut(id, leader);
  }
  story.run_for(5s);
  story.heal();
  story.until_writable("after a one-way cut");
}

void two_recoverers(Story& story) {
  story.kill(story.leader());
  story.until([&] { return story.being_sealed(); }, "a recoverer is named");
  const NodeId first = story.open().recoverer;
  story.isolate(first);
  story.run_for(3s);
  story.heal();
  story.until_writable("after two recoverers");
}

void fence_is_lost_while_the_old_leader_adds_there(Story& story) {
  const NodeId old = story.leader();
  const auto followers = story.followers();
  // The old leader and one follower hear each other; everybody else is cut off from both, but for the fence's way.
  for (const NodeId id : story.cluster().ids()) {
    if (id == old || id == followers.back()) continue;
    story.cut(id, old);
    story.cut(old, id);
    story.cut(id, followers.back());
  }
  story.run_for(6s);
  story.heal();
  story.until_writable("after a lost fence");
}

void replica_crashes_between_append_and_sync(Story& story) {
  for (int round = 0; round < 4; ++round) {
    const NodeId victim = story.followers()[story.random().below(story.followers().size())];
    story.cut_power(victim);
    story.run_for(300ms);
    story.restart(victim);
    story.until_writable("after a follower lost power");
  }
}

void crash_right_after_the_fence_answer(Story& story) {
  const SegmentId segment = story.open().id;
  const NodeId old = story.leader();
  const auto followers = story.followers();
  story.kill(old);
  story.until([&] { return story.being_sealed() || story.open().id > segment; }, "the segment is being sealed");
  const NodeId recoverer = story.open().recoverer;
  const NodeId other = followers.front() == recoverer ? followers.back() : followers.front();
  const Epoch sealing = story.open().seal_epoch;
  story.until([&] { return story.promise_of(other, segment) >= sealing || story.open().id > segment; }, "the promise");
  story.cut_power(other);
  story.restart(other);
  story.until_writable("after a crash right after the fence's answer");
}

void a_disk_is_wiped(Story& story) {
  const NodeId victim = story.random().below(2) == 0 ? story.leader() : story.followers().front();
  story.cluster().wipe(victim);
  story.until_writable("after a disk was wiped");
  story.restart(victim);
  story.until_acknowledged(60);
  story.until([&] { return story.cluster().node(victim)->ready(); }, "the wiped node is back");
}

void rot_in_the_last_acknowledged_batch(Story& story) {
  const NodeId victim = story.followers().front();
  const std::string record = story.workload().last_acknowledged();
  story.run_for(300ms);  // from here on no torn write explains damage there
  if (!story.cluster().rot_in_log(victim, record)) return;
  story.cut_power(victim);
  story.restart(victim);
  // Two of three are needed, and the damaged one does not count: the end is found when the leader is back.
  const NodeId leader = story.leader();
  story.kill(leader);
  story.run_for(3s);
  story.restart(leader);
  story.until_writable("after rot in the last acknowledged batch");
}

void torn_tail(Story& story) {
  for (const io::CrashModel model : io::kAllCrashModels) {
    const NodeId victim = story.leader();
    story.cut_power(victim, model);
    story.run_for(200ms);
    story.restart(victim);
    story.until_writable("after a torn tail");
    story.until_acknowledged(10);
  }
  rot_in_the_last_acknowledged_batch(story);
}

void all_lose_power_at_once(Story& story) {
  const auto& models = io::kAllCrashModels;
  const auto model = models[story.random().below(std::size(models))];
  for (const NodeId id : story.cluster().ids()) story.cut_power(id, model);
  for (const NodeId id : story.cluster().ids()) story.restart(id);
  story.until_writable("after a power cut of all");
}

void answers_of_rolls_are_lost(Story& story) {
  for (int round = 0; round < 5; ++round) {
    story.until([&] { return story.topic()->segments.size() > 0; }, "a segment");
    const auto raft = story.cluster().raft_leader();
    for (const NodeId id : story.cluster().ids()) {
      if (raft && id != *raft) story.cluster().network().break_connections(*raft, id);
    }
    story.until_acknowledged(30);
  }
}

void raft_leader_changes_during_each_step(Story& story) {
  story.kill(story.leader());
  for (int step = 0; step < 3; ++step) {
    const auto raft = story.cluster().raft_leader();
    if (raft) story.isolate(*raft);
    story.run_for(io::Duration(story.random().between(io::Duration(100ms), io::Duration(1500ms))));
    story.heal();
    story.run_for(io::Duration(story.random().between(io::Duration(50ms), io::Duration(500ms))));
  }
  story.until_writable("after changes of the Raft leader");
}

void seal_is_applied_late_on_a_node_that_serves_reads(Story& story) {
  const NodeId behind = story.bystander();
  const auto raft = story.cluster().raft_leader();
  // It hears nothing of Raft, and goes on serving clients with what it knows.
  if (raft && *raft != behind) story.cut(*raft, behind);
  story.until_acknowledged(60);
  story.heal();
  story.until_acknowledged(20);
}

/// Exactly one follower has synced what nobody else has yet: it will be found, and nobody has been told.
bool a_follower_is_ahead(Story& story) {
  const metadata::SegmentInfo segment = story.open();
  std::vector<std::pair<Offset, NodeId>> ends;
  for (const NodeId id : segment.replicas) {
    SimNode* node = story.cluster().node(id);
    const storage::Segment* replica = node != nullptr ? node->replica(*story.topic(), segment.id) : nullptr;
    if (replica == nullptr) return false;
    ends.emplace_back(replica->durable_end(), id);
  }
  std::ranges::sort(ends, std::greater());
  return ends.size() == 3 && ends[0].second != segment.leader && ends[0].first > ends[1].first;
}

void producers_try_again_across_seals(Story& story) {
  for (const NodeId id : story.cluster().ids()) story.cluster().disk(id).set_latency(1ms, 10ms);
  for (int round = 0; round < 20 && story.workload().found_behind_seals() == 0; ++round) {
    story.until([&] { return a_follower_is_ahead(story); }, "a follower is ahead");
    const NodeId old = story.leader();
    story.kill(old);
    story.until_next_segment();
    story.until_acknowledged(20);
    story.restart(old);
    story.until([&] { return story.open().replicas.size() == 3; }, "all nodes take part again");
  }
  for (const NodeId id : story.cluster().ids()) story.cluster().disk(id).set_latency(50us, 500us);
  if (story.workload().found_behind_seals() == 0) story.fail("F15: nothing was tried again across a seal");
}

void follower_is_swapped_while_the_leader_dies(Story& story) {
  const NodeId slow = story.followers().front();
  story.pause(slow);
  story.run_for(limits::kFollowerPatience);
  story.run_for(io::Duration(story.random().between(io::Duration(0ms), io::Duration(600ms))));
  const NodeId leader = story.leader();
  story.kill(leader);
  story.run_for(1s);
  story.resume(slow);
  story.until_writable("after the leader died while a follower was replaced");
  story.restart(leader);
  story.until_acknowledged(60);
  story.until([&] { return story.cluster().surplus_copy().empty(); }, "copies too many are gone");
}

void disk_is_full_while_a_fence_is_persisted(Story& story) {
  const NodeId victim = story.followers().front();
  story.cluster().disk(victim).set_capacity(1);
  story.kill(story.leader());
  story.run_for(3s);
  story.cluster().disk(victim).set_capacity(std::numeric_limits<std::uint64_t>::max());
  story.until_writable("after a full disk");
}

void sync_fails_on_one_replica(Story& story) {
  const NodeId victim = story.random().below(2) == 0 ? story.leader() : story.followers().front();
  story.cluster().disk(victim).fail_nth(io::SimDisk::Operation::kWrite, 1, "/wal", 3);
  story.run_for(3s);
  story.cluster().disk(victim).clear_faults();
  story.until_writable("after a failed write");
  // What is poisoned is whole again after a restart.
  story.kill(victim);
  story.restart(victim);
  story.until_writable("after a failed write and a restart");
}

void clocks_jump(Story& story) {
  for (const NodeId id : story.cluster().up()) {
    const auto jump = story.random().between(io::Duration(0ms), io::Duration(30s));
    story.cluster().node(id)->loop().set_clock_offset(jump);
  }
  story.until_acknowledged(20);
  const NodeId old = story.leader();
  story.isolate(old);
  story.until_next_segment();
  story.until_acknowledged(20);
}

void the_recoverer_is_removed(Story& story) {
  const NodeId old = story.leader();
  story.kill(old);
  story.until([&] { return story.being_sealed(); }, "a recoverer is named");
  story.remove(story.open().recoverer);
  story.restart(old);  // of three replicas two are needed
  story.until_writable("after its recoverer was removed");
}

void the_leader_is_removed(Story& story) {
  story.remove(story.leader());
  story.until_writable("after its leader was removed");
}

void a_removed_node_is_recoverer_or_leader(Story& story) {
  if (story.random().below(2) == 0) return the_recoverer_is_removed(story);
  the_leader_is_removed(story);
}

void a_stale_node_has_deletions_due(Story& story) {
  const auto everything = SegmentId(std::numeric_limits<std::uint64_t>::max());
  story.until_acknowledged(250);
  const NodeId behind = story.bystander();
  const TopicId old = story.fill_topic("short-lived", 60, behind);
  story.isolate(behind);
  story.until([&] { return !story.cluster().newest_view()->is_up(behind); }, "it is missed");
  story.delete_topic(old, behind);
  const TopicId fresh = story.fill_topic("short-lived", 70, behind);
  const SegmentId first_kept = story.trim(behind);
  const auto leftovers = [&](NodeId id) {
    return story.copies(id, "short-lived", old, everything) + story.copies(id, kTopic, story.topic()->id, first_kept);
  };
  for (const NodeId id : story.cluster().ids()) {
    if (id != behind) story.until([&] { return leftovers(id) == 0; }, "what was deleted is gone elsewhere");
  }
  if (leftovers(behind) == 0) return story.fail("F21: the node that is behind has nothing to delete");
  story.until_acknowledged(100);
  // It hears of all that at once, and loses power while the deletions are due.
  story.heal();
  story.until([&] { return story.cluster().node(behind)->view()->find_topic(fresh) != nullptr; }, "it has caught up");
  story.cut_power(behind);
  story.restart(behind);
  story.until([&] { return leftovers(behind) == 0; }, "what was deleted is gone there, too");
  const auto log = story.workload().read_log("short-lived");
  if (!log || *log != std::vector<std::string>(70, "70")) story.fail("F21: what was not deleted is gone");
}

void two_versions(Story& story) {
  for (const NodeId id : story.cluster().ids()) {
    story.kill(id);
    story.cluster().upgrade(id);
    story.restart(id);
    story.until_writable("while nodes are upgraded");
    story.until_acknowledged(20);
  }
}

void a_repair_source_rots_during_the_copy(Story& story) {
  story.until_acknowledged(200);
  const NodeId victim = story.followers().front();
  const NodeId source = story.leader();
  story.cluster().wipe(victim);
  story.until_writable("after a disk was wiped");
  story.restart(victim);
  const auto copying = [&](NodeId id) { return story.cluster().node(id)->repair_counters().copied_bytes > 0; };
  story.until([&] { return std::ranges::any_of(story.cluster().up(), copying); }, "copies are made");
  for (int i = 0; i < 8; ++i) (void)story.cluster().rot(source, story.random().next());
  story.run_for(40s);  // all is read again, and what is damaged is found and made anew
  story.until([&] { return story.cluster().missing_copy().empty(); }, "all copies are there again");
}

void both_holders_are_lost(Story& story) {
  story.until_acknowledged(150);
  story.expect_losses();
  const std::vector<NodeId> holders = story.open().replicas;
  for (const NodeId id : holders) story.cluster().wipe(id);
  for (const NodeId id : holders) story.restart(id);
  story.until(
      [&] { return std::ranges::all_of(holders, [&](NodeId id) { return story.cluster().node(id)->ready(); }); },
      "the wiped nodes are back");
  const auto nobody_has_it = [&] { return !metadata::end_can_be_found(*story.cluster().newest_view(), story.open()); };
  if (story.open().replicas == holders) {
    story.until(nobody_has_it, "the disks are known to be gone");
    story.run_for(5s);
    if (!nobody_has_it()) return story.fail("F24: an end was invented");
    // Nothing goes on by itself; an operator says so.
    const Status recovered =
        story.carry_out(metadata::begin_seal_losing_data(*story.cluster().newest_view(), *story.topic()));
    if (!recovered) return story.fail("F24: " + recovered.error().message());
  }
  story.until_writable("after the operator has given up what was lost");
  if (story.cluster().newest_view()->lost_segments() == 0) story.fail("F24: nothing is told of the loss");
}

constexpr Scenario kScenarios[] = {
    {"F1", "the leader crashes with acks in flight", 3, leader_crashes_with_acks_in_flight},
    {"F2", "the leader pauses for 60 s and wakes after the seal", 3, leader_pauses_and_wakes_after_the_seal},
    {"F3", "the leader is cut off together with clients", 3, leader_is_cut_off_with_clients},
    {"F4", "a one-way cut: the leader speaks and hears nothing", 3, one_way_cut},
    {"F5", "two recoverers", 5, two_recoverers},
    {"F6", "a fence is lost to one replica while the old leader completes an add there", 5,
     fence_is_lost_while_the_old_leader_adds_there},
    {"F7", "a replica crashes between append and sync", 3, replica_crashes_between_append_and_sync},
    {"F8", "a crash right after the fence's answer", 3, crash_right_after_the_fence_answer},
    {"F9", "a disk is wiped, and its node comes back under its old number", 5, a_disk_is_wiped},
    {"F10", "torn tails", 3, torn_tail},
    {"F11", "all replicas lose power at once", 3, all_lose_power_at_once},
    {"F12", "answers of rolls are lost", 3, answers_of_rolls_are_lost},
    {"F13", "the Raft leader changes during each step", 5, raft_leader_changes_during_each_step},
    {"F14", "a seal is applied late on a node that serves reads", 3, seal_is_applied_late_on_a_node_that_serves_reads},
    {"F15", "producers try again across seals", 3, producers_try_again_across_seals},
    {"F16", "a follower is swapped while the leader dies", 5, follower_is_swapped_while_the_leader_dies},
    {"F17", "a removed node is recoverer or leader", 5, a_removed_node_is_recoverer_or_leader},
    {"F18", "the disk is full while a fence is persisted", 3, disk_is_full_while_a_fence_is_persisted},
    {"F19", "a sync error on one replica", 3, sync_fails_on_one_replica},
    {"F20", "clocks jump while a leader is replaced", 3, clocks_jump},
    {"F21", "a node is behind while deletions are due", 3, a_stale_node_has_deletions_due},
    {"F22", "nodes of two versions", 3, two_versions},
    {"F23", "the source of a repair rots during the copy", 5, a_repair_source_rots_during_the_copy},
    {"F24", "both holders are lost: it is told, and nothing is made up", 5, both_holders_are_lost, 2},
};

}  // namespace

std::span<const Scenario> scenarios() { return kScenarios; }

std::string run_scenario(const Scenario& scenario, std::uint64_t seed) {
  Story story(seed, scenario.nodes, scenario.replicas);
  if (story.begin()) {
    scenario.tell(story);
    story.end();
  }
  return story.wrong();
}

}  // namespace walrus::sim
