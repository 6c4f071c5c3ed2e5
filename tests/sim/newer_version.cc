#include "tests/sim/newer_version.h"

#include <utility>

namespace walrus::sim {

namespace {

/// Field 2047, a varint, 1: on the wire of protobuf.
constexpr std::string_view kUnknownField = "\xf8\x7f\x01";

io::Message with_unknown_field(io::Message message) {
  message.header += kUnknownField;
  return message;
}

class NewerTransport final : public io::Transport {
 public:
  explicit NewerTransport(std::unique_ptr<io::Transport> transport) : transport_(std::move(transport)) {}

  void set_handler(Handler handler) override {
    transport_->set_handler([handler = std::move(handler)](NodeId from, io::Message message, io::Reply reply) {
      if (!reply) return handler(from, std::move(message), {});
      handler(from, std::move(message), [reply = std::move(reply)](Result<io::Message> answer) mutable {
        reply(answer ? Result<io::Message>(with_unknown_field(std::move(*answer))) : std::move(answer));
      });
    });
  }
  void set_address(NodeId node, const std::string& host_port) override { transport_->set_address(node, host_port); }
  void forget(NodeId node) override { transport_->forget(node); }
  void send(NodeId to, io::Message message) override { transport_->send(to, with_unknown_field(std::move(message))); }
  void call(NodeId to, io::Message message, io::Duration timeout, io::Reply reply) override {
    transport_->call(to, with_unknown_field(std::move(message)), timeout, std::move(reply));
  }
  void call_address(const std::string& host_port, io::Message message, io::Duration timeout, io::Reply reply) override {
    transport_->call_address(host_port, with_unknown_field(std::move(message)), timeout, std::move(reply));
  }
  bool connected(NodeId node) const override { return transport_->connected(node); }

 private:
  std::unique_ptr<io::Transport> transport_;
};

}  // namespace

std::unique_ptr<io::Transport> speak_newer_version(std::unique_ptr<io::Transport> transport) {
  return std::make_unique<NewerTransport>(std::move(transport));
}

}  // namespace walrus::sim
