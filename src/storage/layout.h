// Where things lie in a node's directory. The only place that knows the names. Pure; any thread.
//
//   promises, shard_<k>/promises             what replicas here have promised (docs/format/promises.md)
//   shard_<k>/wal/<slot>.wal, checkpoint     write-ahead log of one shard (docs/format/wal.md)
//   topics/<topic>/<segment>.log             the batches of a segment (docs/format/segment.md)
//   topics/<topic>/<segment>.idx             its sparse index (docs/format/index.md)
//   topics/<topic>/<segment>.suspect         why it must not be trusted; there only after damage was found
//   quarantine/                              what recovery did not understand
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/segment.h"

namespace walrus::storage::layout {

std::string shard_directory(const std::string& node, std::uint64_t shard);
std::string wal_directory(const std::string& node, std::uint64_t shard);
std::string wal_slot(const std::string& wal_directory, std::uint64_t slot);
std::string wal_checkpoint(const std::string& wal_directory);

std::string node_promises(const std::string& node);
std::string shard_promises(const std::string& node, std::uint64_t shard);

std::string topics_directory(const std::string& node);
std::string topic_directory(const std::string& node, TopicId topic);
std::string segment_log(const std::string& node, SegmentKey key);
std::string segment_index(const std::string& node, SegmentKey key);
std::string segment_suspect(const std::string& node, SegmentKey key);

std::string quarantine_directory(const std::string& node);

/// The numbers in a name, or nothing when it is not such a name.
std::optional<std::uint64_t> parse_shard(std::string_view name);    ///< "shard_3"
std::optional<std::uint64_t> parse_topic(std::string_view name);    ///< "17"
std::optional<std::uint64_t> parse_slot(std::string_view name);     ///< "000003.wal"
std::optional<std::uint64_t> parse_segment(std::string_view name);  ///< "4.log"

}  // namespace walrus::storage::layout
