#include "broker/topic_reader.h"

#include <fmt/core.h>

#include <utility>
#include <vector>

#include "base/limits.h"
#include "io/message.h"
#include "peer.pb.h"
#include "replication/batch_body.h"

namespace walrus::broker {

void TopicReader::read_sealed(const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment, Offset from,
                              std::size_t max_bytes, storage::BatchesDone done) {
  if (segment.lost()) {
    return done(fail(ErrorCode::kCorrupt, fmt::format("topic {} segment {} is lost: the disks of all that held it are "
                                                      "gone",
                                                      topic.name, segment.id)));
  }
  std::vector<NodeId> others = segment.replicas;
  if (std::erase(others, self_) == 0) return fetch(topic.id, segment.id, others, from, max_bytes, std::move(done));
  auto or_elsewhere = [this, id = topic.id, segment = segment.id, others = std::move(others), from, max_bytes,
                       done = std::move(done)](Result<storage::Batches> batches) mutable {
    if (batches || others.empty()) return done(std::move(batches));
    fetch(id, segment, std::move(others), from, max_bytes, std::move(done));
  };
  read_local(topic, segment, from, max_bytes, std::move(or_elsewhere));
}

Result<storage::Segment*> TopicReader::open_local(const metadata::TopicInfo& topic,
                                                  const metadata::SegmentInfo& segment) {
  if (!segment.has_replica(self_)) return fail(ErrorCode::kNotFound, "this node holds no replica of the segment");
  const storage::SegmentKey key{topic.id, segment.id};
  WALRUS_ASSIGN(storage::Segment * opened, store_.open_segment(key, segment.base));
  if (opened->end() >= segment.end) return opened;
  damaged_(key);
  return fail(ErrorCode::kCorrupt, fmt::format("topic {} segment {}: the file here ends at {}, not at {}", topic.name,
                                               segment.id, opened->end(), segment.end));
}

void TopicReader::read_local(const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment, Offset from,
                             std::size_t max_bytes, storage::BatchesDone done) {
  auto opened = open_local(topic, segment);
  if (!opened) return done(fail(opened.error()));
  (*opened)->read(from, segment.end, max_bytes,
                  [this, key = (*opened)->key(), done = std::move(done)](Result<storage::Batches> batches) mutable {
                    if (!batches && batches.error().code == ErrorCode::kCorrupt) damaged_(key);
                    done(std::move(batches));
                  });
}

void TopicReader::find_time(const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment,
                            std::int64_t timestamp_ms, storage::OffsetDone done) {
  std::vector<NodeId> others = segment.replicas;
  if (std::erase(others, self_) == 0) return locate(topic.id, segment.id, others, timestamp_ms, std::move(done));
  auto or_elsewhere = [this, id = topic.id, segment = segment.id, others = std::move(others), timestamp_ms,
                       done = std::move(done)](Result<Offset> found) mutable {
    if (found || others.empty()) return done(std::move(found));
    locate(id, segment, std::move(others), timestamp_ms, std::move(done));
  };
  find_time_local(topic, segment, timestamp_ms, std::move(or_elsewhere));
}

void TopicReader::find_time_local(const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment,
                                  std::int64_t timestamp_ms, storage::OffsetDone done) {
  auto opened = open_local(topic, segment);
  if (!opened) return done(fail(opened.error()));
  (*opened)->find_time(timestamp_ms, segment.end, std::move(done));
}

void TopicReader::fetch(TopicId topic, SegmentId segment, std::vector<NodeId> holders, Offset from,
                        std::size_t max_bytes, storage::BatchesDone done) {
  if (holders.empty()) return done(fail(ErrorCode::kUnavailable, "no node that holds the segment answers"));
  const NodeId holder = holders.back();
  holders.pop_back();
  peer::Fetch request;
  request.set_topic_id(topic.value());
  request.set_segment_id(segment.value());
  request.set_from(from.value());
  request.set_max_bytes(static_cast<std::uint32_t>(max_bytes));
  request.set_version(metadata_.view()->version());
  auto on_reply = [this, topic, segment, holders = std::move(holders), from, max_bytes,
                   done = std::move(done)](Result<io::Message> reply) mutable {
    if (!reply) return fetch(topic, segment, std::move(holders), from, max_bytes, std::move(done));
    auto batches = replication::split_batches(reply->body);
    if (!batches || batches->empty()) {
      return fetch(topic, segment, std::move(holders), from, max_bytes, std::move(done));
    }
    done(std::move(*batches));
  };
  transport_.call(holder, io::make_message(peer::FETCH, request), limits::kCallTimeout, std::move(on_reply));
}

void TopicReader::locate(TopicId topic, SegmentId segment, std::vector<NodeId> holders, std::int64_t timestamp_ms,
                         storage::OffsetDone done) {
  if (holders.empty()) return done(fail(ErrorCode::kUnavailable, "no node that holds the segment answers"));
  const NodeId holder = holders.back();
  holders.pop_back();
  peer::Locate request;
  request.set_topic_id(topic.value());
  request.set_segment_id(segment.value());
  request.set_version(metadata_.view()->version());
  request.set_timestamp_ms(timestamp_ms);
  auto on_reply = [this, topic, segment, holders = std::move(holders), timestamp_ms,
                   done = std::move(done)](Result<io::Message> reply) mutable {
    if (reply) {
      const auto header = io::parse_header<peer::LocateReply>(*reply, peer::LOCATE_REPLY);
      if (header) return done(Offset(header->offset()));
    }
    locate(topic, segment, std::move(holders), timestamp_ms, std::move(done));
  };
  transport_.call(holder, io::make_message(peer::LOCATE, request), limits::kCallTimeout, std::move(on_reply));
}

}  // namespace walrus::broker
