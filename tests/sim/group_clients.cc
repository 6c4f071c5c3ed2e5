#include "tests/sim/group_clients.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/bytes.h"
#include "protocol/record.h"

namespace walrus::sim {

using namespace std::chrono_literals;
using protocol::Verb;

namespace {

constexpr auto kPause = 7ms;
constexpr auto kLongestAnswer = 15s;
constexpr std::uint32_t kVisibleMs = 3'000;
constexpr std::size_t kWorkers = 3;

/// "OK <first> <count> …\n" and records, of a lease each behind its tries.
struct Given {
  std::uint64_t first = 0;
  std::uint64_t next = 0;
  std::vector<std::pair<std::uint64_t, std::string>> records;
};

std::optional<Given> parse(const std::string& payload, bool lease) {
  Given given;
  std::uint64_t count = 0;
  const char* at = payload.data();
  const char* const end = payload.data() + payload.size();
  for (std::uint64_t* number : {&given.first, &count, &given.next}) {
    const auto [behind, error] = std::from_chars(at, end, *number);
    if (error != std::errc() || behind == end) return std::nullopt;
    at = behind + 1;
  }
  const auto line = payload.find('\n');
  if (line == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(payload).substr(line + 1);
  while (!rest.empty()) {
    if (lease && rest.size() < sizeof(std::uint32_t)) return std::nullopt;
    if (lease) rest.remove_prefix(sizeof(std::uint32_t));
    const auto record = protocol::take_record(rest);
    if (!record || !record->place) return std::nullopt;
    given.records.emplace_back(record->place->offset.value(), std::string(record->value));
  }
  return given;
}

}  // namespace

/// One request at a time; each answer says what comes next.
class GroupClients::Client : public std::enable_shared_from_this<Client> {
 public:
  Client(GroupClients& clients, bool worker) : clients_(clients), worker_(worker) {}

  void next() {
    if (!clients_.running_) return;
    // What was done is said until somebody has heard it: it may be known already, and is then never given again.
    if (worker_ && !to_ack_.empty()) return ack();
    if (worker_) {
      ask({.verb = Verb::kLease,
           .topic = {},
           .payload = {},
           .arguments = protocol::QueueArguments{.visible_ms = kVisibleMs, .bounds = {.records = 3}}});
    } else {
      ask({.verb = Verb::kRead,
           .topic = {},
           .payload = {},
           .arguments = protocol::GroupArguments{.bounds = {.records = 5}, .advance = false}});
    }
  }

 private:
  class Sink : public broker::AnswerSink {
   public:
    Sink(std::shared_ptr<Client> client, std::uint64_t request) : client_(std::move(client)), request_(request) {}
    ~Sink() override {
      client_->loop().post([client = client_, request = request_] { client->give_up(request); });
    }
    void answer(std::uint64_t slot, const broker::Answer& answer) override {
      std::string payload(answer.payload);
      for (const SharedBytes& piece : answer.body) payload += piece.view();
      const bool ok = answer.kind == broker::Answer::Kind::kOk || answer.kind == broker::Answer::Kind::kOkPayload;
      // On the client's own loop: the node may be in the middle of something.
      client_->loop().post(
          [client = client_, slot, ok, payload = std::move(payload)] { client->on_answer(slot, ok, payload); });
    }
    void flush() override {}

   private:
    std::shared_ptr<Client> client_;
    const std::uint64_t request_;
  };

  io::Loop& loop() { return clients_.cluster_.world().environment(); }
  io::Random& random() { return clients_.cluster_.world().random(); }

  void ask(protocol::Request request) {
    const std::vector<NodeId> up = clients_.cluster_.up();
    if (up.empty()) return pause();
    request.topic = clients_.topic_;
    request.name = worker_ ? "work" : "audit";
    verb_ = request.verb;
    const std::uint64_t number = ++request_;
    if (verb_ == Verb::kLease) known_done_ = clients_.done_.size();
    patience_ = loop().after(clients_.patience_, [self = shared_from_this(), number] { self->give_up(number); });
    SimNode* node = clients_.cluster_.node(up[random().below(up.size())]);
    node->requests().submit(request, std::make_shared<Sink>(shared_from_this(), number), number);
    node->requests().flush();
  }

  void give_up(std::uint64_t request) {
    if (request != request_) return;
    ++request_;
    patience_.cancel();
    pause();
  }

  void on_answer(std::uint64_t request, bool ok, const std::string& payload) {
    if (request != request_) return;
    ++request_;
    patience_.cancel();
    if (!ok) return pause();
    switch (verb_) {
      case Verb::kRead:
        return on_read(payload);
      case Verb::kCommit:
        clients_.committed_ = std::max(clients_.committed_, asked_);
        return pause();
      case Verb::kLease:
        return on_lease(payload);
      case Verb::kAck:
        for (const std::uint64_t offset : std::exchange(to_ack_, {}))
          clients_.done_.emplace(offset, clients_.done_.size());
        return pause();
      default:
        return pause();
    }
  }

  void on_read(const std::string& payload) {
    const auto given = parse(payload, false);
    if (!given) return clients_.found("malformed reply to READ");
    if (given->first < clients_.committed_) {
      clients_.found(fmt::format("G1: {} was committed, the group goes on at {}", clients_.committed_, given->first));
    }
    if (given->first > clients_.asked_to_commit_) {
      clients_.found(fmt::format("G2: nobody was at {}, the group goes on there", given->first));
    }
    for (const auto& [offset, value] : given->records) clients_.saw(offset, value);
    if (given->records.empty()) return pause();
    asked_ = given->next;
    clients_.asked_to_commit_ = std::max(clients_.asked_to_commit_, asked_);
    ask({.verb = Verb::kCommit,
         .topic = {},
         .payload = {},
         .arguments = protocol::GroupArguments{.place = {protocol::Place::Kind::kOffset, asked_}}});
  }

  void on_lease(const std::string& payload) {
    const auto given = parse(payload, true);
    if (!given) return clients_.found("malformed reply to LEASE");
    working_.clear();
    for (const auto& [offset, value] : given->records) {
      clients_.saw(offset, value);
      clients_.given_.insert(offset);
      ++clients_.given_count_;
      const auto done = clients_.done_.find(offset);
      if (done != clients_.done_.end() && done->second < known_done_) {
        clients_.found(fmt::format("Q1: {} is done and was given again", offset));
      }
      working_.push_back(offset);
    }
    if (working_.empty()) return pause();
    const std::uint64_t what = clients_.finishing_ ? 0 : random().below(10);
    if (what == 9) return pause();  // a worker that dies
    protocol::QueueArguments arguments;
    if (what == 8) {
      arguments.spans.push_back({working_.front(), working_.front()});
      return ask({.verb = Verb::kNack, .topic = {}, .payload = {}, .arguments = arguments});
    }
    to_ack_ = working_;
    ack();
  }

  void ack() {
    protocol::QueueArguments arguments;
    for (const std::uint64_t offset : to_ack_) arguments.spans.push_back({offset, offset});
    ask({.verb = Verb::kAck, .topic = {}, .payload = {}, .arguments = arguments});
  }

  void pause() {
    pause_ = loop().after(kPause, [self = shared_from_this()] { self->next(); });
  }

  GroupClients& clients_;
  const bool worker_;
  Verb verb_ = Verb::kRead;
  std::uint64_t request_ = 0;
  std::uint64_t asked_ = 0;
  std::vector<std::uint64_t> working_;
  std::vector<std::uint64_t> to_ack_;
  std::uint64_t known_done_ = 0;  // how many, when the lease was asked for
  io::Timer patience_;
  io::Timer pause_;
};

GroupClients::GroupClients(SimCluster& cluster, std::string topic, io::Duration patience)
    : cluster_(cluster), topic_(std::move(topic)), patience_(patience) {}

GroupClients::~GroupClients() { running_ = false; }

void GroupClients::start() {
  running_ = true;
  clients_.push_back(std::make_shared<Client>(*this, false));
  for (std::size_t i = 0; i < kWorkers; ++i) clients_.push_back(std::make_shared<Client>(*this, true));
  for (const auto& client : clients_) client->next();
}

bool GroupClients::finish(std::uint64_t records) {
  finishing_ = true;
  const bool all_done = cluster_.world().run_until(
      [&] { return !violation_.empty() || (done_.size() >= records && committed_ >= records); }, 120s);
  running_ = false;
  cluster_.world().run_for(std::max<io::Duration>(patience_, kLongestAnswer) + 1s);
  return all_done;
}

std::uint64_t GroupClients::done_before() const {
  std::uint64_t next = 0;
  for (auto done = done_.begin(); done != done_.end() && done->first == next; ++done) ++next;
  return std::min(next, committed_);
}

void GroupClients::found(std::string what) {
  if (violation_.empty()) violation_ = std::move(what);
}

void GroupClients::saw(std::uint64_t offset, const std::string& value) {
  const auto [known, fresh] = seen_.emplace(offset, value);
  if (!fresh && known->second != value) found(fmt::format("I4: a group saw two records at {}", offset));
}

std::string GroupClients::check(const std::vector<std::string>& log) const {
  if (!violation_.empty()) return violation_;
  for (const auto& [offset, value] : seen_) {
    if (offset >= log.size() || log[offset] != value) return fmt::format("I4: a group saw what is not at {}", offset);
  }
  for (std::uint64_t offset = 0; offset < log.size(); ++offset) {
    if (!given_.contains(offset)) return fmt::format("Q2: {} was given to no worker", offset);
    if (!done_.contains(offset)) return fmt::format("Q2: {} is not done", offset);
  }
  if (committed_ < log.size()) return fmt::format("G2: the group stands at {} of {}", committed_, log.size());
  return {};
}

}  // namespace walrus::sim
