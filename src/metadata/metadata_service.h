// The metadata of one node: its member of the Raft group, the state machine that the group replicates, and the way of
// proposals to the group's leader. One per node, on the node loop.
//
// Happy path: open() reads <data-dir>/raft, or starts a new cluster there, or gets ready to join one; start() arms
// timers and, when joining, calls the given addresses until a member takes the node in. From then on each command that
// the group commits is applied to the cluster state and published as an immutable View. Commands from this node's loops
// come in through MetadataClients, from other nodes by PROPOSE messages; both reach the Raft leader wherever it is.
// Membership needs no calls: the leader makes the Raft group follow the node table (a new node becomes spare, then
// voter up to limits::kMaxVoters, then standby; a node in state kRemoved leaves the group).
//
// How it fails: open() answers kCorrupt (file and position) for damage that a torn tail cannot explain,
// kIdentityRefused when the directory cannot be that of this node, kIo/kDiskFull for the disk. While it runs, a failed
// write or sync of Raft's own files ends the process by fatal(ExitCode::kStorage), except a full disk, which is waited
// out; a node that the cluster refuses or has removed is told to `on_refused`.
//
// Threads: everything here on the node loop. Clients made by client_for() live on the loop that they are made for.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "io/file.h"
#include "io/loop.h"
#include "io/transport.h"
#include "metadata/metadata_client.h"
#include "metadata/raft_status.h"

namespace walrus::metadata {

class MetadataCore;

struct MetadataServiceOptions {
  NodeId node_id;
  Uuid disk_id;
  /// From the identity file; empty as long as this node has never been part of a cluster.
  std::optional<Uuid> cluster_id;
  std::string directory;          ///< <data-dir>/raft; made when missing
  std::string peer_address;       ///< host:port under which other nodes reach this one
  std::string client_address;     ///< host:port under which clients reach it
  std::vector<std::string> join;  ///< internal addresses of members; used only while the directory is empty
  std::chrono::milliseconds election_timeout{300};
  std::chrono::milliseconds heartbeat{30};

  /// The cluster that this node belongs to became known (new or joined). Called once, on the node loop, before the
  /// first View shows it: the place to write the identity file and to tell the transport. Not called when cluster_id
  /// is given.
  std::function<void(const Uuid& cluster_id)> on_cluster_id;
  /// The cluster does not take this node (any more): kIdentityRefused with the reason for a person. The node cannot
  /// go on as a member; the server ends with ExitCode::kIdentity. Default: fatal() with that status.
  std::function<void(const Error& reason)> on_refused;
  /// A write or sync of Raft's files failed, or they contradict the cluster; this node's metadata has stopped. Default:
  /// fatal() with ExitCode::kStorage or kCorrupt.
  std::function<void(const Error& error)> on_failed;
};

class MetadataService {
 public:
  /// Reads or makes the directory. Blocking; call on the node loop or before it runs.
  static Result<std::unique_ptr<MetadataService>> open(io::Loop& loop, io::Disk& disk, io::Transport& transport,
                                                       MetadataServiceOptions options);
  /// Stops if stop() was not called.
  ~MetadataService();

  /// Takes part from now on. The transport's handler must be set and hand messages to handle() by now.
  void start();

  /// Pending proposals fail (kOutcomeUnknown when they were handed to Raft, else kShuttingDown), timers end, the log is
  /// closed. No callback of the service runs afterwards, except those failures. Idempotent.
  void stop();

  /// For each message from the transport of the node loop. True: it was one of ours (RAFT, PROPOSE, JOIN) and
  /// `message` and `reply` are used up. False: not ours, both untouched.
  bool handle(NodeId from, io::Message& message, io::Reply& reply);

  /// The client of the node loop; lives as long as the service.
  MetadataClient& client();
  /// A client for another loop. Call it on the node loop (or before start()); use and destroy it on `loop`, where it
  /// may outlive the service: its calls then fail with kShuttingDown.
  std::unique_ptr<MetadataClient> client_for(io::Loop& loop);

  /// True once a leader has told this node what is committed: from then on views are real.
  bool ready() const;
  bool is_leader() const;
  RaftStatus status() const;

  /// Hands leadership to another voter, if this node leads and there is one: before a planned stop. Best effort.
  void step_down();

 private:
  explicit MetadataService(std::unique_ptr<MetadataCore> core);
  std::unique_ptr<MetadataCore> core_;
};

}  // namespace walrus::metadata
