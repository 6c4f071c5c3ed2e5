// Clients of a simulated cluster, and what they know afterwards: which records are acknowledged, which may or may not
// be there, which surely are not.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/sim_cluster.h"

namespace walrus::sim {

struct WorkloadOptions {
  std::size_t producers = 4;
  std::size_t idempotent = 2;  ///< producers that try again until they know
  std::size_t readers = 2;
  std::size_t topics = 3;
  /// After so long without an answer a client gives up on its request. The default is longer than any bound of the
  /// product: that nothing hangs is part of what is checked.
  io::Duration patience = std::chrono::seconds(15);
};

/// What clients hear, when they hear it.
struct WorkloadEvents {
  /// A record of the topic is there, and perhaps where.
  std::function<void(const std::string& topic, const std::string& record, std::optional<std::uint64_t> offset)>
      acknowledged;
  std::function<void(const std::string& topic, const std::string& record)> delivered;
};

/// Each producer puts "<producer>:<number>" into its topic, one after the other, through a random node; an idempotent
/// one does so with PRODUCER and MPUT, and tries each until it hears that it is there, and where. Each reader takes
/// from a topic. A client that hears nothing for a while gives up on its request and goes on.
class Workload {
 public:
  Workload(SimCluster& cluster, WorkloadOptions options);
  ~Workload();

  /// Registers the topics; false when that takes more than 30 virtual seconds.
  bool prepare();
  /// `events` has both functions.
  void start(WorkloadEvents events);
  /// No new requests; what is under way is given its time.
  void stop();

  /// The records of a topic, from its segments' copies, which must be equal; in front of them those that expect_trim()
  /// has kept.
  Result<std::vector<std::string>> read_log(const std::string& name);
  /// What lies before this offset, where a segment begins, is about to be trimmed: keeps it, to judge what clients
  /// know.
  Status expect_trim(const std::string& name, Offset before);

  /// What is wrong with the log as it is now, in words; empty when nothing is. All nodes must be up.
  std::string check();

  std::vector<std::string> topics() const;
  std::uint64_t acknowledged() const { return acknowledged_; }
  const std::string& last_acknowledged() const { return last_acknowledged_; }
  std::uint64_t unknown() const { return unknown_; }
  std::uint64_t refused() const { return refused_; }
  std::uint64_t delivered() const { return delivered_; }
  /// Records that were tried again, by their producer or by its node, until their leader was replaced, and were found
  /// in the segment that it had led.
  std::uint64_t found_behind_seals() const { return found_behind_seals_; }
  /// Since when no PUT to some topic was acknowledged; for liveness.
  io::TimePoint oldest_progress() const;

 private:
  class Client;
  class IdempotentClient;
  enum class Fate { kAcknowledged, kUnknown, kRefused };
  struct Record {
    std::string payload;
    Fate fate;
    std::optional<std::uint64_t> offset;  // that was told
  };
  struct Topic {
    std::string name;
    std::map<std::size_t, std::vector<Record>> sent;  // by producer, in order
    std::vector<std::string> taken;
    io::TimePoint progress;
    std::vector<std::string> trimmed = {};
  };

  bool register_topic(const std::string& name);
  std::string check_topic(const Topic& topic);

  SimCluster& cluster_;
  const WorkloadOptions options_;
  WorkloadEvents events_;
  std::vector<Topic> topics_;
  std::vector<std::shared_ptr<Client>> clients_;
  std::string fault_;  // that a client has met
  bool running_ = false;
  std::uint64_t acknowledged_ = 0;
  std::string last_acknowledged_;
  std::uint64_t unknown_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t delivered_ = 0;
  std::uint64_t found_behind_seals_ = 0;
};

}  // namespace walrus::sim
