// Holds what the clients of one topic saw against what lies on every replica, after all faults are healed and all nodes
// are stopped. docs/INVARIANTS.md has the names.
//
// Checked: copies of a segment are equal wherever they overlap (I4) and whole where the metadata says so (I8); bases
// follow ends (I6); every acknowledged record is there (I1), none twice (I10), none that was refused or that nobody has
// sent; a record that was acknowledged before another one was sent stands in front of it, whoever sent the two; what
// was delivered is in the log, and every acknowledged record was delivered, except for as many as GETs were lost; EMPTY
// was true when it was said. Pure, but for the files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/chaos/call_log.h"
#include "tests/chaos/replica_reader.h"
#include "tests/chaos/topic_layout.h"

namespace walrus::chaos {

struct TopicHistory {
  std::vector<const ProducerLog*> producers;
  std::vector<const ConsumerLog*> consumers;
  bool drained = false;  ///< consumers have met EMPTY after the last PUT
};

struct TopicVerdict {
  std::vector<std::string> violations;  ///< the first few of each kind
  std::vector<RecordId> log;            ///< the topic's content, offset by offset
  std::uint64_t copies = 0;             ///< of segments, read and compared
  std::uint64_t unlisted = 0;           ///< of these, copies that the metadata does not count
  std::uint64_t delivered_again = 0;
  std::uint64_t never_delivered = 0;
  std::uint64_t thin_segments = 0;  ///< with fewer holders than the widest segment of the topic
};

TopicVerdict check_topic(const TopicLayout& layout, const std::map<std::uint64_t, std::filesystem::path>& folders,
                         const TopicHistory& history);

/// The part of check_topic() behind the files: `log` is the topic's content, offset by offset.
void check_history(const std::vector<RecordId>& log, const TopicHistory& history, TopicVerdict& verdict);

/// The copies of one segment against each other and its layout; returns the content to go on with.
std::vector<RecordId> check_copies(const SegmentLayout& segment, const std::vector<ReplicaCopy>& copies,
                                   const TopicHistory& history, TopicVerdict& verdict);

}  // namespace walrus::chaos
