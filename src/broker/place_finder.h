// Which offset `earliest`, `latest` or a time means in a topic at this moment. Any node can tell: the beginning and the
// sealed segments' latest times stand in the metadata; the end is said by the leader, confirmed by a quorum; inside of
// a segment a holder looks at its index.
//
// Errors: those of reads (kNotLeader, kUnavailable …: ask again). Loop thread only.
#pragma once

#include "broker/leader_client.h"
#include "broker/topic_reader.h"
#include "protocol/read_requests.h"

namespace walrus::broker {

class PlaceFinder {
 public:
  PlaceFinder(LeaderClient& leader, TopicReader& reader) : leader_(leader), reader_(reader) {}

  /// A time means the first record that is not older, or the end. `done` may run before the call returns.
  void find(const metadata::TopicInfo& topic, protocol::Place place, storage::OffsetDone done);

 private:
  void find_time(const metadata::TopicInfo& topic, std::size_t segment, std::int64_t timestamp_ms,
                 storage::OffsetDone done);

  LeaderClient& leader_;
  TopicReader& reader_;
};

}  // namespace walrus::broker
