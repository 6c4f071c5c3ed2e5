// Clients of a chaos run that read a topic as groups: a reader that commits ("audit") and workers of a work queue
// ("work"), who acknowledge, give back, or say nothing. What must hold has its names in docs/INVARIANTS.md: G1, G2, Q1,
// Q2, I4.
//
// Starts on construction, a thread for each client; finish() once no more records come. Main thread, but for the
// clients.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/chaos/clients.h"

namespace walrus::chaos {

class GroupClients {
 public:
  GroupClients(const Ports& ports, std::string topic, std::uint64_t seed);
  ~GroupClients() { join(); }
  GroupClients(const GroupClients&) = delete;
  GroupClients& operator=(const GroupClients&) = delete;

  const std::string& topic() const { return topic_; }
  /// Everybody goes on until all of so many records are done and committed; false when that takes longer.
  bool finish(std::uint64_t records, std::chrono::seconds patience);
  // After finish().
  std::vector<std::string> check(const std::vector<RecordId>& log) const;
  std::uint64_t committed() const { return committed_; }
  std::uint64_t given() const { return given_count_; }
  std::uint64_t done() const { return done_.size(); }

 private:
  struct Given;
  class Worker;
  void join();
  void read_as_group(std::uint64_t seed);
  void on_read(const Given& given);
  std::uint64_t known_done();
  void on_lease(const Given& given, std::uint64_t known_done);
  void on_acknowledged(const Given& given);
  void saw(const Given& given);
  void found(std::string what);  // under the mutex
  void complain(std::string what);

  const Ports& ports_;
  const std::string topic_;
  std::atomic<bool> stopped_ = false;
  std::atomic<bool> finishing_ = false;
  mutable std::mutex mutex_;  // for all below
  std::vector<std::string> violations_;
  std::map<std::uint64_t, RecordId> seen_;  // by offset
  std::uint64_t committed_ = 0;             // by an answered COMMIT
  std::uint64_t asked_to_commit_ = 0;
  std::map<std::uint64_t, std::uint64_t> done_;  // heard that an offset is done; how many were before
  std::set<std::uint64_t> given_;
  std::uint64_t given_count_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace walrus::chaos
