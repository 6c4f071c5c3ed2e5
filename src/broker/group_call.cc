#include "broker/group_call.h"

#include <utility>

#include "io/message.h"
#include "peer.pb.h"
#include "replication/batch_body.h"

namespace walrus::broker {

void write_call(const GroupCall& call, peer::Group& to) {
  to.set_verb(static_cast<std::uint32_t>(call.verb));
  to.set_group(call.group);
  to.set_offset(call.offset.value());
  to.set_records(call.records);
  to.set_bytes(call.bytes);
  to.set_advance(call.advance);
  to.set_wait_ms(static_cast<std::uint32_t>(call.wait.count()));
  for (const protocol::OffsetSpan& span : call.queue.spans) {
    to.add_spans(span.first);
    to.add_spans(span.last);
  }
  to.set_tries(call.queue.tries);
  if (call.queue.visible_ms) to.set_visible_ms(*call.queue.visible_ms);
  if (call.queue.delay_ms) to.set_delay_ms(*call.queue.delay_ms);
  if (call.queue.max_tries) to.set_max_tries(*call.queue.max_tries);
  if (call.queue.in_flight) to.set_in_flight(*call.queue.in_flight);
  if (call.queue.dead_topic) to.set_dead_topic(*call.queue.dead_topic);
}

namespace {

/// The bounds that the node of the client has seen to.
bool within_bounds(const GroupCall& call) {
  const auto most_ms = static_cast<std::uint32_t>(limits::kMaxLeaseTime / std::chrono::milliseconds(1));
  const bool reads = call.verb == GroupCall::Verb::kRead || call.verb == GroupCall::Verb::kLease;
  if (reads && (call.records == 0 || call.bytes == 0 || call.wait > limits::kMaxReadWait)) return false;
  std::uint64_t count = 0;
  for (const protocol::OffsetSpan& span : call.queue.spans) {
    if (span.first > span.last || span.last - span.first >= limits::kMaxLeases) return false;
    count += span.last - span.first + 1;
  }
  return count <= limits::kMaxLeases && call.queue.visible_ms.value_or(0) <= most_ms &&
         call.queue.delay_ms.value_or(0) <= most_ms && call.queue.max_tries.value_or(0) <= limits::kMaxTries &&
         call.queue.in_flight.value_or(1) - 1 < limits::kMaxLeases;
}

}  // namespace

Result<GroupCall> read_call(const peer::Group& from) {
  if (from.verb() < 1 || from.verb() > static_cast<std::uint32_t>(GroupCall::Verb::kExtend)) {
    return fail(ErrorCode::kUnsupported, "a request about a group of a newer version");
  }
  GroupCall call{.verb = static_cast<GroupCall::Verb>(from.verb()),
                 .group = from.group(),
                 .offset = Offset(from.offset()),
                 .records = from.records(),
                 .bytes = from.bytes(),
                 .advance = from.advance(),
                 .wait = std::chrono::milliseconds(from.wait_ms())};
  for (int i = 0; i + 1 < from.spans_size(); i += 2) {
    call.queue.spans.push_back({.first = from.spans(i), .last = from.spans(i + 1)});
  }
  call.queue.tries = from.tries();
  if (from.has_visible_ms()) call.queue.visible_ms = from.visible_ms();
  if (from.has_delay_ms()) call.queue.delay_ms = from.delay_ms();
  if (from.has_max_tries()) call.queue.max_tries = from.max_tries();
  if (from.has_in_flight()) call.queue.in_flight = from.in_flight();
  if (from.has_dead_topic()) call.queue.dead_topic = from.dead_topic();
  if (!within_bounds(call)) return fail(ErrorCode::kCorrupt, "a request about a group out of its bounds");
  return call;
}

io::Message group_reply(const GroupAnswer& answer) {
  peer::GroupReply header;
  header.set_first(answer.first.value());
  header.set_next(answer.next.value());
  header.set_end(answer.end.value());
  header.set_json(answer.json);
  for (const std::uint32_t tries : answer.tries) header.add_tries(tries);
  return io::make_message(peer::GROUP_REPLY, header, replication::join_batches(answer.batches));
}

Result<GroupAnswer> group_answer_from(const io::Message& message) {
  WALRUS_ASSIGN(auto header, io::parse_header<peer::GroupReply>(message, peer::GROUP_REPLY));
  GroupAnswer answer{.first = Offset(header.first()),
                     .next = Offset(header.next()),
                     .end = Offset(header.end()),
                     .batches = {},
                     .json = std::move(*header.mutable_json()),
                     .tries = {header.tries().begin(), header.tries().end()}};
  if (!message.body.empty()) {
    WALRUS_ASSIGN(answer.batches, replication::split_batches(message.body));
  }
  return answer;
}

}  // namespace walrus::broker
