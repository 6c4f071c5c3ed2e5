#include "tests/chaos/clients.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <random>
#include <stdexcept>
#include <utility>

#include "tests/harness/connection.h"

namespace walrus::chaos {
namespace {

using namespace std::chrono_literals;

constexpr auto kPauseAfterTrouble = 20ms;

/// One client's way to the nodes: a connection to some node until it breaks or is silent.
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
      next_round_ = std::max(next_round_, Clock::now() - 1s) + requests * 1'000'000us / options_.per_second;
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

}  // namespace

Producer::Producer(const Ports& ports, std::uint32_t number, std::string topic, ClientOptions options)
    : ports_(ports),
      options_(options),
      log_{.producer = number, .topic = std::move(topic), .puts = {}},
      last_progress_(Clock::now().time_since_epoch().count()),
      thread_([this] { run(); }) {}

void Producer::join() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void Producer::run() {
  Route route(ports_, options_);
  while (!stopped_) {
    const std::size_t requests = route.next_round();
    std::size_t next = log_.puts.size();
    std::string frames;
    const Clock::time_point started = Clock::now();
    for (std::size_t i = 0; i < requests; ++i) {
      const RecordId id{log_.producer, static_cast<std::uint32_t>(log_.puts.size())};
      frames += test::frame("PUT " + log_.topic + " " + payload_of(id));
      log_.puts.push_back({.started = started, .ended = started, .outcome = Outcome::kUnknown});
    }
    bool trouble = false;
    route.exchange(frames, requests, [&](const std::string& reply) {
      Put& put = log_.puts[next++];
      put.ended = Clock::now();
      put.outcome = outcome_of(reply);
      if (put.outcome == Outcome::kDone) {
        ++acknowledged_;
        last_progress_ = put.ended.time_since_epoch().count();
      } else {
        trouble = true;
      }
    });
    for (; next < log_.puts.size(); ++next) log_.puts[next].ended = Clock::now();
    if (trouble) std::this_thread::sleep_for(kPauseAfterTrouble);
  }
}

Consumer::Consumer(const Ports& ports, std::string topic, ClientOptions options)
    : ports_(ports), options_(options), log_{.topic = std::move(topic), .gets = {}}, thread_([this] { run(); }) {}

void Consumer::join() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void Consumer::run() {
  Route route(ports_, options_);
  while (!stopped_) {
    const std::size_t requests = route.next_round();
    std::size_t next = log_.gets.size();
    std::string frames;
    const Clock::time_point started = Clock::now();
    for (std::size_t i = 0; i < requests; ++i) {
      frames += test::frame("GET " + log_.topic);
      log_.gets.push_back({.started = started, .ended = started, .outcome = Outcome::kUnknown});
    }
    bool idle = false;
    route.exchange(frames, requests, [&](const std::string& reply) {
      Get& get = log_.gets[next++];
      get.ended = Clock::now();
      get.outcome = outcome_of(reply);
      if (get.outcome != Outcome::kDone) {
        idle = true;
        return;
      }
      const auto record = record_of(std::string_view(reply).substr(3));
      get.known_bytes = record.has_value();
      get.record = record.value_or(RecordId{});
    });
    for (; next < log_.gets.size(); ++next) log_.gets[next].ended = Clock::now();
    if (idle) std::this_thread::sleep_for(kPauseAfterTrouble);
  }
}

}  // namespace walrus::chaos
