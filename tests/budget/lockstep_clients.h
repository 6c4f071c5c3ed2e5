// Clients that take turns with the server: all send what they have, the server works until all answers are there, all
// read them. So the same requests meet in the same turns in every run. Blocking sockets, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/budget/lone_shard.h"

namespace walrus::budget {

/// One request, a whole frame, and how the text of its answer begins.
struct Exchange {
  std::string request;
  std::string answer;
};

/// The beginning of a FETCH's answer: its records are counted.
inline constexpr std::string_view kFetchAnswer = "OK ";

class LockstepClients {
 public:
  /// Each connection has `depth` requests in flight; the exchanges go round, one after the other.
  LockstepClients(LoneShard& shard, std::size_t connections, std::size_t depth, std::vector<Exchange> exchanges);
  ~LockstepClients();
  LockstepClients(const LockstepClients&) = delete;
  LockstepClients& operator=(const LockstepClients&) = delete;

  void send();
  /// Reads what there is; true when everything sent is answered. Ends the program when an answer is not the one that
  /// was expected.
  bool receive();

  /// Answered so far: requests, or, where the answer is that of a FETCH, the records in it.
  std::uint64_t done() const { return done_; }

 private:
  struct Connection {
    int socket = -1;
    std::string request;
    std::vector<std::string_view> expected;  // beginnings of answers, in order
    std::size_t answered = 0;
    std::string received;
  };
  void fill(Connection& connection);
  void take_answers(Connection& connection);

  std::vector<Connection> connections_;
  const std::size_t depth_;
  const std::vector<Exchange> exchanges_;
  std::size_t next_exchange_ = 0;
  std::uint64_t done_ = 0;
  std::string buffer_;
};

}  // namespace walrus::budget
