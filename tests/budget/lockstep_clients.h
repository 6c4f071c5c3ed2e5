// Clients that take turns with the server: all send what they have, the server works until all answers are there, all
// read them. So the same requests meet in the same turns in every run. Blocking sockets, one thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/budget/lone_shard.h"

namespace walrus::budget {

/// One request and what it is answered, as frames.
struct Exchange {
  std::string request;
  std::string answer;
};

class LockstepClients {
 public:
  /// Each connection has `depth` requests in flight; the exchanges go round, one after the other.
  LockstepClients(LoneShard& shard, std::size_t connections, std::size_t depth, std::vector<Exchange> exchanges);
  ~LockstepClients();
  LockstepClients(const LockstepClients&) = delete;
  LockstepClients& operator=(const LockstepClients&) = delete;

  std::size_t requests_per_round() const { return connections_.size() * depth_; }

  void send();
  /// Reads what there is; true when everything sent is answered. Ends the program when an answer is not the one that
  /// was expected.
  bool receive();

 private:
  struct Connection {
    int socket = -1;
    std::string request;
    std::string expected;
    std::size_t received = 0;
  };
  void fill(Connection& connection);

  std::vector<Connection> connections_;
  const std::size_t depth_;
  const std::vector<Exchange> exchanges_;
  std::size_t next_exchange_ = 0;
  std::string buffer_;
};

}  // namespace walrus::budget
