// A snapshot on its way to a member that lags too far: in parts of limits::kRaftMessageBytes, each a call that is
// answered before the next one leaves, so that a large state neither fills a connection's queue nor delays heartbeats
// for long.
//
// How it fails: a part that is not answered ends the transfer; the leader starts another one when it sees that the
// member still lags. The receiver keeps one unfinished snapshot at most. Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "io/transport.h"
#include "metadata/raft_message.h"

namespace walrus::metadata {

class SnapshotSender {
 public:
  explicit SnapshotSender(io::Transport& transport) : transport_(transport) {}

  bool sending(NodeId to) const { return transfers_->contains(to); }
  /// `whole` is an InstallSnapshot with all of its data.
  void send(NodeId to, RaftMessage whole);

 private:
  using Transfers = std::map<NodeId, RaftMessage>;
  static void send_part(io::Transport& transport, const std::shared_ptr<Transfers>& transfers, NodeId to);

  io::Transport& transport_;
  std::shared_ptr<Transfers> transfers_ = std::make_shared<Transfers>();  // replies may outlive the sender
};

class SnapshotReceiver {
 public:
  /// Takes a part; the whole snapshot when it was the last one. kGap: not the part that must follow.
  Result<std::optional<RaftMessage>> take(RaftMessage part);

 private:
  struct Unfinished {
    RaftId from;
    std::uint64_t index;
    std::uint64_t index_term;
    std::string data;
  };
  std::optional<Unfinished> unfinished_;
};

}  // namespace walrus::metadata
