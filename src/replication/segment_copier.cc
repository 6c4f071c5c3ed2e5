#include "replication/segment_copier.h"

#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "io/message.h"
#include "peer.pb.h"
#include "replication/batch_body.h"
#include "storage/record_batch.h"

namespace walrus::replication {

namespace {
constexpr io::Duration kOverloadedPause = std::chrono::milliseconds(100);
}  // namespace

SegmentCopier::SegmentCopier(Place place, CopyOptions options, io::Done done)
    : place_(place), options_(std::move(options)), done_(std::move(done)) {}

void SegmentCopier::start() {
  const SealedSegment& segment = options_.segment;
  // Nothing of an earlier epoch is accepted any more, and what lies beyond the end is cut.
  place_.replicas.settle(segment.key, segment.base, segment.end, options_.next_epoch,
                         [weak = weak_from_this()](const Result<bool>& whole) {
                           const auto self = weak.lock();
                           if (!self || !self->done_) return;
                           if (!whole) return self->begin_anew();
                           if (*whole) {
                             self->left_over_ = true;
                             return self->verify();
                           }
                           const auto own = self->own();
                           self->left_over_ = own && (*own)->end() > self->options_.segment.base;
                           self->fetch_next();
                         });
}

void SegmentCopier::stop() {
  done_ = {};
  timer_.cancel();
  if (verifier_) verifier_->stop();
}

Result<storage::Segment*> SegmentCopier::own() {
  return place_.store.open_segment(options_.segment.key, options_.segment.base);
}

void SegmentCopier::fetch_next() {
  if (!done_) return;
  auto segment = own();
  if (!segment || !(*segment)->status() || ((*segment)->sealed() && (*segment)->end() < options_.segment.end)) {
    return begin_anew();
  }
  if ((*segment)->end() >= options_.segment.end) return make_durable();
  if (source_ >= options_.sources.size()) {
    return finish(fail(ErrorCode::kUnavailable, "no node that holds the segment could send it"));
  }
  peer::Fetch request;
  request.set_topic_id(options_.segment.key.topic.value());
  request.set_segment_id(options_.segment.key.segment.value());
  request.set_from((*segment)->end().value());
  request.set_max_bytes(limits::kRepairChunkBytes);
  request.set_version(options_.version);
  place_.transport.call(options_.sources[source_], io::make_message(peer::FETCH, request), limits::kCallTimeout,
                        [weak = weak_from_this()](Result<io::Message> reply) {
                          if (const auto self = weak.lock()) self->on_fetched(std::move(reply));
                        });
}

void SegmentCopier::on_fetched(Result<io::Message> reply) {
  if (!done_) return;
  if (!reply) return next_source(reply.error());
  auto batches = split_batches(reply->body);
  if (!batches) return next_source(batches.error());
  if (batches->empty()) return next_source({ErrorCode::kUnavailable, "nothing was sent"});
  if (Status appended = append(*batches); !appended) {
    if (appended.error().code == ErrorCode::kOverloaded) return later(kOverloadedPause, &SegmentCopier::fetch_next);
    if (appended.error().code == ErrorCode::kCorrupt) return next_source(appended.error());
    return finish(std::move(appended));
  }
  bytes_ += reply->body.size();
  later(place_.limit.charge(reply->body.size(), place_.loop.now()), &SegmentCopier::fetch_next);
}

Status SegmentCopier::append(const storage::Batches& batches) {
  WALRUS_ASSIGN(storage::Segment * segment, own());
  for (const SharedBytes& batch : batches) {
    WALRUS_ASSIGN(const auto header, storage::parse_batch_header(batch.view()));
    if (header.end_offset() <= segment->end()) continue;  // a late message of the segment's leader brought it
    if (header.base_offset != segment->end() || header.end_offset() > options_.segment.end) {
      return fail(ErrorCode::kCorrupt, "batches that do not follow what is here");
    }
    WALRUS_TRY(segment->append(batch));
  }
  return {};
}

/// Synced whatever the topic's policy: a copy that is listed stands for one that may be dropped.
void SegmentCopier::make_durable() {
  auto segment = own();
  if (!segment) return finish(fail(segment.error()));
  (*segment)->promise(options_.next_epoch, [weak = weak_from_this()](const Status& synced) {
    const auto self = weak.lock();
    if (!self || !self->done_) return;
    if (!synced) return self->finish(synced);
    self->on_durable();
  });
}

void SegmentCopier::on_durable() {
  auto segment = own();
  if (!segment) return finish(fail(segment.error()));
  if (const Status status = (*segment)->status(); !status) return finish(fail(status.error()));
  if ((*segment)->end() < options_.segment.end) return fetch_next();  // set aside meanwhile, by somebody else
  verify();
}

void SegmentCopier::verify() {
  verifier_ = std::make_shared<SegmentVerifier>(place_.loop, place_.store, place_.limit, options_.segment,
                                                [weak = weak_from_this()](const Status& status) {
                                                  if (const auto self = weak.lock()) self->on_verified(status);
                                                });
  verifier_->start();
}

void SegmentCopier::on_verified(const Status& status) {
  if (!done_) return;
  if (status) {
    if (auto segment = own()) (*segment)->seal();
    return finish({});
  }
  if (status.error().code != ErrorCode::kCorrupt) return finish(fail(status.error()));
  log::warn("topic {} segment {}: the copy here is not what was sealed: {}", options_.segment.key.topic,
            options_.segment.key.segment, status.error().message());
  if (left_over_) return begin_anew();
  // All of it came from the nodes that were asked, so the last one of them is not to be believed.
  ++source_;
  if (source_ >= options_.sources.size()) return finish(fail(status.error()));
  begin_anew();
}

void SegmentCopier::next_source(const Error& trouble) {
  const NodeId source = options_.sources[source_++];
  log::warn("topic {} segment {}: node {} could not send it: {}", options_.segment.key.topic,
            options_.segment.key.segment, source, trouble.message());
  fetch_next();
}

void SegmentCopier::begin_anew() { later(io::Duration(0), &SegmentCopier::set_aside); }

void SegmentCopier::set_aside() {
  if (!done_) return;
  left_over_ = false;
  place_.replicas.forget(options_.segment.key);
  if (Status aside = place_.store.set_aside(options_.segment.key, options_.segment.base); !aside)
    return finish(std::move(aside));
  fetch_next();
}

void SegmentCopier::later(io::Duration delay, void (SegmentCopier::*step)()) {
  timer_ = place_.loop.after(delay, [self = shared_from_this(), step] { (self.get()->*step)(); });
}

void SegmentCopier::finish(Status status) {
  timer_.cancel();
  if (io::Done done = std::exchange(done_, {})) done(std::move(status));
}

}  // namespace walrus::replication
