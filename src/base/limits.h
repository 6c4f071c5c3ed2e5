// Every bound in one place. A limit that a user can move is only the default here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace walrus::limits {

using namespace std::chrono_literals;

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;

// The client protocol.
inline constexpr std::size_t kMaxFrameBytes = 64 * kKiB;         ///< default of --max-frame-bytes
inline constexpr std::size_t kMaxSkippedFrameBytes = 16 * kMiB;  ///< a longer announced body closes the connection
inline constexpr std::size_t kMaxTopicNameBytes = 249;           ///< as in Kafka
inline constexpr std::size_t kMaxPipelinedRequests = 8192;       ///< per connection; then reading pauses
inline constexpr std::size_t kMaxPipelinedBytes = 4 * kMiB;      ///< request and reply bytes held per connection
inline constexpr auto kHeldRequestTimeout = 5s;                  ///< a request without a reachable leader

// Storage.
inline constexpr std::size_t kDirectAlignment = 4 * kKiB;
inline constexpr std::size_t kWalFileBytes = 64 * kMiB;
inline constexpr std::size_t kWalWritesInFlight = 4;
inline constexpr std::size_t kWalMaxWriteBytes = 1 * kMiB;
inline constexpr std::size_t kWalMaxQueuedBytes = 64 * kMiB;  ///< per shard; then producers are held back
inline constexpr std::size_t kIndexIntervalBytes = 64 * kKiB;
inline constexpr std::size_t kMaxBatchBytes = 1 * kMiB;         ///< target of a batch made of single PUTs
inline constexpr std::uint64_t kMaxSegmentEntries = 1'000'000;  ///< default of WALRUS_MAX_SEGMENT_ENTRIES

// Between nodes.
inline constexpr std::size_t kMaxPeerMessageBytes = 80 * kMiB;
inline constexpr std::size_t kMaxPeerQueuedBytes = 32 * kMiB;  ///< per connection; then sending fails at once
inline constexpr auto kHeartbeatInterval = 100ms;
inline constexpr auto kSuspectAfter = 1s;
inline constexpr auto kCursorFlushInterval = 100ms;
inline constexpr auto kCallTimeout = 5s;

// Metadata.
inline constexpr std::size_t kMaxCommandBytes = 64 * kKiB;  ///< one Raft entry
inline constexpr std::size_t kMaxVoters = 5;
inline constexpr std::size_t kMaxShards = 8;
inline constexpr auto kMonitorInterval = 10'000ms;  ///< default of WALRUS_MONITOR_CHECK_MS

}  // namespace walrus::limits
