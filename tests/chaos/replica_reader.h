// Reads one node's copy of a segment from its directory, without a server, every CRC checked. The node has been stopped
// cleanly: then all of it is in the segment's file. Blocking; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/chaos/call_log.h"

namespace walrus::chaos {

struct ReplicaCopy {
  std::uint64_t node = 0;
  std::uint64_t base = 0;
  std::vector<RecordId> records;  ///< from base on
  std::string trouble;            ///< damage, or bytes that nobody has sent; empty when there is none

  std::uint64_t end() const { return base + records.size(); }
};

/// `base` is what the copy of an empty or missing file begins with.
ReplicaCopy read_replica(std::uint64_t node, const std::filesystem::path& folder, std::uint64_t topic_id,
                         std::uint64_t segment_id, std::uint64_t base);

/// What `walrus-cli inspect --verify` would call damage in a node's directory; empty when there is none.
std::string damage_in(const std::filesystem::path& folder);

}  // namespace walrus::chaos
