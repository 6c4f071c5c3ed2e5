#include "tests/sim/workload.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "protocol/record.h"

namespace walrus::sim {

using namespace std::chrono_literals;

namespace {
constexpr auto kPause = 5ms;
}  // namespace

/// One request at a time. Lives in the environment: no crash takes it along.
class Workload::Client : public std::enable_shared_from_this<Client> {
 public:
  Client(Workload& workload, Topic& topic, std::optional<std::size_t> producer)
      : workload_(workload), topic_(topic), producer_(producer) {}
  virtual ~Client() = default;

  /// Nothing more will be heard.
  virtual void end() {}

  void next() {
    if (!workload_.running_) return;
    const std::vector<NodeId> up = workload_.cluster_.up();
    if (up.empty()) return pause();
    SimNode* node = workload_.cluster_.node(up[workload_.cluster_.world().random().below(up.size())]);
    const std::uint64_t request = ++request_;
    patience_ =
        loop().after(workload_.options_.patience, [self = shared_from_this(), request] { self->give_up(request); });
    node->requests().submit(next_request(), std::make_shared<Sink>(shared_from_this(), request), request);
    node->requests().flush();
  }

 protected:
  /// Its views live until the answer, or until the client gives up.
  virtual protocol::Request next_request() {
    if (!producer_) return {.verb = protocol::Verb::kGet, .topic = topic_.name, .payload = {}};
    make_payload();
    return {.verb = protocol::Verb::kPut, .topic = topic_.name, .payload = payload_};
  }
  virtual void on_silence() {
    if (producer_) note(Fate::kUnknown);
  }

  void make_payload() { payload_ = fmt::format("{}:{}", *producer_, number_++); }
  const std::string& payload() const { return payload_; }
  const Topic& topic() const { return topic_; }
  Workload& workload() { return workload_; }
  void found_fault(const std::string& fault) { workload_.fault_ = fault; }

 private:
  /// The connection, which the node holds on to: when it dies with the node, the client hears of it.
  class Sink : public broker::AnswerSink {
   public:
    Sink(std::shared_ptr<Client> client, std::uint64_t request) : client_(std::move(client)), request_(request) {}
    ~Sink() override {
      client_->loop().post([client = client_, request = request_] { client->give_up(request); });
    }
    void answer(std::uint64_t slot, const broker::Answer& answer) override {
      client_->on_answer(slot, answer.kind, std::string(answer.payload));
    }
    void flush() override {}

   private:
    std::shared_ptr<Client> client_;
    const std::uint64_t request_;
  };

  io::Loop& loop() { return workload_.cluster_.world().environment(); }

  void on_answer(std::uint64_t request, broker::Answer::Kind kind, std::string payload) {
    // On the client's own loop: the node may be in the middle of something.
    loop().post([self = shared_from_this(), request, kind, payload = std::move(payload)] {
      if (request != self->request_) return;
      self->patience_.cancel();
      ++self->request_;
      self->take(kind, payload);
      self->pause();
    });
  }

  void give_up(std::uint64_t request) {
    if (request != request_) return;
    ++request_;
    patience_.cancel();
    on_silence();
    pause();
  }

 protected:
  virtual void take(broker::Answer::Kind kind, const std::string& payload) {
    using Kind = broker::Answer::Kind;
    if (!producer_) {
      if (kind != Kind::kOkPayload) return;
      workload_.events_.delivered(topic_.name, payload);
      topic_.taken.push_back(payload);
      ++workload_.delivered_;
      return;
    }
    if (kind == Kind::kOk) return note(Fate::kAcknowledged);
    const bool unknown = payload.starts_with(error_text(ErrorCode::kOutcomeUnknown));
    note(unknown ? Fate::kUnknown : Fate::kRefused);
  }

  void note(Fate fate, std::optional<std::uint64_t> offset = {}) {
    if (fate == Fate::kAcknowledged) {
      topic_.progress = workload_.cluster_.world().now();
      workload_.last_acknowledged_ = payload_;
      workload_.events_.acknowledged(topic_.name, payload_, offset);
    }
    topic_.sent[*producer_].push_back({payload_, fate, offset});
    ++(fate == Fate::kAcknowledged ? workload_.acknowledged_
       : fate == Fate::kUnknown    ? workload_.unknown_
                                   : workload_.refused_);
  }

 private:
  void pause() {
    pause_ = loop().after(kPause, [self = shared_from_this()] { self->next(); });
  }

  Workload& workload_;
  Topic& topic_;
  const std::optional<std::size_t> producer_;
  std::uint64_t number_ = 0;
  std::uint64_t request_ = 0;
  std::string payload_;
  io::Timer patience_;
  io::Timer pause_;
};

/// Tries each record until it knows that it is there. What it then knows is more: where it is, and that it is there
/// once.
class Workload::IdempotentClient : public Client {
 public:
  IdempotentClient(Workload& workload, Topic& topic, std::size_t producer)
      : Client(workload, topic, producer), name_(fmt::format("producer-{}", producer)) {}

  void end() override {
    if (pending_) note(Fate::kUnknown);
    pending_ = false;
  }

 protected:
  protocol::Request next_request() override {
    if (!stamp_) return {.verb = protocol::Verb::kProducer, .topic = {}, .payload = {}, .name = name_, .arguments = {}};
    if (!std::exchange(pending_, true)) {
      sent_ = workload().cluster_.world().now();
      make_payload();
      body_.clear();
      const Status appended =
          protocol::append_record(body_, {.place = {}, .key = {}, .headers = {}, .value = payload()});
      WALRUS_ASSERT(appended);
    }
    const protocol::WriteOptions options{.records = 1, .expected_end = {}, .token = {}, .producer = stamp_};
    return {.verb = protocol::Verb::kMput, .topic = topic().name, .payload = body_, .name = {}, .arguments = options};
  }
  void on_silence() override {}

  void take(broker::Answer::Kind kind, const std::string& answer) override {
    if (kind == broker::Answer::Kind::kOkPayload) return stamp_ ? written(answer) : greeted(answer);
    if (answer.starts_with(error_text(ErrorCode::kUnknownProducer)) ||
        answer.starts_with(error_text(ErrorCode::kProducerFenced))) {
      end();
      stamp_.reset();
    }
    // One record at a time, tried until it is there: nothing is ever missing before it, and its place is known.
    for (const ErrorCode never : {ErrorCode::kOutOfSequence, ErrorCode::kDuplicate}) {
      if (answer.starts_with(error_text(never))) found_fault(fmt::format("I10: {} was answered {}", payload(), answer));
    }
  }

 private:
  void greeted(const std::string& stamp) {
    const std::string text = fmt::format("MPUT t 1 producer={}:0\n{}", stamp, std::string("\2\0\0\0\0x", 6));
    const auto request = protocol::parse_request(text);
    WALRUS_ASSERT(request, "what PRODUCER says is what MPUT takes");
    stamp_ = request->get<protocol::WriteOptions>().producer;
  }
  void written(const std::string& offset) {
    const std::uint64_t place = std::stoull(offset);
    note(Fate::kAcknowledged, place);
    const metadata::TopicPtr known = workload().cluster_.newest_view()->find_topic(topic().name);
    const bool late = workload().cluster_.world().now() - sent_ >= limits::kSuspectAfter;
    if (late && known && Offset(place) < known->last().base) ++workload().found_behind_seals_;
    pending_ = false;
    stamp_->sequence = sequence_after(stamp_->sequence, 1);
  }

  const std::string name_;
  std::optional<ProducerStamp> stamp_;  // with the sequence of the pending record, or the next
  bool pending_ = false;
  io::TimePoint sent_;  // the pending record, for the first time
  std::string body_;
};

Workload::Workload(SimCluster& cluster, WorkloadOptions options) : cluster_(cluster), options_(options) {
  for (std::size_t i = 0; i < options_.topics; ++i) {
    topics_.push_back({.name = fmt::format("topic-{}", i), .sent = {}, .taken = {}, .progress = {}});
  }
}

Workload::~Workload() = default;

bool Workload::register_topic(const std::string& name) {
  struct Registration : broker::AnswerSink {
    void answer(std::uint64_t, const broker::Answer& answer) override { ok = answer.kind == broker::Answer::Kind::kOk; }
    void flush() override {}
    bool ok = false;
  };
  for (int attempt = 0; attempt < 10; ++attempt) {
    auto registration = std::make_shared<Registration>();
    SimNode* node = cluster_.node(cluster_.up().front());
    node->requests().submit({.verb = protocol::Verb::kRegister, .topic = name, .payload = {}}, registration, 0);
    node->requests().flush();
    if (cluster_.world().run_until([&] { return registration->ok; }, 3s)) return true;
  }
  return false;
}

bool Workload::prepare() {
  return std::ranges::all_of(topics_, [this](const Topic& topic) { return register_topic(topic.name); });
}

void Workload::start(WorkloadEvents events) {
  events_ = std::move(events);
  running_ = true;
  for (Topic& topic : topics_) topic.progress = cluster_.world().now();
  for (std::size_t i = 0; i < options_.producers; ++i) {
    clients_.push_back(std::make_shared<Client>(*this, topics_[i % topics_.size()], i));
  }
  for (std::size_t i = 0; i < options_.idempotent; ++i) {
    clients_.push_back(std::make_shared<IdempotentClient>(*this, topics_[i % topics_.size()], options_.producers + i));
  }
  for (std::size_t i = 0; i < options_.readers; ++i) {
    clients_.push_back(std::make_shared<Client>(*this, topics_[i % topics_.size()], std::nullopt));
  }
  for (const auto& client : clients_) client->next();
}

void Workload::stop() {
  running_ = false;
  cluster_.world().run_for(std::max<io::Duration>(options_.patience, 15s) + 1s);
  for (const auto& client : clients_) client->end();
}

std::vector<std::string> Workload::topics() const {
  std::vector<std::string> names;
  for (const Topic& topic : topics_) names.push_back(topic.name);
  return names;
}

io::TimePoint Workload::oldest_progress() const {
  const std::size_t written = std::min(options_.producers, topics_.size());
  return std::ranges::min_element(topics_.begin(), topics_.begin() + static_cast<std::ptrdiff_t>(written), {},
                                  &Topic::progress)
      ->progress;
}

Result<std::vector<std::string>> Workload::read_log(const std::string& name) {
  SimNode* any = cluster_.node(cluster_.up().front());
  const metadata::TopicPtr topic = any->view()->find_topic(name);
  if (!topic) return fail(ErrorCode::kTopicNotFound, name);
  const auto known = std::ranges::find(topics_, name, &Topic::name);
  std::vector<std::string> log = known != topics_.end() ? known->trimmed : std::vector<std::string>();
  Offset next(log.size());
  if (topic->start() != next) return fail(ErrorCode::kCorrupt, "what was trimmed is not what should be");
  for (const metadata::SegmentInfo& segment : topic->segments) {
    if (segment.base != next) return fail(ErrorCode::kCorrupt, "I6: a gap between segments");
    std::optional<std::vector<std::string>> content;
    for (const NodeId holder : segment.replicas) {
      if (!segment.sealed() && holder != segment.leader) continue;
      WALRUS_ASSIGN(auto payloads, cluster_.node(holder)->read_segment(*topic, segment, cluster_.world()));
      if (content && *content != payloads) return fail(ErrorCode::kCorrupt, "I4: two copies of a segment differ");
      content = std::move(payloads);
    }
    if (!content) return fail(ErrorCode::kCorrupt, "I1: nobody has a segment any more");
    next = segment.base + content->size();
    std::ranges::move(*content, std::back_inserter(log));
  }
  return log;
}

Status Workload::expect_trim(const std::string& name, Offset before) {
  WALRUS_ASSIGN(auto log, read_log(name));
  if (log.size() < before.value()) return fail(ErrorCode::kInvalidArgument, "so much is not there");
  log.resize(before.value());
  std::ranges::find(topics_, name, &Topic::name)->trimmed = std::move(log);
  return {};
}

std::string Workload::check() {
  if (!fault_.empty()) return fault_;
  for (const Topic& topic : topics_) {
    if (std::string wrong = check_topic(topic); !wrong.empty()) return topic.name + ": " + wrong;
  }
  return {};
}

std::string Workload::check_topic(const Topic& topic) {
  const auto log = read_log(topic.name);
  if (!log) return log.error().message();
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < log->size(); ++i) {
    if (!places.emplace((*log)[i], i).second) return fmt::format("I10: {} is there twice", (*log)[i]);
  }
  std::set<std::string> known;
  for (const auto& [producer, records] : topic.sent) {
    std::size_t last = 0;
    bool first = true;
    for (const Record& record : records) {
      known.insert(record.payload);
      const auto place = places.find(record.payload);
      if (place == places.end()) {
        if (record.fate == Fate::kAcknowledged)
          return fmt::format("I1: {} was acknowledged and is lost", record.payload);
        continue;
      }
      if (record.offset && place->second != *record.offset) {
        return fmt::format("I4: {} was acknowledged at {} and stands at {}", record.payload, *record.offset,
                           place->second);
      }
      if (record.fate == Fate::kRefused) return fmt::format("{} was refused and is there", record.payload);
      // A record of unknown fate may still have been on its way when the next one was sent through another node.
      if (record.fate != Fate::kAcknowledged) continue;
      if (!first && place->second < last) return fmt::format("order: {} stands before its predecessor", record.payload);
      last = place->second;
      first = false;
    }
  }
  for (const std::string& payload : *log) {
    if (!known.contains(payload)) return fmt::format("{} was never sent", payload);
  }
  for (const std::string& payload : topic.taken) {
    if (!places.contains(payload)) return fmt::format("I4: {} was read and is not there", payload);
  }
  return {};
}

}  // namespace walrus::sim
