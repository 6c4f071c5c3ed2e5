#include "walrus/client/producer.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

#include "answer.h"
#include "base/assert.h"
#include "batch_queue.h"
#include "byte_gate.h"
#include "channel.h"
#include "protocol/write_options.h"
#include "write_request.h"

namespace walrus::client {
namespace {

using namespace std::chrono_literals;
using Clock = WriteBatch::Clock;

constexpr auto kFirstBatchPause = 20ms;  // before a batch goes again; doubles with each failure in a row
constexpr auto kLongestBatchPause = 500ms;

const std::string kClosedText = "the producer was closed";

Options connection_options(const ProducerOptions& options) {
  return Options{.endpoints = options.endpoints,
                 .connect_timeout = options.connect_timeout,
                 .reply_timeout = options.reply_timeout,
                 .max_frame_bytes = options.max_frame_bytes};
}

}  // namespace

// The queues are shared by the callers and the channel's thread, under mutex_; all sending and every `done` happens on
// the channel's thread, outside of it.
class Producer::Impl {
 public:
  explicit Impl(ProducerOptions options)
      : options_(std::move(options)),
        gate_(options_.max_buffered_bytes),
        name_(options_.name.empty() ? random_producer_name() : options_.name),
        channel_(connection_options(options_)) {}
  ~Impl();

  void send(std::string_view topic, const ProducerRecord& record, Done done);
  Result<void> flush();
  Result<void> open();
  bool on_thread() const { return channel_.on_thread(); }

 private:
  struct Topic {
    Topic(std::size_t batch_bytes, std::chrono::microseconds linger) : queue(batch_bytes, linger) {}
    BatchQueue queue;
    Clock::time_point pumped_at{};  // a timer is set for then
  };
  using Topics = std::map<std::string, Topic, std::less<>>;

  std::size_t batch_limit(std::string_view topic) const;
  void introduce();
  void pump();
  void pump_soon();
  void pump_topic(Topics::value_type& topic);
  void on_answer(Topics::value_type& topic, const WriteBatchPtr& batch, const Result<Reply>& reply);
  void on_failure(Topics::value_type& topic, const WriteBatchPtr& batch, const Error& error);
  void repeat_later(Topics::value_type& topic);
  void renew(const Error& why);
  void renew_when_quiet();
  void end(const Error& error);
  void fail_all(const Error& error);
  void complete(WriteBatch& batch, const Result<std::uint64_t>& first);

  const ProducerOptions options_;
  ByteGate gate_;
  std::mutex mutex_;
  std::condition_variable finished_;
  Topics topics_;
  std::uint64_t mark_ = 0;                             // goes up with each flush()
  std::map<std::uint64_t, std::uint64_t> unfinished_;  // records, by the mark of their batch
  std::optional<Error> first_failure_;
  std::optional<Error> ended_;  // nothing more is taken
  bool pump_posted_ = false;
  // Of the channel's thread:
  const std::string name_;
  std::optional<ProducerIdentity> identity_;
  bool introducing_ = false;
  std::optional<Error> renewing_;  // why; nothing is sent until all that is under way is answered
  Channel channel_;                // last: its thread ends first
};

/// What the channel's end has left is answered here. A `done` that sends again is told kClosed.
Producer::Impl::~Impl() {
  channel_.stop();
  channel_.join();
  {
    const std::scoped_lock lock(mutex_);
    if (!ended_) ended_ = Error{.kind = ErrorKind::kClosed, .text = kClosedText};
  }
  fail_all({.kind = ErrorKind::kNotSent, .text = kClosedText});
}

void Producer::Impl::send(std::string_view topic, const ProducerRecord& record, Done done) {
  const auto encoded = encode_record(topic, record, options_.max_frame_bytes);
  Result<void> taken = encoded ? Result<void>{} : std::unexpected(encoded.error());
  if (taken) taken = open();
  if (taken && !on_thread()) {
    gate_.enter(encoded->size());
  } else if (taken && !gate_.try_enter(encoded->size())) {
    taken = std::unexpected(Error{.kind = ErrorKind::kOverloaded, .text = "too many records wait in this producer"});
  }
  bool post = false;
  {
    const std::scoped_lock lock(mutex_);
    if (taken && ended_) {
      gate_.leave(encoded->size());
      taken = std::unexpected(*ended_);
    }
    if (!taken && !first_failure_) first_failure_ = taken.error();
    if (taken) {
      auto found = topics_.find(topic);
      if (found == topics_.end()) {
        found = topics_.try_emplace(std::string(topic), batch_limit(topic), options_.linger).first;
      }
      ++unfinished_[found->second.queue.add(*encoded, std::exchange(done, nullptr), mark_)];
      post = !std::exchange(pump_posted_, true);
    }
  }
  if (!taken && done) done(std::unexpected(taken.error()));
  if (post) channel_.post([this] { pump(); });
}

/// Whether records are taken still.
Result<void> Producer::Impl::open() {
  const std::scoped_lock lock(mutex_);
  return ended_ ? Result<void>(std::unexpected(*ended_)) : Result<void>{};
}

Result<void> Producer::Impl::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t before = mark_++;
  finished_.wait(lock, [&] { return unfinished_.empty() || unfinished_.begin()->first > before; });
  if (const auto failure = std::exchange(first_failure_, std::nullopt)) return std::unexpected(*failure);
  return {};
}

/// What gathers in a batch leaves room for the words of the request.
std::size_t Producer::Impl::batch_limit(std::string_view topic) const {
  return std::min({options_.batch_bytes, max_batch_bytes(topic, options_.max_frame_bytes), protocol::kMaxWriteBytes});
}

void Producer::Impl::pump_soon() {
  {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(pump_posted_, true)) return;
  }
  channel_.post([this] { pump(); });
}

void Producer::Impl::pump() {
  {
    const std::scoped_lock lock(mutex_);
    pump_posted_ = false;
    if (ended_) return;
  }
  if (renewing_) return;
  if (!identity_) return introduce();
  std::vector<Topics::value_type*> topics;  // they stay where they are
  {
    const std::scoped_lock lock(mutex_);
    for (auto& topic : topics_) topics.push_back(&topic);
  }
  for (Topics::value_type* topic : topics) pump_topic(*topic);
}

void Producer::Impl::introduce() {
  if (std::exchange(introducing_, true)) return;
  channel_.submit({.request = producer_request(name_),
                   .repeatable = true,
                   .deadline = Clock::now() + options_.delivery_timeout,
                   .done = [this](const auto& reply) {
                     introducing_ = false;
                     auto identity = parse_producer(reply);
                     if (!identity) return fail_all(identity.error());
                     identity_ = std::move(*identity);
                     pump();
                   }});
}

void Producer::Impl::pump_topic(Topics::value_type& topic) {
  while (identity_ && !renewing_) {
    WriteBatchPtr batch;
    {
      const std::scoped_lock lock(mutex_);
      batch = topic.second.queue.next(Clock::now());
      if (!batch) {
        const auto due = topic.second.queue.due();
        if (!due || topic.second.pumped_at == *due) return;
        topic.second.pumped_at = *due;
        return channel_.post_at(*due, [this, &topic] { pump_topic(topic); });
      }
    }
    channel_.submit({.request = write_request(topic.first, *identity_, *batch),
                     .retry = false,
                     .done = [this, &topic, batch](const auto& reply) { on_answer(topic, batch, reply); }});
  }
}

void Producer::Impl::on_answer(Topics::value_type& topic, const WriteBatchPtr& batch, const Result<Reply>& reply) {
  auto first = number_of(reply);
  if (!first && refusal_of(first.error()) == Refusal::kStoredBefore) first = kUnknownOffset;
  if (!first) {
    on_failure(topic, batch, first.error());
  } else {
    {
      const std::scoped_lock lock(mutex_);
      if (ended_) return;  // it was told so
      topic.second.queue.stored(*batch);
    }
    complete(*batch, first);
  }
  if (renewing_) return renew_when_quiet();
  bool repeat = false;
  {
    const std::scoped_lock lock(mutex_);
    repeat = topic.second.queue.to_be_repeated();
  }
  if (repeat) return repeat_later(topic);
  pump_soon();
}

void Producer::Impl::on_failure(Topics::value_type& topic, const WriteBatchPtr& batch, const Error& error) {
  const Refusal refusal = refusal_of(error);
  if (refusal == Refusal::kFenced) return end({.kind = ErrorKind::kFenced, .text = error.text});
  if (refusal == Refusal::kProtocol) return end(error);
  const bool refused = refusal == Refusal::kForGood && !batch->maybe_stored;
  bool begin_anew = refusal == Refusal::kForgotten;
  {
    const std::scoped_lock lock(mutex_);
    if (ended_) return;
    BatchQueue& queue = topic.second.queue;
    const WriteBatchPtr oldest = queue.oldest();
    begin_anew |= refusal == Refusal::kOutOfOrder && oldest == batch;
    begin_anew |= oldest->opened + options_.delivery_timeout < Clock::now();
    if (refused) {
      queue.refused(*batch);
    } else {
      queue.failed(*batch, error.kind == ErrorKind::kOutcomeUnknown);
    }
  }
  if (refused) complete(*batch, std::unexpected(error));
  if (begin_anew) renew(error);
}

/// All that were sent of the topic are answered, not all of them well: those go again after a pause.
void Producer::Impl::repeat_later(Topics::value_type& topic) {
  unsigned failures = 0;
  {
    const std::scoped_lock lock(mutex_);
    failures = topic.second.queue.failures();
  }
  const auto pause =
      std::min<std::chrono::milliseconds>(kFirstBatchPause * (1U << std::min(failures, 5U)), kLongestBatchPause);
  channel_.post_at(Clock::now() + pause, [this, &topic] {
    {
      const std::scoped_lock lock(mutex_);
      if (topic.second.queue.to_be_repeated()) topic.second.queue.repeat();
    }
    pump_topic(topic);
  });
}

/// Some batches cannot be brought to an end under the numbers they have: the cluster has forgotten this producer, or
/// their time is over. So nothing more is sent under its epoch.
void Producer::Impl::renew(const Error& why) {
  if (!renewing_) renewing_ = why;
}

/// Once nothing is under way: what surely was not stored goes on under a new epoch, the rest fails.
void Producer::Impl::renew_when_quiet() {
  std::vector<WriteBatchPtr> given_up;
  {
    const std::scoped_lock lock(mutex_);
    if (ended_ || !std::ranges::all_of(topics_, [](const auto& topic) { return topic.second.queue.quiet(); })) return;
    for (auto& [name, topic] : topics_) {
      for (WriteBatchPtr& batch : topic.queue.begin_anew(Clock::now() - options_.delivery_timeout)) {
        given_up.push_back(std::move(batch));
      }
    }
  }
  const Error why = *std::exchange(renewing_, std::nullopt);
  identity_.reset();
  for (const WriteBatchPtr& batch : given_up) {
    Error error = why;
    if (batch->maybe_stored) error.kind = ErrorKind::kOutcomeUnknown;
    complete(*batch, std::unexpected(error));
  }
  pump_soon();
}

/// Nothing can be written any more.
void Producer::Impl::end(const Error& error) {
  {
    const std::scoped_lock lock(mutex_);
    if (!ended_) ended_ = error;
  }
  fail_all(error);
}

void Producer::Impl::fail_all(const Error& error) {
  std::vector<WriteBatchPtr> lost;
  {
    const std::scoped_lock lock(mutex_);
    for (auto& [name, topic] : topics_) {
      for (WriteBatchPtr& batch : topic.queue.take_all()) lost.push_back(std::move(batch));
    }
  }
  for (const WriteBatchPtr& batch : lost) {
    Error own = error;
    if (batch->sequence >= 0 && error.kind != ErrorKind::kFenced) own.kind = ErrorKind::kOutcomeUnknown;
    complete(*batch, std::unexpected(own));
  }
}

void Producer::Impl::complete(WriteBatch& batch, const Result<std::uint64_t>& first) {
  std::uint64_t offset = first.value_or(0);
  for (Done& done : batch.done) {
    if (done) done(first ? Result<std::uint64_t>(offset) : first);
    if (offset != kUnknownOffset) ++offset;
  }
  gate_.leave(batch.records.size());
  const std::scoped_lock lock(mutex_);
  if (!first && !first_failure_) first_failure_ = first.error();
  const auto left = unfinished_.find(batch.mark);
  left->second -= batch.done.size();
  if (left->second > 0) return;
  unfinished_.erase(left);
  finished_.notify_all();
}

Producer::Producer(ProducerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Producer::~Producer() = default;
Producer::Producer(Producer&&) noexcept = default;
Producer& Producer::operator=(Producer&&) noexcept = default;

void Producer::send(std::string_view topic, const ProducerRecord& record, Done done) {
  impl_->send(topic, record, std::move(done));
}

Pending<Result<std::uint64_t>> Producer::write(std::string_view topic, const ProducerRecord& record) {
  const Pending<Result<std::uint64_t>>::Source source;
  send(topic, record, [source](const Result<std::uint64_t>& offset) { source.complete(offset); });
  return source.pending();
}

Result<void> Producer::flush() { return impl_->flush(); }

}  // namespace walrus::client
