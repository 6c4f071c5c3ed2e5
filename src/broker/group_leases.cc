// A group as a work queue: leases, acknowledgements, and records that nobody can work on.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "broker/group.h"

namespace walrus::broker {

namespace {
constexpr auto kBuryRetryDelay = std::chrono::seconds(1);
/// While records are read for somebody else it is not known yet whether there is something.
constexpr auto kBusyPatience = std::chrono::seconds(1);
}  // namespace

void Group::open_queue(const metadata::QueueInfo& stored, Offset position) {
  metadata::QueueInfo here = stored;
  const std::int64_t most = limits::kMaxLeaseTime / std::chrono::milliseconds(1);
  for (metadata::QueueFailure& failure : here.failures) {
    failure.due_ms = now_ms() + std::clamp<std::int64_t>(failure.due_ms - home_->loop.wall_ms(), 0, most);
  }
  queue_ = std::make_unique<WorkQueue>(here, stored_.offset);
  queue_->trim(position);
  home_->call_at(home_->loop.now());
}

metadata::QueueInfo Group::stored_queue() const {
  metadata::QueueInfo state = queue_->state();
  for (metadata::QueueFailure& failure : state.failures) {
    failure.due_ms = std::max<std::int64_t>(0, failure.due_ms - now_ms()) + home_->loop.wall_ms();
  }
  return state;
}

WorkQueue& Group::queue() {
  if (!queue_) {
    open_queue({}, position());
    queue_->reset(cursor_->position());
    on_moved();
  }
  return *queue_;
}

bool Group::more_to_read() const {
  if (!queue_) return position() < end_of_topic();
  return !leasing_ && queue_->next_run(now_ms(), 1, end_of_topic()).has_value();
}

void Group::trim(Offset start) {
  cursor_->skip_to(start);
  if (queue_) queue_->trim(start);
}

void Group::configure(const GroupCall& call, GroupDone done) {
  if (Status status = usable(); !status) return done(fail(status.error()));
  metadata::QueueSettings settings = queue().settings();
  settings.lease_ms = call.queue.visible_ms.value_or(settings.lease_ms);
  settings.max_tries = call.queue.max_tries.value_or(settings.max_tries);
  settings.retry_delay_ms = call.queue.delay_ms.value_or(settings.retry_delay_ms);
  settings.in_flight = call.queue.in_flight.value_or(settings.in_flight);
  settings.dead_topic = call.queue.dead_topic.value_or(settings.dead_topic);
  queue_->set_settings(std::move(settings));
  dirty_ = true;
  await_written(std::move(done));
  bury_dead();
  wake();
}

void Group::lease(const GroupCall& call, GroupDone done) {
  if (Status status = usable(); !status) return done(fail(status.error()));
  if (queue().expire(now_ms())) on_moved();
  serve({.call = call, .until = home_->loop.now() + call.wait, .done = std::move(done)});
}

void Group::serve_lease(Parked one) {
  const auto run = leasing_ ? std::nullopt : queue_->next_run(now_ms(), one.call.records, end_of_topic());
  if (!run && leasing_ && one.until <= home_->loop.now()) one.until = home_->loop.now() + kBusyPatience;
  if (!run) return park(std::move(one));
  leasing_ = true;
  if (!one.waited) return read_for_lease(*run, std::move(one));
  // It was confirmed that this node leads when the request came, which may be long ago: by now the record may be done,
  // as another leader was told.
  home_->confirm([weak = weak_from_this(), run = *run, one = std::move(one)](const Status& confirmed) mutable {
    const auto self = weak.lock();
    if (self && confirmed) return self->read_for_lease(run, std::move(one));
    if (self) self->leasing_ = false;
    one.done(fail(confirmed ? Error{ErrorCode::kNotLeader, {}} : confirmed.error()));
    if (self) self->wake_later();
  });
}

void Group::read_for_lease(WorkQueue::Run run, Parked one) {
  home_->records.read(run.first,
                      [weak = weak_from_this(), run, one = std::move(one)](Result<storage::Batches> batches) mutable {
                        const auto self = weak.lock();
                        if (!self || self->frozen_) return one.done(fail(ErrorCode::kNotLeader));
                        self->leasing_ = false;
                        if (batches) {
                          self->grant(run, std::move(one), std::move(*batches));
                        } else {
                          one.done(fail(batches.error()));
                        }
                        self->wake_later();
                      });
}

void Group::grant(WorkQueue::Run run, Parked one, storage::Batches batches) {
  const auto end = bounded_end(batches, run.first, run.count, one.call.bytes);
  if (!end) return one.done(fail(end.error()));
  // What was to be given may be done, or gone, or given up, while it was read.
  const auto now = queue_->next_run(now_ms(), run.count, end_of_topic());
  if (*end <= run.first || !now || now->first != run.first) {
    one.until = std::max(one.until, home_->loop.now() + kBusyPatience);
    return park(std::move(one));  // its turn comes at once
  }
  run.count = std::min(now->count, static_cast<std::uint32_t>(*end - run.first));
  const std::int64_t until = now_ms() + one.call.queue.visible_ms.value_or(queue_->settings().lease_ms);
  GroupAnswer answer{.first = run.first,
                     .next = run.first + run.count,
                     .end = end_of_topic(),
                     .batches = std::move(batches),
                     .json = {},
                     .tries = queue_->grant(run, until)};
  home_->call_at(time_of(until));
  one.done(std::move(answer));
}

void Group::acknowledge(const GroupCall& call, GroupDone done) {
  if (Status status = usable(); !status) return done(fail(status.error()));
  bool news = false;
  for (const protocol::OffsetSpan& span : call.queue.spans) {
    if (Offset(span.last) >= end_of_topic()) {
      return done(fail(ErrorCode::kOffsetOutOfRange, fmt::format("the topic ends at {}", end_of_topic())));
    }
  }
  bool room = true;
  for (const protocol::OffsetSpan& span : call.queue.spans) {
    for (std::uint64_t offset = span.first; room && offset <= span.last; ++offset) {
      room = queue().can_ack(Offset(offset));
      if (room) news = queue().ack(Offset(offset)) || news;
    }
  }
  dirty_ = dirty_ || news;
  if (!room) {
    home_->changed(shared_from_this(), Urgency::kSoon);
    return done(
        fail(ErrorCode::kRefused,
             fmt::format("too many records are done out of order; the oldest open one is {}", queue_->offset())));
  }
  await_written(std::move(done));
  wake();
}

void Group::give_up(const GroupCall& call, GroupDone done) {
  if (Status status = usable(); !status) return done(fail(status.error()));
  const std::int64_t due = now_ms() + call.queue.delay_ms.value_or(queue().settings().retry_delay_ms);
  if (!queue_->nack(Offset(call.queue.spans.front().first), call.queue.tries, due)) {
    return done(fail(ErrorCode::kConflict, "the record is not on lease, or with another worker by now"));
  }
  dirty_ = true;
  await_written(std::move(done));
  home_->call_at(time_of(due));
  bury_dead();
  wake();
}

void Group::extend(const GroupCall& call, GroupDone done) {
  if (Status status = usable(); !status) return done(fail(status.error()));
  const std::int64_t until = now_ms() + call.queue.visible_ms.value_or(queue().settings().lease_ms);
  if (!queue_->extend(Offset(call.queue.spans.front().first), call.queue.tries, until)) {
    return done(fail(ErrorCode::kConflict, "the record is not on lease, or with another worker by now"));
  }
  home_->call_at(time_of(until));
  done(GroupAnswer{.first = queue_->offset(), .next = queue_->offset(), .end = {}, .batches = {}, .json = {}});
}

/// Records whose tries are used up go to the dead-letter topic, and are done when they are there.
void Group::bury_dead() {
  for (const metadata::QueueFailure& dead : queue_->dead()) {
    if (!burying_.insert(dead.offset).second) continue;
    home_->records.read(dead.offset, [weak = weak_from_this(), dead,
                                      generation = generation_](const Result<storage::Batches>& batches) {
      const auto self = weak.lock();
      if (!self || self->frozen_) return;
      if (batches && self->generation_ == generation) return self->bury(dead, *batches);
      self->burying_.erase(dead.offset);
      self->home_->call_at(self->home_->loop.now() + kBuryRetryDelay);
    });
  }
}

void Group::bury(metadata::QueueFailure dead, const storage::Batches& batches) {
  io::Done buried = [weak = weak_from_this(), dead, generation = generation_](const Status& status) {
    const auto self = weak.lock();
    if (!self || self->frozen_) return;
    self->burying_.erase(dead.offset);
    if (self->generation_ != generation) {  // a SEEK: it is to be worked on again
      return self->home_->call_at(self->home_->loop.now() + kBuryRetryDelay);
    }
    if (!status) {
      log::warn("group {}: record {} waits to be moved to the dead-letter topic: {}", self->name_, dead.offset,
                status.error().message());
      return self->home_->call_at(self->home_->loop.now() + kBuryRetryDelay);
    }
    if (self->queue_->ack(dead.offset)) self->on_moved();
    self->wake();
  };
  const std::string& topic = queue_->settings().dead_topic;
  if (topic.empty()) return buried({});
  for (const SharedBytes& batch : batches) {
    storage::BatchReader reader(batch.view());
    for (auto record = reader.next(); record && *record; record = reader.next()) {
      if ((*record)->offset == dead.offset) return home_->append(topic, **record, std::move(buried));
    }
  }
  buried(fail(ErrorCode::kCorrupt, "the record is not where it should be"));
}

}  // namespace walrus::broker
