// What one consumer says to a server that it reads batches from, and where it stands. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace walrus::bench {

struct Fetched {
  enum class Kind : std::uint8_t { kRecords, kError, kNonsense };
  Kind kind = Kind::kRecords;
  std::uint64_t records = 0;  ///< 0: nothing is there yet
  std::uint64_t bytes = 0;    ///< of their values
  bool at_end = false;        ///< there is nothing behind them, as far as the server says
  std::string error{};
};

struct FetchOptions {
  std::string topic;
  std::size_t bytes = 1024 * 1024;  ///< of a reply, about
  std::size_t record_bytes = 100;   ///< for servers that are asked for a number of records instead
  std::uint32_t wait_ms = 0;        ///< for something to come, at the end
  bool from_end = false;
  bool as_batches = true;  ///< as they are stored, where the server can
};

class FetchCodec {
 public:
  virtual ~FetchCodec() = default;
  /// The next request: what lies behind what was taken.
  virtual void append_fetch(std::string& to) = 0;
  /// Takes a reply off the front of `input` and looks at every record in it; false when no whole one is there.
  virtual bool take(std::string_view& input, Fetched& fetched) = 0;
  /// The next request starts at the beginning again.
  virtual void rewind() = 0;
};

/// FETCH of walrusd.
std::unique_ptr<FetchCodec> make_walrus_fetch(const FetchOptions& options);
/// XREAD of Redis.
std::unique_ptr<FetchCodec> make_redis_fetch(const FetchOptions& options);

}  // namespace walrus::bench
