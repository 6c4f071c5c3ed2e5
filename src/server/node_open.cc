// How a node is built: the directory, the ports, the logs, the metadata, the shards, in this order.
#include <utility>

#include "base/log.h"
#include "server/node.h"
#include "server/node_table.h"
#include "storage/shard_store.h"

namespace walrus::server {
namespace {

ExitCode exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kIdentityRefused:
      return ExitCode::kIdentity;
    case ErrorCode::kCorrupt:
      return ExitCode::kCorrupt;
    default:
      return ExitCode::kEnvironment;
  }
}

}  // namespace

std::expected<std::unique_ptr<Node>, StartFailure> Node::open(const Config& config) {
  std::unique_ptr<Node> self(new Node(config));
  using Step = Status (Node::*)();
  for (const Step step :
       {&Node::take_directory, &Node::bind_ports, &Node::recover_logs, &Node::open_metadata, &Node::open_shards}) {
    if (const Status done = (self.get()->*step)(); !done) {
      return std::unexpected(StartFailure{exit_code_of(done.error()), done.error().message()});
    }
  }
  self->open_ports();
  return self;
}

Status Node::take_directory() {
  started_ = loop_.now();
  const std::string directory = config_.node_directory();
  WALRUS_TRY(disk_.make_durable_directories(directory));
  auto lock = disk_.lock(directory + "/lock");
  if (!lock) {
    return lock.error().code == ErrorCode::kLocked
               ? fail(ErrorCode::kLocked, directory + " is in use: it holds the lock of another walrusd")
               : fail(lock.error());
  }
  lock_ = std::move(*lock);
  WALRUS_ASSIGN(identity_, open_identity(disk_, directory, config_.node_id, Uuid(loop_.random(), loop_.random())));
  return disk_.sync_directory(directory);
}

Status Node::bind_ports() {
  WALRUS_ASSIGN(peer_port_, net::TcpAcceptor::open(loop_.context(), config_.raft_host, config_.raft_port));
  WALRUS_ASSIGN(client_port_, net::TcpAcceptor::open(loop_.context(), config_.client_host, config_.client_port));
  if (config_.admin_port != 0) {
    WALRUS_ASSIGN(auto port, net::TcpAcceptor::open(loop_.context(), config_.admin_host, config_.admin_port));
    admin_ = std::make_unique<net::AdminHttp>(loop_.context(), std::move(port),
                                              [this](std::string_view path) { return admin_page(path); });
  }
  peer_address_ = net::join_address(config_.advertised_host(), peer_port_->port());
  client_address_ = net::join_address(config_.client_host, client_port_->port());
  return {};
}

Status Node::recover_logs() {
  WALRUS_ASSIGN(const storage::RecoveryReport report, storage::recover(disk_, config_.node_directory()));
  if (report.batches_replayed > 0 || report.torn_bytes_cut > 0) {
    log::info("recovered {} batches from {} log files ({} bytes), cut {} torn bytes", report.batches_replayed,
              report.log_files, report.log_bytes, report.torn_bytes_cut);
  }
  for (const std::string& damage : report.damage) log::error("damage: {}", damage);
  return {};
}

Status Node::open_metadata() {
  const net::PeerIdentity self{.cluster_id = identity_.cluster_id,
                               .node_id = config_.node_id,
                               .disk_id = identity_.disk_id,
                               .boot_id = Uuid(loop_.random(), loop_.random()),
                               .peer_address = peer_address_};
  const auto check = [this](NodeId node, const Uuid& disk_id) {
    return check_against_node_table(*metadata_->client().view(), node, disk_id);
  };
  transport_ = std::make_unique<net::PeerTransport>(
      loop_, self,
      net::PeerTransportOptions{.channel = io::Channel::kNode,
                                .connection = {},
                                .identity_check = check,
                                .on_refused = [this](const net::PeerRefusal& refusal) { on_refused(refusal); }});
  metadata::MetadataServiceOptions options{
      .node_id = config_.node_id,
      .disk_id = identity_.disk_id,
      .cluster_id = std::nullopt,
      .directory = config_.node_directory() + "/raft",
      .peer_address = peer_address_,
      .client_address = client_address_,
      .join = config_.join,
      .election_timeout = config_.election_timeout,
      .heartbeat = config_.election_timeout / 10,
      .on_cluster_id = [this](const Uuid& cluster_id) { on_cluster_id(cluster_id); },
      .on_refused = [this](const Error& reason) { end_refused(reason.detail); },
      .on_failed = {},
  };
  if (!identity_.cluster_id.is_nil()) options.cluster_id = identity_.cluster_id;
  WALRUS_ASSIGN(metadata_, metadata::MetadataService::open(loop_, disk_, *transport_, std::move(options)));
  node_table_ = follow_node_table(metadata_->client(), *transport_, config_.node_id, LostNode::kWait);
  controller_ = std::make_unique<controller::Controller>(
      loop_, *transport_, metadata_->client(), config_.node_id,
      [this]() -> std::optional<NodeId> { return metadata_->status().leader_id; }, config_.repair_grace);
  transport_->set_handler([this](NodeId from, io::Message message, io::Reply reply) {
    on_message(from, std::move(message), std::move(reply));
  });
  shard_context_ = std::make_unique<ShardContext>(
      ShardContext{.config = config_,
                   .self = self,
                   .disk = disk_,
                   .metadata = *metadata_,
                   .directory = {},
                   .connections = connections_,
                   .repair_counters = repair_counters_,
                   .metrics = [this](io::Loop& caller, auto done) { collect_metrics(caller, std::move(done)); },
                   .on_refused = [this](const net::PeerRefusal& refusal) { on_refused(refusal); }});
  shard_context_->self.cluster_id = identity_.cluster_id;
  return {};
}

Status Node::open_shards() {
  shard_context_->directory.shards.resize(config_.shards);
  for (std::uint32_t number = 0; number < config_.shards; ++number) {
    shard_loops_.push_back(std::make_unique<io::AsioLoop>("shard " + std::to_string(number)));
    WALRUS_ASSIGN(auto shard, Shard::open(*shard_context_, number, *shard_loops_.back()));
    shards_.push_back(std::move(shard));
  }
  return {};
}

void Node::open_ports() {
  std::vector<net::PeerTransport*> transports;
  std::vector<net::SessionGroup*> groups;
  for (const auto& shard : shards_) {
    transports.push_back(&shard->transport());
    groups.push_back(&shard->sessions());
  }
  net::PeerIdentity self = shard_context_->self;
  peer_acceptor_ = std::make_unique<net::PeerAcceptor>(
      loop_, std::move(peer_port_), std::move(self), *transport_, std::move(transports),
      net::PeerAcceptorOptions{.identity_check = [this](NodeId node, const Uuid& disk_id) {
        return check_against_node_table(*metadata_->client().view(), node, disk_id);
      }});
  listener_ = std::make_unique<net::Listener>(std::move(client_port_), std::move(groups), connections_,
                                              config_.max_connections);
}

}  // namespace walrus::server
