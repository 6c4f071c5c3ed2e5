// Clients of a simulated cluster that read as groups, and what must hold for them (docs/INVARIANTS.md):
//
//   G1  a position whose COMMIT was answered is where the group goes on, or further
//   G2  a group skips nothing: it never goes on behind what somebody asked to commit
//   Q1  a record whose ACK was answered is given to nobody any more
//   Q2  every record of the topic is given to a worker, and in the end all are done
//   I4  what a group reads at an offset is what the log has there
//
// One reader for the group "audit" (READ commit=none, COMMIT), and workers for the work queue "work" (LEASE; then ACK,
// NACK or silence). They live in the environment: no crash takes them along.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/sim_cluster.h"

namespace walrus::sim {

class GroupClients {
 public:
  /// A client that hears nothing for `patience` gives up on its request. The default is longer than any bound of the
  /// product.
  GroupClients(SimCluster& cluster, std::string topic, io::Duration patience = std::chrono::seconds(15));
  ~GroupClients();

  void start();
  /// No new requests, except that the workers finish what is there; false when they do not get it done in time. All
  /// nodes are up and healed by now.
  bool finish(std::uint64_t records);
  /// What is wrong, by name, with the topic's records as the log has them; empty when nothing is.
  std::string check(const std::vector<std::string>& log) const;

  /// Both groups are done with all before this offset.
  std::uint64_t done_before() const;
  std::uint64_t committed() const { return committed_; }
  std::uint64_t acknowledged() const { return done_.size(); }
  std::uint64_t given() const { return given_count_; }

 private:
  class Client;
  void found(std::string what);
  void saw(std::uint64_t offset, const std::string& value);

  SimCluster& cluster_;
  const std::string topic_;
  const io::Duration patience_;
  std::vector<std::shared_ptr<Client>> clients_;
  bool running_ = false;
  bool finishing_ = false;
  std::string violation_;
  std::map<std::uint64_t, std::string> seen_;  // by offset
  std::uint64_t committed_ = 0;                // by an answered COMMIT
  std::uint64_t asked_to_commit_ = 0;
  std::map<std::uint64_t, std::uint64_t> done_;  // heard that an offset is done; how many were before
  std::set<std::uint64_t> given_;
  std::uint64_t given_count_ = 0;
};

}  // namespace walrus::sim
