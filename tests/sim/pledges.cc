#include "tests/sim/pledges.h"

#include <fmt/core.h>

#include <algorithm>

#include "io/message.h"

namespace walrus::sim {

namespace {

template <class Header>
storage::SegmentKey segment_of(const Header& header) {
  return {TopicId(header.topic_id()), SegmentId(header.segment_id())};
}

}  // namespace

Pledges::Key Pledges::key_of(NodeId node, storage::SegmentKey segment) const {
  const Uuid disk = cluster_.disk_id(node);
  return {.node = node, .disk = {disk.high(), disk.low()}, .segment = segment};
}

Epoch Pledges::promised(NodeId node, storage::SegmentKey segment) const {
  const auto found = pledges_.find(key_of(node, segment));
  return found == pledges_.end() ? Epoch() : found->second.promise;
}

void Pledges::on_sent(const io::SimSent& sent) {
  const std::pair call{sent.connection, sent.frame.call_id};
  if (sent.frame.kind == io::SimFrame::Kind::kReply) {
    const auto asked = asked_.find(call);
    if (asked == asked_.end()) return;
    const Question question = asked->second;
    asked_.erase(asked);
    if (sent.frame.content) on_answer(sent.from, question, *sent.frame.content);
    return;
  }
  if (!sent.frame.content) return;
  if (const auto fence = io::parse_header<peer::Fence>(*sent.frame.content, peer::FENCE)) {
    asked_[call] = {segment_of(*fence), Epoch(fence->epoch())};
  } else if (const auto batch = io::parse_header<peer::Replicate>(*sent.frame.content, peer::REPLICATE)) {
    asked_[call] = {segment_of(*batch), Epoch(batch->epoch())};
  }
}

void Pledges::on_answer(NodeId node, const Question& question, const io::Message& answer) {
  ++heard_;
  if (const auto fenced = io::parse_header<peer::FenceReply>(answer, peer::FENCE_REPLY)) {
    if (!fenced->suspect()) on_fence_reply(node, question, *fenced);
  } else if (const auto replicated = io::parse_header<peer::ReplicateReply>(answer, peer::REPLICATE_REPLY)) {
    if (replicated->verdict() == peer::ReplicateReply::ACK) on_replicate_reply(node, question, *replicated);
  }
}

void Pledges::on_fence_reply(NodeId node, const Question& question, const peer::FenceReply& reply) {
  Pledge& pledge = pledges_[key_of(node, question.segment)];
  const Offset end(reply.durable_end());
  if (end < pledge.acknowledged && !sealed(question.segment)) {
    broken_(fmt::format("I9: node {} has acknowledged topic {} segment {} up to {} and tells a recoverer {}", node,
                        question.segment.topic, question.segment.segment, pledge.acknowledged, end));
  }
  pledge.promise = std::max(pledge.promise, question.epoch);
}

void Pledges::on_replicate_reply(NodeId node, const Question& question, const peer::ReplicateReply& reply) {
  Pledge& pledge = pledges_[key_of(node, question.segment)];
  const Offset end(reply.durable_end());
  if (question.epoch < pledge.promise) {
    broken_(fmt::format("I3: node {} has promised epoch {} for topic {} segment {} and acknowledges {} of epoch {}",
                        node, pledge.promise, question.segment.topic, question.segment.segment, end, question.epoch));
  }
  if (end < pledge.acknowledged && !sealed(question.segment)) {
    broken_(fmt::format("I9: node {} has acknowledged topic {} segment {} up to {}, and now only up to {}", node,
                        question.segment.topic, question.segment.segment, pledge.acknowledged, end));
  }
  pledge.acknowledged = std::max(pledge.acknowledged, end);
}

/// Then what lies beyond the end is cut, and a copy that is not whole is made anew.
bool Pledges::sealed(storage::SegmentKey segment) const {
  const metadata::TopicPtr topic = cluster_.newest_view()->find_topic(segment.topic);
  const metadata::SegmentInfo* info = topic ? topic->find(segment.segment) : nullptr;
  return info == nullptr || info->sealed();
}

}  // namespace walrus::sim
