// A synchronous client of a Walrus cluster: one TCP connection at a time to one of several nodes (any node serves any
// topic), requests pipelined when the caller wants it.
//
// Happy path: construct; call put(), get() … They connect when there is no connection. For many requests at a time
// enqueue_put() / enqueue_get() any number, then wait_reply() once for each: replies come in the order of the requests.
// What is queued leaves in as few writes as the socket allows. take_reply() and wait_ready() serve a caller that has
// other things to wait for.
//
// Failure: a connection that breaks is an Error that counts what was sent and has no answer (outcome unknown) and what
// was not sent; answers that had arrived are handed out first. The next call connects again, to the next address when
// the first does not answer. A request whose outcome is unknown is never repeated, except what may be carried out
// twice: REGISTER, STATE, METRICS, NODES, DRAIN, REMOVE. A reply that does not come within reply_timeout breaks the
// connection.
//
// Memory: what is queued and not yet sent (unsent_bytes(); the caller bounds it) and at most one reply plus 256 KiB.
// One thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "walrus/client/endpoint.h"
#include "walrus/client/result.h"

namespace walrus::client {

struct Options {
  std::vector<Endpoint> endpoints;  ///< at least one
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds reply_timeout{15'000};
  std::size_t max_frame_bytes = 65'536;  ///< longest request; the server is asked for more than that
};

class Connection {
 public:
  explicit Connection(Options options);
  ~Connection();
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;

  // One request and its answer. Nothing may be in flight.
  Result<void> register_topic(std::string_view topic);
  Result<void> put(std::string_view topic, std::string_view payload);
  /// The next record, or nothing when the topic is at its end. Moves the topic's shared cursor.
  Result<std::optional<std::string>> get(std::string_view topic);
  /// JSON, as documented.
  Result<std::string> state(std::string_view topic);
  Result<std::string> metrics();
  /// The nodes of the cluster, as JSON.
  Result<std::string> nodes();
  /// From now on the node gets nothing new, and what it holds is copied elsewhere; or, with `cancel`, not any more.
  Result<void> drain_node(std::uint64_t node, bool cancel = false);
  /// For good. The server refuses it while the node is needed, unless `lose_data` says that this is meant.
  Result<void> remove_node(std::uint64_t node, bool lose_data = false);
  /// A request as text, sent as it is; ERR is a Reply here.
  Result<Reply> call(std::string_view request);

  // Many requests. Queueing sends nothing and fails only with kInvalidRequest (nothing was queued then).
  Result<void> enqueue_put(std::string_view topic, std::string_view payload);
  Result<void> enqueue_get(std::string_view topic);
  /// A request as text, sent as it is.
  Result<void> enqueue(std::string_view request);
  /// The longest payload that fits a PUT to `topic`.
  std::size_t max_payload_bytes(std::string_view topic) const;
  /// Waits for the answer to the oldest request without one. At least one must be in flight.
  Result<Reply> wait_reply();
  /// Connects if need be, writes and reads what the socket takes and has, without waiting; then the next answer, if it
  /// is there.
  Result<std::optional<Reply>> take_reply();

  /// Waits until the socket has something for take_reply() to do, or one of `also` is readable, or a signal came. A
  /// server that owes answers and neither takes nor sends a byte for reply_timeout breaks the connection, which the
  /// next take_reply() reports.
  void wait_ready(std::span<const int> also = {});

  /// Requests that have no answer yet, sent or not.
  std::size_t in_flight() const;
  /// Bytes of them that the system has not taken yet.
  std::size_t unsent_bytes() const;

  /// Connects now, unless a live connection is there.
  Result<void> connect();
  /// Forgets everything in flight.
  void close();
  /// The address in use, or the one to be tried first.
  std::string address() const;

 private:
  class Wire;
  std::unique_ptr<Wire> wire_;
};

}  // namespace walrus::client
