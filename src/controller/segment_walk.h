// Goes through the sealed segments of a view again and again, so many at a time, and rests when there is nothing to do:
// after a whole round in which nobody asked for another look, until the view has changed or wake() was called.
//
// One thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "metadata/view.h"

namespace walrus::controller {

class SegmentWalk {
 public:
  /// True: there is something to do about the segment, look at it again in the next round.
  using Visit = std::function<bool(const metadata::TopicPtr& topic, const metadata::SegmentInfo& segment)>;

  /// Visits about `most` segments; a topic is never split.
  void step(const metadata::View& view, std::size_t most, const Visit& visit);
  void wake() { resting_ = false; }

 private:
  void begin_round(metadata::Version version);

  std::size_t bucket_ = metadata::View::kBuckets;
  std::string behind_;             // topic of that bucket that was visited last
  metadata::Version version_ = 0;  // of the view that the round began with
  bool again_ = true;              // somebody asked for another look in this round
  bool resting_ = false;
};

}  // namespace walrus::controller
