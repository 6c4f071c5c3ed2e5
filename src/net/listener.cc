#include "net/listener.h"

#include <boost/asio/post.hpp>

#include <optional>
#include <utility>

#include "base/assert.h"

namespace walrus::net {
namespace {

/// Clients beyond the limit that are being told so; any more are closed without a word.
constexpr std::size_t kMaxRefused = 256;

}  // namespace

Listener::Listener(std::unique_ptr<TcpAcceptor> acceptor, std::vector<SessionGroup*> groups,
                   std::shared_ptr<ConnectionCount> count, std::size_t max_connections)
    : acceptor_(std::move(acceptor)),
      groups_(std::move(groups)),
      count_(std::move(count)),
      max_connections_(max_connections) {
  WALRUS_ASSERT(!groups_.empty());
}

void Listener::start() {
  acceptor_->start([this](AcceptedSocket accepted) { deal(std::move(accepted)); });
}

void Listener::deal(AcceptedSocket accepted) {
  const std::size_t open = count_->open.load(std::memory_order_relaxed);
  if (open >= max_connections_ + kMaxRefused) return;
  std::optional<Error> refusal;
  if (open >= max_connections_) refusal = Error{ErrorCode::kOverloaded, "too many connections"};
  count_->open.fetch_add(1, std::memory_order_relaxed);
  SessionGroup& group = *groups_[next_++ % groups_.size()];
  boost::asio::post(group.context(), [&group, refusal = std::move(refusal), accepted = std::move(accepted)]() mutable {
    group.adopt(std::move(accepted).take(group.context()), std::move(refusal));
  });
}

}  // namespace walrus::net
