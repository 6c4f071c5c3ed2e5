// One thread of a load with its lanes. Only the counters in `shared` are seen by other threads while it runs.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "bench/lane.h"
#include "bench/load.h"

namespace walrus::bench {

/// The times of a run, the same for all its workers.
struct LoadClock {
  Nanoseconds begin = 0;  ///< of the measured time
  Nanoseconds end = 0;
};

struct SharedCounters {
  std::atomic<std::uint64_t> done = 0;
  std::atomic<std::uint64_t> failed = 0;
  std::atomic<bool> finished = false;
};

class LoadWorker {
 public:
  /// `share`: this worker's part of the plan's rate and number of requests.
  struct Share {
    double rate = 0;
    std::uint64_t requests = 0;  ///< 0: no limit
    std::size_t first_topic = 0;
  };

  LoadWorker(const LoadPlan& plan, const Codec& codec, const LoadClock& clock, Share share,
             std::vector<std::unique_ptr<Lane>> lanes);
  ~LoadWorker();

  /// The whole run; on a thread of its own.
  void run();

  const SharedCounters& counters() const { return shared_; }
  /// After run().
  LoadResult& result() { return result_; }
  Nanoseconds finished_at() const { return finished_at_; }

 private:
  bool open_loop() const { return share_.rate > 0; }
  bool may_issue(Nanoseconds now) const;
  bool complete(Nanoseconds now) const;
  void issue_due(Nanoseconds now);
  Nanoseconds next_due() const;
  /// What the warm-up left behind is not the measured time's debt.
  void restart_schedule();
  void issue(std::size_t lane, Nanoseconds began);
  void fill(std::size_t lane, Nanoseconds now);
  void wait(Nanoseconds now);
  void serve(std::size_t index, std::uint32_t events);
  void send(std::size_t index);
  void count(const Answer& answer, const PendingRequest& request, Nanoseconds now);
  void count_error(std::string_view text);
  void retire(Lane& lane);
  /// A lane with room for a request; lanes_.size() when there is none.
  std::size_t free_lane();

  const LoadPlan& plan_;
  const Codec& codec_;
  const LoadClock clock_;
  const Share share_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<bool> watching_writes_;
  int epoll_ = -1;

  std::vector<std::uint32_t> live_topics_;  // round robin; in a run of GETs alone without those that ran empty
  std::size_t next_topic_ = 0;
  std::size_t next_lane_ = 0;
  std::size_t live_lanes_ = 0;
  double interval_ns_ = 0;  // open loop: between two requests
  std::uint64_t issued_ = 0;
  std::uint64_t scheduled_ = 0;  // open loop: issued since first_due_
  std::uint64_t in_flight_ = 0;
  Nanoseconds first_due_ = 0;
  std::minstd_rand random_;
  std::uniform_real_distribution<double> unit_{0, 1};

  SharedCounters shared_;
  LoadResult result_;
  Nanoseconds finished_at_ = 0;
};

}  // namespace walrus::bench
