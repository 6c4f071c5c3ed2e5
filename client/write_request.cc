#include "write_request.h"

#include <fmt/core.h>

#include <random>

#include "answer.h"
#include "base/error.h"
#include "protocol/record.h"

namespace walrus::client {
namespace {

/// Room for the words of the longest MPUT: verb, count, producer and sequence.
constexpr std::size_t kWordBytes = 128;

bool says(const Error& error, ErrorCode code) { return error.text.starts_with(error_text(code)); }

}  // namespace

std::string producer_request(std::string_view name) { return "PRODUCER " + std::string(name); }

Result<ProducerIdentity> parse_producer(const Result<Reply>& reply) { return payload_of(reply); }

std::string random_producer_name() {
  std::random_device random;
  return fmt::format("client-{:08x}{:08x}{:08x}", random(), random(), random());
}

std::size_t max_batch_bytes(std::string_view topic, std::size_t max_frame_bytes) {
  const std::size_t words = topic.size() + kWordBytes;
  return max_frame_bytes > words ? max_frame_bytes - words : 0;
}

Result<std::string> encode_record(std::string_view topic, const ProducerRecord& record, std::size_t max_frame_bytes) {
  if (auto valid = check_topic(topic); !valid) return std::unexpected(std::move(valid.error()));
  protocol::Record form{.place = {}, .key = record.key, .headers = {}, .value = record.value};
  for (const auto& [name, value] : record.headers) form.headers.push_back({.name = name, .value = value});
  const std::size_t limit = max_batch_bytes(topic, max_frame_bytes);
  const std::size_t bytes = protocol::record_bytes(form);
  std::string encoded;
  if (bytes > limit || !protocol::append_record(encoded, form)) {
    return invalid_request(fmt::format("a record of {} bytes is too long: at most {} fit a frame", bytes, limit));
  }
  return encoded;
}

std::string write_request(std::string_view topic, const ProducerIdentity& producer, const WriteBatch& batch) {
  return fmt::format("MPUT {} {} producer={}:{}\n", topic, batch.count(), producer, batch.sequence) + batch.records;
}

Refusal refusal_of(const Error& error) {
  if (error.kind == ErrorKind::kProtocol) return Refusal::kProtocol;
  if (error.kind != ErrorKind::kServer || is_transient(error.text)) return Refusal::kPasses;
  if (says(error, ErrorCode::kOutOfSequence)) return Refusal::kOutOfOrder;
  if (says(error, ErrorCode::kUnknownProducer)) return Refusal::kForgotten;
  if (says(error, ErrorCode::kDuplicate)) return Refusal::kStoredBefore;
  if (says(error, ErrorCode::kProducerFenced)) return Refusal::kFenced;
  return Refusal::kForGood;
}

}  // namespace walrus::client
