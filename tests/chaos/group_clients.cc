#include "tests/chaos/group_clients.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "protocol/record.h"
#include "tests/chaos/route.h"

namespace walrus::chaos {

using namespace std::chrono_literals;

namespace {
constexpr std::size_t kWorkers = 3;
constexpr std::size_t kMostViolations = 5;
}  // namespace

/// "OK <first> <count> <next> <end>\n" and records, of a lease each behind its tries.
struct GroupClients::Given {
  std::uint64_t first = 0;
  std::uint64_t next = 0;
  std::vector<std::pair<std::uint64_t, std::optional<RecordId>>> records;  // nothing: bytes that nobody has sent

  static std::optional<Given> parse(const std::string& reply, bool lease) {
    if (!reply.starts_with("OK ")) return std::nullopt;
    const std::size_t line = reply.find('\n');
    Given given;
    std::uint64_t count = 0;
    std::istringstream(reply.substr(3, line - 3)) >> given.first >> count >> given.next;
    std::string_view rest = line == std::string::npos ? std::string_view() : std::string_view(reply).substr(line + 1);
    while (!rest.empty()) {
      if (lease) rest.remove_prefix(std::min(sizeof(std::uint32_t), rest.size()));
      const auto record = protocol::take_record(rest);
      if (!record || !record->place) return std::nullopt;
      given.records.emplace_back(record->place->offset.value(), record_of(record->value));
    }
    if (given.records.size() != count) return std::nullopt;
    return given;
  }
};

class GroupClients::Worker {
 public:
  Worker(GroupClients& clients, std::uint64_t seed)
      : clients_(clients), options_{.seed = seed}, route_(clients.ports_, options_) {}

  void run() {
    while (!clients_.stopped_) {
      const std::uint64_t known_done = clients_.known_done();
      const auto reply = route_.ask("LEASE " + clients_.topic_ + " work max=50 visible=3000");
      if (!reply || !reply->starts_with("OK ")) {
        std::this_thread::sleep_for(kPauseAfterTrouble);
        continue;
      }
      const auto given = Given::parse(*reply, true);
      if (!given) return clients_.complain("a malformed answer to LEASE: " + reply->substr(0, 100));
      clients_.on_lease(*given, known_done);
      given->records.empty() ? std::this_thread::sleep_for(kPauseAfterTrouble) : work(*given);
    }
  }

 private:
  void work(const Given& given) {
    const std::uint64_t what = clients_.finishing_ ? 0 : route_.below(20);
    if (what == 1) return;  // a worker that dies
    if (what == 2) {
      (void)route_.ask(fmt::format("NACK {} work {}", clients_.topic_, given.first));
      return;
    }
    // What was done is said until somebody has heard it.
    const std::string ack = fmt::format("ACK {} work {}-{}", clients_.topic_, given.first, given.next - 1);
    while (!clients_.stopped_) {
      const auto reply = route_.ask(ack);
      if (reply == "OK") return clients_.on_acknowledged(given);
      std::this_thread::sleep_for(kPauseAfterTrouble);
    }
  }

  GroupClients& clients_;
  const ClientOptions options_;
  Route route_;
};

GroupClients::GroupClients(const Ports& ports, std::string topic, std::uint64_t seed)
    : ports_(ports), topic_(std::move(topic)) {
  threads_.emplace_back([this, seed] { read_as_group(seed); });
  for (std::size_t i = 1; i <= kWorkers; ++i) {
    threads_.emplace_back([this, seed, i] { Worker(*this, seed + i).run(); });
  }
}

void GroupClients::join() {
  stopped_ = true;
  for (std::thread& thread : std::exchange(threads_, {})) thread.join();
}

void GroupClients::read_as_group(std::uint64_t seed) {
  const ClientOptions options{.seed = seed};
  Route route(ports_, options);
  while (!stopped_) {
    const auto reply = route.ask("READ " + topic_ + " audit commit=none max=100");
    const auto given = reply && reply->starts_with("OK ") ? Given::parse(*reply, false) : std::nullopt;
    if (reply && reply->starts_with("OK ") && !given) return complain("a malformed answer to READ");
    if (given) on_read(*given);
    if (!given || given->records.empty()) {
      std::this_thread::sleep_for(kPauseAfterTrouble);
      continue;
    }
    const auto answer = route.ask(fmt::format("COMMIT {} audit {}", topic_, given->next));
    if (!answer || !answer->starts_with("OK ")) continue;
    const std::lock_guard guard(mutex_);
    committed_ = std::max(committed_, given->next);
  }
}

void GroupClients::on_read(const Given& given) {
  const std::lock_guard guard(mutex_);
  if (given.first < committed_) {
    found(fmt::format("G1: {} was committed, the group goes on at {}", committed_, given.first));
  }
  if (given.first > asked_to_commit_) found(fmt::format("G2: nobody was at {}, the group goes on there", given.first));
  saw(given);
  asked_to_commit_ = std::max(asked_to_commit_, given.next);
}

std::uint64_t GroupClients::known_done() {
  const std::lock_guard guard(mutex_);
  return done_.size();
}

void GroupClients::on_lease(const Given& given, std::uint64_t known_done) {
  const std::lock_guard guard(mutex_);
  saw(given);
  for (const auto& [offset, record] : given.records) {
    given_.insert(offset);
    ++given_count_;
    const auto done = done_.find(offset);
    if (done != done_.end() && done->second < known_done) found(fmt::format("Q1: {} is done and was given", offset));
  }
}

void GroupClients::on_acknowledged(const Given& given) {
  const std::lock_guard guard(mutex_);
  for (const auto& [offset, record] : given.records) done_.emplace(offset, done_.size());
}

/// Under the mutex.
void GroupClients::saw(const Given& given) {
  for (const auto& [offset, record] : given.records) {
    if (!record) return found(fmt::format("I4: a group was given bytes at {} that nobody has sent", offset));
    const auto [known, fresh] = seen_.emplace(offset, *record);
    if (!fresh && known->second != *record) found(fmt::format("I4: a group saw two records at {}", offset));
  }
}

void GroupClients::complain(std::string what) {
  const std::lock_guard guard(mutex_);
  found(std::move(what));
}

void GroupClients::found(std::string what) {
  if (violations_.size() < kMostViolations) violations_.push_back(topic_ + ": " + std::move(what));
}

bool GroupClients::finish(std::uint64_t records, std::chrono::seconds patience) {
  finishing_ = true;
  const auto until = Clock::now() + patience;
  const auto all_done = [&] {
    const std::lock_guard guard(mutex_);
    return done_.size() >= records && committed_ >= records;
  };
  bool finished = all_done();
  for (; !finished && Clock::now() < until; finished = all_done()) std::this_thread::sleep_for(kPauseAfterTrouble);
  join();
  return finished;
}

std::vector<std::string> GroupClients::check(const std::vector<RecordId>& log) const {
  std::vector<std::string> wrong = violations_;
  const auto say = [&](const std::string& what) { wrong.push_back(topic_ + ": " + what); };
  for (const auto& [offset, record] : seen_) {
    if (offset < log.size() && log[offset] == record) continue;
    say(fmt::format("I4: a group saw {} at {}, which is not there", name_of(record), offset));
    break;
  }
  for (std::uint64_t offset = 0; offset < log.size(); ++offset) {
    if (given_.contains(offset) && done_.contains(offset)) continue;
    say(fmt::format("Q2: {} was {}", offset, given_.contains(offset) ? "given and is not done" : "given to no worker"));
    break;
  }
  if (committed_ < log.size()) say(fmt::format("G2: the group stands at {} of {}", committed_, log.size()));
  return wrong;
}

}  // namespace walrus::chaos
