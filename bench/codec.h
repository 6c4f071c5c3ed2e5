// Requests and replies of the servers that walrus-bench can drive. A codec is built once for all topics of a run and
// then only read: any number of threads may share it. What a server sends besides answers (a greeting, a question
// whether the client is alive) is a notice, which may want something sent back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace walrus::bench {

enum class RequestKind : std::uint8_t { kRegister, kPut, kGet, kCommit };

struct Answer {
  enum class Kind : std::uint8_t { kOk, kRecord, kEmpty, kError, kNotice, kNonsense };
  Kind kind = Kind::kOk;
  std::string_view error{};      ///< of kError, a view into the input
  std::string_view send_back{};  ///< of kNotice
};

/// Where a request goes, and which connection asks.
struct RequestPlace {
  std::size_t topic = 0;
  std::size_t lane = 0;
  std::uint64_t number = 0;  ///< requests of this connection before
};

class Codec {
 public:
  virtual ~Codec() = default;
  virtual bool supports(RequestKind kind) const = 0;
  /// What a new connection sends first; no answer comes to it.
  virtual std::string greeting(std::size_t /*lane*/) const { return {}; }
  virtual void append_request(std::string& to, RequestKind kind, RequestPlace place) const = 0;
  /// Takes a reply off the front of `input`; false when no whole one is there. After kNonsense the stream is lost.
  virtual bool take_answer(std::string_view& input, Answer& answer) const = 0;
};

struct CodecOptions {
  std::vector<std::string> topics;
  std::string payload;
  std::uint64_t records = 0;          ///< that a topic has at the start: where a COMMIT may go
  std::string register_options = {};  ///< behind "REGISTER <topic>"; walrusd only
};

/// The text protocol of walrusd.
std::unique_ptr<Codec> make_walrus_codec(const CodecOptions& options);
/// Redis Streams: PUT is `XADD <topic> * d <payload>` (RESP2,
/// https://redis.io/docs/latest/develop/reference/protocol-spec/).
std::unique_ptr<Codec> make_redis_codec(const CodecOptions& options);
/// NATS JetStream: a stream for each topic, kept in files; PUT is a PUB with a reply subject, answered when the server
/// calls it stored (https://docs.nats.io/reference/reference-protocols/nats-protocol).
std::unique_ptr<Codec> make_nats_codec(const CodecOptions& options);

/// By the name of the kind of server: "walrus", "redis" or "nats".
std::unique_ptr<Codec> make_codec(std::string_view peer, const CodecOptions& options);

}  // namespace walrus::bench
