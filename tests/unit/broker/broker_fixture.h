// Brokers of several nodes over fakes, on one simulated loop: what a client sees, without a disk or a socket.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "io/sim/sim_loop.h"
#include "tests/fakes/fake_metadata.h"
#include "tests/fakes/fake_store.h"
#include "tests/fakes/fake_transport.h"

namespace walrus::broker {

/// Collects answers by slot, as the client would read them.
class Client : public AnswerSink {
 public:
  void answer(std::uint64_t slot, const Answer& answer) override {
    EXPECT_FALSE(answers.contains(slot)) << "slot " << slot << " answered twice";
    switch (answer.kind) {
      case Answer::Kind::kOk:
        answers[slot] = "OK";
        break;
      case Answer::Kind::kOkPayload:
        answers[slot] = "OK " + std::string(answer.payload);
        for (const SharedBytes& piece : answer.body) answers[slot] += piece.view();
        break;
      case Answer::Kind::kEmpty:
        answers[slot] = "EMPTY";
        break;
      case Answer::Kind::kError:
        answers[slot] = "ERR " + std::string(answer.payload);
        break;
    }
  }
  void flush() override { ++flushes; }

  /// The answers so far, by slot.
  std::vector<std::string> replies() const {
    std::vector<std::string> texts;
    texts.reserve(answers.size());
    for (const auto& [slot, text] : answers) texts.push_back(text);
    return texts;
  }

  std::map<std::uint64_t, std::string> answers;
  std::size_t flushes = 0;
};

struct BrokerNode {
  BrokerNode(io::Loop& loop, testing_fakes::FakeMetadata& cluster, testing_fakes::FakeNetwork& network, NodeId id,
             std::uint64_t segment_entries)
      : metadata(cluster, loop),
        transport(network, id, loop),
        broker(loop, store, metadata, transport, directory, {.self = id, .segment_entries = segment_entries}) {
    directory.shards = {{&loop, &broker}};
    transport.set_handler([this](NodeId from, io::Message message, io::Reply reply) {
      broker.handle(from, std::move(message), std::move(reply));
    });
    broker.start();
  }

  testing_fakes::FakeStore store;
  testing_fakes::FakeMetadataClient metadata;
  testing_fakes::FakeTransport transport;
  ShardDirectory directory;
  Broker broker;
};

class BrokerTest : public testing::Test {
 protected:
  explicit BrokerTest(std::size_t nodes = 2, std::uint64_t segment_entries = 1000) : loop_(world_.make_loop("nodes")) {
    for (std::size_t i = 1; i <= nodes; ++i) cluster_.add_node(NodeId(i));
    for (std::size_t i = 1; i <= nodes; ++i) {
      nodes_.push_back(std::make_unique<BrokerNode>(loop_, cluster_, network_, NodeId(i), segment_entries));
    }
  }

  BrokerNode& node(std::size_t number) { return *nodes_[number - 1]; }

  void submit(std::size_t at, protocol::Verb verb, std::string_view topic, std::string_view payload = {}) {
    node(at).broker.submit({.verb = verb, .topic = topic, .payload = payload}, client_, next_slot_++);
    node(at).broker.flush();
  }
  void put(std::size_t at, std::string_view topic, std::string_view payload) {
    submit(at, protocol::Verb::kPut, topic, payload);
  }
  void get(std::size_t at, std::string_view topic) { submit(at, protocol::Verb::kGet, topic); }

  void run() { world_.run_ready(); }
  /// Runs, and lets every disk finish what it has, until nothing more happens.
  void settle() {
    for (int round = 0; round < 20; ++round) {
      run();
      for (auto& each : nodes_) each->store.sync();
    }
    run();
  }
  std::vector<std::string> replies() const { return client_->replies(); }
  /// "(none)" as long as there is none.
  std::string reply(std::uint64_t slot) const {
    const auto found = client_->answers.find(slot);
    return found == client_->answers.end() ? "(none)" : found->second;
  }
  std::string now(std::uint64_t slot) {
    settle();
    return reply(slot);
  }

  metadata::TopicPtr create(std::string_view topic) {
    metadata::Command command;
    command.mutable_create_topic()->set_name(std::string(topic));
    EXPECT_TRUE(cluster_.apply(command).status);
    run();
    return cluster_.view()->find_topic(topic);
  }
  testing_fakes::FakeSegment* segment(std::size_t at, const metadata::TopicInfo& topic, std::uint64_t id) {
    return node(at).store.find({topic.id, SegmentId(id)});
  }

  io::SimWorld world_{20261121};
  io::SimLoop& loop_;
  testing_fakes::FakeMetadata cluster_;
  testing_fakes::FakeNetwork network_;
  std::shared_ptr<Client> client_ = std::make_shared<Client>();
  std::uint64_t next_slot_ = 0;
  std::vector<std::unique_ptr<BrokerNode>> nodes_;
};

using Replies = std::vector<std::string>;

}  // namespace walrus::broker
