#include "broker/group.h"

#include <fmt/core.h>

#include <utility>

#include "metadata/group_message.h"

namespace walrus::broker {

std::shared_ptr<Group> Group::make(const std::shared_ptr<const Home>& home, std::string name,
                                   const metadata::GroupInfo& stored, Offset position) {
  std::shared_ptr<Group> group(new Group(home, std::move(name), stored));
  SharedCursor::Source source = home->records;
  source.moved = [weak = std::weak_ptr(group)] {
    if (const auto self = weak.lock()) self->on_moved();
  };
  group->cursor_ = std::make_shared<SharedCursor>(position, std::move(source));
  if (stored.queue) group->open_queue(*stored.queue, position);
  return group;
}

void Group::on_moved() {
  dirty_ = true;
  home_->changed(shared_from_this(), Urgency::kSoon);
}

// Reading.

Status Group::usable() const {
  if (frozen_) return fail(ErrorCode::kNotLeader);
  if (forgetting_) return fail(ErrorCode::kUnavailable, "the group is being forgotten");
  return {};
}

void Group::read(const GroupCall& call, GroupDone done) {
  if (Status status = usable(); !status) return done(fail(status.error()));
  if (queue_) return done(fail(ErrorCode::kInvalidArgument, "the group is a work queue: LEASE gives its records"));
  serve({.call = call, .until = home_->loop.now() + call.wait, .done = std::move(done)});
}

void Group::serve(Parked one) {
  if (queue_) return serve_lease(std::move(one));
  if (position() >= end_of_topic()) return park(std::move(one));
  const GroupCall& call = one.call;
  cursor_->read(call.records, call.bytes, call.advance,
                [weak = weak_from_this(), one = std::move(one)](Result<CursorRead> read) mutable {
                  const auto self = weak.lock();
                  if (self && read) return self->on_read(std::move(one), std::move(*read));
                  one.done(fail(read ? Error{ErrorCode::kNotLeader, {}} : read.error()));
                  if (self) self->wake_later();
                });
}

void Group::on_read(Parked one, CursorRead read) {
  if (read.batches.empty()) {
    park(std::move(one));
  } else {
    one.done(GroupAnswer{
        .first = read.first, .next = read.next, .end = end_of_topic(), .batches = std::move(read.batches), .json = {}});
  }
  wake_later();
}

/// There is nothing for it now.
void Group::park(Parked one) {
  if (frozen_) return one.done(fail(ErrorCode::kNotLeader));
  if (one.until <= home_->loop.now()) return answer_empty(std::move(one.done));
  // Who has waited before keeps its place.
  const auto place = std::exchange(one.waited, true) ? parked_.begin() : parked_.end();
  const io::TimePoint until = one.until;
  parked_.insert(place, std::move(one));
  home_->parked_until(until);
}

void Group::answer_empty(GroupDone done) const {
  done(GroupAnswer{.first = position(), .next = position(), .end = end_of_topic(), .batches = {}, .json = {}});
}

void Group::wake() {
  if (parked_.empty() || frozen_ || !more_to_read()) return;
  Parked next = std::move(parked_.front());
  parked_.pop_front();
  serve(std::move(next));
}

/// The next of those who wait; not from here: a thousand of them would stand on one stack.
void Group::wake_later() {
  if (parked_.empty() || std::exchange(waking_, true)) return;
  home_->loop.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->waking_ = false;
    self->wake();
  });
}

std::optional<io::TimePoint> Group::expire(io::TimePoint now) {
  std::list<Parked> due;
  std::optional<io::TimePoint> next;
  for (auto at = parked_.begin(); at != parked_.end();) {
    const auto behind = std::next(at);
    if (at->until <= now) {
      due.splice(due.end(), parked_, at);
    } else if (!next || at->until < *next) {
      next = at->until;
    }
    at = behind;
  }
  for (Parked& one : due) answer_empty(std::move(one.done));
  if (!queue_ || frozen_) return next;
  if (queue_->expire(now_ms())) on_moved();
  bury_dead();
  wake();
  if (const auto event = queue_->next_event_ms(now_ms()); event && (!next || time_of(*event) < *next))
    next = time_of(*event);
  return next;
}

// Moving.

void Group::commit(Offset offset, GroupDone done) {
  if (Status status = usable(); !status) return done(fail(status.error()));
  if (queue_) return done(fail(ErrorCode::kInvalidArgument, "the group is a work queue: ACK says what is done"));
  if (offset > end_of_topic()) {
    return done(fail(ErrorCode::kOffsetOutOfRange, fmt::format("the topic ends at {}", end_of_topic())));
  }
  cursor_->skip_to(offset);
  await_written(std::move(done));
}

void Group::seek(Offset offset, GroupDone done) {
  if (Status status = usable(); !status) return done(fail(status.error()));
  if (offset > end_of_topic()) {
    return done(fail(ErrorCode::kOffsetOutOfRange, fmt::format("the topic ends at {}", end_of_topic())));
  }
  ++generation_;
  if (queue_) queue_->reset(offset);
  cursor_->move_to(offset);
  await_written(std::move(done));
  wake();
}

void Group::forget(GroupDone done) {
  if (frozen_) return done(fail(ErrorCode::kNotLeader));
  forgetting_ = true;
  for (Parked& one : std::exchange(parked_, {}))
    one.done(fail(ErrorCode::kUnavailable, "the group is being forgotten"));
  await_written(std::move(done), true);
}

// Raft.

void Group::await_written(GroupDone done, bool forget) {
  const bool known = !unwritten() && !forget && stored_.offset == position() && stored_.generation == generation_ &&
                     stored_.revision != 0;
  waiting_.push_back({.forget = forget, .done = std::move(done)});
  if (known) return answer_written(std::exchange(waiting_, {}), {});
  dirty_ = true;
  home_->changed(shared_from_this(), Urgency::kNow);
}

void Group::write(metadata::CommitCursors::Position& to) {
  to.set_topic_id(home_->topic.value());
  to.set_epoch(home_->epoch.value());
  to.set_group(name_);
  to.set_offset(position().value());
  to.set_generation(generation_);
  to.set_revision(++revision_);
  to.set_forget(forgetting_);
  if (queue_) *to.mutable_queue() = metadata::to_message(stored_queue());
  dirty_ = false;
  write_under_way_ = true;
  for (Waiting& one : std::exchange(waiting_, {})) writing_.push_back(std::move(one));
}

void Group::on_written(const Status& outcome, bool carried_out, const metadata::GroupInfo* now) {
  write_under_way_ = false;
  std::vector<Waiting> written = std::exchange(writing_, {});
  const bool done =
      outcome && carried_out && (forgetting_ ? now == nullptr : now != nullptr && now->revision >= revision_);
  if (done) {
    forgotten_ = forgetting_;
    if (now != nullptr) stored_ = *now;
    return answer_written(std::move(written), {});
  }
  if (outcome || ended_) {  // it was refused: another owner, or another topic
    return answer_written(std::move(written), fail(ErrorCode::kNotLeader));
  }
  dirty_ = true;
  for (Waiting& one : std::exchange(waiting_, {})) written.push_back(std::move(one));
  waiting_ = std::move(written);
}

void Group::answer_written(std::vector<Waiting> waiting, const Status& outcome) {
  for (Waiting& one : waiting) {
    if (!outcome) {
      one.done(fail(outcome.error()));
    } else {
      one.done(GroupAnswer{.first = stored_.offset, .next = stored_.offset, .end = {}, .batches = {}, .json = {}});
    }
  }
}

void Group::freeze() {
  frozen_ = true;
  cursor_->freeze();
  for (Parked& one : std::exchange(parked_, {})) one.done(fail(ErrorCode::kNotLeader));
}

void Group::send_waiters_away() {
  for (Parked& one : std::exchange(parked_, {})) one.done(fail(ErrorCode::kUnavailable, "the node is stopping"));
}

void Group::end() {
  freeze();
  ended_ = true;
  answer_written(std::exchange(waiting_, {}), fail(ErrorCode::kNotLeader));
}

}  // namespace walrus::broker
