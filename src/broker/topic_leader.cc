#include "broker/topic_leader.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "broker/own_replica.h"

namespace walrus::broker {

Result<std::shared_ptr<TopicLeader>> TopicLeader::open(const LeaderContext& context, const metadata::TopicInfo& topic) {
  const metadata::SegmentInfo& last = topic.last();
  WALRUS_ASSERT(last.leader == context.options.self && last.state == metadata::SegmentState::kOpen);
  if (!own_replica_counts(*context.metadata.view(), &last, context.options)) {
    return fail(ErrorCode::kNotLeader, "the disk of the segment's leader was replaced");
  }
  WALRUS_ASSIGN(storage::Segment * segment, context.store.open_segment({topic.id, last.id}, last.base));
  if (segment->promised() >= last.epoch) {
    // What this node acknowledged in its earlier life is on a quorum; what it was about to is not known here. A lone
    // replica has promised only if it was about to seal: its proposal may still come true.
    context.seals.ask(topic.id, last.epoch, SealRequests::Recoverer::kSelf, "its leader was restarted");
    return fail(ErrorCode::kNotLeader, "the segment is sealed first");
  }
  const SyncPolicy fsync = topic.options.fsync.value_or(context.options.fsync);
  const bool may_have_lost = last.replicas.size() == 1 && !(fsync.always() && context.options.fsync.always());
  if (may_have_lost && std::ranges::any_of(*context.metadata.view()->groups(topic), [&](const auto& group) {
        return metadata::stands_beyond(group.second, segment->end());
      })) {
    // Records were read that were never synced. Groups that stand behind the end would not see what comes next.
    context.seals.ask(topic.id, last.epoch, SealRequests::Recoverer::kSelf, "unsynced records that were read are lost");
    return fail(ErrorCode::kNotLeader, "the segment is sealed first");
  }
  std::shared_ptr<TopicLeader> leader(new TopicLeader(context, topic, *segment));
  leader->follow(topic);
  leader->leader_.watch([raw = leader.get()] { raw->advance(); });
  leader->advance();  // its promise may have failed already
  return leader;
}

TopicLeader::TopicLeader(const LeaderContext& context, const metadata::TopicInfo& topic, storage::Segment& segment)
    : context_(context),
      topic_(topic.id),
      name_(topic.name),
      segment_id_(topic.last().id),
      max_entries_(topic.segment_entries != 0 ? topic.segment_entries : context.options.segment_entries),
      opened_(context.loop.now()),
      segment_(segment),
      leader_(context.loop, context.transport, segment,
              {.epoch = topic.last().epoch,
               .nodes = topic.last().replicas,
               .self = context.options.self,
               .version = context.metadata.view()->version()}),
      producers_(context.reader, context.metadata, topic.id, segment.end(),
                 [this](Offset from, storage::BatchesDone done) {
                   leader_.read(from, limits::kGroupReadBytes, std::move(done));
                 }),
      groups_(Group::Home{.loop = context.loop,
                          .topic = topic.id,
                          .epoch = topic.last().epoch,
                          .records = records(),
                          .changed = context.group_changed,
                          .call_at = {},
                          .parked_until = {},
                          .append = context.append_elsewhere,
                          .confirm = [this](io::Done done) { leader_.confirm(std::move(done)); }},
              [&metadata = context.metadata] { return metadata.view(); }),
      waiters_(context.loop) {}

SharedCursor::Source TopicLeader::records() {
  return {.readable_end = [this] { return leader_.commit(); },
          .read = [this](Offset from, storage::BatchesDone done) { read_anywhere(from, std::move(done)); },
          .moved = [] {}};
}

Status TopicLeader::append(std::string& batch, const WriteTerms& terms, replication::SegmentLeader::AppendDone& done) {
  if (roll_ != Roll::kNone) return fail(ErrorCode::kNotLeader);
  if (terms.conditional()) {
    WALRUS_ASSIGN(const bool answered, answered_unwritten(terms, done));
    if (answered) return {};
  }
  if (entries() > 0 && entries() + terms.records > max_entries_) {
    start_roll();
    return fail(ErrorCode::kNotLeader);
  }
  const Offset first = leader_.end();
  WALRUS_TRY(leader_.append(batch, terms.records, done));
  if (terms.producer) producers_.note(*terms.producer, terms.records, first);
  if (entries() >= max_entries_) start_roll();
  return {};
}

Result<bool> TopicLeader::answered_unwritten(const WriteTerms& terms, replication::SegmentLeader::AppendDone& done) {
  if (terms.token) {
    const metadata::TopicPtr topic = context_.metadata.view()->find_topic(topic_);
    if (topic && *terms.token < topic->token) {
      return fail(ErrorCode::kTokenFenced, fmt::format("at least {}", topic->token));
    }
  }
  if (terms.producer) {
    const auto found = producers_.check(*terms.producer, terms.records);
    if (!found && !is_verdict(found.error().code)) return fail(found.error());
    if (!found) {
      refuse(found.error(), std::move(done));
      return true;
    }
    if (*found) {
      leader_.when_committed(**found + terms.records, [first = **found, done = std::move(done)](Status status) mutable {
        status ? done(first) : done(fail(status.error()));
      });
      return true;
    }
  }
  if (!terms.expected_end || *terms.expected_end == leader_.end()) return false;
  // The end is told once it is sure to be one.
  leader_.when_committed(leader_.end(), [weak = weak_from_this(), end = leader_.end(),
                                         done = std::move(done)](const Status& committed) mutable {
    const auto self = weak.lock();
    if (!self || !committed) return done(fail(self ? committed.error() : Error{ErrorCode::kNotLeader, {}}));
    self->refuse({ErrorCode::kUnexpectedEnd, fmt::format("the topic ends at {}", end)}, std::move(done));
  });
  return true;
}

/// A leader that was deposed and has not heard of it would judge by what it knew before: a quorum confirms that it
/// leads.
void TopicLeader::refuse(Error verdict, replication::SegmentLeader::AppendDone done) {
  leader_.confirm([verdict = std::move(verdict), done = std::move(done)](const Status& confirmed) mutable {
    if (!confirmed) return done(fail(confirmed.error()));
    done(fail(std::move(verdict)));
  });
}

void TopicLeader::settle(SettleDone done) {
  leader_.confirm([weak = weak_from_this(), done = std::move(done)](const Status& confirmed) mutable {
    const auto self = weak.lock();
    if (!self || !confirmed) return done(fail(self ? confirmed.error() : Error{ErrorCode::kNotLeader, {}}));
    if (self->roll_ == Roll::kProposing || self->roll_ == Roll::kRetired) return done(fail(ErrorCode::kNotLeader));
    const Offset end = self->leader_.end();
    self->leader_.when_committed(end, [end, done = std::move(done)](const Status& status) mutable {
      if (!status) return done(fail(status.error()));
      done(end);
    });
  });
}

void TopicLeader::take(std::uint32_t max_records, std::size_t max_bytes, TakeDone done) {
  leader_.confirm(
      [weak = weak_from_this(), max_records, max_bytes, done = std::move(done)](const Status& confirmed) mutable {
        const auto self = weak.lock();
        if (!self || !confirmed) return done(fail(self ? confirmed.error() : Error{ErrorCode::kNotLeader, {}}));
        self->groups_.shared().cursor().take(max_records, max_bytes, std::move(done));
      });
}

void TopicLeader::group(GroupCall call, GroupDone done) {
  if (over()) return done(fail(ErrorCode::kNotLeader));
  // Answered from what is known here. The others change something and are answered when Raft has that, but for EXTEND:
  // a lease binds no other leader.
  const bool tells_the_state = call.verb == GroupCall::Verb::kRead || call.verb == GroupCall::Verb::kList ||
                               call.verb == GroupCall::Verb::kLease;
  if (!tells_the_state) return groups_.carry_out(call, std::move(done));
  when_confirmed([call = std::move(call), done = std::move(done)](Result<TopicLeader*> self) mutable {
    if (!self) return done(fail(self.error()));
    (*self)->groups_.carry_out(call, std::move(done));
  });
}

void TopicLeader::state(StateDone done) {
  leader_.confirm([weak = weak_from_this(), done = std::move(done)](const Status& confirmed) mutable {
    const auto self = weak.lock();
    if (!self || !confirmed) return done(fail(self ? confirmed.error() : Error{ErrorCode::kNotLeader, {}}));
    done(self->state_json());
  });
}

void TopicLeader::when_confirmed(std::move_only_function<void(Result<TopicLeader*>)> done) {
  leader_.confirm([weak = weak_from_this(), done = std::move(done)](const Status& confirmed) mutable {
    const auto self = weak.lock();
    if (!self || (confirmed && self->over())) return done(fail(ErrorCode::kNotLeader));
    if (!confirmed) return done(fail(confirmed.error()));
    done(self.get());
  });
}

void TopicLeader::read(Offset from, std::size_t max_bytes, TailReadDone done) {
  if (from < leader_.base()) return done(fail(ErrorCode::kNotLeader, "an earlier segment holds it"));
  if (from < leader_.commit()) return read_committed(from, max_bytes, std::move(done));
  when_confirmed([from, max_bytes, done = std::move(done)](Result<TopicLeader*> self) mutable {
    if (!self) return done(fail(self.error()));
    if (from < (*self)->commit()) return (*self)->read_committed(from, max_bytes, std::move(done));
    done(TailRead{.batches = {}, .end = (*self)->commit()});
  });
}

void TopicLeader::read_committed(Offset from, std::size_t max_bytes, TailReadDone done) {
  leader_.read(from, max_bytes, [end = commit(), done = std::move(done)](Result<storage::Batches> batches) mutable {
    if (!batches) return done(fail(batches.error()));
    done(TailRead{.batches = std::move(*batches), .end = end});
  });
}

void TopicLeader::await_commit(Offset beyond, io::Duration hold, CommitDone done) {
  if (over()) return done(fail(ErrorCode::kNotLeader));
  waiters_.add(beyond, hold, commit(), std::move(done));
}

void TopicLeader::find_end(storage::OffsetDone done) {
  when_confirmed([done = std::move(done)](Result<TopicLeader*> self) mutable {
    if (!self) return done(fail(self.error()));
    done((*self)->commit());
  });
}

void TopicLeader::find_time(std::int64_t timestamp_ms, storage::OffsetDone done) {
  when_confirmed([timestamp_ms, done = std::move(done)](Result<TopicLeader*> self) mutable {
    if (!self) return done(fail(self.error()));
    (*self)->segment_.find_time(timestamp_ms, (*self)->commit(), std::move(done));
  });
}

void TopicLeader::read_anywhere(Offset from, storage::BatchesDone done) {
  if (from >= leader_.base()) return leader_.read(from, limits::kGroupReadBytes, std::move(done));
  const metadata::TopicPtr topic = context_.metadata.view()->find_topic(topic_);
  const metadata::SegmentInfo* segment = topic ? topic->holding(from) : nullptr;
  if (segment == nullptr || !segment->sealed()) {
    return done(fail(ErrorCode::kUnavailable, "the segment at the cursor is not known here yet"));
  }
  context_.reader.read_sealed(*topic, *segment, from, limits::kGroupReadBytes, std::move(done));
}

Result<std::string> TopicLeader::state_json() const {
  if (roll_ == Roll::kProposing || roll_ == Roll::kRetired) return fail(ErrorCode::kNotLeader);
  const metadata::TopicPtr topic = context_.metadata.view()->find_topic(topic_);
  nlohmann::ordered_json state;
  state["topic"] = name_;
  state["segments"] = nlohmann::ordered_json::array();
  for (const metadata::SegmentInfo& segment : topic ? topic->segments : metadata::SegmentList()) {
    const bool open_here = segment.id == segment_id_ && !segment.sealed();
    const std::uint64_t count = open_here ? leader_.commit() - segment.base : segment.end - segment.base;
    nlohmann::ordered_json row;
    row["segment_id"] = segment.id.value();
    row["leader_node"] = segment.leader.value();
    row["sealed"] = segment.sealed();
    row["entry_count"] = segment.sealed() || open_here ? count : 0;
    row["base_offset"] = segment.base.value();
    row["epoch"] = segment.epoch.value();
    row["replicas"] = nlohmann::ordered_json::array();
    for (const NodeId replica : segment.replicas) row["replicas"].push_back(replica.value());
    if (segment.lost()) row["lost"] = true;
    state["segments"].push_back(std::move(row));
  }
  state["cursor_position"] = groups_.shared().position().value();
  state["total_entries"] = leader_.commit().value();
  const SyncPolicy fsync = options_.fsync.value_or(context_.options.fsync);
  state["fsync"] = to_string(fsync);
  if (!fsync.always()) state["weaker_than_fsync_always"] = true;
  if (options_.retention_ms != 0) state["retention_ms"] = options_.retention_ms;
  if (options_.retention_bytes != 0) state["retention_bytes"] = options_.retention_bytes;
  if (options_.retention_records != 0) state["retention_records"] = options_.retention_records;
  state["start_offset"] = topic ? topic->start().value() : 0;
  return state.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void TopicLeader::follow(const metadata::TopicInfo& topic) {
  options_ = topic.options;
  segment_.set_sync(options_.fsync.value_or(context_.options.fsync));
}

}  // namespace walrus::broker
