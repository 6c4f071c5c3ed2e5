// Makes the cluster follow its metadata, and the metadata follow the cluster. Every node runs one; the Raft leader's
// acts.
//
// Each limits::kHeartbeatInterval a node sends a heartbeat to the Raft leader. There, the planner compares who is alive
// with the node table and proposes what must change: a node that was silent for limits::kSuspectAfter is marked down
// (no new segment is given to it), one that speaks again is marked up. A new leader gives everybody one period of
// grace. Once a second it trims what retention (retention.h) does not keep. Holders of sealed segments whose place
// others have taken are dropped; making copies is repair.h's work, on every node.
//
// Failure: a heartbeat or proposal that is lost is sent anew with the next tick. Node loop only.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/limits.h"
#include "controller/absence.h"
#include "controller/liveness.h"
#include "controller/segment_walk.h"
#include "io/transport.h"
#include "metadata/metadata_client.h"

namespace walrus::controller {

class Controller {
 public:
  /// Who leads Raft as far as this node knows.
  using FindLeader = std::function<std::optional<NodeId>()>;

  /// Everything passed in outlives the controller. A node that is down for `repair_grace` is to hold nothing any more.
  Controller(io::Loop& loop, io::Transport& transport, metadata::MetadataClient& metadata, NodeId self,
             FindLeader find_leader, io::Duration repair_grace = limits::kRepairGrace);

  ~Controller() { *alive_ = false; }
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  void start();
  void stop();

  /// HEARTBEAT messages; false when it is another kind.
  bool handle(NodeId from, const io::Message& message);

 private:
  void tick();
  void send_heartbeat(NodeId leader);
  void begin_to_lead();
  void plan();
  void plan_drops(const metadata::View& view);
  void retain(const metadata::View& view);
  void tell_losses(const metadata::View& view);
  void propose(metadata::Command command);

  io::Loop& loop_;
  io::Transport& transport_;
  metadata::MetadataClient& metadata_;
  const NodeId self_;
  FindLeader find_leader_;
  const io::Duration repair_grace_;
  Liveness liveness_;
  Absence absence_;
  SegmentWalk walk_;
  std::uint64_t losses_told_ = 0;
  bool leading_ = false;
  io::TimePoint last_tick_;
  io::TimePoint next_retention_{};
  std::size_t proposals_in_flight_ = 0;
  io::Timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // false once this is gone: answers may come later
};

}  // namespace walrus::controller
