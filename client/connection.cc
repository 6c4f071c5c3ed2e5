#include "walrus/client/connection.h"

#include "answer.h"
#include "base/assert.h"
#include "wire.h"

namespace walrus::client {
namespace {

bool broke(const Result<Reply>& reply) {
  return !reply && (reply.error().kind == ErrorKind::kNotSent || reply.error().kind == ErrorKind::kOutcomeUnknown);
}

/// For requests that may be carried out twice.
Result<Reply> call_repeatable(Connection& connection, const std::string& request) {
  Result<Reply> reply = connection.call(request);
  return broke(reply) ? connection.call(request) : reply;
}

}  // namespace

Connection::Connection(Options options) : wire_(std::make_unique<Wire>(std::move(options))) {}
Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;

Result<Reply> Connection::call(std::string_view request) {
  WALRUS_ASSERT(in_flight() == 0, "a single call must not overtake pipelined requests");
  if (auto queued = enqueue(request); !queued) return std::unexpected(std::move(queued.error()));
  return wait_reply();
}

Result<void> Connection::register_topic(std::string_view topic) {
  if (auto valid = check_topic(topic); !valid) return valid;
  return plain_ok(call_repeatable(*this, "REGISTER " + std::string(topic)));
}

Result<void> Connection::put(std::string_view topic, std::string_view payload) {
  WALRUS_ASSERT(in_flight() == 0, "a single call must not overtake pipelined requests");
  if (auto queued = enqueue_put(topic, payload); !queued) return queued;
  return plain_ok(wait_reply());
}

Result<std::optional<std::string>> Connection::get(std::string_view topic) {
  WALRUS_ASSERT(in_flight() == 0, "a single call must not overtake pipelined requests");
  if (auto queued = enqueue_get(topic); !queued) return std::unexpected(std::move(queued.error()));
  return record_of(wait_reply());
}

Result<std::string> Connection::state(std::string_view topic) {
  if (auto valid = check_topic(topic); !valid) return std::unexpected(std::move(valid.error()));
  return payload_of(call_repeatable(*this, "STATE " + std::string(topic)));
}

Result<std::string> Connection::metrics() { return payload_of(call_repeatable(*this, "METRICS")); }

Result<std::string> Connection::nodes() { return payload_of(call_repeatable(*this, "NODES")); }

Result<void> Connection::drain_node(std::uint64_t node, bool cancel) {
  return plain_ok(call_repeatable(*this, "DRAIN " + std::to_string(node) + (cancel ? " cancel" : "")));
}

Result<void> Connection::remove_node(std::uint64_t node, bool lose_data) {
  return plain_ok(call_repeatable(*this, "REMOVE " + std::to_string(node) + (lose_data ? " lose-data" : "")));
}

std::size_t Connection::max_payload_bytes(std::string_view topic) const {
  const std::size_t around = std::string_view("PUT  ").size() + topic.size();
  const std::size_t limit = wire_->options().max_frame_bytes;
  return limit > around ? limit - around : 0;
}

Result<void> Connection::enqueue_put(std::string_view topic, std::string_view payload) {
  if (auto valid = check_topic(topic); !valid) return valid;
  if (auto valid = check_payload(payload, max_payload_bytes(topic)); !valid) return valid;
  wire_->enqueue("PUT " + std::string(topic) + " ", payload);
  return {};
}

Result<void> Connection::enqueue_get(std::string_view topic) {
  if (auto valid = check_topic(topic); !valid) return valid;
  wire_->enqueue("GET ", topic);
  return {};
}

Result<void> Connection::enqueue(std::string_view request) {
  if (request.empty()) return invalid_request("an empty request");
  if (request.size() > wire_->options().max_frame_bytes)
    return invalid_request("the request is longer than a frame may be");
  wire_->enqueue(request, {});
  return {};
}

Result<std::optional<Reply>> Connection::take_reply() {
  if (auto connected = wire_->ensure_connected(); !connected) return std::unexpected(std::move(connected.error()));
  return wire_->take();
}

Result<Reply> Connection::wait_reply() {
  WALRUS_ASSERT(in_flight() > 0, "there is no request to wait for");
  if (auto connected = wire_->ensure_connected(); !connected) return std::unexpected(std::move(connected.error()));
  for (;;) {
    auto reply = wire_->take();
    if (!reply) return std::unexpected(std::move(reply.error()));
    if (*reply) return **reply;
    wire_->wait({});
  }
}

void Connection::wait_ready(std::span<const int> also) { wire_->wait(also); }

std::size_t Connection::in_flight() const { return wire_->in_flight(); }
std::size_t Connection::unsent_bytes() const { return wire_->unsent_bytes(); }
Result<void> Connection::connect() { return wire_->ensure_connected(); }
void Connection::close() { wire_->close(); }
std::string Connection::address() const { return wire_->address(); }

}  // namespace walrus::client
