// Clients on loops of their own, with real threads and a real disk: what the thread sanitizer looks at.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include "io/asio_loop.h"
#include "io/posix_disk.h"
#include "metadata/metadata_service.h"
#include "tests/unit/metadata/service_cluster.h"

namespace walrus::metadata::test {
namespace {

/// The node is alone: nobody is ever reached.
class NoTransport final : public io::Transport {
 public:
  void set_handler(Handler) override {}
  void set_address(NodeId, const std::string&) override {}
  void forget(NodeId) override {}
  void send(NodeId, io::Message) override {}
  void call(NodeId, io::Message, io::Duration, io::Reply) override {}
  void call_address(const std::string&, io::Message, io::Duration, io::Reply) override {}
  bool connected(NodeId) const override { return false; }
};

TEST(ServiceThreads, clients_of_several_loops_propose_and_see_their_own_work) {
  std::string directory = testing::TempDir() + "walrus-metadata-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  io::AsioLoop node("node");
  io::PosixDisk disk;
  NoTransport transport;
  auto service = MetadataService::open(node, disk, transport,
                                       {.node_id = NodeId(1),
                                        .disk_id = Uuid(1, 1),
                                        .cluster_id = std::nullopt,
                                        .directory = directory + "/raft",
                                        .peer_address = "127.0.0.1:1",
                                        .client_address = "127.0.0.1:2",
                                        .join = {},
                                        .on_cluster_id = {},
                                        .on_refused = {},
                                        .on_failed = {}});
  ASSERT_TRUE(service) << service.error().message();

  constexpr int kShards = 3;
  constexpr int kEach = 200;
  struct Shard {
    io::AsioLoop loop{"shard"};
    std::unique_ptr<MetadataClient> client;
    MetadataClient::Subscription subscription;
    std::thread thread;
    int seen = 0;
  };
  std::vector<Shard> shards(kShards);
  std::atomic<int> done = 0;
  std::promise<void> all_done;
  for (Shard& shard : shards) shard.client = (*service)->client_for(shard.loop);
  node.post([&] { (*service)->start(); });
  std::thread node_thread([&] { node.run(); });
  for (int number = 0; number < kShards; ++number) {
    Shard& shard = shards[static_cast<std::size_t>(number)];
    shard.loop.post([&, number] {
      shard.subscription = shard.client->subscribe([&shard](const ViewPtr&, const ViewPtr&) { ++shard.seen; });
      for (int i = 0; i < kEach; ++i) {
        const std::string name = fmt::format("{}-{}", number, i);
        shard.client->propose(create_topic_command(name), [&, name](Result<Applied> result) {
          EXPECT_TRUE(result && result->status);
          EXPECT_NE(shard.client->view()->find_topic(name), nullptr);
          EXPECT_TRUE(shard.loop.in_thread());
          if (++done == kShards * kEach) all_done.set_value();
        });
      }
    });
    shard.thread = std::thread([&shard] { shard.loop.run(); });
  }
  EXPECT_EQ(all_done.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);

  // Clients end on their loops, the service on its own, in any order.
  for (Shard& shard : shards) {
    shard.loop.post([&shard] {
      EXPECT_GT(shard.seen, 0);
      shard.subscription.reset();
      shard.client.reset();
      shard.loop.stop();
    });
  }
  node.post([&] {
    (*service)->stop();
    node.stop();
  });
  for (Shard& shard : shards) shard.thread.join();
  node_thread.join();
  service->reset();
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace walrus::metadata::test
