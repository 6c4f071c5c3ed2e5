// What this node's clients want of the groups of one topic, until the leader of its open segment has answered. Requests
// about one group are sent in the order in which they came; COMMITs that stand behind each other go as one, and so do
// ACKs. When such a one is refused, each goes by itself: what is wrong with one is not the others' fault.
//
// Failure: sure noes are tried again, when the view changes and after a pause, for limits::kHeldRequestTimeout. So are
// requests of unknown outcome that can be repeated without harm; a READ that moves the group is not one of them. Loop
// thread only.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/topic_requests.h"

namespace walrus::broker {

class GroupQueue : public TopicQueue, public std::enable_shared_from_this<GroupQueue> {
 public:
  GroupQueue(const QueueContext& context, std::string topic);

  void add(const protocol::Request& request, Waiter waiter) override;
  void pump() override;
  void on_change() override;
  void drop_unsent(const Error& error) override;
  bool empty() const override { return lines_.empty() && under_way_ == 0; }

 private:
  struct Asked {
    protocol::Verb verb;
    protocol::Place place;        // of SEEK: until it is an offset
    protocol::ReadBounds bounds;  // of READ
    GroupCall call;
    std::vector<Waiter> waiters;        // several of COMMIT and ACK
    std::vector<GroupCall> parts = {};  // what each of several asked for
    std::uint64_t number = 0;           // in the order of arrival
    bool sent = false;                  // nothing joins it any more
    bool in_doubt = false;              // an earlier try may have been carried out
    io::TimePoint wait_until;           // of READ
    io::TimePoint held_until;
  };
  struct Line {
    std::deque<Asked> asked;
    bool resolving = false;  // the place that a SEEK means is being found out
    bool held = false;       // the one in front failed for the moment
    bool stopped() const { return resolving || held; }
  };

  Asked asked_for(const protocol::Request& request, Waiter waiter) const;
  bool join(Asked& last, Asked& next);
  void split(Asked asked);
  static void insert(std::deque<Asked>& line, Asked asked);
  void send_all(const std::string& group);
  void resolve(const std::string& group, const metadata::TopicInfo& topic);
  void send(Asked asked, const metadata::TopicInfo& topic);
  void on_answer(Asked asked, Result<GroupAnswer> answer);
  static void answer(const Asked& asked, GroupAnswer answer);
  void hold(Asked asked);

  QueueContext context_;
  const std::string topic_;
  std::map<std::string, Line, std::less<>> lines_;  // by group; those with something in them
  std::uint64_t next_number_ = 0;
  std::size_t under_way_ = 0;
  std::set<std::shared_ptr<Asked>> waiting_;  // those of them that wait for records
  RetryTimer retry_;
};

}  // namespace walrus::broker
