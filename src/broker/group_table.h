// The groups of one topic at the leader of its open segment. Groups that nobody has asked for yet stand where Raft has
// them; an object is made when one is first needed. Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "broker/group.h"
#include "metadata/view.h"

namespace walrus::broker {

class GroupTable {
 public:
  /// `view` is asked for what Raft knows now.
  GroupTable(Group::Home home, std::function<metadata::ViewPtr()> view);
  ~GroupTable() { end(); }
  GroupTable(const GroupTable&) = delete;
  GroupTable& operator=(const GroupTable&) = delete;

  /// Carries out a call; see Group. kOverloaded when the topic would have more than limits::kMaxGroups.
  void carry_out(const GroupCall& call, GroupDone done);
  /// GET's.
  Group& shared() const { return *shared_; }

  /// Commit has moved.
  void wake();
  /// Records before `start` are gone.
  void on_trim(Offset start);
  void freeze();
  void end();
  void send_waiters_away();
  /// Something that a roll's proposal does not carry is not known to Raft yet.
  bool unwritten() const;

 private:
  std::shared_ptr<const Group::Home> with_timer(Group::Home home);
  Result<std::shared_ptr<Group>> find(const std::string& name);
  std::shared_ptr<Group> open(const std::string& name, const metadata::GroupInfo& stored);
  std::string list() const;
  void arm(io::TimePoint first);
  void expire();

  const std::shared_ptr<const Group::Home> home_;
  std::function<metadata::ViewPtr()> view_;
  std::map<std::string, std::shared_ptr<Group>, std::less<>> groups_;
  std::shared_ptr<Group> shared_;
  io::Timer expiry_;
  io::TimePoint expiry_at_;
  bool any_waiting_ = false;
  bool frozen_ = false;
};

}  // namespace walrus::broker
