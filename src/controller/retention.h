// What retention takes off the front of topics, given what the metadata says of their sealed segments. Pure.
//
// A segment goes when any bound of its topic says so and all before it go, too: its latest record is older than
// retention_ms, or the sealed segments behind it alone still hold retention_bytes, or retention_records. The open
// segment is not counted, so that never more goes than asked. Leaders roll a segment early where a bound is near
// (broker/topic_leader.h), so that what is kept beyond it stays small.
#pragma once

#include <vector>

#include "metadata.pb.h"
#include "metadata/view.h"

namespace walrus::controller {

/// A TrimTopic for each topic that keeps too much; at most `most`. `now_ms` as in Loop::wall_ms().
std::vector<metadata::Command> plan_trims(const metadata::View& view, std::int64_t now_ms, std::size_t most);

}  // namespace walrus::controller
