#include <fmt/core.h>

#include <array>
#include <charconv>

#include "base/bytes.h"
#include "bench/fetch_codec.h"
#include "protocol/frame.h"
#include "protocol/record.h"
#include "storage/record_batch.h"

namespace walrus::bench {
namespace {

constexpr std::size_t kLengthBytes = 4;

/// "OK <first> <count> <next> <end>"
bool parse_line(std::string_view line, std::array<std::uint64_t, 4>& numbers) {
  if (!line.starts_with("OK")) return false;
  const char* at = line.data() + 2;
  const char* const end = line.data() + line.size();
  for (std::uint64_t& number : numbers) {
    if (at == end || *at != ' ') return false;
    const auto [next, error] = std::from_chars(at + 1, end, number);
    if (error != std::errc()) return false;
    at = next;
  }
  return at == end;
}

class WalrusFetch : public FetchCodec {
 public:
  explicit WalrusFetch(const FetchOptions& options)
      : head_("FETCH " + options.topic + " "),
        tail_(fmt::format(" bytes={} wait={} form={}", options.bytes, options.wait_ms,
                          options.as_batches ? "batches" : "records")),
        as_batches_(options.as_batches),
        place_(options.from_end ? "latest" : "earliest") {}

  void append_fetch(std::string& to) override { protocol::append_frame(to, head_ + place_, tail_); }

  void rewind() override { place_ = "earliest"; }

  bool take(std::string_view& input, Fetched& fetched) override {
    if (input.size() < kLengthBytes) return false;
    const auto length = load_little<std::uint32_t>(input.data());
    if (input.size() - kLengthBytes < length) return false;
    fetched = taken(input.substr(kLengthBytes, length));
    input.remove_prefix(kLengthBytes + length);
    return true;
  }

 private:
  Fetched taken(std::string_view text) {
    if (text.starts_with("ERR ")) return {.kind = Fetched::Kind::kError, .error = std::string(text.substr(4))};
    const auto newline = text.find('\n');
    std::array<std::uint64_t, 4> numbers{};
    if (newline == std::string_view::npos || !parse_line(text.substr(0, newline), numbers)) {
      return {.kind = Fetched::Kind::kNonsense};
    }
    const auto [first, count, next, end] = numbers;
    // The end that is told may be that of an older segment.
    Fetched fetched{.at_end = count == 0 && next >= end};
    const std::string_view body = text.substr(newline + 1);
    const bool whole = as_batches_ ? walk_batches(body, first, next, fetched) : walk_records(body, fetched);
    if (!whole || fetched.records != count) return {.kind = Fetched::Kind::kNonsense};
    place_ = std::to_string(next);
    return fetched;
  }

  static bool walk_batches(std::string_view body, std::uint64_t first, std::uint64_t next, Fetched& fetched) {
    while (!body.empty()) {
      const auto header = storage::parse_batch_header(body);
      if (!header) return false;
      storage::BatchReader reader(body.substr(0, header->size));
      for (auto record = reader.next(); record && *record; record = reader.next()) {
        const std::uint64_t offset = (*record)->offset.value();
        if (offset < first || offset >= next) continue;
        ++fetched.records;
        fetched.bytes += (*record)->value.size();
      }
      body.remove_prefix(header->size);
    }
    return true;
  }

  static bool walk_records(std::string_view body, Fetched& fetched) {
    while (!body.empty()) {
      const auto record = protocol::take_record(body);
      if (!record) return false;
      ++fetched.records;
      fetched.bytes += record->value.size();
    }
    return true;
  }

  const std::string head_;
  const std::string tail_;
  const bool as_batches_;
  std::string place_;
};

}  // namespace

std::unique_ptr<FetchCodec> make_walrus_fetch(const FetchOptions& options) {
  return std::make_unique<WalrusFetch>(options);
}

}  // namespace walrus::bench
