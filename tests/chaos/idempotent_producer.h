// A producer of a chaos run that writes exactly once: PRODUCER, then one MPUT after the other, each tried again on any
// node until it is known to be there, and where. Starts on construction; a thread of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/chaos/clients.h"

namespace walrus::chaos {

class IdempotentProducer {
 public:
  IdempotentProducer(const Ports& ports, std::uint32_t number, std::string topic, ClientOptions options);
  ~IdempotentProducer() { join(); }
  /// Nothing new is sent; what is under way is tried for a while longer.
  void stop() { stopped_ = true; }
  void join();
  /// When the last OK came. Any thread.
  Clock::time_point last_progress() const { return Clock::time_point(Clock::duration(last_progress_)); }
  // After join().
  const ProducerLog& log() const { return log_; }
  std::uint64_t tried_again() const { return tried_again_; }
  /// Answers that such a producer never gets.
  const std::vector<std::string>& violations() const { return violations_; }

 private:
  class Batch;
  void run();
  void take(const std::string& reply, Batch& batch, std::string& stamp);

  const Ports& ports_;
  const ClientOptions options_;
  ProducerLog log_;
  std::uint64_t tried_again_ = 0;
  std::vector<std::string> violations_;
  std::atomic<bool> stopped_ = false;
  std::atomic<Clock::rep> last_progress_;
  std::thread thread_;
};

}  // namespace walrus::chaos
