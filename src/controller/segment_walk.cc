#include "controller/segment_walk.h"

namespace walrus::controller {

void SegmentWalk::begin_round(metadata::Version version) {
  bucket_ = 0;
  behind_.clear();
  version_ = version;
  again_ = false;
}

void SegmentWalk::step(const metadata::View& view, std::size_t most, const Visit& visit) {
  if (resting_ && view.version() == version_) return;
  resting_ = false;
  if (bucket_ == metadata::View::kBuckets) begin_round(view.version());
  std::size_t visited = 0;
  for (; bucket_ < metadata::View::kBuckets; ++bucket_, behind_.clear()) {
    const auto& topics = view.bucket(bucket_).topics;
    for (auto topic = topics.upper_bound(behind_); topic != topics.end(); ++topic) {
      if (visited >= most) return;
      for (const metadata::SegmentInfo& segment : topic->second->segments) {
        if (segment.sealed() && visit(topic->second, segment)) again_ = true;
      }
      visited += topic->second->segments.size();
      behind_ = topic->first;
    }
  }
  resting_ = !again_;
}

}  // namespace walrus::controller
