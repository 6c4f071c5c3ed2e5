#include "tests/unit/client/fake_server.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>
#include <poll.h>
#include <unistd.h>

#include "base/assert.h"
#include "protocol/record.h"
#include "protocol/text.h"

namespace walrus::testing {

FakeServer::FakeServer(std::uint16_t port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  WALRUS_ASSERT(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  WALRUS_ASSERT(::listen(listener_, 64) == 0);
  socklen_t size = sizeof address;
  WALRUS_ASSERT(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  WALRUS_ASSERT(::pipe(wake_) == 0);
  thread_ = std::thread([this] { run(); });
}

FakeServer::~FakeServer() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  WALRUS_ASSERT(::write(wake_[1], "x", 1) == 1);
  thread_.join();
  for (const Peer& peer : peers_) ::close(peer.socket);
  for (const int descriptor : {listener_, wake_[0], wake_[1]}) ::close(descriptor);
}

void FakeServer::set_script(Script script) {
  const std::lock_guard lock(mutex_);
  script_ = std::move(script);
}

void FakeServer::add_topic(const std::string& topic, std::vector<std::string> records) {
  const std::lock_guard lock(mutex_);
  auto& all = topics_[topic].records;
  all.insert(all.end(), records.begin(), records.end());
}

std::vector<std::string> FakeServer::records(const std::string& topic) const {
  const std::lock_guard lock(mutex_);
  const auto found = topics_.find(topic);
  return found == topics_.end() ? std::vector<std::string>() : found->second.records;
}

std::vector<std::string> FakeServer::keys(const std::string& topic) const {
  const std::lock_guard lock(mutex_);
  const auto found = topics_.find(topic);
  return found == topics_.end() ? std::vector<std::string>{} : found->second.keys;
}

std::vector<std::string> FakeServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::size_t FakeServer::reads_from_sockets() const {
  const std::lock_guard lock(mutex_);
  return reads_;
}

std::size_t FakeServer::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

void FakeServer::hang_up() {
  {
    const std::lock_guard lock(mutex_);
    hang_up_ = true;
  }
  WALRUS_ASSERT(::write(wake_[1], "x", 1) == 1);
  for (;;) {
    const std::lock_guard lock(mutex_);
    if (!hang_up_) return;
  }
}

void FakeServer::run() {
  for (;;) {
    std::vector<pollfd> waiting{{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    {
      const std::lock_guard lock(mutex_);
      if (stop_) return;
      if (hang_up_) {
        for (const Peer& peer : peers_) ::close(peer.socket);
        peers_.clear();
        hang_up_ = false;
      }
      for (const Peer& peer : peers_) waiting.push_back({peer.socket, POLLIN, 0});
    }
    ::poll(waiting.data(), waiting.size(), -1);
    char byte = 0;
    if (waiting[1].revents != 0 && ::read(wake_[0], &byte, 1) < 0) return;
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 2; i < waiting.size(); ++i) {
      if (waiting[i].revents != 0) receive(peers_[i - 2]);
    }
    std::erase_if(peers_, [](const Peer& peer) {
      if (peer.closing) ::close(peer.socket);
      return peer.closing;
    });
    if (waiting[0].revents != 0) accept_peer();
  }
}

void FakeServer::accept_peer() {
  const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (socket < 0) return;
  ++connections_;
  peers_.emplace_back().socket = socket;
}

void FakeServer::receive(Peer& peer) {
  char buffer[65536];
  const ssize_t got = ::recv(peer.socket, buffer, sizeof buffer, 0);
  if (got <= 0) {
    peer.closing = true;
    return;
  }
  ++reads_;
  peer.in.append(buffer, static_cast<std::size_t>(got));
  std::string_view rest = peer.in;
  for (;;) {
    const auto step = peer.decoder.next(rest);
    if (step.event == protocol::FrameDecoder::Event::kNeedMore || peer.closing) break;
    if (step.event == protocol::FrameDecoder::Event::kFrame) {
      answer(peer, step.text);
    } else {
      protocol::append_frame(peer.out, "ERR invalid frame length");
    }
  }
  peer.in.erase(0, peer.in.size() - rest.size());
  // The client reads while it writes, so a blocking write ends.
  for (std::size_t sent = 0; sent < peer.out.size();) {
    const ssize_t taken = ::send(peer.socket, peer.out.data() + sent, peer.out.size() - sent, MSG_NOSIGNAL);
    if (taken <= 0) {
      peer.closing = true;
      break;
    }
    sent += static_cast<std::size_t>(taken);
  }
  peer.out.clear();
}

void FakeServer::answer(Peer& peer, std::string_view request) {
  requests_.emplace_back(request);
  const Action action = script_ ? script_(request) : Action{};
  switch (action.kind) {
    case Action::Kind::kServe:
      protocol::append_frame(peer.out, serve(request));
      break;
    case Action::Kind::kAnswer:
      protocol::append_frame(peer.out, action.answer);
      break;
    case Action::Kind::kSilence:
      break;
    case Action::Kind::kHangUp:
      peer.closing = true;
      break;
  }
}

std::string FakeServer::serve(std::string_view text) {
  const auto request = protocol::parse_request(text);
  if (!request) return "ERR " + request.error().message();
  const std::string name(request->topic);
  if (request->verb == protocol::Verb::kProducer) return "OK 7:1";
  if (request->verb == protocol::Verb::kMetrics) return R"(OK {"node_id":1,"state":"Leader"})";
  if (request->verb == protocol::Verb::kRegister) {
    topics_.try_emplace(name);
    return "OK";
  }
  const auto found = topics_.find(name);
  if (found == topics_.end()) return "ERR topic not found";
  Topic& topic = found->second;
  if (request->verb == protocol::Verb::kPut) {
    topic.records.emplace_back(request->payload);
    topic.keys.emplace_back();
    return "OK";
  }
  if (request->verb == protocol::Verb::kMput) {
    const std::size_t first = topic.records.size();
    for (std::string_view body = request->payload; !body.empty();) {
      const auto record = protocol::take_record(body);
      if (!record) return "ERR malformed record";
      topic.records.emplace_back(record->value);
      topic.keys.emplace_back(record->key.value_or(""));
    }
    return "OK " + std::to_string(first);
  }
  if (request->verb == protocol::Verb::kGet) {
    return topic.cursor < topic.records.size() ? "OK " + topic.records[topic.cursor++] : "EMPTY";
  }
  return R"(OK {"topic":")" + name + R"(","total_entries":)" + std::to_string(topic.records.size()) + "}";
}

}  // namespace walrus::testing
