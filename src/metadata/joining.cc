#include "metadata/joining.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "io/message.h"

namespace walrus::metadata {
namespace {

constexpr std::chrono::milliseconds kJoinRetryInterval{100};
constexpr std::chrono::seconds kLogInterval{5};

}  // namespace

Joining::Joining(io::Loop& loop, io::Transport& transport, std::vector<std::string> addresses, peer::Join self,
                 Callbacks callbacks)
    : loop_(loop),
      transport_(transport),
      addresses_(std::move(addresses)),
      self_(std::move(self)),
      callbacks_(std::move(callbacks)),
      next_log_(loop.now() + kLogInterval) {
  WALRUS_ASSERT(!addresses_.empty());
}

Joining::~Joining() = default;

void Joining::call_next() {
  const std::string& address = addresses_[tries_++ % addresses_.size()];
  transport_.call_address(address, io::make_message(peer::JOIN, self_), limits::kCallTimeout + std::chrono::seconds(1),
                          [this, address, alive = std::weak_ptr(alive_)](Result<io::Message> reply) {
                            if (!alive.expired()) on_reply(address, std::move(reply));
                          });
}

void Joining::on_reply(const std::string& address, Result<io::Message> message) {
  Error trouble{};
  if (message) {
    auto reply = io::parse_header<peer::JoinReply>(*message, peer::JOIN_REPLY);
    if (reply && reply->cluster_id().size() == 16) return callbacks_.joined(*reply);
    trouble = reply ? Error{ErrorCode::kUnavailable, "no cluster id"} : reply.error();
  } else {
    trouble = message.error();
  }
  if (trouble.code == ErrorCode::kIdentityRefused) return callbacks_.refused(trouble);
  if (loop_.now() >= next_log_) {
    log::warn("not taken into a cluster yet: {}: {}", address, trouble.message());
    next_log_ = loop_.now() + kLogInterval;
  }
  retry_ = loop_.after(kJoinRetryInterval, [this] { call_next(); });
}

}  // namespace walrus::metadata
