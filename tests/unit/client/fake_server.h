// A server of the documented protocol inside the test's process: topics in memory, one thread, and a script that makes
// it answer something else, nothing, or hang up. It knows no producer again: what is sent twice is there twice.
// 127.0.0.1, a port of its own. Its functions may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "protocol/frame.h"

namespace walrus::testing {

class FakeServer {
 public:
  /// What the script makes of a request.
  struct Action {
    enum class Kind : std::uint8_t { kServe, kAnswer, kSilence, kHangUp };
    Kind kind = Kind::kServe;
    std::string answer{};
  };
  using Script = std::function<Action(std::string_view request)>;

  /// `port` 0 picks a free one.
  explicit FakeServer(std::uint16_t port = 0);
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  /// Called on the server's thread for each request.
  void set_script(Script script);
  void add_topic(const std::string& topic, std::vector<std::string> records = {});
  /// All records of a topic, read or not.
  std::vector<std::string> records(const std::string& topic) const;
  /// Their keys; empty for those that have none.
  std::vector<std::string> keys(const std::string& topic) const;
  std::vector<std::string> requests() const;
  std::size_t reads_from_sockets() const;
  std::size_t connections() const;
  /// Closes every connection; new ones are taken.
  void hang_up();

 private:
  struct Topic {
    std::vector<std::string> records;
    std::vector<std::string> keys;
    std::size_t cursor = 0;
  };
  struct Peer {
    int socket = -1;
    std::string in;
    std::string out;
    protocol::FrameDecoder decoder;
    bool closing = false;
  };

  void run();
  void accept_peer();
  void receive(Peer& peer);
  void answer(Peer& peer, std::string_view request);
  std::string serve(std::string_view request);

  int listener_ = -1;
  int wake_[2] = {-1, -1};
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  Script script_;
  std::map<std::string, Topic> topics_;
  std::vector<std::string> requests_;
  std::deque<Peer> peers_;
  std::size_t reads_ = 0;
  std::size_t connections_ = 0;
  bool stop_ = false;
  bool hang_up_ = false;
  std::thread thread_;
};

}  // namespace walrus::testing
