// The one table of expected errors: name, number on internal wires, text for people and clients.
//
// Three kinds of trouble are never mixed: an expected error is an `Error` value; trouble of the environment that
// makes going on unsafe is `fatal()`; a bug of ours is `WALRUS_ASSERT` (both in base/assert.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace walrus {

// Numbers travel between nodes of different versions: never reuse one, only add.
#define WALRUS_ERRORS(X)                                                                      \
  /* what a client did */                                                                     \
  X(kTopicNotFound, 1, "topic not found")                                                     \
  X(kUnknownCommand, 2, "unknown command")                                                    \
  X(kInvalidFrameLength, 3, "invalid frame length")                                           \
  X(kRegisterRequiresTopic, 4, "REGISTER requires a topic")                                   \
  X(kPutRequiresTopic, 5, "PUT requires a topic")                                             \
  X(kGetRequiresTopic, 6, "GET requires a topic")                                             \
  X(kStateRequiresTopic, 7, "STATE requires a topic")                                         \
  X(kPutRequiresPayload, 8, "PUT requires a payload")                                         \
  X(kInvalidTopicName, 9, "invalid topic name")                                               \
  X(kInvalidArgument, 10, "invalid argument")                                                 \
  X(kTooLarge, 11, "record too large")                                                        \
  X(kIncomplete, 12, "incomplete request")                                                    \
  /* the state of the cluster */                                                              \
  X(kRaftNotInitialized, 20, "raft cluster not initialized")                                  \
  X(kNotLeader, 21, "NotLeaderError")                                                         \
  X(kConflict, 22, "conflict: the state has changed")                                         \
  X(kIdentityRefused, 23, "identity refused")                                                 \
  X(kFenced, 24, "fenced by a newer epoch")                                                   \
  X(kOffsetOutOfRange, 25, "offset out of range")                                             \
  X(kGap, 26, "gap: the batch does not start at the end of the segment")                      \
  X(kUnexpectedEnd, 27, "unexpected end of the topic")                                        \
  X(kTokenFenced, 28, "fenced: the topic asks for a higher token")                            \
  X(kProducerFenced, 29, "producer fenced: a newer instance has its name")                    \
  X(kUnknownProducer, 30, "unknown producer: start again with PRODUCER")                      \
  X(kOutOfSequence, 31, "out of sequence")                                                    \
  X(kDuplicate, 32, "duplicate: stored already, its offset is not known any more")            \
  X(kRefused, 33, "refused")                                                                  \
  /* what became of a request */                                                              \
  X(kOutcomeUnknown, 40, "outcome unknown: the request may or may not have been carried out") \
  X(kUnavailable, 41, "unavailable: not carried out, try again")                              \
  X(kOverloaded, 42, "overloaded: not carried out, try again")                                \
  X(kShuttingDown, 43, "shutting down: not carried out")                                      \
  X(kTimedOut, 44, "timed out: not carried out")                                              \
  /* disk and data */                                                                         \
  X(kIo, 60, "I/O error")                                                                     \
  X(kDiskFull, 61, "disk full")                                                               \
  X(kCorrupt, 62, "corrupt data")                                                             \
  X(kNotFound, 63, "not found")                                                               \
  X(kExists, 64, "exists already")                                                            \
  X(kPoisoned, 65, "file poisoned by an earlier write or sync error")                         \
  X(kUnsupported, 66, "not supported")                                                        \
  X(kLocked, 67, "locked by another process")

enum class ErrorCode : std::uint16_t {
#define WALRUS_ERROR_ENUM(name, number, text) name = number,
  WALRUS_ERRORS(WALRUS_ERROR_ENUM)
#undef WALRUS_ERROR_ENUM
};

/// The fixed text of a code, without detail.
std::string_view error_text(ErrorCode code);

/// The code with this number; kIo for a number that this version does not know.
ErrorCode error_from_number(std::uint16_t number);

/// A code and, where it helps the reader, what happened where.
struct Error {
  ErrorCode code;
  std::string detail;

  /// "text" or "text: detail".
  std::string message() const;
};

}  // namespace walrus
