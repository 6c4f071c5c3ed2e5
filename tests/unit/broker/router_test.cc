#include "broker/router.h"

#include <gtest/gtest.h>

#include "tests/unit/broker/broker_fixture.h"

namespace walrus::broker {
namespace {

using protocol::Verb;

/// One node of three shards, each with a loop, a store and a broker of its own.
class RouterTest : public testing::Test {
 protected:
  struct Shard {
    Shard(io::SimLoop& on, testing_fakes::FakeMetadata& cluster, testing_fakes::FakeNetwork& network,
          const ShardDirectory& directory, std::uint32_t number)
        : loop(on),
          metadata(cluster, loop),
          transport(network, NodeId(1), loop),
          broker(loop, store, metadata, transport, directory, {.self = NodeId(1), .shard = number}) {}
    io::SimLoop& loop;
    testing_fakes::FakeStore store;
    testing_fakes::FakeMetadataClient metadata;
    testing_fakes::FakeTransport transport;
    Broker broker;
  };

  RouterTest() {
    cluster_.add_node(NodeId(1));
    for (std::uint32_t k = 0; k < 3; ++k) {
      shards_.push_back(std::make_unique<Shard>(world_.make_loop("shard"), cluster_, network_, directory_, k));
      directory_.shards.push_back({&shards_[k]->loop, &shards_[k]->broker});
    }
    for (auto& shard : shards_) shard->broker.start();
    router_ = std::make_unique<Router>(0, directory_, [](auto done) { done("{}"); });
  }

  void submit(Verb verb, std::string_view topic, std::string_view payload = {}) {
    router_->submit({.verb = verb, .topic = topic, .payload = payload}, client_, next_slot_++);
  }
  void settle() {
    router_->flush();
    for (int round = 0; round < 10; ++round) {
      world_.run_ready();
      for (auto& shard : shards_) shard->store.sync();
    }
  }

  io::SimWorld world_{7};
  testing_fakes::FakeMetadata cluster_;
  testing_fakes::FakeNetwork network_;
  ShardDirectory directory_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<Router> router_;
  std::shared_ptr<Client> client_ = std::make_shared<Client>();
  std::uint64_t next_slot_ = 0;
};

TEST_F(RouterTest, CarriesRequestsToTheShardOfTheirTopicAndAnswersBack) {
  std::vector<std::string> topics;
  for (int i = 0; i < 30; ++i) topics.push_back("topic-" + std::to_string(i));
  for (const auto& topic : topics) submit(Verb::kRegister, topic);
  settle();
  for (const auto& topic : topics) submit(Verb::kPut, topic, std::string("\0 of ", 5) + topic);
  settle();
  for (const auto& topic : topics) submit(Verb::kGet, topic);
  settle();
  Replies expected(60, "OK");
  for (const auto& topic : topics) expected.push_back("OK " + std::string("\0 of ", 5) + topic);
  EXPECT_EQ(client_->replies(), expected);
  for (auto& shard : shards_) EXPECT_GT(shard->store.size(), 0u) << "every shard has topics";
}

TEST_F(RouterTest, AnswersMetricsFromTheNode) {
  submit(Verb::kMetrics, "");
  EXPECT_EQ(client_->replies(), Replies{"OK {}"});
}

TEST_F(RouterTest, LetsTheSessionGoOnItsOwnShard) {
  submit(Verb::kRegister, "topic-0");
  submit(Verb::kRegister, "topic-1");
  submit(Verb::kRegister, "topic-2");
  router_->flush();
  const std::weak_ptr<Client> session = client_;
  client_.reset();
  EXPECT_FALSE(session.expired());
  for (int round = 0; round < 10; ++round) world_.run_ready();
  EXPECT_TRUE(session.expired());
}

}  // namespace
}  // namespace walrus::broker
