#include "tests/chaos/idempotent_producer.h"

#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "protocol/record.h"
#include "tests/chaos/route.h"

namespace walrus::chaos {

using namespace std::chrono_literals;

namespace {
constexpr auto kLastTries = 20s;
}  // namespace

/// The records that are written next, all or none, until that is known.
class IdempotentProducer::Batch {
 public:
  bool empty() const { return records_ == 0; }
  void begin(ProducerLog& log, std::size_t records) {
    first_ = log.puts.size();
    const Clock::time_point now = Clock::now();
    for (; records_ < records; ++records_) {
      const RecordId id{log.producer, static_cast<std::uint32_t>(log.puts.size())};
      if (!protocol::append_record(body_, {.place = {}, .key = {}, .headers = {}, .value = payload_of(id)})) {
        throw std::logic_error("a record that cannot be written");
      }
      log.puts.push_back({.started = now, .ended = now, .outcome = Outcome::kUnknown});
    }
  }
  void end(ProducerLog& log, Outcome outcome, std::uint64_t offset) {
    for (std::size_t i = 0; i < records_; ++i) {
      Put& put = log.puts[first_ + i];
      put.ended = Clock::now();
      put.outcome = outcome;
      if (outcome == Outcome::kDone) put.offset = offset + i;
    }
    sequence_ += records_;
    records_ = 0;
    body_.clear();
  }
  void begin_epoch() { sequence_ = 0; }
  std::string request(const std::string& topic, const std::string& stamp) const {
    return fmt::format("MPUT {} {} producer={}:{}\n{}", topic, records_, stamp, sequence_, body_);
  }

 private:
  std::size_t first_ = 0;
  std::size_t records_ = 0;
  std::uint64_t sequence_ = 0;
  std::string body_;
};

IdempotentProducer::IdempotentProducer(const Ports& ports, std::uint32_t number, std::string topic,
                                       ClientOptions options)
    : ports_(ports),
      options_(options),
      log_{.producer = number, .topic = std::move(topic), .puts = {}},
      last_progress_(Clock::now().time_since_epoch().count()),
      thread_([this] { run(); }) {}

void IdempotentProducer::join() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void IdempotentProducer::run() {
  Route route(ports_, options_);
  Batch batch;
  std::string stamp;
  auto last_try = Clock::time_point::max();
  while (!stopped_ || (!batch.empty() && Clock::now() < last_try)) {
    if (stopped_ && last_try == Clock::time_point::max()) last_try = Clock::now() + kLastTries;
    if (stamp.empty()) {
      const auto reply = route.ask(fmt::format("PRODUCER chaos-{}", log_.producer));
      if (reply && reply->starts_with("OK ")) {
        stamp = reply->substr(3);
        batch.begin_epoch();
      } else {
        std::this_thread::sleep_for(kPauseAfterTrouble);
      }
      continue;
    }
    if (batch.empty()) {
      batch.begin(log_, route.next_round());
    } else {
      ++tried_again_;
    }
    if (const auto reply = route.ask(batch.request(log_.topic, stamp))) take(*reply, batch, stamp);
  }
  batch.end(log_, Outcome::kUnknown, 0);
}

void IdempotentProducer::take(const std::string& reply, Batch& batch, std::string& stamp) {
  if (reply.starts_with("OK ")) {
    batch.end(log_, Outcome::kDone, std::stoull(reply.substr(3)));
    last_progress_ = Clock::now().time_since_epoch().count();
    return;
  }
  if (reply.starts_with("ERR unknown producer") || reply.starts_with("ERR producer fenced")) {
    batch.end(log_, Outcome::kUnknown, 0);
    stamp.clear();
  } else if (reply.starts_with("ERR out of sequence") || reply.starts_with("ERR duplicate")) {
    violations_.push_back(fmt::format("I10: producer {} of {}, which sends one after the other, hears: {}",
                                      log_.producer, log_.topic, reply));
    batch.end(log_, Outcome::kUnknown, 0);
    stamp.clear();
  }
  std::this_thread::sleep_for(kPauseAfterTrouble);
}

}  // namespace walrus::chaos
