// Requests and replies of the servers that walrus-bench can drive. A codec is built once for all topics of a run and
// then only read: any number of threads may share it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace walrus::bench {

enum class RequestKind : std::uint8_t { kRegister, kPut, kGet };

struct Answer {
  enum class Kind : std::uint8_t { kOk, kRecord, kEmpty, kError, kNonsense };
  Kind kind = Kind::kOk;
  std::string_view error{};  ///< of kError, a view into the input
};

class Codec {
 public:
  virtual ~Codec() = default;
  virtual bool supports(RequestKind kind) const = 0;
  virtual void append_request(std::string& to, RequestKind kind, std::size_t topic) const = 0;
  /// Takes a reply off the front of `input`; false when no whole one is there. After kNonsense the stream is lost.
  virtual bool take_answer(std::string_view& input, Answer& answer) const = 0;
};

/// The text protocol of walrusd.
std::unique_ptr<Codec> make_walrus_codec(const std::vector<std::string>& topics, std::string payload);
/// Redis Streams: PUT is `XADD <topic> * d <payload>` (RESP2,
/// https://redis.io/docs/latest/develop/reference/protocol-spec/).
std::unique_ptr<Codec> make_redis_codec(const std::vector<std::string>& topics, std::string payload);

}  // namespace walrus::bench
