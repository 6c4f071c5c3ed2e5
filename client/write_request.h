// The requests of a Producer and what their answers mean (docs/protocol/text.md: PRODUCER, MPUT). Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "batch_queue.h"
#include "walrus/client/producer.h"
#include "walrus/client/result.h"

namespace walrus::client {

/// Who writes, as the cluster knows it: "<id>:<epoch>".
using ProducerIdentity = std::string;

std::string producer_request(std::string_view name);
Result<ProducerIdentity> parse_producer(const Result<Reply>& reply);
/// For a producer that nobody else is to know.
std::string random_producer_name();

/// One record in its binary form; kInvalidRequest when no server would take it.
Result<std::string> encode_record(std::string_view topic, const ProducerRecord& record, std::size_t max_frame_bytes);
/// What of a frame is left for records.
std::size_t max_batch_bytes(std::string_view topic, std::size_t max_frame_bytes);
std::string write_request(std::string_view topic, const ProducerIdentity& producer, const WriteBatch& batch);

/// What becomes of a batch that was not answered with its offset.
enum class Refusal : std::uint8_t {
  kPasses,        ///< it goes again, with its number
  kOutOfOrder,    ///< so it does, unless it is the oldest one: then as kForgotten
  kForgotten,     ///< the topic does not know this producer any more: it has to begin anew
  kStoredBefore,  ///< it is durable, and nobody knows at what offset
  kForGood,       ///< it will never be taken, and was not stored
  kFenced,        ///< a newer producer of this name is at work
  kProtocol,      ///< not a Walrus server
};
Refusal refusal_of(const Error& error);

}  // namespace walrus::client
