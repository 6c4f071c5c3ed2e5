#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "bench/fetch_codec.h"

namespace walrus::bench {
namespace {

enum class Taking : std::uint8_t { kDone, kNeedMore, kNonsense };

/// Takes "<type><number>\r\n" off the front.
Taking take_number(std::string_view& input, char type, std::int64_t& number) {
  const auto end = input.find("\r\n");
  if (end == std::string_view::npos) return Taking::kNeedMore;
  if (input.front() != type) return Taking::kNonsense;
  const std::string_view digits = input.substr(1, end - 1);
  const auto [last, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || last != digits.data() + digits.size()) return Taking::kNonsense;
  input.remove_prefix(end + 2);
  return Taking::kDone;
}

Taking take_bulk(std::string_view& input, std::string_view& bytes) {
  std::int64_t size = 0;
  if (const Taking taken = take_number(input, '$', size); taken != Taking::kDone) return taken;
  if (size < 0) return Taking::kNonsense;
  const auto length = static_cast<std::size_t>(size);
  if (input.size() < length + 2) return Taking::kNeedMore;
  bytes = input.substr(0, length);
  input.remove_prefix(length + 2);
  return Taking::kDone;
}

/// Takes an array's head, which must say `expected` unless that is -1.
Taking take_array(std::string_view& input, std::int64_t expected, std::int64_t& items) {
  const Taking taken = take_number(input, '*', items);
  if (taken == Taking::kDone && expected >= 0 && items != expected) return Taking::kNonsense;
  return taken;
}

/// One entry of a stream: its id, and one field with its value.
Taking take_entry(std::string_view& input, std::string_view& id, std::string_view& value) {
  std::int64_t items = 0;
  std::string_view name;
  Taking taken = take_array(input, 2, items);
  if (taken == Taking::kDone) taken = take_bulk(input, id);
  if (taken == Taking::kDone) taken = take_array(input, 2, items);
  if (taken == Taking::kDone) taken = take_bulk(input, name);
  return taken == Taking::kDone ? take_bulk(input, value) : taken;
}

class RedisFetch : public FetchCodec {
 public:
  explicit RedisFetch(const FetchOptions& options)
      : topic_(options.topic),
        count_(std::max<std::size_t>(1, options.bytes / options.record_bytes)),
        block_(options.wait_ms == 0 ? std::string()
                                    : fmt::format("$5\r\nBLOCK\r\n${}\r\n{}\r\n",
                                                  std::to_string(options.wait_ms).size(), options.wait_ms)),
        last_id_(options.from_end ? "$" : "0-0") {}

  void append_fetch(std::string& to) override {
    const std::string count = std::to_string(count_);
    to += fmt::format("*{}\r\n$5\r\nXREAD\r\n$5\r\nCOUNT\r\n${}\r\n{}\r\n{}$7\r\nSTREAMS\r\n${}\r\n{}\r\n${}\r\n{}\r\n",
                      block_.empty() ? 6 : 8, count.size(), count, block_, topic_.size(), topic_, last_id_.size(),
                      last_id_);
  }

  void rewind() override { last_id_ = "0-0"; }

  bool take(std::string_view& input, Fetched& fetched) override {
    if (input.empty()) return false;
    fetched = {};
    std::string_view rest = input;
    const Taking parsed = input.front() == '-' ? take_error(rest, fetched) : take_entries(rest, fetched);
    if (parsed == Taking::kNeedMore) return false;
    if (parsed == Taking::kNonsense) fetched = {.kind = Fetched::Kind::kNonsense};
    input = rest;
    return true;
  }

 private:
  static Taking take_error(std::string_view& input, Fetched& fetched) {
    const auto end = input.find("\r\n");
    if (end == std::string_view::npos) return Taking::kNeedMore;
    fetched = {.kind = Fetched::Kind::kError, .error = std::string(input.substr(1, end - 1))};
    input.remove_prefix(end + 2);
    return Taking::kDone;
  }

  /// [[<stream>, [<entry>, …]]], or a null array when there is nothing.
  Taking take_entries(std::string_view& input, Fetched& fetched) {
    std::int64_t items = 0;
    std::string_view name;
    Taking taken = take_array(input, -1, items);
    if (taken == Taking::kDone && items < 0) {
      fetched.at_end = true;
      return Taking::kDone;
    }
    if (taken == Taking::kDone) taken = take_array(input, 2, items);
    if (taken == Taking::kDone) taken = take_bulk(input, name);
    if (taken == Taking::kDone) taken = take_array(input, -1, items);
    std::string_view id;
    std::string_view value;
    for (std::int64_t i = 0; i < items && taken == Taking::kDone; ++i) {
      taken = take_entry(input, id, value);
      ++fetched.records;
      fetched.bytes += value.size();
    }
    if (taken == Taking::kDone) {
      last_id_ = id;
      fetched.at_end = fetched.records < count_;
    }
    return taken;
  }

  const std::string topic_;
  const std::size_t count_;
  const std::string block_;
  std::string last_id_;
};

}  // namespace

std::unique_ptr<FetchCodec> make_redis_fetch(const FetchOptions& options) {
  return std::make_unique<RedisFetch>(options);
}

}  // namespace walrus::bench
