// Writes many records, each exactly once, in batches.
//
// Happy path: send() copies the record into the open batch of its topic and returns; a thread of the producer sends
// batches as soon as it can (what gathers meanwhile is the next batch: `linger` 0 costs no latency) and calls `done`
// with the record's offset once it is durable. flush() waits for all of them.
//
// Exactly once: batches carry the producer's id, epoch and a sequence number per topic, so that one that is sent again
// after a broken connection, a failover or a restart of nodes is stored once, and answered with its first offset. The
// records of one topic keep the order of the send() calls.
//
// Failure: what passes by itself is tried again until delivery_timeout. Then a record that never left fails with the
// last error, one that left with kOutcomeUnknown, and with it what was sent to other topics without a clear answer (it
// cannot be repeated under the new epoch that follows). A record that no server would take fails alone, at once. With a
// name, a newer producer of the same name ends this one: everything fails with kFenced.
//
// Memory: at most max_buffered_bytes of records that are not durable yet; send() waits while there is no room (on the
// producer's own thread it fails with kOverloaded). Any thread; `done` runs on the producer's thread and must not
// block. The destructor ends the producer: call flush() first. What is left fails with kNotSent or kOutcomeUnknown; a
// `done` that sends again then is told kClosed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "walrus/client/endpoint.h"
#include "walrus/client/pending.h"
#include "walrus/client/result.h"

namespace walrus::client {

struct ProducerOptions {
  std::vector<Endpoint> endpoints;                      ///< at least one
  std::string name{};                                   ///< who writes, for fencing; empty: nobody else is fenced
  std::size_t batch_bytes = 48 * 1024;                  ///< a batch that has so much is closed
  std::chrono::microseconds linger{0};                  ///< a batch with less waits so long for more
  std::size_t max_buffered_bytes = 32 << 20;            ///< of records that are not durable yet
  std::chrono::milliseconds delivery_timeout{120'000};  ///< from the opening of the record's batch on
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds reply_timeout{15'000};
  std::size_t max_frame_bytes = 65'536;  ///< longest request; the server is asked for more than that
};

struct ProducerRecord {
  std::string_view value;
  std::optional<std::string_view> key{};
  std::vector<std::pair<std::string_view, std::string_view>> headers{};
};

/// The offset of a record that was stored by an earlier try, when the cluster does not know its place any more.
inline constexpr std::uint64_t kUnknownOffset = ~std::uint64_t{0};

class Producer {
 public:
  using Done = std::move_only_function<void(const Result<std::uint64_t>& offset)>;

  explicit Producer(ProducerOptions options);
  ~Producer();
  Producer(Producer&&) noexcept;
  Producer& operator=(Producer&&) noexcept;

  void send(std::string_view topic, const ProducerRecord& record, Done done = {});
  /// The same for a thread or a coroutine that waits for this one record.
  Pending<Result<std::uint64_t>> write(std::string_view topic, const ProducerRecord& record);

  /// Waits until every record sent before is durable or has failed; the first failure since the last flush().
  Result<void> flush();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace walrus::client
