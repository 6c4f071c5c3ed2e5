#include "server/shard.h"

#include <utility>

#include "base/log.h"
#include "server/node_table.h"

namespace walrus::server {

Shard::~Shard() { join(); }

Result<std::unique_ptr<Shard>> Shard::open(ShardContext& context, std::uint32_t number, io::AsioLoop& loop) {
  std::unique_ptr<Shard> self(new Shard(number, loop));
  const Config& config = context.config;
  self->metadata_ = context.metadata.client_for(loop);
  auto* metadata = self->metadata_.get();
  self->transport_ = std::make_unique<net::PeerTransport>(
      loop, context.self,
      net::PeerTransportOptions{.channel = io::Channel::shard(number),
                                .connection = {},
                                .identity_check =
                                    [metadata](NodeId node, const Uuid& disk_id) {
                                      return check_against_node_table(*metadata->view(), node, disk_id);
                                    },
                                .on_refused = context.on_refused});
  WALRUS_ASSIGN(self->store_,
                storage::open_shard_store(
                    context.disk, loop,
                    {.directory = config.node_directory(), .shard = number, .engine = {.sync = config.fsync}}));
  self->broker_ =
      std::make_unique<broker::Broker>(loop, *self->store_, *metadata, *self->transport_, context.directory,
                                       broker::BrokerOptions{.self = config.node_id,
                                                             .disk_id = context.self.disk_id,
                                                             .shard = number,
                                                             .replication_factor = config.replication_factor,
                                                             .segment_entries = config.max_segment_entries,
                                                             .fsync = config.fsync,
                                                             .monitor_interval = config.monitor_interval});
  const auto owns = [&context, number](std::string_view topic) { return context.directory.shard_of(topic) == number; };
  self->takeover_ = std::make_unique<controller::Takeover>(
      loop, *self->transport_, *metadata, self->broker_->replicas(), config.node_id, owns, config.fsync);
  self->open_repair(context, owns);
  context.directory.shards.at(number) = {.loop = &loop, .broker = self->broker_.get()};
  self->node_admin_ = std::make_unique<broker::NodeAdmin>(*metadata);
  self->topic_admin_ = std::make_unique<broker::TopicAdmin>(*metadata);
  self->router_ = std::make_unique<broker::Router>(
      number, context.directory,
      [&context, &loop](std::move_only_function<void(Result<std::string>)> done) {
        context.metrics(loop, std::move(done));
      },
      self->node_admin_.get(), self->topic_admin_.get());
  self->sessions_ =
      std::make_unique<net::SessionGroup>(loop.context(), *self->router_,
                                          net::SessionOptions{.max_frame_bytes = config.max_frame_bytes,
                                                              .bytes_per_second = config.client_bytes_per_second,
                                                              .node = config.node_id},
                                          context.connections);
  self->transport_->set_handler([broker = self->broker_.get()](NodeId from, io::Message message, io::Reply reply) {
    if (reply) broker->handle(from, std::move(message), std::move(reply));  // nobody asks a broker one way
  });
  self->node_table_ = follow_node_table(*metadata, *self->transport_, config.node_id, LostNode::kHangUp);
  self->broker_->start();
  self->takeover_->start();
  self->repair_->start();
  self->scrubber_->start();
  self->disposal_->start();
  return self;
}

void Shard::open_repair(ShardContext& context, const std::function<bool(std::string_view topic)>& owns) {
  const Config& config = context.config;
  repair_ = std::make_unique<controller::Repair>(
      controller::Repair::Shard{.loop = loop_,
                                .transport = *transport_,
                                .metadata = *metadata_,
                                .store = *store_,
                                .replicas = broker_->replicas(),
                                .owns = owns,
                                .on_left_over = [this](TopicId topic) { disposal_->look_at(topic); }},
      controller::RepairOptions{
          .self = config.node_id, .grace = config.repair_grace, .bytes_per_second = limits::kRepairBytesPerSecond},
      context.repair_counters);
  scrubber_ = std::make_unique<controller::Scrubber>(
      controller::Scrubber::Shard{.loop = loop_,
                                  .metadata = *metadata_,
                                  .store = *store_,
                                  .replicas = broker_->replicas(),
                                  .owns = owns,
                                  .on_set_aside = [this](storage::SegmentKey key) { repair_->note_damaged(key); }},
      controller::ScrubOptions{
          .self = config.node_id, .interval = config.scrub_interval, .bytes_per_second = limits::kScrubBytesPerSecond},
      context.repair_counters);
  disposal_ = std::make_unique<controller::Disposal>(
      controller::Disposal::Shard{.loop = loop_,
                                  .metadata = *metadata_,
                                  .store = *store_,
                                  .replicas = broker_->replicas(),
                                  .owns = owns,
                                  .let_go = [this](storage::SegmentKey key) { repair_->let_go(key); }},
      config.node_id);
  broker_->on_damage([this](storage::SegmentKey key) { scrubber_->suspect(key); });
}

void Shard::start() {
  thread_ = std::thread([this] { loop_.run(); });
}

void Shard::set_cluster_id(const Uuid& cluster_id) {
  loop_.post([this, cluster_id] { transport_->set_cluster_id(cluster_id); });
}

// Stopping.

void Shard::drain(std::move_only_function<void()> done) {
  loop_.post([this, done = std::move(done)]() mutable { drain_on_loop(std::move(done)); });
}

void Shard::drain_on_loop(std::move_only_function<void()> done) {
  drained_ = std::move(done);
  parts_to_drain_ = 2;
  sessions_->stop(limits::kDrainTimeout, [this] { on_part_drained(); });
  broker_->stop(limits::kDrainTimeout, [this](const Status& status) {
    if (!status) log::warn("shard {}: the last positions of cursors: {}", number_, status.error().message());
    on_part_drained();
  });
}

void Shard::on_part_drained() {
  if (--parts_to_drain_ > 0) return;
  transport_->set_handler([](NodeId, const io::Message&, io::Reply reply) {
    if (reply) reply(fail(ErrorCode::kShuttingDown));
  });
  drained_();
}

void Shard::close(std::move_only_function<void()> done) {
  loop_.post([this, done = std::move(done)]() mutable {
    takeover_->stop();
    repair_->stop();
    scrubber_->stop();
    disposal_->stop();
    transport_->stop();
    store_->close([this, done = std::move(done)](const Status& status) mutable {
      if (!status) log::warn("shard {}: closing the store: {}", number_, status.error().message());
      done();
    });
  });
}

void Shard::join() {
  loop_.stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace walrus::server
