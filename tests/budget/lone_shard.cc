#include "tests/budget/lone_shard.h"

#include <boost/asio/connect.hpp>

#include <utility>

#include "base/assert.h"

namespace walrus::budget {

using boost::asio::ip::tcp;

namespace {
const NodeId kSelf(1);
/// Small enough for a run to use several files of the log, so that their turn-over is in the count.
constexpr std::uint64_t kWalFileBytes = 8 * limits::kMiB;
}  // namespace

LoneShard::LoneShard(io::AsioLoop& loop, std::size_t topics)
    : loop_(loop), acceptor_(loop.context(), tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)) {
  cluster_.add_node(kSelf);
  for (std::size_t i = 0; i < topics; ++i) {
    metadata::Command command;
    command.mutable_create_topic()->set_name("t" + std::to_string(i));
    command.mutable_create_topic()->set_replicas(1);
    WALRUS_ASSERT(cluster_.apply(command).status.has_value());
  }
}

Result<std::unique_ptr<LoneShard>> LoneShard::open(io::AsioLoop& loop, io::Disk& disk, const std::string& directory,
                                                   std::size_t topics) {
  std::unique_ptr<LoneShard> self(new LoneShard(loop, topics));
  self->metadata_ = std::make_unique<testing_fakes::FakeMetadataClient>(self->cluster_, loop);
  self->transport_ = std::make_unique<testing_fakes::FakeTransport>(self->network_, kSelf, loop);
  WALRUS_TRY(disk.make_directories(directory));
  storage::EngineOptions engine;
  engine.wal_file_bytes = kWalFileBytes;
  WALRUS_ASSIGN(self->store_, storage::open_shard_store(disk, loop, {.directory = directory, .engine = engine}));
  self->directory_.shards.resize(1);
  self->broker_ = std::make_unique<broker::Broker>(loop, *self->store_, *self->metadata_, *self->transport_,
                                                   self->directory_, broker::BrokerOptions{.self = kSelf});
  self->directory_.shards[0] = {.loop = &loop, .broker = self->broker_.get()};
  self->router_ = std::make_unique<broker::Router>(0, self->directory_, broker::MetricsSource{});
  self->sessions_ =
      std::make_unique<net::SessionGroup>(loop.context(), *self->router_, net::SessionOptions{}, self->connections_);
  self->broker_->start();
  return self;
}

int LoneShard::connect() {
  tcp::socket client(loop_.context());
  client.connect(acceptor_.local_endpoint());
  client.set_option(tcp::no_delay(true));
  connections_->open.fetch_add(1);
  sessions_->adopt(acceptor_.accept());
  return client.release();
}

void LoneShard::serve() {
  loop_.context().run_one();
  loop_.context().poll();
}

}  // namespace walrus::budget
