#include <fmt/core.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/limits.h"
#include "bench/codec.h"
#include "protocol/frame.h"
#include "protocol/text.h"

namespace walrus::bench {
namespace {

class WalrusCodec : public Codec {
 public:
  explicit WalrusCodec(const CodecOptions& options) : payload_(options.payload) {
    records_ = options.records;
    for (const std::string& topic : options.topics) {
      commit_heads_.push_back("COMMIT " + topic + " bench-");
      const std::string head = "PUT " + topic + " ";
      append_little(put_heads_.emplace_back(), static_cast<std::uint32_t>(head.size() + payload_.size()));
      put_heads_.back() += head;
      protocol::append_frame(gets_.emplace_back(), "GET ", topic);
      const std::string blank = options.register_options.empty() ? "" : " ";
      protocol::append_frame(registers_.emplace_back(), "REGISTER ", topic + blank + options.register_options);
    }
  }

  bool supports(RequestKind) const override { return true; }

  void append_request(std::string& to, RequestKind kind, RequestPlace place) const override {
    switch (kind) {
      case RequestKind::kPut:
        to.append(put_heads_[place.topic]).append(payload_);
        return;
      case RequestKind::kGet:
        to.append(gets_[place.topic]);
        return;
      case RequestKind::kRegister:
        to.append(registers_[place.topic]);
        return;
      case RequestKind::kCommit:  // a group of each connection, forward by one record each time
        protocol::append_frame(to, commit_heads_[place.topic],
                               fmt::format("{} {}", place.lane, std::min(place.number + 1, records_)));
        return;
    }
  }

  bool take_answer(std::string_view& input, Answer& answer) const override {
    // The decoder holds state only while it skips an oversize frame, and with that the run is over.
    protocol::FrameDecoder decoder(limits::kMaxSkippedFrameBytes);
    const auto step = decoder.next(input);
    if (step.event == protocol::FrameDecoder::Event::kNeedMore) return false;
    const auto reply = protocol::parse_reply(step.text);
    if (step.event != protocol::FrameDecoder::Event::kFrame || !reply) {
      answer = {.kind = Answer::Kind::kNonsense};
      return true;
    }
    switch (reply->kind) {
      case protocol::Reply::Kind::kOk:
        answer = {.kind = Answer::Kind::kOk};
        break;
      case protocol::Reply::Kind::kOkPayload:
        answer = {.kind = Answer::Kind::kRecord};
        break;
      case protocol::Reply::Kind::kEmpty:
        answer = {.kind = Answer::Kind::kEmpty};
        break;
      case protocol::Reply::Kind::kError:
        answer = {.kind = Answer::Kind::kError, .error = reply->payload};
        break;
    }
    return true;
  }

 private:
  std::string payload_;
  std::vector<std::string> put_heads_;  // by topic: length and text up to the payload
  std::vector<std::string> gets_;
  std::vector<std::string> registers_;
  std::vector<std::string> commit_heads_;
  std::uint64_t records_ = 0;
};

}  // namespace

std::unique_ptr<Codec> make_walrus_codec(const CodecOptions& options) { return std::make_unique<WalrusCodec>(options); }

}  // namespace walrus::bench
