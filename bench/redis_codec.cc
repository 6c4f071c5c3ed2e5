#include <fmt/core.h>

#include <charconv>

#include "base/assert.h"
#include "bench/codec.h"

namespace walrus::bench {
namespace {

enum class Parse : std::uint8_t { kDone, kNeedMore, kNonsense };

/// Takes a line without its CRLF off the front.
Parse take_line(std::string_view& input, std::string_view& line) {
  const auto end = input.find("\r\n");
  if (end == std::string_view::npos) return Parse::kNeedMore;
  line = input.substr(0, end);
  input.remove_prefix(end + 2);
  return line.empty() ? Parse::kNonsense : Parse::kDone;
}

Parse number_of(std::string_view text, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? Parse::kDone : Parse::kNonsense;
}

/// One reply without arrays: XADD answers with the id, as a bulk string, or an error.
Parse take_reply(std::string_view& input, Answer& answer) {
  std::string_view line;
  if (const Parse taken = take_line(input, line); taken != Parse::kDone) return taken;
  const std::string_view rest = line.substr(1);
  std::int64_t number = 0;
  switch (line.front()) {
    case '+':
    case ':':
      answer = {.kind = Answer::Kind::kOk};
      return Parse::kDone;
    case '-':
      answer = {.kind = Answer::Kind::kError, .error = rest};
      return Parse::kDone;
    case '$': {
      if (number_of(rest, number) != Parse::kDone) return Parse::kNonsense;
      if (number < 0) {
        answer = {.kind = Answer::Kind::kEmpty};
        return Parse::kDone;
      }
      const auto body = static_cast<std::size_t>(number) + 2;
      if (input.size() < body) return Parse::kNeedMore;
      input.remove_prefix(body);
      answer = {.kind = Answer::Kind::kOk};
      return Parse::kDone;
    }
    default:
      return Parse::kNonsense;
  }
}

class RedisCodec : public Codec {
 public:
  explicit RedisCodec(const CodecOptions& options) {
    for (const std::string& topic : options.topics) {
      heads_.push_back(fmt::format("*5\r\n$4\r\nXADD\r\n${}\r\n{}\r\n$1\r\n*\r\n$1\r\nd\r\n", topic.size(), topic));
    }
    tail_ = fmt::format("${}\r\n{}\r\n", options.payload.size(), options.payload);
  }

  bool supports(RequestKind kind) const override { return kind == RequestKind::kPut; }

  void append_request(std::string& to, RequestKind kind, RequestPlace place) const override {
    WALRUS_ASSERT(supports(kind));
    to.append(heads_[place.topic]).append(tail_);
  }

  bool take_answer(std::string_view& input, Answer& answer) const override {
    std::string_view rest = input;
    const Parse taken = take_reply(rest, answer);
    if (taken == Parse::kNeedMore) return false;
    if (taken == Parse::kNonsense) answer = {.kind = Answer::Kind::kNonsense};
    input = rest;
    return true;
  }

 private:
  std::vector<std::string> heads_;  // by topic: all before the payload
  std::string tail_;
};

}  // namespace

std::unique_ptr<Codec> make_redis_codec(const CodecOptions& options) { return std::make_unique<RedisCodec>(options); }

}  // namespace walrus::bench
