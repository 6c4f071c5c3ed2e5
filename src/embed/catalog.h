// What a store knows: its topics with their segments, retention and cursors. A pure function of the sequence of catalog
// records: apply() takes one in, snapshot() gives the records that lead from nothing to here. One thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/ids.h"
#include "embed/catalog_format.h"

namespace walrus::embed {

class Catalog {
 public:
  struct Segment {
    SegmentId id;
    Offset base;
    std::int64_t newest_ms = 0;  ///< when the last record was appended; 0 of the open segment: not known here
  };
  struct Topic {
    std::string name;
    Offset start;
    catalog::Retention retention;
    std::vector<Segment> segments;  ///< ascending; the last is the open one; empty only just after creation
    std::map<std::string, Offset> cursors;
  };

  /// kCorrupt when the record does not fit what is known; then nothing has changed. One about a topic that was removed
  /// before it has no effect: removals overtake, say, the positions of cursors.
  Status apply(const catalog::Record& record);
  std::vector<catalog::Record> snapshot() const;

  const std::map<TopicId, Topic>& topics() const { return topics_; }
  /// Higher than every topic's, of all times.
  TopicId next_topic() const { return next_topic_; }

 private:
  Status take(const catalog::SnapshotBegins& record);
  Status take(const catalog::TopicCreated& record);
  Status take(const catalog::TopicRemoved& record);
  Status take(const catalog::SegmentOpened& record);
  Status take(const catalog::StartMoved& record);
  Status take(const catalog::RetentionSet& record);
  Status take(const catalog::CursorMoved& record);
  Status take(const catalog::CursorRemoved& record);

  bool began_ = false;
  std::map<TopicId, Topic> topics_;
  TopicId next_topic_{1};
};

}  // namespace walrus::embed
