// A client of a Walrus cluster for programs with many things to do: every call returns at once with a Pending, which a
// thread, a coroutine or a callback takes (pending.h). Any node serves any topic; the client keeps a few connections,
// makes them again when they break, and tries the next address when one does not answer.
//
// Requests for one topic go over one connection, in the order of the calls; one that is tried again goes behind those
// that were not (a Producer keeps the order). What surely was not carried out (no leader
// just now, a node that is starting, a connection that broke too early) is tried again until request_timeout. A call
// whose outcome is unknown is repeated only where that does no harm (REGISTER, STATE, FETCH and what else only reads);
// PUT, APPEND, GET and what else takes records away end with kOutcomeUnknown. A Producer (producer.h) writes exactly
// once, and in batches.
//
// Memory: requests wait in a queue of at most max_queued_bytes. A caller is held back while it is full; on the client's
// own thread (in callbacks and coroutines) the call fails with kOverloaded in its place.
//
// Any thread. The destructor ends what is under way: kNotSent, or kOutcomeUnknown for what had left. A callback that
// then asks again is told kClosed, at once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "walrus/client/endpoint.h"
#include "walrus/client/pending.h"
#include "walrus/client/records.h"
#include "walrus/client/result.h"

namespace walrus::client {

struct ClientOptions {
  std::vector<Endpoint> endpoints;                    ///< at least one
  std::size_t connections = 2;                        ///< each with a thread of its own
  std::size_t max_queued_bytes = 32 << 20;            ///< of requests that have no answer
  std::chrono::milliseconds request_timeout{15'000};  ///< tries included
  std::chrono::milliseconds connect_timeout{3'000};
  std::size_t max_frame_bytes = 65'536;  ///< longest request; the server is asked for more than that
  Resume resume{};                       ///< where coroutines and callbacks go on; empty: on the client's threads
};

/// How much one answer may hold.
struct FetchOptions {
  std::uint32_t max_records = 1'000'000;
  std::uint32_t max_bytes = 1 << 20;  ///< one record comes in any case
  std::chrono::milliseconds wait{0};  ///< for a record, at the end of the topic; less than request_timeout
};

/// The same of a group's READ.
struct ReadOptions {
  std::uint32_t max_records = 1'000'000;
  std::uint32_t max_bytes = 256 << 10;
  std::chrono::milliseconds wait{0};
  /// Whether the group moves on by what is read. False: the same records come again until commit().
  bool commit = true;
};

/// What a worker takes from a work queue.
struct LeaseOptions {
  std::uint32_t max_records = 1;
  std::chrono::milliseconds wait{0};
  std::optional<std::chrono::milliseconds> visible{};  ///< how long the records are the worker's; else as QUEUE set it
};

class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  /// `options` as the server reads them: "replicas=3 segment_entries=100000".
  Pending<Result<void>> register_topic(std::string_view topic, std::string_view options = {});
  /// Done once the record is durable.
  Pending<Result<void>> put(std::string_view topic, std::string_view payload);
  /// The same; the record's offset.
  Pending<Result<std::uint64_t>> append(std::string_view topic, std::string_view payload);
  /// The next record of the topic's shared cursor, or nothing when the topic is at its end.
  Pending<Result<std::optional<std::string>>> get(std::string_view topic);
  /// Committed records from a place on: an offset, "earliest", "latest" or "@<milliseconds since 1970>". Moves nothing.
  /// One that waits holds up what is asked over the same connection after it: readers that follow have a Client of
  /// their own.
  Pending<Result<Records>> fetch(std::string_view topic, std::string_view place, const FetchOptions& options = {});

  // Groups: cursors by name, at any number of clients (docs/protocol/text.md). read() with `commit`, whose answer is
  // lost, has moved the group or not; who must not lose records reads without and commits what is done.
  Pending<Result<Records>> read(std::string_view topic, std::string_view group, const ReadOptions& options = {});
  /// Everything before `next` is done. Durable when answered; where the group stands, here or further.
  Pending<Result<std::uint64_t>> commit(std::string_view topic, std::string_view group, std::uint64_t next);
  /// To a place as fetch() takes it, back as well; the offset.
  Pending<Result<std::uint64_t>> seek(std::string_view topic, std::string_view group, std::string_view place);

  // Work queues: each record is one worker's at a time, until acked. At least once. `settings` as the server reads
  // them: "visible=60000 tries=5 dead=jobs.dead".
  Pending<Result<void>> queue(std::string_view topic, std::string_view group, std::string_view settings);
  Pending<Result<Records>> lease(std::string_view topic, std::string_view group, const LeaseOptions& options = {});
  Pending<Result<void>> ack(std::string_view topic, std::string_view group, std::span<const std::uint64_t> offsets);
  /// Of a record that this worker holds (Record::tries says which time): it failed, and comes again after `delay`.
  Pending<Result<void>> nack(std::string_view topic, std::string_view group, const Record& record,
                             std::optional<std::chrono::milliseconds> delay = {});
  /// The worker needs longer for it: `visible` from now on.
  Pending<Result<void>> extend(std::string_view topic, std::string_view group, const Record& record,
                               std::chrono::milliseconds visible);

  /// JSON, as documented.
  Pending<Result<std::string>> state(std::string_view topic);
  Pending<Result<std::string>> metrics();

  /// A request as text and the whole answer; ERR is an error here. `repeatable` says that carrying it out twice does no
  /// harm.
  Pending<Result<std::string>> call(std::string request, bool repeatable);

 private:
  Result<void> check_record(std::string_view topic, std::string_view head, std::string_view payload) const;

  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace walrus::client
