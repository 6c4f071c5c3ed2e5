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
inline constexpr std::size_t kMaxFrameBytes = 64 * kKiB;            ///< default of --max-frame-bytes
inline constexpr std::size_t kMaxSkippedFrameBytes = 16 * kMiB;     ///< a longer announced body closes the connection
inline constexpr std::size_t kMaxTopicNameBytes = 249;              ///< as in Kafka
inline constexpr std::size_t kMaxNegotiatedFrameBytes = 64 * kMiB;  ///< what HELLO may ask for
inline constexpr std::size_t kMaxLargeFramesBytes = 256 * kMiB;  ///< frames above kMaxFrameBytes being read, per shard
inline constexpr std::size_t kSlowestLargeFrame = 256 * kKiB;    ///< bytes per second at which one has to come
inline constexpr std::size_t kMaxRecordBytes = 16 * kMiB;        ///< key, value and headers together
inline constexpr std::uint32_t kMaxWriteRecords = 1'000'000;     ///< of one MPUT
inline constexpr std::uint32_t kMaxRecordHeaders = 1'000;
inline constexpr std::uint32_t kMostTopicsListed = 1'000;    ///< in one answer to TOPICS
inline constexpr std::size_t kMaxPipelinedRequests = 8192;   ///< per connection; then reading pauses
inline constexpr std::size_t kMaxPipelinedBytes = 4 * kMiB;  ///< request and reply bytes held per connection
inline constexpr std::size_t kMaxClientBytes = 256 * kMiB;   ///< the same, all connections of a shard
inline constexpr std::size_t kFairClientBytes = 64 * kKiB;   ///< of which each connection may always hold this
inline constexpr std::size_t kClientReadBytes = 128 * kKiB;  ///< read buffer, one per shard
inline constexpr std::size_t kMaxConnections = 16'384;       ///< default of --max-connections, per node
inline constexpr auto kPartialFrameTimeout = 30s;            ///< half a frame and no further byte
inline constexpr auto kStalledReplyTimeout = 60s;            ///< replies that the client takes no byte of
inline constexpr auto kLingerTimeout = 2s;                   ///< for a client to read the reply before a close
inline constexpr auto kDrainTimeout = 5s;                    ///< for requests in flight at a clean stop
inline constexpr auto kHeldRequestTimeout = 4500ms;          ///< a request without a reachable leader: told within 5 s

// Reading without GET.
inline constexpr std::uint32_t kReadBytes = 1 * kMiB;          ///< default of bytes=
inline constexpr std::uint32_t kMaxReadBytes = 4 * kMiB;       ///< that one reply may be asked to hold
inline constexpr std::uint32_t kMaxReadRecords = 1'000'000;    ///< likewise, and the default of max=
inline constexpr auto kMaxReadWait = 300s;                     ///< for records that are not there yet
inline constexpr std::size_t kWaitingReadBytes = 4 * kKiB;     ///< what a request that waits counts as
inline constexpr auto kWatchHold = 30s;                        ///< then the question for more is asked again
inline constexpr std::uint64_t kMaxOffset = (1ull << 63) - 1;  ///< as record batches have it
inline constexpr std::size_t kGroupReadBytes = 256 * kKiB;     ///< read at a time for a group, and at most given to it
inline constexpr std::size_t kMaxGroupNameBytes = 249;         ///< as topics
inline constexpr std::size_t kMaxGroups = 1'000;               ///< of one topic
inline constexpr std::size_t kMaxGroupsPerProposal = 1'000;    ///< whose positions go through Raft together
inline constexpr std::size_t kMaxGroupBytesPerProposal = 48 * kKiB;  ///< likewise, in bytes
inline constexpr std::size_t kMaxQueueExceptions = 4'096;  ///< done or failed ahead of a work queue's position
inline constexpr std::uint32_t kMaxLeases = 10'000;        ///< of a work queue at a time
inline constexpr auto kMaxLeaseTime = 12h;                 ///< and the longest delay before a redelivery
inline constexpr auto kLeaseTime = 30s;                    ///< default of visible=
inline constexpr std::uint32_t kMaxTries = 1'000;          ///< of one record, before it is given up

// The pages for monitoring.
inline constexpr std::size_t kMaxAdminConnections = 64;
inline constexpr std::size_t kMaxAdminRequestBytes = 8 * kKiB;
inline constexpr auto kAdminTimeout = 5s;

// Storage.
inline constexpr std::size_t kDirectAlignment = 4 * kKiB;
inline constexpr std::size_t kWalFileBytes = 64 * kMiB;
inline constexpr std::size_t kWalWritesInFlight = 4;
inline constexpr std::size_t kWalSmallWritesInFlight = 2;  ///< beyond these, only writes of
inline constexpr std::size_t kWalSmallWrite = 16 * kKiB;   ///< so much, or more: small ones slow each other down
inline constexpr std::size_t kWalMaxGroups = 64;           ///< written or being written, and waiting for a sync
inline constexpr std::size_t kWalMaxWriteBytes = 1 * kMiB;
inline constexpr std::size_t kWalMaxQueuedBytes = 64 * kMiB;      ///< per shard; then producers are held back
inline constexpr std::size_t kWalSpareFiles = 2;                  ///< pre-written files kept for reuse, per shard
inline constexpr std::size_t kWalBusySpareFiles = 16;             ///< the same while the log is busy
inline constexpr std::size_t kWalMaxLiveFiles = 64;               ///< then the log takes no more, per shard
inline constexpr std::size_t kWalPrewriteChunkBytes = 1 * kMiB;   ///< of zeros that an idle log has before it
inline constexpr std::size_t kWalPrewriteAheadBytes = 16 * kMiB;  ///< how far zeros stay ahead of the log, at most
inline constexpr std::size_t kWalPrewriteStepBytes = 4 * kMiB;    ///< one write of zeros, at most
inline constexpr auto kWalQuietDelay = 10s;                       ///< without a write: the log shrinks to what it needs
inline constexpr auto kWalMarkDelay = 100ms;                      ///< from the last write of a burst to its mark
inline constexpr auto kStorageRetryInterval = 500ms;              ///< after ENOSPC, before space is looked for again
inline constexpr std::size_t kMaxUnwrittenBytes = 16 * kMiB;      ///< durable but not yet in segment files, per shard
inline constexpr std::size_t kMaxUnwrittenStalledBytes =
    96 * kMiB;                                                 ///< the same when the disk is slow; then back-pressure
inline constexpr std::size_t kSegmentWriteBytes = 256 * kKiB;  ///< a segment with so much unwritten is written out
inline constexpr std::size_t kSegmentDirectBytes = 64 * kKiB;  ///< whole blocks of one write: past the page cache
inline constexpr std::size_t kSegmentSyncBytes = 16 * kMiB;    ///< written since its last sync: synced again
inline constexpr std::size_t kSegmentWorthSyncBytes = 512 * kKiB;  ///< of log per segment in it, before they are synced
inline constexpr std::size_t kWalMostKeptFiles = 8;                ///< complete files kept for that
inline constexpr std::size_t kSegmentReadBytes = 1 * kMiB;         ///< most that one read of a file asks for
inline constexpr std::size_t kSegmentReadAheadBytes = 1 * kMiB;    ///< behind a reader that goes on where it ended
inline constexpr std::size_t kSegmentFlushesInFlight = 16;         ///< segments written and synced at a time, per shard
inline constexpr std::size_t kOpenSegmentFiles = 512;              ///< file handles kept open, per shard
inline constexpr std::size_t kIndexIntervalBytes = 64 * kKiB;
inline constexpr std::size_t kMaxBatchBytes = 1 * kMiB;         ///< target of a batch made of single PUTs
inline constexpr std::size_t kCopiedBatchBytes = 2 * kKiB;      ///< smaller ones are copied, for one allocation less
inline constexpr std::size_t kCatalogSegmentBytes = 4 * kMiB;   ///< of an embedded store's catalog before a new one
inline constexpr std::size_t kMaxStagedBatchBytes = 16 * kMiB;  ///< of one call of the embedded store
inline constexpr std::size_t kLazyHandoverBytes = 256 * kKiB;   ///< of unsynced records: handed to the log at once
inline constexpr auto kLazyHandoverDelay = 1ms;                 ///< and this long after the first of them
inline constexpr std::uint64_t kMaxSegmentEntries = 1'000'000;  ///< default of WALRUS_MAX_SEGMENT_ENTRIES
inline constexpr std::uint64_t kMostSegmentEntries = 1'000'000'000;  ///< that a topic may ask for

// Idempotent producers.
inline constexpr std::size_t kMaxProducerNameBytes = 249;
inline constexpr std::size_t kMaxProducers = 65'536;      ///< of a cluster; then the one heard of longest ago goes
inline constexpr std::size_t kMaxTopicProducers = 1'024;  ///< known to the leader of a topic; likewise
inline constexpr std::size_t kProducerBatches = 5;        ///< whose repetition is recognized, as in Kafka
inline constexpr std::uint64_t kProducerWindowRecords = 65'536;  ///< in sealed segments, looked through by a new leader
inline constexpr std::size_t kProducerWindowSegments = 64;       ///< likewise

// Between nodes.
inline constexpr std::size_t kMaxPeerMessageBytes = 80 * kMiB;
inline constexpr std::size_t kMaxPeerQueuedBytes = 32 * kMiB;  ///< per connection; then sending fails at once
inline constexpr auto kPeerConnectTimeout = 2s;                ///< TCP and hello together
inline constexpr auto kPeerReconnectMin = 20ms;                ///< doubles with each failure
inline constexpr auto kPeerReconnectMax = 500ms;
inline constexpr auto kPeerPingInterval = 500ms;          ///< something is sent at least this often
inline constexpr auto kPeerSilenceLimit = 2s;             ///< without a byte from the other side: closed
inline constexpr auto kPeerConflictLimit = 3s;            ///< two live processes of one node id: a copied directory
inline constexpr std::size_t kMaxPeerHandshakes = 256;    ///< connections that have not said hello yet
inline constexpr std::size_t kPeerReadBytes = 64 * kKiB;  ///< read buffer per connection
inline constexpr std::uint32_t kMaxReplicas = 7;          ///< of a segment
inline constexpr std::uint32_t kReplicas = 3;             ///< default of --replication-factor
inline constexpr auto kHeartbeatInterval = 100ms;
inline constexpr auto kSuspectAfter = 1s;
inline constexpr auto kQuorumPatience = 1s;    ///< then a leader without a quorum calls the outcome unknown
inline constexpr auto kFollowerPatience = 2s;  ///< then a segment goes on without a follower that lacks so old records
inline constexpr auto kRegrowDelay = 10s;  ///< age of a segment with too few replicas at which the next one is opened
inline constexpr auto kCursorFlushInterval = 100ms;
inline constexpr auto kCallTimeout = 5s;

// Repair.
inline constexpr std::size_t kRepairChunkBytes = 1 * kMiB;         ///< copied or checked at a time
inline constexpr std::size_t kRepairCopiesInFlight = 2;            ///< per shard
inline constexpr std::uint64_t kRepairBytesPerSecond = 64 * kMiB;  ///< copied to a shard
inline constexpr std::size_t kRepairSegmentsPerTick = 2'000;       ///< looked at each limits::kRepairInterval
inline constexpr auto kRepairInterval = 100ms;
inline constexpr auto kRepairGrace = 30s;      ///< a node is down for so long: what it holds is made elsewhere
inline constexpr auto kRepairTurn = 60s;       ///< then the next node in line tries to make a missing copy
inline constexpr auto kRepairRetryDelay = 5s;  ///< after a copy that failed
inline constexpr std::uint64_t kScrubBytesPerSecond = 8 * kMiB;  ///< read by a shard
inline constexpr auto kScrubInterval = 24h * 7;                  ///< default of --scrub-interval-s

// Metadata.
inline constexpr std::size_t kMaxCommandBytes = 256 * kKiB;  ///< one Raft entry; a work queue at its bounds fits
inline constexpr std::size_t kMaxVoters = 5;
inline constexpr std::size_t kMaxNodes = 256;
inline constexpr std::size_t kMaxProposals = 65'536;         ///< waiting on one node, its clients' and others'
inline constexpr std::size_t kMaxProposalBytes = 32 * kMiB;  ///< the same, in bytes
inline constexpr std::size_t kRaftLogFileBytes = 1 * kMiB;   ///< pre-written
inline constexpr std::size_t kRaftMessageBytes = 1 * kMiB;   ///< target of one message of entries or snapshot
inline constexpr std::size_t kRaftInflightEntries = 512;     ///< sent to a member and not acknowledged yet
inline constexpr std::size_t kMaxRaftSnapshotBytes = 1024 * kMiB;
inline constexpr std::uint64_t kSnapshotThresholdEntries = 1024;
inline constexpr std::uint64_t kSnapshotTrailingEntries = 8192;  ///< kept behind a snapshot for slow followers
inline constexpr std::size_t kSnapshotTrailingBytes = 8 * kMiB;  ///< of which at most this much
inline constexpr std::size_t kMaxShards = 8;
inline constexpr auto kMonitorInterval = 10'000ms;  ///< default of WALRUS_MONITOR_CHECK_MS

}  // namespace walrus::limits
