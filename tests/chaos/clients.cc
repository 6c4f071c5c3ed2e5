#include "tests/chaos/clients.h"

#include <utility>

#include "tests/chaos/route.h"

namespace walrus::chaos {

using namespace std::chrono_literals;

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
