// What the clients of a run did and heard: every PUT and GET with its times and its outcome. Each client's calls are
// written by its own thread; read them when it has ended.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace walrus::chaos {

using Clock = std::chrono::steady_clock;

enum class Outcome : std::uint8_t {
  kDone,     ///< OK
  kEmpty,    ///< of a GET
  kRefused,  ///< an answer that says: surely not carried out
  kUnknown,  ///< no answer, or one that says so
};

/// A record that somebody has sent: the `number`-th of a producer, from 0. No two are equal in a run.
struct RecordId {
  std::uint32_t producer = 0;
  std::uint32_t number = 0;
  friend auto operator<=>(const RecordId&, const RecordId&) = default;
};

struct Put {
  Clock::time_point started;
  Clock::time_point ended;  ///< of the wait, when the outcome is unknown
  Outcome outcome = Outcome::kUnknown;
  std::optional<std::uint64_t> offset = {};  ///< that was told
};

struct Get {
  Clock::time_point started;
  Clock::time_point ended;
  Outcome outcome = Outcome::kUnknown;
  RecordId record = {};     ///< with kDone
  bool known_bytes = true;  ///< false: what came is no record that anybody has sent
};

struct ProducerLog {
  std::uint32_t producer = 0;
  std::string topic;
  std::vector<Put> puts;  ///< by number
};

struct ConsumerLog {
  std::string topic;
  std::vector<Get> gets;  ///< in the order of the requests
};

/// The bytes of a record: they follow from its id, so that any change to them shows.
std::string payload_of(RecordId id);
/// The record with exactly these bytes, if there is one.
std::optional<RecordId> record_of(std::string_view payload);
/// "producer:number", as in the payload.
std::string name_of(RecordId id);

/// What a reply to a PUT or GET means.
Outcome outcome_of(std::string_view reply);

}  // namespace walrus::chaos
