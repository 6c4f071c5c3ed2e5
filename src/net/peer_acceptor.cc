#include "net/peer_acceptor.h"

#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <fmt/core.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "io/message.h"
#include "protocol/peer_frame.h"

namespace walrus::net {

namespace asio = boost::asio;
using boost::system::error_code;
using protocol::PeerFrameKind;

// Two processes of one node id.

Status LiveProcesses::admit(NodeId node, const Uuid& boot_id, io::TimePoint now) {
  const auto found = processes_.find(node);
  if (found == processes_.end() || found->second.boot_id == boot_id) return {};
  Process& first = found->second;
  if (first.rival != boot_id) {
    first.rival = boot_id;
    first.rival_since = now;
  }
  if (now - first.rival_since <= conflict_limit_) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("connections of an earlier process of node {} are still open", node));
  }
  return fail(ErrorCode::kIdentityRefused,
              fmt::format("another process of node {} is alive; was its data directory copied?", node));
}

void LiveProcesses::opened(NodeId node, const Uuid& boot_id) {
  Process& process = processes_[node];
  if (process.boot_id != boot_id) process = {.boot_id = boot_id, .connections = 0, .rival = {}, .rival_since = {}};
  ++process.connections;
}

void LiveProcesses::closed(NodeId node, const Uuid& boot_id) {
  const auto found = processes_.find(node);
  if (found == processes_.end() || found->second.boot_id != boot_id) return;
  if (--found->second.connections == 0) processes_.erase(found);
}

// The first frame of a connection.

class PeerAcceptor::Handshake : public std::enable_shared_from_this<Handshake> {
 public:
  using Done = std::move_only_function<void(Result<peer::Hello>)>;

  Handshake(io::AsioLoop& loop, AcceptedSocket accepted)
      : loop_(loop), socket_(std::move(accepted).take(loop.context())), input_(kMaxHelloBytes) {}

  void start(io::Duration timeout, Done done) {
    done_ = std::move(done);
    timer_ = loop_.after(timeout, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->finish(fail(ErrorCode::kUnavailable, "no hello in time"));
    });
    error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket_.non_blocking(true, ignored);
    await();
  }

  /// The reply is small and the first thing on its connection: the socket takes it at once, or is broken.
  bool reply(const peer::HelloReply& reply) {
    const io::Message message = io::make_message(peer::HELLO_REPLY, reply);
    const auto bytes = protocol::encode_peer_frame(
        {.type = message.type, .kind = PeerFrameKind::kOneWay, .call_id = 0, .header = message.header, .body = {}});
    error_code error;
    return bytes && asio::write(socket_, asio::buffer(*bytes), error) == bytes->size();
  }

  std::string remote() const {
    error_code error;
    const auto endpoint = socket_.remote_endpoint(error);
    return error ? "?" : join_address(endpoint.address().to_string(), endpoint.port());
  }

  AcceptedSocket release() {
    error_code error;
    return AcceptedSocket(socket_.release(error));
  }

  void close() {
    error_code ignored;
    socket_.close(ignored);
    timer_.cancel();
    done_ = nullptr;
  }

 private:
  static constexpr std::size_t kMaxHelloBytes = 4096;

  void await() {
    socket_.async_wait(asio::socket_base::wait_read, [self = shared_from_this()](error_code) {
      if (self->done_) self->receive();
    });
  }

  void receive() {
    error_code error;
    const std::size_t size = socket_.read_some(asio::buffer(input_.data() + filled_, input_.size() - filled_), error);
    if (error == asio::error::would_block || error == asio::error::try_again) {
      await();
      return;
    }
    if (error) {
      finish(fail(ErrorCode::kUnavailable, error.message()));
      return;
    }
    filled_ += size;
    const std::string_view bytes(input_.data(), filled_);
    const auto whole = protocol::peer_frame_size(bytes);
    if (!whole || *whole > input_.size() || (*whole != 0 && bytes.size() > *whole)) {
      finish(fail(ErrorCode::kCorrupt, "not a hello"));
    } else if (*whole == 0 || bytes.size() < *whole) {
      await();
    } else {
      finish(read(bytes));
    }
  }

  static Result<peer::Hello> read(std::string_view bytes) {
    WALRUS_ASSIGN(const auto frame, protocol::decode_peer_frame(bytes));
    return io::parse_header<peer::Hello>({.type = frame.type, .header = std::string(frame.header), .body = {}},
                                         peer::HELLO);
  }

  void finish(Result<peer::Hello> hello) {
    timer_.cancel();
    if (auto done = std::exchange(done_, nullptr)) done(std::move(hello));
  }

  io::AsioLoop& loop_;
  asio::ip::tcp::socket socket_;
  std::vector<char> input_;
  std::size_t filled_ = 0;
  io::Timer timer_;
  Done done_;
};

// The port.

PeerAcceptor::PeerAcceptor(io::AsioLoop& loop, std::unique_ptr<TcpAcceptor> acceptor, PeerIdentity self,
                           PeerTransport& node, std::vector<PeerTransport*> shards, PeerAcceptorOptions options)
    : loop_(loop),
      acceptor_(std::move(acceptor)),
      self_(std::move(self)),
      node_(node),
      shards_(std::move(shards)),
      options_(std::move(options)),
      live_(std::make_shared<LiveProcesses>(options_.conflict_limit)) {}

PeerAcceptor::~PeerAcceptor() { stop(); }

void PeerAcceptor::start() {
  acceptor_->start([this](AcceptedSocket accepted) { greet(std::move(accepted)); });
}

void PeerAcceptor::stop() {
  acceptor_->stop();
  for (const auto& handshake : std::exchange(handshakes_, {})) handshake->close();
}

void PeerAcceptor::greet(AcceptedSocket accepted) {
  if (handshakes_.size() >= limits::kMaxPeerHandshakes) return;
  const auto handshake = std::make_shared<Handshake>(loop_, std::move(accepted));
  handshakes_.insert(handshake);
  handshake->start(options_.hello_timeout, [this, weak = std::weak_ptr(handshake)](Result<peer::Hello> hello) {
    const auto done = weak.lock();
    handshakes_.erase(done);
    if (!hello) {
      log::debug("{} on the internal port: {}", done->remote(), hello.error().message());
      done->close();
      return;
    }
    auto claim = read_hello(*hello);
    const Status verdict = claim ? judge(*claim) : fail(claim.error());
    if (!verdict && verdict.error().code == ErrorCode::kIdentityRefused) {
      log::warn("refused node {} from {}: {}", hello->node_id(), done->remote(), verdict.error().detail);
    }
    const bool replied = done->reply(make_hello_reply(self_, verdict));
    if (verdict && replied) {
      welcome(done->release(), std::move(*claim));
    } else {
      done->close();
    }
  });
}

Status PeerAcceptor::judge(const PeerClaim& claim) {
  WALRUS_TRY(check_claim(self_, claim));
  Status known;
  if (options_.identity_check) known = options_.identity_check(claim.identity.node_id, claim.identity.disk_id);
  // A guest may ask to take the place of a disk that was lost.
  const bool may_ask = claim.guest() && !known && known.error().code == ErrorCode::kUnavailable;
  if (!known && !may_ask) return known;
  return live_->admit(claim.identity.node_id, claim.identity.boot_id, loop_.now());
}

void PeerAcceptor::welcome(AcceptedSocket socket, PeerClaim claim) {
  PeerTransport& transport = transport_of(claim.channel);
  std::move_only_function<void()> closed = [] {};
  if (!claim.guest()) {
    const NodeId node = claim.identity.node_id;
    const Uuid boot_id = claim.identity.boot_id;
    live_->opened(node, boot_id);
    closed = [&loop = loop_, live = live_, node, boot_id] {
      loop.post([live, node, boot_id] { live->closed(node, boot_id); });
    };
  }
  transport.loop().post(
      [&transport, socket = std::move(socket), claim = std::move(claim), closed = std::move(closed)]() mutable {
        transport.adopt(std::move(socket), std::move(claim), std::move(closed));
      });
}

PeerTransport& PeerAcceptor::transport_of(std::uint32_t channel) {
  if (channel == io::Channel::kNode || shards_.empty()) return node_;
  return *shards_[(channel - 1) % shards_.size()];
}

}  // namespace walrus::net
