#include "broker/peer_service.h"

#include <algorithm>
#include <utility>

#include "io/message.h"
#include "peer.pb.h"
#include "replication/batch_body.h"
#include "storage/record_batch.h"

namespace walrus::broker {

namespace {

constexpr std::size_t kMaxFetchBytes = 4 * limits::kMiB;

io::Message taken_message(const Taken& taken) {
  peer::TakeReply header;
  header.set_at_end(taken.at_end);
  std::string body;
  for (const std::string_view payload : taken.payloads) {
    header.add_sizes(static_cast<std::uint32_t>(payload.size()));
    body.append(payload);
  }
  return io::make_message(peer::TAKE_REPLY, header, SharedBytes(std::move(body)));
}

void reply_with_batches(Result<storage::Batches> batches, Offset readable_end, io::Reply reply) {
  if (!batches) return reply(fail(batches.error()));
  peer::FetchReply header;
  header.set_readable_end(readable_end.value());
  reply(io::make_message(peer::FETCH_REPLY, header, replication::join_batches(*batches)));
}

}  // namespace

void PeerService::handle(NodeId from, metadata::Version version, const io::Message& message, io::Reply reply) {
  // Replicas answer at once: a message names its segment whole, and who is behind must not hold up a quorum.
  if (replicas_.handle(message, reply)) return;
  auto carry_out = [this, from, message, reply = std::move(reply)](const Status& caught_up) mutable {
    if (!caught_up) return reply(fail(ErrorCode::kNotLeader, "this node's metadata is behind"));
    switch (message.type) {
      case peer::APPEND:
        return append(from, message, std::move(reply));
      case peer::TAKE:
        return take(message, std::move(reply));
      case peer::SETTLE:
        return settle(message, std::move(reply));
      case peer::FETCH:
        return fetch(message, std::move(reply));
      case peer::WATCH:
        return watch(message, std::move(reply));
      case peer::GROUP:
        return group(message, std::move(reply));
      case peer::LOCATE:
        return locate(message, std::move(reply));
      default:
        return state(message, std::move(reply));
    }
  };
  if (metadata_.view()->version() >= version) return carry_out({});
  metadata_.wait_for(version, kCatchUpTimeout, std::move(carry_out));
}

void PeerService::drop_deleted() {
  const metadata::ViewPtr view = metadata_.view();
  std::erase_if(streams_, [&view](const auto& stream) { return view->find_topic(stream.first.topic) == nullptr; });
}

void PeerService::append(NodeId from, const io::Message& message, io::Reply reply) {
  const auto request = io::parse_header<peer::Append>(message, peer::APPEND);
  if (!request) return reply(fail(request.error()));
  auto header = storage::check_batch(message.body.view());
  if (!header) return reply(fail(header.error()));
  Stream& stream = streams_[{TopicId(request->topic_id()), from}];
  const bool continues = stream.number == request->stream() && stream.next == request->sequence();
  const bool starts = stream.number != request->stream() && request->sequence() == 0;
  if (!continues && !starts) return reply(fail(ErrorCode::kUnavailable, "a batch before this one was refused"));
  auto leader = leaders_.find(TopicId(request->topic_id()), Epoch(request->epoch()));
  if (!leader) return reply(fail(leader.error()));
  WriteTerms terms{
      .records = header->records, .expected_end = {}, .token = {}, .producer = storage::producer_of(*header)};
  if (request->has_expected_end()) terms.expected_end = Offset(request->expected_end());
  if (request->has_token()) terms.token = request->token();
  std::string batch(message.body.view());
  replication::SegmentLeader::AppendDone done = [reply = std::move(reply)](Result<Offset> first) mutable {
    if (!first) return reply(fail(first.error()));
    peer::AppendReply answer;
    answer.set_first_offset(first->value());
    reply(io::make_message(peer::APPEND_REPLY, answer));
  };
  const Status appended = (*leader)->append(batch, terms, done);
  if (appended || is_verdict(appended.error().code)) {
    stream = {.number = request->stream(), .next = request->sequence() + 1};
  }
  if (!appended) done(fail(appended.error()));
}

void PeerService::take(const io::Message& message, io::Reply reply) {
  const auto request = io::parse_header<peer::Take>(message, peer::TAKE);
  if (!request) return reply(fail(request.error()));
  auto leader = leaders_.find(TopicId(request->topic_id()), Epoch(request->epoch()));
  if (!leader) return reply(fail(leader.error()));
  (*leader)->take(request->max_records(), request->max_bytes(),
                  [reply = std::move(reply)](Result<Taken> taken) mutable {
                    if (!taken) return reply(fail(taken.error()));
                    reply(taken_message(*taken));
                  });
}

void PeerService::fetch(const io::Message& message, io::Reply reply) {
  const auto request = io::parse_header<peer::Fetch>(message, peer::FETCH);
  if (!request) return reply(fail(request.error()));
  const metadata::TopicPtr topic = metadata_.view()->find_topic(TopicId(request->topic_id()));
  const metadata::SegmentInfo* segment = topic ? topic->find(SegmentId(request->segment_id())) : nullptr;
  if (segment == nullptr) return reply(fail(ErrorCode::kNotFound, "no such segment"));
  const Offset from(request->from());
  const std::size_t max_bytes = std::min<std::size_t>(request->max_bytes(), kMaxFetchBytes);
  if (segment->sealed() && from >= segment->end) return reply(fail(ErrorCode::kNotLeader, "a later segment holds it"));
  if (segment->sealed()) {
    auto done = [end = segment->end, reply = std::move(reply)](Result<storage::Batches> batches) mutable {
      reply_with_batches(std::move(batches), end, std::move(reply));
    };
    return reader_.read_local(*topic, *segment, from, max_bytes, std::move(done));
  }
  auto leader = leaders_.find(*topic);
  if (!leader) return reply(fail(leader.error()));
  (*leader)->read(from, max_bytes, [reply = std::move(reply)](Result<TailRead> read) mutable {
    if (!read) return reply(fail(read.error()));
    reply_with_batches(std::move(read->batches), read->end, std::move(reply));
  });
}

void PeerService::watch(const io::Message& message, io::Reply reply) {
  const auto request = io::parse_header<peer::Watch>(message, peer::WATCH);
  if (!request) return reply(fail(request.error()));
  auto leader = leaders_.find(TopicId(request->topic_id()), Epoch(request->epoch()));
  if (!leader) return reply(fail(leader.error()));
  const auto hold = std::min<io::Duration>(std::chrono::milliseconds(request->hold_ms()), limits::kWatchHold);
  (*leader)->await_commit(Offset(request->beyond()), hold, [reply = std::move(reply)](Result<Offset> commit) mutable {
    if (!commit) return reply(fail(commit.error()));
    peer::WatchReply answer;
    answer.set_commit(commit->value());
    reply(io::make_message(peer::WATCH_REPLY, answer));
  });
}

void PeerService::group(const io::Message& message, io::Reply reply) {
  const auto request = io::parse_header<peer::Group>(message, peer::GROUP);
  if (!request) return reply(fail(request.error()));
  auto call = read_call(*request);
  if (!call) return reply(fail(call.error()));
  auto leader = leaders_.find(TopicId(request->topic_id()), Epoch(request->epoch()));
  if (!leader) return reply(fail(leader.error()));
  (*leader)->group(std::move(*call), [reply = std::move(reply)](Result<GroupAnswer> answer) mutable {
    if (!answer) return reply(fail(answer.error()));
    reply(group_reply(*answer));
  });
}

void PeerService::locate(const io::Message& message, io::Reply reply) {
  const auto request = io::parse_header<peer::Locate>(message, peer::LOCATE);
  if (!request) return reply(fail(request.error()));
  const metadata::TopicPtr topic = metadata_.view()->find_topic(TopicId(request->topic_id()));
  const metadata::SegmentInfo* segment = topic ? topic->find(SegmentId(request->segment_id())) : nullptr;
  if (segment == nullptr) return reply(fail(ErrorCode::kNotFound, "no such segment"));
  storage::OffsetDone done = [reply = std::move(reply)](Result<Offset> offset) mutable {
    if (!offset) return reply(fail(offset.error()));
    peer::LocateReply answer;
    answer.set_offset(offset->value());
    reply(io::make_message(peer::LOCATE_REPLY, answer));
  };
  if (segment->sealed() && request->end()) return done(fail(ErrorCode::kNotLeader, "a later segment holds the end"));
  if (segment->sealed()) return reader_.find_time_local(*topic, *segment, request->timestamp_ms(), std::move(done));
  auto leader = leaders_.find(*topic);
  if (!leader) return done(fail(leader.error()));
  if (request->end()) return (*leader)->find_end(std::move(done));
  (*leader)->find_time(request->timestamp_ms(), std::move(done));
}

void PeerService::settle(const io::Message& message, io::Reply reply) {
  const auto request = io::parse_header<peer::Settle>(message, peer::SETTLE);
  if (!request) return reply(fail(request.error()));
  auto leader = leaders_.find(TopicId(request->topic_id()), Epoch(request->epoch()));
  if (!leader) return reply(fail(leader.error()));
  (*leader)->settle([reply = std::move(reply)](Result<Offset> end) mutable {
    if (!end) return reply(fail(end.error()));
    peer::SettleReply answer;
    answer.set_end(end->value());
    reply(io::make_message(peer::SETTLE_REPLY, answer));
  });
}

void PeerService::state(const io::Message& message, io::Reply reply) {
  const auto request = io::parse_header<peer::State>(message, peer::STATE);
  if (!request) return reply(fail(request.error()));
  auto leader = leaders_.find(TopicId(request->topic_id()), Epoch(request->epoch()));
  if (!leader) return reply(fail(leader.error()));
  (*leader)->state([reply = std::move(reply)](Result<std::string> json) mutable {
    if (!json) return reply(fail(json.error()));
    reply(io::Message{.type = peer::STATE_REPLY, .header = {}, .body = SharedBytes(std::move(*json))});
  });
}

}  // namespace walrus::broker
