#include "broker/leader_client.h"

#include <fmt/core.h>

#include <utility>

#include "io/message.h"
#include "peer.pb.h"
#include "replication/batch_body.h"

namespace walrus::broker {

namespace {

/// The payloads of a TAKE reply as views into its body.
Result<Taken> taken_from(const io::Message& message) {
  WALRUS_ASSIGN(const auto header, io::parse_header<peer::TakeReply>(message, peer::TAKE_REPLY));
  Taken taken{.payloads = {}, .at_end = header.at_end(), .owners = {message.body}};
  std::string_view rest = message.body.view();
  for (const std::uint32_t size : header.sizes()) {
    if (size > rest.size()) return fail(ErrorCode::kOutcomeUnknown, "malformed answer from the topic's leader");
    taken.payloads.push_back(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  return taken;
}

}  // namespace

Status LeaderClient::reachable(const metadata::TopicInfo& topic) const {
  const NodeId leader = topic.last().leader;
  const metadata::NodeInfo* node = metadata_.view()->find_node(leader);
  if (node == nullptr || node->state != metadata::NodeState::kDown) return {};
  return fail(ErrorCode::kUnavailable, fmt::format("node {}, which leads the topic, is down", leader));
}

template <class Request>
Request LeaderClient::request_for(const metadata::TopicInfo& topic) const {
  Request request;
  request.set_topic_id(topic.id.value());
  request.set_segment_id(topic.last().id.value());
  request.set_epoch(topic.last().epoch.value());
  request.set_version(metadata_.view()->version());
  return request;
}

void LeaderClient::append(const metadata::TopicInfo& topic, const std::shared_ptr<std::string>& batch,
                          const WriteTerms& terms, StreamPosition position,
                          replication::SegmentLeader::AppendDone done) {
  if (local(topic)) {
    auto leader = leaders_.find(topic);
    if (!leader) return done(fail(leader.error()));
    // A message of an earlier try may still hold the bytes, or they may be needed once more: the leader gets a copy.
    const bool keep = batch.use_count() > 1 || terms.conditional();
    // Held: a leader that ends within append() answers at once, and then the batch may be gone, or another one's.
    const std::shared_ptr<std::string> held = batch;  // NOLINT(performance-unnecessary-copy-initialization)
    std::string bytes = keep ? *held : std::move(*held);
    const Status appended = (*leader)->append(bytes, terms, done);
    if (!keep) *held = std::move(bytes);  // to be sent again, or for its memory
    if (!appended) done(fail(appended.error()));
    return;
  }
  if (Status up = reachable(topic); !up) return done(fail(up.error()));
  auto on_reply = [done = std::move(done)](Result<io::Message> reply) mutable {
    if (!reply) return done(fail(reply.error()));
    auto header = io::parse_header<peer::AppendReply>(*reply, peer::APPEND_REPLY);
    if (!header) return done(fail(ErrorCode::kOutcomeUnknown, "malformed answer from the topic's leader"));
    done(Offset(header->first_offset()));
  };
  auto request = request_for<peer::Append>(topic);
  request.set_stream(position.stream);
  request.set_sequence(position.sequence);
  request.set_records(terms.records);
  if (terms.expected_end) request.set_expected_end(terms.expected_end->value());
  if (terms.token) request.set_token(*terms.token);
  transport_.call(topic.last().leader, io::make_message(peer::APPEND, request, SharedBytes(batch, *batch)),
                  limits::kCallTimeout, std::move(on_reply));
}

void LeaderClient::take(const metadata::TopicInfo& topic, std::uint32_t max_records, std::size_t max_bytes,
                        TakeDone done) {
  if (local(topic)) {
    auto leader = leaders_.find(topic);
    if (!leader) return done(fail(leader.error()));
    return (*leader)->take(max_records, max_bytes, std::move(done));
  }
  if (Status up = reachable(topic); !up) return done(fail(up.error()));
  auto request = request_for<peer::Take>(topic);
  request.set_max_records(max_records);
  request.set_max_bytes(static_cast<std::uint32_t>(max_bytes));
  transport_.call(topic.last().leader, io::make_message(peer::TAKE, request), limits::kCallTimeout,
                  [done = std::move(done)](Result<io::Message> reply) mutable {
                    if (!reply) return done(fail(reply.error()));
                    done(taken_from(*reply));
                  });
}

void LeaderClient::state(const metadata::TopicInfo& topic, StateDone done) {
  if (local(topic)) {
    auto leader = leaders_.find(topic);
    if (!leader) return done(fail(leader.error()));
    return (*leader)->state(std::move(done));
  }
  if (Status up = reachable(topic); !up) return done(fail(up.error()));
  transport_.call(topic.last().leader, io::make_message(peer::STATE, request_for<peer::State>(topic)),
                  limits::kCallTimeout, [done = std::move(done)](Result<io::Message> reply) mutable {
                    if (!reply) return done(fail(reply.error()));
                    done(std::string(reply->body.view()));
                  });
}

void LeaderClient::read(const metadata::TopicInfo& topic, Offset from, std::size_t max_bytes, TailReadDone done) {
  if (local(topic)) {
    auto leader = leaders_.find(topic);
    if (!leader) return done(fail(leader.error()));
    return (*leader)->read(from, max_bytes, std::move(done));
  }
  if (Status up = reachable(topic); !up) return done(fail(up.error()));
  peer::Fetch request;
  request.set_topic_id(topic.id.value());
  request.set_segment_id(topic.last().id.value());
  request.set_version(metadata_.view()->version());
  request.set_from(from.value());
  request.set_max_bytes(static_cast<std::uint32_t>(max_bytes));
  transport_.call(topic.last().leader, io::make_message(peer::FETCH, request), limits::kCallTimeout,
                  [done = std::move(done)](Result<io::Message> reply) mutable {
                    if (!reply) return done(fail(reply.error()));
                    auto header = io::parse_header<peer::FetchReply>(*reply, peer::FETCH_REPLY);
                    auto batches = replication::split_batches(reply->body);
                    if (!header || !batches)
                      return done(fail(ErrorCode::kUnavailable, "malformed answer of the leader"));
                    done(TailRead{.batches = std::move(*batches), .end = Offset(header->readable_end())});
                  });
}

void LeaderClient::await_commit(const metadata::TopicInfo& topic, Offset beyond, io::Duration hold, CommitDone done) {
  if (local(topic)) {
    auto leader = leaders_.find(topic);
    if (!leader) return done(fail(leader.error()));
    return (*leader)->await_commit(beyond, hold, std::move(done));
  }
  if (Status up = reachable(topic); !up) return done(fail(up.error()));
  auto request = request_for<peer::Watch>(topic);
  request.set_beyond(beyond.value());
  request.set_hold_ms(static_cast<std::uint32_t>(hold / std::chrono::milliseconds(1)));
  transport_.call(topic.last().leader, io::make_message(peer::WATCH, request), hold + limits::kCallTimeout,
                  [done = std::move(done)](Result<io::Message> reply) mutable {
                    if (!reply) return done(fail(reply.error()));
                    auto header = io::parse_header<peer::WatchReply>(*reply, peer::WATCH_REPLY);
                    if (!header) return done(fail(header.error()));
                    done(Offset(header->commit()));
                  });
}

void LeaderClient::group(const metadata::TopicInfo& topic, GroupCall call, GroupDone done) {
  if (local(topic)) {
    auto leader = leaders_.find(topic);
    if (!leader) return done(fail(leader.error()));
    return (*leader)->group(std::move(call), std::move(done));
  }
  if (Status up = reachable(topic); !up) return done(fail(up.error()));
  auto request = request_for<peer::Group>(topic);
  write_call(call, request);
  transport_.call(topic.last().leader, io::make_message(peer::GROUP, request), call.wait + limits::kCallTimeout,
                  [done = std::move(done)](Result<io::Message> reply) mutable {
                    if (!reply) return done(fail(reply.error()));
                    done(group_answer_from(*reply));
                  });
}

void LeaderClient::find_end(const metadata::TopicInfo& topic, storage::OffsetDone done) {
  if (local(topic)) {
    auto leader = leaders_.find(topic);
    if (!leader) return done(fail(leader.error()));
    return (*leader)->find_end(std::move(done));
  }
  peer::Locate request;
  request.set_end(true);
  locate(topic, std::move(request), std::move(done));
}

void LeaderClient::find_time(const metadata::TopicInfo& topic, std::int64_t timestamp_ms, storage::OffsetDone done) {
  if (local(topic)) {
    auto leader = leaders_.find(topic);
    if (!leader) return done(fail(leader.error()));
    return (*leader)->find_time(timestamp_ms, std::move(done));
  }
  peer::Locate request;
  request.set_timestamp_ms(timestamp_ms);
  locate(topic, std::move(request), std::move(done));
}

void LeaderClient::locate(const metadata::TopicInfo& topic, peer::Locate request, storage::OffsetDone done) {
  if (Status up = reachable(topic); !up) return done(fail(up.error()));
  request.set_topic_id(topic.id.value());
  request.set_segment_id(topic.last().id.value());
  request.set_version(metadata_.view()->version());
  transport_.call(topic.last().leader, io::make_message(peer::LOCATE, request), limits::kCallTimeout,
                  [done = std::move(done)](Result<io::Message> reply) mutable {
                    if (!reply) return done(fail(reply.error()));
                    auto header = io::parse_header<peer::LocateReply>(*reply, peer::LOCATE_REPLY);
                    if (!header) return done(fail(header.error()));
                    done(Offset(header->offset()));
                  });
}

void LeaderClient::settle(const metadata::TopicInfo& topic, SettleDone done) {
  if (local(topic)) {
    auto leader = leaders_.find(topic);
    if (!leader) return done(fail(leader.error()));
    return (*leader)->settle(std::move(done));
  }
  if (Status up = reachable(topic); !up) return done(fail(up.error()));
  transport_.call(topic.last().leader, io::make_message(peer::SETTLE, request_for<peer::Settle>(topic)),
                  limits::kCallTimeout, [done = std::move(done)](Result<io::Message> reply) mutable {
                    if (!reply) return done(fail(reply.error()));
                    auto header = io::parse_header<peer::SettleReply>(*reply, peer::SETTLE_REPLY);
                    if (!header) return done(fail(ErrorCode::kOutcomeUnknown, "malformed answer"));
                    done(Offset(header->end()));
                  });
}

}  // namespace walrus::broker
