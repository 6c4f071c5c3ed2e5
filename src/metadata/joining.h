// A node makes itself known to a cluster: calls the given addresses, one after the other, with JOIN, until a member has
// carried this node's UpsertNode to the Raft leader. Used to join, and to tell a new address after a move.
//
// How it fails: it goes on for as long as it takes, saying every few seconds why; kIdentityRefused is final and goes to
// `refused`. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/transport.h"
#include "peer.pb.h"

namespace walrus::metadata {

class Joining {
 public:
  struct Callbacks {
    std::function<void(const peer::JoinReply& reply)> joined;
    std::function<void(const Error& reason)> refused;
  };

  Joining(io::Loop& loop, io::Transport& transport, std::vector<std::string> addresses, peer::Join self,
          Callbacks callbacks);
  ~Joining();

  void start() { call_next(); }

 private:
  void call_next();
  void on_reply(const std::string& address, Result<io::Message> reply);

  io::Loop& loop_;
  io::Transport& transport_;
  const std::vector<std::string> addresses_;
  const peer::Join self_;
  Callbacks callbacks_;
  std::size_t tries_ = 0;
  io::TimePoint next_log_{};
  io::Timer retry_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace walrus::metadata
