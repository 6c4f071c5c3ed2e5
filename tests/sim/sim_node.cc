#include "tests/sim/sim_node.h"

#include <optional>
#include <utility>

#include "base/limits.h"
#include "base/planted_bug.h"
#include "storage/layout.h"
#include "storage/record_batch.h"
#include "tests/sim/newer_version.h"

namespace walrus::sim {

namespace {

const std::string kDirectory = "/node";
const std::string kClusterIdFile = kDirectory + "/cluster";
/// Of virtual time: a run of a minute reads everything several times.
constexpr auto kScrubInterval = std::chrono::seconds(10);

void follow_addresses(io::Transport& transport, const metadata::View& view, NodeId self) {
  for (const auto& [id, node] : view.nodes()) {
    if (id != self) transport.set_address(id, node.peer_address);
  }
}

}  // namespace

std::string file_of(storage::SegmentKey segment) { return storage::layout::segment_log(kDirectory, segment); }

std::string log_of(std::uint32_t shard) { return storage::layout::wal_directory(kDirectory, shard); }

std::string address_of(NodeId node) { return "node-" + std::to_string(node.value()) + ":6000"; }

Result<std::unique_ptr<SimNode>> SimNode::start(io::SimWorld& world, io::SimNetwork& network, io::SimDisk& disk,
                                                const SimNodeOptions& options) {
  io::SimLoop& loop = world.make_loop("node " + std::to_string(options.id.value()));
  std::unique_ptr<SimNode> node(new SimNode(loop, options));
  WALRUS_TRY(node->open(network, disk));
  return node;
}

SimNode::~SimNode() {
  // As in a crash: nothing of this node runs any more, and then it goes.
  loop_.stop();
  router_.reset();
  for (auto& shard : shards_) {
    shard->takeover.reset();
    shard->repair.reset();
    shard->scrubber.reset();
    shard->disposal.reset();
  }
  for (auto& shard : shards_) shard->broker.reset();
  shards_.clear();
  controller_.reset();
  metadata_.reset();
}

Status SimNode::open(io::SimNetwork& network, io::SimDisk& disk) {
  WALRUS_TRY(disk.make_directories(kDirectory));
  WALRUS_TRY(disk.sync_directory("/"));
  WALRUS_ASSIGN(const auto report, storage::recover(disk, kDirectory));
  if (!report.damage.empty() && !options_.may_be_damaged) return fail(ErrorCode::kCorrupt, report.damage.front());
  transport_ = make_transport(network, io::Channel::kNode);
  WALRUS_TRY(open_metadata(disk));
  directory_.shards.resize(options_.shards);
  for (std::uint32_t k = 0; k < options_.shards; ++k) WALRUS_TRY(open_shard(network, disk, k));
  router_ = std::make_unique<broker::Router>(0, directory_, [](auto done) { done(fail(ErrorCode::kUnsupported)); });
  metadata_->start();
  controller_->start();
  for (auto& shard : shards_) {
    shard->broker->start();
    shard->takeover->start();
    shard->repair->start();
    shard->scrubber->start();
    shard->disposal->start();
  }
  return {};
}

std::unique_ptr<io::Transport> SimNode::make_transport(io::SimNetwork& network, std::uint32_t channel) {
  auto transport = network.make_transport(options_.id, channel, address_of(options_.id), loop_);
  return options_.newer_version ? speak_newer_version(std::move(transport)) : std::move(transport);
}

Status SimNode::open_metadata(io::SimDisk& disk) {
  metadata::MetadataServiceOptions options;
  options.node_id = options_.id;
  options.disk_id = options_.disk_id;
  options.directory = kDirectory + "/raft";
  options.peer_address = address_of(options_.id);
  options.client_address = address_of(options_.id) + "0";
  options.join = options_.join;
  WALRUS_ASSIGN(const bool member, disk.exists(kClusterIdFile));
  if (member) {
    WALRUS_ASSIGN(const std::string hex, disk.read_file(kClusterIdFile));
    WALRUS_ASSIGN(options.cluster_id, Uuid::parse(hex));
  }
  options.on_cluster_id = [&disk](const Uuid& id) { (void)disk.replace_file(kClusterIdFile, id.hex()); };
  options.on_refused = [this](const Error&) {
    refused_ = true;
    loop_.stop();
  };
  WALRUS_ASSIGN(metadata_, metadata::MetadataService::open(loop_, disk, *transport_, std::move(options)));
  controller_ = std::make_unique<controller::Controller>(loop_, *transport_, metadata_->client(), options_.id,
                                                         [this] { return metadata_->status().leader_id; });
  transport_->set_handler([this](NodeId from, io::Message message, io::Reply reply) {
    if (metadata_->handle(from, message, reply) || controller_->handle(from, message)) return;
    if (reply) reply(fail(ErrorCode::kUnsupported));
  });
  return {};
}

Status SimNode::open_shard(io::SimNetwork& network, io::SimDisk& disk, std::uint32_t number) {
  auto shard = std::make_unique<Shard>();
  shard->transport = make_transport(network, io::Channel::shard(number));
  shard->metadata = metadata_->client_for(loop_);
  storage::ShardStoreOptions store{.directory = kDirectory, .shard = number};
  store.engine.wal_file_bytes = 1 << 20;
  store.engine.sync = options_.fsync;
  store.engine.test_only_ack_before_sync = planted(PlantedBug::kAckBeforeSync);
  WALRUS_ASSIGN(shard->store, storage::open_shard_store(disk, loop_, store));
  shard->broker =
      std::make_unique<broker::Broker>(loop_, *shard->store, *shard->metadata, *shard->transport, directory_,
                                       broker::BrokerOptions{.self = options_.id,
                                                             .disk_id = options_.disk_id,
                                                             .shard = number,
                                                             .replication_factor = options_.replication_factor,
                                                             .segment_entries = options_.segment_entries,
                                                             .fsync = options_.fsync});
  const auto owns = [this, number](std::string_view topic) { return directory_.shard_of(topic) == number; };
  shard->takeover = std::make_unique<controller::Takeover>(
      loop_, *shard->transport, *shard->metadata, shard->broker->replicas(), options_.id, owns, options_.fsync);
  open_repair(*shard, number);
  directory_.shards[number] = {&loop_, shard->broker.get()};
  shard->transport->set_handler([broker = shard->broker.get()](NodeId from, io::Message message, io::Reply reply) {
    if (reply) broker->handle(from, std::move(message), std::move(reply));
  });
  if (addresses_ == nullptr) {
    addresses_ = metadata_->client().subscribe([this](const metadata::ViewPtr&, const metadata::ViewPtr& now) {
      for (auto& each : shards_) follow_addresses(*each->transport, *now, options_.id);
    });
  }
  shards_.push_back(std::move(shard));
  return {};
}

void SimNode::open_repair(Shard& shard, std::uint32_t number) {
  const auto owns = [this, number](std::string_view topic) { return directory_.shard_of(topic) == number; };
  shard.repair = std::make_unique<controller::Repair>(
      controller::Repair::Shard{.loop = loop_,
                                .transport = *shard.transport,
                                .metadata = *shard.metadata,
                                .store = *shard.store,
                                .replicas = shard.broker->replicas(),
                                .owns = owns,
                                .on_left_over = [&shard](TopicId topic) { shard.disposal->look_at(topic); }},
      controller::RepairOptions{.self = options_.id, .grace = limits::kRepairGrace}, repair_counters_);
  shard.scrubber = std::make_unique<controller::Scrubber>(
      controller::Scrubber::Shard{
          .loop = loop_,
          .metadata = *shard.metadata,
          .store = *shard.store,
          .replicas = shard.broker->replicas(),
          .owns = owns,
          .on_set_aside = [repair = shard.repair.get()](storage::SegmentKey key) { repair->note_damaged(key); }},
      controller::ScrubOptions{.self = options_.id, .interval = kScrubInterval}, repair_counters_);
  shard.disposal = std::make_unique<controller::Disposal>(
      controller::Disposal::Shard{
          .loop = loop_,
          .metadata = *shard.metadata,
          .store = *shard.store,
          .replicas = shard.broker->replicas(),
          .owns = owns,
          .let_go = [repair = shard.repair.get()](storage::SegmentKey key) { repair->let_go(key); }},
      options_.id);
  shard.broker->on_damage([scrubber = shard.scrubber.get()](storage::SegmentKey key) { scrubber->suspect(key); });
}

Result<std::vector<std::string>> SimNode::read_segment(const metadata::TopicInfo& topic,
                                                       const metadata::SegmentInfo& segment, io::SimWorld& world) {
  Shard& shard = *shards_[directory_.shard_of(topic.name)];
  WALRUS_ASSIGN(storage::Segment * local, shard.store->open_segment({topic.id, segment.id}, segment.base));
  const Offset end = segment.sealed() ? segment.end : local->durable_end();
  std::vector<std::string> payloads;
  for (Offset next = segment.base; next < end;) {
    std::optional<Result<storage::Batches>> batches;
    local->read(next, end, limits::kMiB, [&](Result<storage::Batches> read) { batches = std::move(read); });
    world.run_until([&] { return batches.has_value(); }, std::chrono::seconds(10));
    if (!batches) return fail(ErrorCode::kTimedOut);
    if (!*batches) return fail(batches->error());
    if ((*batches)->empty()) return fail(ErrorCode::kCorrupt, "the segment is shorter than its end");
    for (const SharedBytes& batch : **batches) {
      storage::BatchReader reader(batch.view());
      while (true) {
        WALRUS_ASSIGN(const auto record, reader.next());
        if (!record) break;
        if (record->offset != next) return fail(ErrorCode::kCorrupt, "offsets are not dense");
        payloads.emplace_back(record->value);
        next = next + 1;
      }
    }
  }
  return payloads;
}

}  // namespace walrus::sim
