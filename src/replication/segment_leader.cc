#include "replication/segment_leader.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "storage/record_batch.h"

namespace walrus::replication {

SegmentLeader::SegmentLeader(storage::Segment& segment, Epoch epoch, std::vector<NodeId> replicas, NodeId self)
    : segment_(segment), epoch_(epoch), quorum_(replicas.size(), segment.base()) {
  const auto own = std::ranges::find(replicas, self);
  WALRUS_ASSERT(own != replicas.end(), "the leader of a segment is one of its replicas");
  self_index_ = static_cast<std::size_t>(own - replicas.begin());
  quorum_.advance(self_index_, segment_.durable_end());
  segment_.watch([this] { on_durable(); });
}

SegmentLeader::~SegmentLeader() {
  segment_.watch({});
  fail_waiting({ErrorCode::kOutcomeUnknown, "the leader of the segment stopped"});
}

Status SegmentLeader::append(std::string& batch, std::uint32_t records, AppendDone& done) {
  if (closed_) return fail(ErrorCode::kNotLeader);
  const Offset first = segment_.end();
  storage::set_base_offset(batch, first);
  const SharedBytes shared(std::move(batch));
  if (Status appended = segment_.append(shared); !appended) {
    batch.assign(shared.view());
    return appended;
  }
  WALRUS_ASSERT(segment_.end() == first + records, "a batch takes as many offsets as it has records");
  waiting_.push_back({.first = first, .end = segment_.end(), .done = std::move(done)});
  return {};
}

void SegmentLeader::read(Offset from, std::size_t max_bytes, storage::BatchesDone done) {
  segment_.read(from, commit(), max_bytes, std::move(done));
}

void SegmentLeader::on_durable() {
  quorum_.advance(self_index_, segment_.durable_end());
  release_committed();
  if (const Status status = segment_.status(); !status) {
    closed_ = true;
    fail_waiting({ErrorCode::kOutcomeUnknown, status.error().message()});
  }
  if (moved_) moved_();
}

void SegmentLeader::release_committed() {
  while (!waiting_.empty() && waiting_.front().end <= commit()) {
    Waiting committed = std::move(waiting_.front());
    waiting_.pop_front();
    committed.done(committed.first);
  }
}

void SegmentLeader::fail_waiting(const Error& error) {
  std::deque<Waiting> failed = std::exchange(waiting_, {});
  for (Waiting& waiting : failed) waiting.done(fail(error));
}

}  // namespace walrus::replication
