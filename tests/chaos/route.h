// A client's way to the nodes of a chaos run: which node it talks to, how fast it sends, what it does when nothing
// comes. It stays with one node as long as that answers, then goes to another one. The client's thread alone.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/chaos/clients.h"
#include "tests/harness/connection.h"

namespace walrus::chaos {

inline constexpr auto kPauseAfterTrouble = std::chrono::milliseconds(20);

class Route {
 public:
  Route(const Ports& ports, const ClientOptions& options)
      : ports_(ports), options_(options), random_(options.seed), next_round_(Clock::now()) {}

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  /// How many requests to send now, when it is time for them.
  std::size_t next_round() {
    const std::size_t requests = 1 + below(options_.depth);
    std::this_thread::sleep_until(next_round_);
    if (options_.per_second > 0) {
      next_round_ = std::max(next_round_, Clock::now() - std::chrono::seconds(1)) +
                    requests * std::chrono::microseconds(1'000'000) / options_.per_second;
    }
    return requests;
  }

  /// Sends all, then waits for all the replies; `reply` is called with each that came, in order.
  void exchange(const std::string& frames, std::size_t requests, const std::function<void(const std::string&)>& reply) {
    try {
      if (!connection_) connection_.emplace(pick(), options_.patience);
      connection_->send_bytes(frames);
      for (std::size_t i = 0; i < requests; ++i) {
        const auto text = connection_->receive_unless_closed();
        if (!text) return give_up();
        reply(*text);
      }
    } catch (const std::runtime_error&) {  // refused, broken, or silent for too long
      give_up();
    }
  }
  void give_up() {
    connection_.reset();
    std::this_thread::sleep_for(kPauseAfterTrouble);
  }
  /// One request: its reply, or nothing.
  std::optional<std::string> ask(const std::string& text) {
    std::optional<std::string> got;
    exchange(test::frame(text), 1, [&got](const std::string& reply) { got = reply; });
    return got;
  }

 private:
  std::uint16_t pick() {
    const auto ports = ports_.all();
    return ports.at(below(ports.size()));
  }

  const Ports& ports_;
  const ClientOptions& options_;
  std::mt19937_64 random_;
  Clock::time_point next_round_;
  std::optional<test::Connection> connection_;
};

}  // namespace walrus::chaos
