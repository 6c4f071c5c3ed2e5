// What another node may send to a broker: any messages, one behind the other, each with any header and body, to a node
// that leads a topic with two records. Each is answered at most once, none brings the node down, and the two records
// stand where they were.
//
// The topic is number 2, its open segment 0, in epoch 2. Input: messages of [u8 type][u16 header length][header][u16
// body length][body].
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "base/bytes.h"
#include "tests/unit/broker/broker_fixture.h"

namespace {

using namespace walrus;
using namespace std::chrono_literals;

constexpr std::size_t kMaxMessages = 16;

std::optional<std::string> take_text(std::string_view& from) {
  if (from.size() < sizeof(std::uint16_t)) return std::nullopt;
  const std::size_t size = load_little<std::uint16_t>(from.data());
  from.remove_prefix(sizeof(std::uint16_t));
  if (size > from.size()) return std::nullopt;
  std::string text(from.substr(0, size));
  from.remove_prefix(size);
  return text;
}

std::optional<io::Message> take_message(std::string_view& from) {
  if (from.empty()) return std::nullopt;
  const auto type = static_cast<std::uint8_t>(from.front());
  from.remove_prefix(1);
  auto header = take_text(from);
  auto body = take_text(from);
  if (!header || !body) return std::nullopt;
  return io::Message{.type = type, .header = std::move(*header), .body = SharedBytes(std::move(*body))};
}

class Target {
 public:
  Target() {
    cluster_.add_node(NodeId(1));
    node_.emplace(loop_, cluster_, network_, NodeId(1), 1000);
    metadata::Command command;
    command.mutable_create_topic()->set_name("t");
    WALRUS_ASSERT(cluster_.apply(command).status.has_value());
    ask({.verb = protocol::Verb::kPut, .topic = "t", .payload = "first"});
    ask({.verb = protocol::Verb::kPut, .topic = "t", .payload = "second"});
  }

  void send(io::Message message) {
    auto answered = std::make_shared<bool>(false);
    node_->broker.handle(NodeId(2), std::move(message), [answered](const Result<io::Message>&) {
      WALRUS_ASSERT(!*answered, "a message was answered twice");
      *answered = true;
    });
    settle();
  }

  std::string ask(const protocol::Request& request) {
    const std::uint64_t slot = slots_++;
    node_->broker.submit(request, client_, slot);
    node_->broker.flush();
    settle();
    const auto answer = client_->answers.find(slot);
    return answer == client_->answers.end() ? std::string() : answer->second;
  }

  void let_waiters_end() {
    world_.run_for(60s);
    settle();
  }

 private:
  void settle() {
    for (int round = 0; round < 5; ++round) {
      world_.run_ready();
      node_->store.sync();
    }
    world_.run_ready();
  }

  io::SimWorld world_{1};
  io::SimLoop& loop_ = world_.make_loop("node");
  testing_fakes::FakeMetadata cluster_;
  testing_fakes::FakeNetwork network_;
  std::shared_ptr<broker::Client> client_ = std::make_shared<broker::Client>();
  std::uint64_t slots_ = 0;
  std::optional<broker::BrokerNode> node_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  Target target;
  for (std::size_t i = 0; i < kMaxMessages; ++i) {
    auto message = take_message(rest);
    if (!message) break;
    target.send(std::move(*message));
  }
  target.let_waiters_end();
  const protocol::FetchArguments from_start{.from = {protocol::Place::Kind::kOffset, 0}, .bounds = {.records = 2}};
  const std::string read =
      target.ask({.verb = protocol::Verb::kFetch, .topic = "t", .payload = {}, .arguments = from_start});
  WALRUS_ASSERT(read.contains("first") && read.contains("second"), "what was acknowledged is gone");
  return 0;
}
