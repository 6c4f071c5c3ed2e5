#include "broker/broker.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "broker/message_address.h"
#include "broker/own_replica.h"
#include "broker/producer_handshake.h"
#include "broker/topic_admin.h"
#include "metadata/placement.h"

namespace walrus::broker {

namespace {
constexpr std::size_t kWokenAtATime = 500;
}  // namespace

Broker::Broker(io::Loop& loop, storage::ShardStore& store, metadata::MetadataClient& metadata, io::Transport& transport,
               const ShardDirectory& directory, BrokerOptions options)
    : loop_(loop),
      store_(store),
      metadata_(metadata),
      directory_(directory),
      options_(options),
      reader_(store, metadata, transport, options.self),
      seals_(metadata, options.self),
      leaders_(LeaderContext{
          .loop = loop,
          .store = store,
          .metadata = metadata,
          .transport = transport,
          .reader = reader_,
          .seals = seals_,
          .options = options_,
          .group_changed = [this](const std::shared_ptr<Group>& group,
                                  Group::Urgency urgency) { cursor_flusher_.touch(group, urgency); },
          .append_elsewhere = [this](const std::string& topic, const storage::RecordView& record,
                                     io::Done done) { internal_writer_.append(topic, record, std::move(done)); },
          .flush_groups = [this](io::Done done) { cursor_flusher_.flush(std::move(done)); }}),
      replicas_(store, [this](storage::SegmentKey key, Epoch epoch) { leaders_.fence(key, epoch); }),
      leader_client_(leaders_, transport, metadata, options.self),
      places_(leader_client_, reader_),
      peer_service_(leaders_, replicas_, reader_, metadata),
      cursor_flusher_(loop, metadata),
      internal_writer_(loop, directory) {
  replicas_.set_original([this](storage::SegmentKey key) {
    const metadata::ViewPtr view = metadata_.view();
    const metadata::TopicPtr topic = view->find_topic(key.topic);
    if (topic && key.segment < topic->segments.front().id) return false;  // trimmed
    return own_replica_counts(*view, topic ? topic->find(key.segment) : nullptr, options_);
  });
  replicas_.set_prepare([this](storage::Segment& segment) {
    const metadata::TopicPtr topic = metadata_.view()->find_topic(segment.key().topic);
    if (topic) segment.set_sync(topic->options.fsync.value_or(options_.fsync));
  });
}

Broker::~Broker() = default;

void Broker::start() {
  subscription_ = metadata_.subscribe(
      [this](const metadata::ViewPtr& before, const metadata::ViewPtr& now) { on_view(before, now); });
  arm_monitor();
}

void Broker::arm_monitor() {
  monitor_ = loop_.after(options_.monitor_interval, [this] {
    wake_leaders();
    leaders_.for_each([](TopicLeader& leader) { leader.check(); });
    if (std::exchange(some_deleted_, false)) drop_deleted();
    arm_monitor();
  });
}

/// A leader that nobody has asked for yet does not look after its segment: those that are to move are woken.
void Broker::wake_leaders() {
  const metadata::ViewPtr view = metadata_.view();
  std::size_t woken = 0;
  for (std::size_t i = 0; i < metadata::View::kBuckets; ++i) {
    for (const auto& [name, topic] : view->bucket(i).topics) {
      const metadata::SegmentInfo& last = topic->last();
      if (last.leader != options_.self || last.state != metadata::SegmentState::kOpen) continue;
      if (directory_.shard_of(name) != options_.shard || !metadata::better_placed_anew(*view, *topic)) continue;
      (void)leaders_.find(*topic);
      if (++woken == kWokenAtATime) return;
    }
  }
}

Broker::Topic& Broker::topic(std::string_view name) {
  if (last_topic_ != nullptr && last_topic_->queues.topic() == name) return *last_topic_;
  auto it = topics_.find(name);
  if (it == topics_.end()) {
    const QueueContext context{.loop = loop_,
                               .metadata = metadata_,
                               .leader = leader_client_,
                               .store = store_,
                               .reader = reader_,
                               .places = places_,
                               .put_batches = put_batches_,
                               .segment_entries = options_.segment_entries};
    auto fresh =
        std::make_unique<Topic>(TopicQueues(context, std::string(name)), KnownTopic(metadata_, std::string(name)));
    it = topics_.emplace(std::string(name), std::move(fresh)).first;
  }
  last_topic_ = it->second.get();
  return *last_topic_;
}

void Broker::submit(const protocol::Request& request, const std::shared_ptr<AnswerSink>& sink, std::uint64_t slot) {
  Waiter waiter{sink, slot};
  if (stopping_) return answer_error({waiter}, {ErrorCode::kShuttingDown, {}});
  if (metadata_.view()->version() == 0) return answer_error({waiter}, {ErrorCode::kRaftNotInitialized, {}});
  if (request.verb == protocol::Verb::kRegister) return register_topic(request, std::move(waiter));
  if (request.verb == protocol::Verb::kProducer) return register_producer(request, std::move(waiter));
  Topic& entry = topic(request.topic);
  entry.queues.add(request, std::move(waiter));
  if (!entry.dirty) {
    entry.dirty = true;
    dirty_.push_back(&entry);
    active_.insert(&entry);
  }
}

void Broker::register_topic(const protocol::Request& request, Waiter waiter) {
  metadata::Command command;
  metadata::CreateTopic& create = *command.mutable_create_topic();
  create.set_name(std::string(request.topic));
  const auto options = request.get<protocol::TopicOptions>();
  create.set_replicas(options.replicas.value_or(options_.replication_factor));
  create.set_segment_entries(options.segment_entries.value_or(0));
  *create.mutable_settings() = settings_from(options);
  // A weaker policy of this node's is said, so that every node knows what the topic's records are worth.
  if (!options.fsync && !options_.fsync.always()) {
    protocol::TopicOptions weaker;
    weaker.fsync = protocol::FsyncChoice{options_.fsync};
    create.mutable_settings()->MergeFrom(settings_from(weaker));
  }
  // Also of a topic that this node knows: it may be one whose DELETE was answered elsewhere a moment ago.
  metadata_.propose(std::move(command), [waiter = std::move(waiter)](Result<metadata::Applied> applied) {
    if (const Status outcome = metadata::outcome_of(applied); !outcome) return answer_error({waiter}, outcome.error());
    answer_all({waiter}, {.kind = Answer::Kind::kOk, .payload = {}});
  });
}

void Broker::register_producer(const protocol::Request& request, Waiter waiter) {
  shake_hands(metadata_, loop_, request.name, [waiter = std::move(waiter)](const Result<std::string>& stamp) {
    if (!stamp) return answer_error({waiter}, stamp.error());
    answer_all({waiter}, {.kind = Answer::Kind::kOkPayload, .payload = *stamp});
  });
}

void Broker::flush() {
  if (pump_posted_ || dirty_.empty()) return;
  // Later in this turn of the loop: requests of other connections that are ready now join the same batches.
  pump_posted_ = true;
  loop_.post([this] {
    pump_posted_ = false;
    pump();
  });
}

void Broker::pump() {
  pumped_.swap(dirty_);
  for (Topic* entry : pumped_) {
    entry->dirty = false;
    entry->known = entry->topic.find() != nullptr;
    if (entry->known) {
      entry->queues.pump();
    } else {
      resolve(*entry);
    }
  }
  pumped_.clear();
}

void Broker::resolve(Topic& entry) {
  if (std::exchange(entry.resolving, true)) return;
  metadata_.barrier([this, name = entry.queues.topic()](const Status& barrier) { on_resolved(name, barrier); });
}

void Broker::on_resolved(const std::string& name, const Status& barrier) {
  const auto it = topics_.find(name);
  if (it == topics_.end()) return;
  Topic& entry = *it->second;
  entry.resolving = false;
  entry.known = entry.topic.find() != nullptr;
  if (entry.known) return entry.queues.pump();
  // Out of the table first: a session may ask again while it is being answered.
  const std::unique_ptr<Topic> unknown = std::move(it->second);
  topics_.erase(it);
  std::erase(dirty_, &entry);
  active_.erase(&entry);
  if (last_topic_ == &entry) last_topic_ = nullptr;
  unknown->queues.end(barrier ? Error{ErrorCode::kTopicNotFound, {}} : barrier.error());
}

void Broker::on_view(const metadata::ViewPtr& before, const metadata::ViewPtr& now) {
  leaders_.follow(*now);
  if (&before->deleted_topics() != &now->deleted_topics()) forget_deleted(*now);
  std::erase_if(active_, [](const Topic* entry) { return entry->queues.empty() && !entry->dirty; });
  const std::vector<Topic*> waiting(active_.begin(), active_.end());  // answers may bring new requests
  for (Topic* entry : waiting) {
    if (entry->known) entry->queues.on_change();
  }
  replicas_.prepare_all();
}

/// Topics that were known may be gone; who waits for one of them is told.
void Broker::forget_deleted(const metadata::View& now) {
  some_deleted_ = true;
  for (auto& [name, entry] : topics_) {
    if (!entry->known || now.find_topic(name) != nullptr) continue;
    entry->known = false;
    if (!entry->queues.empty()) resolve(*entry);
  }
}

/// What was kept of them, once nobody waits any more.
void Broker::drop_deleted() {
  std::erase_if(topics_, [this](const auto& named) {
    Topic* const entry = named.second.get();
    if (entry->known || entry->dirty || entry->resolving || !entry->queues.empty()) return false;
    active_.erase(entry);
    if (last_topic_ == entry) last_topic_ = nullptr;
    return true;
  });
  peer_service_.drop_deleted();
}

void Broker::handle(NodeId from, io::Message message, io::Reply reply) {
  const auto address = address_of(message);
  if (!address) return reply(fail(address.error()));
  const metadata::TopicPtr topic = metadata_.view()->find_topic(address->topic);
  const std::uint32_t shard = topic ? directory_.shard_of(topic->name) : options_.shard;
  if (!topic) {
    if (address->version <= metadata_.view()->version())
      return reply(fail(ErrorCode::kNotLeader, "no such topic here"));
    // Its creation has not reached this loop yet. Once it has, look again.
    auto look_again = [this, from, message, reply = std::move(reply)](const Status& caught_up) mutable {
      if (!caught_up) return reply(fail(ErrorCode::kNotLeader, "this node's metadata is behind"));
      handle(from, std::move(message), std::move(reply));
    };
    return metadata_.wait_for(address->version, PeerService::kCatchUpTimeout, std::move(look_again));
  }
  if (shard == options_.shard) return peer_service_.handle(from, address->version, message, std::move(reply));
  io::Reply reply_here = [loop = &loop_, reply = std::move(reply)](Result<io::Message> answer) mutable {
    loop->post([reply = std::move(reply), answer = std::move(answer)]() mutable { reply(std::move(answer)); });
  };
  const ShardDirectory::Shard& owner = directory_.shards[shard];
  owner.loop->post([broker = owner.broker, from, version = address->version, message = std::move(message),
                    reply = std::move(reply_here)]() mutable {
    broker->peer_service_.handle(from, version, message, std::move(reply));
  });
}

void Broker::stop(io::Duration patience, io::Done done) {
  stopping_ = true;
  monitor_.cancel();
  const Error stopping{ErrorCode::kShuttingDown, {}};
  for (auto& [name, entry] : topics_) entry->queues.drop_unsent(stopping);
  leaders_.for_each([](TopicLeader& leader) { leader.send_waiters_away(); });
  await_settled(loop_.now() + patience, std::move(done));
}

void Broker::await_settled(io::TimePoint deadline, io::Done done) {
  const bool idle = std::ranges::all_of(topics_, [](const auto& entry) { return entry.second->queues.empty(); });
  if ((idle && leaders_.settled()) || loop_.now() >= deadline) return cursor_flusher_.flush(std::move(done));
  settle_poll_ = loop_.after(std::chrono::milliseconds(5), [this, deadline, done = std::move(done)]() mutable {
    await_settled(deadline, std::move(done));
  });
}

}  // namespace walrus::broker
