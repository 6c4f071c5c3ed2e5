#include "tests/unit/metadata/raft_group.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>

#include "metadata/raft_message.h"

namespace walrus::metadata::test {

void ListMachine::apply(std::uint64_t index, std::uint64_t term, std::string_view command) {
  EXPECT_GT(index, last);
  last = index;
  applied[index] = {term, std::string(command)};
  group->check_applied(index, term, std::string(command));
}

void ListMachine::skip(std::uint64_t index) {
  EXPECT_EQ(index, last + 1);
  last = index;
  group->check_applied(index, 0, "");
}

void ListMachine::apply_members(std::uint64_t index, const Members& members) {
  EXPECT_EQ(index, last + 1);
  last = index;
  group->check_applied(index, 0, encode_members(members));
}

std::string ListMachine::snapshot() {
  std::string data = fmt::format("{}\n", last);
  for (const auto& [index, entry] : applied) data += fmt::format("{} {} {}\n", index, entry.term, entry.command);
  return data;
}

Status ListMachine::restore(std::uint64_t index, std::string_view data, const Members&) {
  applied.clear();
  ++restored;
  const auto take_number = [&](char end) {
    const std::size_t at = data.find(end);
    std::uint64_t number = 0;
    std::from_chars(data.data(), data.data() + at, number);
    data.remove_prefix(at + 1);
    return number;
  };
  last = take_number('\n');
  EXPECT_EQ(last, index);
  while (!data.empty()) {
    const std::uint64_t at = take_number(' ');
    const std::uint64_t term = take_number(' ');
    applied[at] = {term, std::string(data.substr(0, data.find('\n')))};
    data.remove_prefix(data.find('\n') + 1);
    group->check_applied(at, term, applied[at].command);
  }
  return {};
}

GroupNode::GroupNode(RaftGroup& group_of, NodeId node_id)
    : group(group_of),
      id(node_id),
      raft_id(1000 + node_id.value()),
      disk(std::make_unique<io::SimDisk>(group_of.world)) {}

bool GroupNode::start() {
  loop = &group.world.make_loop(fmt::format("node {}", id));
  machine = {};
  machine.group = &group;
  failure.reset();
  auto opened = RaftMember::open(*loop, *disk, machine, *this,
                                 {.id = raft_id,
                                  .node_id = id,
                                  .directory = "/raft",
                                  .timing = group.options.timing,
                                  .snapshot_threshold = group.options.snapshot_threshold,
                                  .snapshot_trailing = group.options.snapshot_trailing,
                                  .log_file_bytes = group.options.log_file_bytes});
  if (!opened) {
    failure = opened.error();
    return false;
  }
  member = std::move(*opened);
  const auto found = member->found();
  if (found == RaftMember::Found::kUnused || found == RaftMember::Found::kUnfinishedBootstrap) {
    const Status status = first_members.empty() ? member->prepare_to_join() : member->bootstrap(first_members);
    if (!status) {
      failure = status.error();
      member.reset();
      return false;
    }
  }
  loop->post([this] { member->start(); });
  return true;
}

void GroupNode::crash(io::CrashModel model) {
  disk->power_off();
  loop->stop();
  member.reset();
  disk->crash(model);
  disk->clear_faults();
  disk->set_hook({});
  expects_failure = false;
}

void GroupNode::send(NodeId to, RaftMessage message) {
  if (group.tamper && !group.tamper(to, message)) return;
  group.deliver(id, to, encode_message(message));
}

void GroupNode::settled() { group.note_settled(*this); }

void GroupNode::failed(const Error& error) {
  EXPECT_TRUE(expects_failure) << error.message();
  failure = error;
}

RaftGroup::RaftGroup(std::uint64_t seed, Options given) : options(given), world(seed) {}

void RaftGroup::start_voters(std::uint64_t n) {
  Members members;
  for (std::uint64_t i = 1; i <= n; ++i) {
    members.push_back({RaftId(1000 + i), NodeId(i), "127.0.0.1:1", MemberRole::kVoter});
  }
  for (std::uint64_t i = 1; i <= n; ++i) {
    auto& added = *nodes.emplace(NodeId(i), std::make_unique<GroupNode>(*this, NodeId(i))).first->second;
    added.first_members = members;
    ASSERT_TRUE(added.start()) << added.failure->message();
  }
}

GroupNode& RaftGroup::start_joiner(std::uint64_t id) {
  auto& added = *nodes.emplace(NodeId(id), std::make_unique<GroupNode>(*this, NodeId(id))).first->second;
  EXPECT_TRUE(added.start());
  return added;
}

GroupNode* RaftGroup::leader() {
  GroupNode* best = nullptr;
  for (auto& [id, node] : nodes) {
    if (!node->up() || !node->member->leads()) continue;
    if (best == nullptr || node->member->vote().term > best->member->vote().term) best = node.get();
  }
  return best;
}

GroupNode* RaftGroup::await_leader() {
  GroupNode* found = nullptr;
  EXPECT_TRUE(run_until([&] {
    found = leader();
    return found != nullptr && found->member->ready();
  })) << "no leader";
  return found;
}

std::uint64_t RaftGroup::propose(GroupNode& at) {
  const std::uint64_t id = next_id;
  const std::vector<std::string> commands{fmt::format("id{}", id)};
  const auto submitted = at.member->submit(commands);
  if (!submitted) return 0;
  ++next_id;
  // It may have been applied within submit() already, when one voter is enough.
  pending_[{at.id, submitted->first_index}] = {id, submitted->term, at.id};
  note_settled(at);
  return id;
}

std::uint64_t RaftGroup::propose_and_wait() {
  // The leader may be deposed meanwhile; what becomes of that id is open then, and another one is tried.
  for (int tries = 0; tries < 20; ++tries) {
    GroupNode* at = await_leader();
    const std::uint64_t id = at == nullptr ? 0 : propose(*at);
    if (id != 0 && run_until([&] { return acknowledged.contains(id); }, std::chrono::seconds(2))) return id;
    world.run_for(options.timing.election_timeout);  // it may be handing over
  }
  ADD_FAILURE() << "nothing is acknowledged\n" << describe();
  return 0;
}

void RaftGroup::isolate(std::uint64_t id) {
  for (const auto& [other, node] : nodes) {
    if (other == NodeId(id)) continue;
    cuts.insert({other, NodeId(id)});
    cuts.insert({NodeId(id), other});
  }
}

void RaftGroup::deliver(NodeId from, NodeId to, io::Message message) {
  const auto target = nodes.find(to);
  if (target == nodes.end() || cuts.contains({from, to}) || world.random().chance(options.loss)) return;
  io::SimLoop* loop = target->second->loop;  // of this life: a message does not reach the next one
  const io::Duration delay = world.random().between(options.delay_low, options.delay_high);
  std::erase_if(in_flight_, [](const io::Timer& timer) { return !timer.armed(); });
  in_flight_.push_back(world.environment().after(delay, [this, from, to, loop, message = std::move(message)]() mutable {
    if (cuts.contains({from, to}) || loop->stopped()) return;
    loop->post([this, from, to, message = std::move(message)] {
      GroupNode& node = *nodes.at(to);
      auto decoded = decode_message(message);
      ASSERT_TRUE(decoded) << decoded.error().message();
      if (node.up()) node.member->receive(from, std::move(*decoded));
    });
  }));
}

void RaftGroup::check_applied(std::uint64_t index, std::uint64_t term, const std::string& command) {
  const auto [at, first] = history_.try_emplace(index, ListMachine::Applied{term, command});
  EXPECT_TRUE(at->second.term == term && at->second.command == command)
      << "index " << index << ": '" << at->second.command << "' of term " << at->second.term << " was applied, now '"
      << command << "' of term " << term;
}

void RaftGroup::note_settled(GroupNode& node) {
  if (!node.up()) return;
  if (node.member->leads() && leaders_.insert({node.member->vote().term, node.id}).second) {
    ++elections;
    const auto same_term =
        std::ranges::count_if(leaders_, [&](auto& l) { return l.first == node.member->vote().term; });
    EXPECT_EQ(same_term, 1) << "two leaders in term " << node.member->vote().term;
  }
  for (auto at = pending_.lower_bound({node.id, 0}); at != pending_.end() && at->first.first == node.id;) {
    const std::uint64_t index = at->first.second;
    if (index > node.member->applied_index()) break;
    const auto applied = node.machine.applied.find(index);
    if (applied != node.machine.applied.end() && applied->second.term == at->second.term) {
      EXPECT_EQ(applied->second.command, fmt::format("id{}", at->second.id));
      acknowledged.insert(at->second.id);
    }
    at = pending_.erase(at);
  }
}

std::string RaftGroup::describe() {
  std::string text;
  for (auto& [id, node] : nodes) {
    text += fmt::format("node {}: ", id);
    if (!node->up()) {
      text += "down\n";
      continue;
    }
    const RaftMember& member = *node->member;
    text += fmt::format("state {} term {} voted {} log to {} snapshot {} commit {} applied {} ready {} members {}\n",
                        static_cast<int>(member.state()), member.vote().term, member.vote().voted_for,
                        member.last_index(), member.snapshot_index(), member.commit_index(), member.applied_index(),
                        member.ready(), member.members().size());
  }
  return text;
}

bool RaftGroup::converged() {
  GroupNode* first = leader();
  if (first == nullptr || !first->member->ready()) return false;
  for (GroupNode* node : members_up()) {
    if (!node->member->ready() || node->machine.last != first->member->last_index()) return false;
  }
  return true;
}

std::vector<GroupNode*> RaftGroup::members_up() {
  std::vector<GroupNode*> found;
  GroupNode* at = leader();
  if (at == nullptr) return found;
  for (auto& [id, node] : nodes) {
    if (node->up() && find_member(at->member->members(), node->raft_id) != nullptr) found.push_back(node.get());
  }
  return found;
}

void RaftGroup::expect_acknowledged_exactly_once(const std::vector<GroupNode*>& on) {
  EXPECT_FALSE(on.empty());
  for (GroupNode* node : on) {
    std::map<std::string, int> times;
    for (const auto& [index, entry] : node->machine.applied) ++times[entry.command];
    for (const auto& [command, count] : times) EXPECT_EQ(count, 1) << command << " on node " << node->id.value();
    for (const std::uint64_t id : acknowledged) {
      EXPECT_EQ(times.count(fmt::format("id{}", id)), 1u) << "id " << id << " is lost on node " << node->id.value();
    }
  }
}

}  // namespace walrus::metadata::test
