// Stands in front of one node's internal port and carries out the LinkRules: the other nodes are told this address in
// place of the node's own.
//
// Who calls is read from the hello, the first frame of each connection, which is passed on as it is. From then on the
// bytes of either direction are subject to the rule of their directed link.
//
// One thread of its own per proxy, ended by the destructor. reset_connections() from any thread. Throws
// std::system_error when it cannot listen.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "tests/chaos/link_rules.h"

namespace walrus::chaos {

struct FaultProxyOptions {
  std::uint64_t node = 0;   ///< whose port this is
  std::string listen_host;  ///< an address of the loopback network
  std::uint16_t port = 0;   ///< at listen_host, and of the node at 127.0.0.1
  std::uint64_t seed = 0;
};

class FaultProxy {
 public:
  FaultProxy(FaultProxyOptions options, const LinkRules& rules);
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  std::string address() const { return options_.listen_host + ":" + std::to_string(options_.port); }
  /// Resets what `caller` has opened to this node; 0: what anybody has.
  void reset_connections(std::uint64_t caller);

  std::uint64_t bits_flipped() const { return bits_flipped_; }
  std::uint64_t resets() const { return resets_; }

 private:
  class Link;
  void run();
  void wake();
  void accept_one();
  void serve(Link& link, short caller_events, short target_events);
  std::set<std::uint64_t> take_orders();

  const FaultProxyOptions options_;
  const LinkRules& rules_;
  int listener_ = -1;
  int wake_ = -1;
  std::mt19937_64 random_;
  std::list<std::unique_ptr<Link>> links_;  // of the thread
  std::mutex mutex_;
  std::set<std::uint64_t> to_reset_;  // under the mutex; 0: all
  std::atomic<bool> stopped_ = false;
  std::atomic<std::uint64_t> bits_flipped_ = 0;
  std::atomic<std::uint64_t> resets_ = 0;
  std::thread thread_;
};

}  // namespace walrus::chaos
