#include "broker/group_table.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace walrus::broker {

namespace {

metadata::GroupInfo stored_in(const metadata::Groups& groups, std::string_view name) {
  const auto found = groups.find(name);
  return found == groups.end() ? metadata::GroupInfo{} : found->second;
}

}  // namespace

GroupTable::GroupTable(Group::Home home, std::function<metadata::ViewPtr()> view)
    : home_(with_timer(std::move(home))), view_(std::move(view)) {
  const metadata::TopicPtr topic = view_()->find_topic(home_->topic);
  const std::string name(metadata::kSharedGroup);
  shared_ = open(name, topic ? stored_in(*view_()->groups(*topic), name) : metadata::GroupInfo{});
}

std::shared_ptr<const Group::Home> GroupTable::with_timer(Group::Home home) {
  home.call_at = [this](io::TimePoint at) {
    if (!frozen_) arm(at);
  };
  home.parked_until = [this](io::TimePoint until) {
    if (frozen_) return;
    any_waiting_ = true;
    arm(until);
  };
  return std::make_shared<const Group::Home>(std::move(home));
}

std::shared_ptr<Group> GroupTable::open(const std::string& name, const metadata::GroupInfo& stored) {
  // Raft may know a later position than a disk that lost its unsynced tail: never go on past what is there.
  const metadata::TopicPtr topic = view_()->find_topic(home_->topic);
  const Offset start = topic ? topic->start() : Offset(0);
  auto group =
      Group::make(home_, name, stored, std::min(std::max(stored.offset, start), home_->records.readable_end()));
  if (frozen_) group->freeze();
  return groups_[name] = std::move(group);
}

Result<std::shared_ptr<Group>> GroupTable::find(const std::string& name) {
  if (const auto known = groups_.find(name); known != groups_.end() && !known->second->forgotten()) {
    return known->second;
  }
  const metadata::TopicPtr topic = view_()->find_topic(home_->topic);
  if (!topic) return fail(ErrorCode::kTopicNotFound);
  const std::shared_ptr<const metadata::Groups> stored = view_()->groups(*topic);
  const bool fresh = !stored->contains(name);
  if (fresh && groups_.size() > limits::kMaxGroups) {
    std::erase_if(groups_, [](const auto& known) { return known.second->forgotten(); });
  }
  if (fresh && std::max(stored->size(), groups_.size()) > limits::kMaxGroups) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("a topic has at most {} groups", limits::kMaxGroups));
  }
  return open(name, stored_in(*stored, name));
}

void GroupTable::carry_out(const GroupCall& call, GroupDone done) {
  if (call.verb == GroupCall::Verb::kList) {
    return done(GroupAnswer{.first = {}, .next = {}, .end = {}, .batches = {}, .json = list()});
  }
  const bool for_others = call.verb >= GroupCall::Verb::kQueue || call.verb == GroupCall::Verb::kForget;
  if (for_others && call.group == metadata::kSharedGroup) {
    return done(fail(ErrorCode::kInvalidArgument, "the group of GET stays what it is"));
  }
  const bool about_a_lease = call.verb >= GroupCall::Verb::kAck;
  if (about_a_lease && call.queue.spans.empty()) return done(fail(ErrorCode::kCorrupt, "no record is named"));
  auto found = find(call.group);
  if (!found) return done(fail(found.error()));
  const std::shared_ptr<Group>& group = *found;
  switch (call.verb) {
    case GroupCall::Verb::kRead:
      return group->read(call, std::move(done));
    case GroupCall::Verb::kCommit:
      return group->commit(call.offset, std::move(done));
    case GroupCall::Verb::kSeek:
      return group->seek(call.offset, std::move(done));
    case GroupCall::Verb::kForget:
      return group->forget(std::move(done));
    case GroupCall::Verb::kQueue:
      return group->configure(call, std::move(done));
    case GroupCall::Verb::kLease:
      return group->lease(call, std::move(done));
    case GroupCall::Verb::kAck:
      return group->acknowledge(call, std::move(done));
    case GroupCall::Verb::kNack:
      return group->give_up(call, std::move(done));
    case GroupCall::Verb::kExtend:
      return group->extend(call, std::move(done));
    case GroupCall::Verb::kList:
      return;
  }
}

std::string GroupTable::list() const {
  const metadata::TopicPtr topic = view_()->find_topic(home_->topic);
  const std::shared_ptr<const metadata::Groups> stored = topic ? view_()->groups(*topic) : nullptr;
  std::map<std::string, std::pair<Offset, Offset>> rows;  // position and what of it is committed
  const Offset start = topic ? topic->start() : Offset(0);
  if (stored) {
    for (const auto& [name, group] : *stored) rows[name] = {std::max(group.offset, start), group.offset};
  }
  for (const auto& [name, group] : groups_) {
    if (!group->forgotten()) rows[name] = {group->position(), group->committed()};
  }
  const Offset end = home_->records.readable_end();
  auto list = nlohmann::ordered_json::array();
  for (const auto& [name, row] : rows) {
    list.push_back({{"group", name},
                    {"offset", row.first.value()},
                    {"committed", row.second.value()},
                    {"end", end.value()},
                    {"lag", end > row.first ? end - row.first : 0}});
  }
  return list.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void GroupTable::wake() {
  if (!any_waiting_) return;
  any_waiting_ = false;
  for (auto& [name, group] : groups_) {
    group->wake();
    any_waiting_ = any_waiting_ || group->waited_for();
  }
}

void GroupTable::arm(io::TimePoint first) {
  // A little late, so that many who wait cost few turns.
  const io::TimePoint at = first + std::chrono::milliseconds(5);
  if (expiry_.armed() && expiry_at_ <= at) return;
  expiry_at_ = at;
  expiry_ = home_->loop.after(at - home_->loop.now(), [this] { expire(); });
}

void GroupTable::expire() {
  std::optional<io::TimePoint> first;
  for (auto& [name, group] : groups_) {
    const auto next = group->expire(home_->loop.now());
    if (next && (!first || *next < *first)) first = next;
  }
  if (first) arm(*first);
}

void GroupTable::on_trim(Offset start) {
  for (auto& [name, group] : groups_) group->trim(start);
}

void GroupTable::freeze() {
  frozen_ = true;
  expiry_.cancel();
  for (auto& [name, group] : groups_) group->freeze();
}

void GroupTable::send_waiters_away() {
  for (auto& [name, group] : groups_) group->send_waiters_away();
}

void GroupTable::end() {
  freeze();
  for (auto& [name, group] : groups_) group->end();
}

bool GroupTable::unwritten() const {
  return std::ranges::any_of(groups_, [this](const auto& entry) {
    const Group& group = *entry.second;
    return group.unwritten() && (entry.second != shared_ || !group.only_moved());
  });
}

}  // namespace walrus::broker
