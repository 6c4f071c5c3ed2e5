// Names, calls and the way down to the shards; opening and closing are in engine_open.cc.
#include "embed/engine.h"

#include <fmt/core.h>

#include <utility>

#include "embed/cursor_state.h"
#include "embed/engine_call.h"

namespace walrus::embed {

Result<std::shared_ptr<Topic>> Engine::find_topic(std::string_view name) const {
  const Call call(*this);
  if (!call) return fail(ErrorCode::kShuttingDown);
  const std::lock_guard lock(names_mutex_);
  const auto found = topics_.find(name);
  if (found == topics_.end()) return fail(ErrorCode::kTopicNotFound, std::string(name));
  return found->second;
}

SyncPolicy sync_policy(store::Fsync fsync, std::chrono::milliseconds interval) {
  using Kind = SyncPolicy::Kind;
  switch (fsync) {
    case store::Fsync::kAlways:
      break;
    case store::Fsync::kInterval:
      return {Kind::kInterval, interval};
    case store::Fsync::kNever:
      return {Kind::kNever, {}};
  }
  return {};
}

template <class Change>
Status Engine::ask_topic(Topic& topic, Change change) {
  const Call call(*this);
  if (!call) return fail(ErrorCode::kShuttingDown);
  return topic.shard.ask<void>([&shard = topic.shard, log = topic.log, change = std::move(change)](auto done) mutable {
    shard.when_seen(
        *log, [log, change = std::move(change), done = std::move(done)]() mutable { change(*log, std::move(done)); });
  });
}

Result<std::shared_ptr<Topic>> Engine::topic(std::string_view name, const std::optional<SyncPolicy>& sync) {
  const Call call(*this);
  if (!call) return fail(ErrorCode::kShuttingDown);
  auto topic = find_topic(name);
  if (!topic && topic.error().code == ErrorCode::kTopicNotFound) topic = create(name);
  if (!topic || !sync) return topic;
  WALRUS_TRY(ask_topic(**topic, [sync](TopicLog& log, io::Done done) {
    log.set_sync(*sync);
    done({});
  }));
  return topic;
}

Result<std::shared_ptr<Topic>> Engine::create(std::string_view name) {
  const std::lock_guard creating(creating_mutex_);
  if (auto found = find_topic(name)) return found;

  const TopicId id = next_topic_;
  next_topic_ = TopicId(id.value() + 1);
  WALRUS_TRY(record({catalog::TopicCreated{id, std::string(name)}, catalog::SegmentOpened{id, SegmentId(), Offset()}}));
  auto topic = std::make_shared<Topic>(std::string(name), id, shard_of(id));
  WALRUS_TRY(topic->shard.ask<void>([topic](auto done) {
    Catalog::Topic known;
    known.name = topic->name;
    known.segments.push_back({});
    std::vector<std::string> damage;
    done(topic->log->open(known, damage));
  }));
  const std::lock_guard lock(names_mutex_);
  topics_.emplace(topic->name, topic);
  return topic;
}

std::vector<std::string> Engine::topic_names() const {
  const std::lock_guard lock(names_mutex_);
  std::vector<std::string> names;
  names.reserve(topics_.size());
  for (const auto& [name, topic] : topics_) names.push_back(name);
  return names;
}

Status Engine::remove_topic(std::string_view name) {
  const Call call(*this);
  if (!call) return fail(ErrorCode::kShuttingDown);
  const std::lock_guard creating(creating_mutex_);
  WALRUS_ASSIGN(const std::shared_ptr<Topic> topic, find_topic(name));
  Inbox& inbox = topic->shard.inbox();
  inbox.close_topic(topic->log->inbox, Error{ErrorCode::kTopicNotFound, topic->name});
  const Status removed = ask_topic(*topic, [](TopicLog& log, io::Done done) { log.remove(std::move(done)); });
  if (!removed) {
    inbox.close_topic(topic->log->inbox, std::nullopt);
    return removed;
  }
  const std::lock_guard lock(names_mutex_);
  topics_.erase(topic->name);
  return {};
}

Status Engine::seal(Topic& topic) {
  return ask_topic(topic, [](TopicLog& log, io::Done done) { log.seal(std::move(done)); });
}

Status Engine::trim(Topic& topic, Offset before) {
  return ask_topic(topic, [before](TopicLog& log, io::Done done) { log.trim(before, std::move(done)); });
}

Status Engine::set_retention(Topic& topic, const catalog::Retention& retention) {
  return ask_topic(topic, [retention](TopicLog& log, io::Done done) { log.set_retention(retention, std::move(done)); });
}

Result<catalog::Retention> Engine::retention(Topic& topic) {
  const Call call(*this);
  if (!call) return fail(ErrorCode::kShuttingDown);
  return topic.shard.ask<catalog::Retention>([log = topic.log](auto done) { done(log->retention()); });
}

Result<TopicNumbers> Engine::numbers(Topic& topic) {
  const Call call(*this);
  if (!call) return fail(ErrorCode::kShuttingDown);
  return topic.shard.ask<TopicNumbers>([&shard = topic.shard, log = topic.log](auto done) mutable {
    shard.when_seen(*log, [log, done = std::move(done)]() mutable { done(log->numbers()); });
  });
}

void Engine::read(Topic& topic, Offset from, std::size_t max_bytes,
                  std::move_only_function<void(Result<std::shared_ptr<const ReadBatches>>)> done) {
  auto convert = [from, done = std::move(done)](Result<storage::Batches> batches) mutable {
    if (!batches) return done(fail(batches.error()));
    done(make_read_batches(*std::move(batches), from));
  };
  topic.shard.loop().post(
      [&shard = topic.shard, log = topic.log, from, max_bytes, convert = std::move(convert)]() mutable {
        shard.when_seen(*log, [log, from, max_bytes, convert = std::move(convert)]() mutable {
          log->read(from, max_bytes, std::move(convert));
        });
      });
}

Result<std::shared_ptr<const ReadBatches>> Engine::read(Topic& topic, Offset from, std::size_t max_bytes) {
  const Call call(*this);
  if (!call) return fail(ErrorCode::kShuttingDown);
  Answer<std::shared_ptr<const ReadBatches>> answer;
  read(topic, from, max_bytes, answer.callback());
  return answer.wait();
}

Status Engine::record(std::vector<catalog::Record> records) {
  const Call call(*this);
  if (!call) return fail(ErrorCode::kShuttingDown);
  return write_catalog(std::move(records));
}

Status Engine::sync() {
  const Call call(*this);
  if (!call) return fail(ErrorCode::kShuttingDown);
  Status result;
  for (const auto& shard : shards_) {
    if (Status synced = shard->sync(); !synced && result) result = std::move(synced);
  }
  const std::lock_guard lock(names_mutex_);
  for (const auto& [name, topic] : topics_) {
    auto lost = topic->shard.inbox().take_lost(topic->log->inbox);
    if (lost && result) result = fail(*std::move(lost));
  }
  return result;
}

}  // namespace walrus::embed
