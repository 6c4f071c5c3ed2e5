#include <fmt/format.h>

#include <charconv>

#include "base/assert.h"
#include "bench/codec.h"

namespace walrus::bench {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

std::string connect_line() {
  return "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"c++\",\"version\":\"" WALRUS_VERSION "\"}\r\n";
}

/// The number behind the last blank of "MSG <subject> <subscription> [<reply>] <bytes>".
bool size_of(std::string_view line, std::size_t& size) {
  const auto blank = line.rfind(' ');
  if (blank == std::string_view::npos) return false;
  const std::string_view digits = line.substr(blank + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  return error == std::errc() && end == digits.data() + digits.size();
}

/// What the server says of a publish, or of a request to its API: JSON.
Answer answer_of(std::string_view body) {
  const auto error = body.find("\"error\"");
  if (error == std::string_view::npos) return {.kind = Answer::Kind::kOk};
  return {.kind = Answer::Kind::kError, .error = body.substr(error)};
}

class NatsCodec : public Codec {
 public:
  explicit NatsCodec(const CodecOptions& options)
      : topics_(options.topics), tail_(fmt::format(" {}\r\n{}\r\n", options.payload.size(), options.payload)) {
    for (const std::string& topic : options.topics) heads_.push_back(fmt::format("PUB {} _INBOX.", topic));
  }

  bool supports(RequestKind kind) const override { return kind == RequestKind::kPut || kind == RequestKind::kRegister; }

  std::string greeting(std::size_t lane) const override {
    return connect_line() + fmt::format("SUB _INBOX.{} 1\r\n", lane);
  }

  void append_request(std::string& to, RequestKind kind, RequestPlace place) const override {
    WALRUS_ASSERT(supports(kind));
    if (kind == RequestKind::kPut) {
      fmt::format_to(std::back_inserter(to), "{}{}{}", heads_[place.topic], place.lane, tail_);
      return;
    }
    const std::string& topic = topics_[place.topic];
    const std::string config =
        fmt::format(R"({{"name":"{}","subjects":["{}"],"storage":"file","num_replicas":1}})", topic, topic);
    fmt::format_to(std::back_inserter(to), "PUB $JS.API.STREAM.CREATE.{} _INBOX.{} {}\r\n{}\r\n", topic, place.lane,
                   config.size(), config);
  }

  bool take_answer(std::string_view& input, Answer& answer) const override {
    const auto end = input.find(kLineEnd);
    if (end == std::string_view::npos) return false;
    const std::string_view line = input.substr(0, end);
    std::string_view rest = input.substr(end + kLineEnd.size());
    if (line.starts_with("MSG ")) {
      std::size_t size = 0;
      if (!size_of(line, size)) {
        answer = {.kind = Answer::Kind::kNonsense};
        return true;
      }
      if (rest.size() < size + kLineEnd.size()) return false;
      answer = answer_of(rest.substr(0, size));
      rest.remove_prefix(size + kLineEnd.size());
    } else if (line == "PING") {
      answer = {.kind = Answer::Kind::kNotice, .send_back = "PONG\r\n"};
    } else if (line.starts_with("INFO ") || line == "+OK" || line == "PONG") {
      answer = {.kind = Answer::Kind::kNotice};
    } else if (line.starts_with("-ERR")) {
      answer = {.kind = Answer::Kind::kError, .error = line};
    } else {
      answer = {.kind = Answer::Kind::kNonsense};
    }
    input = rest;
    return true;
  }

 private:
  const std::vector<std::string> topics_;
  std::vector<std::string> heads_;  // by topic: all before the lane's number
  const std::string tail_;          // all behind it
};

}  // namespace

std::unique_ptr<Codec> make_nats_codec(const CodecOptions& options) { return std::make_unique<NatsCodec>(options); }

std::unique_ptr<Codec> make_codec(std::string_view peer, const CodecOptions& options) {
  if (peer == "redis") return make_redis_codec(options);
  if (peer == "nats") return make_nats_codec(options);
  WALRUS_ASSERT(peer == "walrus");
  return make_walrus_codec(options);
}

}  // namespace walrus::bench
