// Asks the leader of a topic's open segment, here or on another node, so that who asks need not know which.
//
// Errors: kNotLeader and kUnavailable are sure noes: ask again when the view has changed, or a little later.
// kOutcomeUnknown means what it says. Anything else is the answer. Loop thread only.
#pragma once

#include <memory>
#include <string>

#include "broker/leader_table.h"
#include "io/transport.h"

namespace walrus::peer {
class Locate;
}

namespace walrus::broker {

/// Where a batch stands among those that one queue sends to one topic; see peer.proto, Append.
struct StreamPosition {
  std::uint64_t stream = 0;
  std::uint64_t sequence = 0;
};

class LeaderClient {
 public:
  LeaderClient(LeaderTable& leaders, io::Transport& transport, metadata::MetadataClient& metadata, NodeId self)
      : leaders_(leaders), transport_(transport), metadata_(metadata), self_(self) {}

  bool local(const metadata::TopicInfo& topic) const { return topic.last().leader == self_; }

  /// Sends a finished batch; see TopicLeader::append. After a sure no `batch` is as it was, and can be sent again; a
  /// local leader takes its bytes when it accepts. `done` may run before the call returns.
  void append(const metadata::TopicInfo& topic, const std::shared_ptr<std::string>& batch, const WriteTerms& terms,
              StreamPosition position, replication::SegmentLeader::AppendDone done);
  void take(const metadata::TopicInfo& topic, std::uint32_t max_records, std::size_t max_bytes, TakeDone done);
  void state(const metadata::TopicInfo& topic, StateDone done);
  /// See TopicLeader, for this and what follows.
  void read(const metadata::TopicInfo& topic, Offset from, std::size_t max_bytes, TailReadDone done);
  void await_commit(const metadata::TopicInfo& topic, Offset beyond, io::Duration hold, CommitDone done);
  void find_end(const metadata::TopicInfo& topic, storage::OffsetDone done);
  void group(const metadata::TopicInfo& topic, GroupCall call, GroupDone done);
  void find_time(const metadata::TopicInfo& topic, std::int64_t timestamp_ms, storage::OffsetDone done);
  void settle(const metadata::TopicInfo& topic, SettleDone done);

 private:
  void locate(const metadata::TopicInfo& topic, peer::Locate request, storage::OffsetDone done);
  /// kUnavailable while the leader is marked down: a frozen one would answer nothing, and that only after a while.
  Status reachable(const metadata::TopicInfo& topic) const;
  template <class Request>
  Request request_for(const metadata::TopicInfo& topic) const;

  LeaderTable& leaders_;
  io::Transport& transport_;
  metadata::MetadataClient& metadata_;
  const NodeId self_;
};

}  // namespace walrus::broker
