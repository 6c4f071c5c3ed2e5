// Idempotent writes on real nodes that are killed and restarted under them: what is tried again is there once, where
// the writer was told.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/numbered_writer.h"
#include "tests/harness/single_node.h"

namespace walrus::test {
namespace {

using namespace std::string_literals;

/// Writes "0", "1", "2" … with MPUT, each until it is acknowledged, on whatever node answers.
class IdempotentWriter {
 public:
  explicit IdempotentWriter(Cluster& cluster) : cluster_(cluster) {}

  void run() {
    while (!stopping_) write_until_acknowledged();
  }
  void stop() { stopping_ = true; }
  std::uint64_t acknowledged() const { return acknowledged_; }
  std::uint64_t tries() const { return tries_; }
  /// What an answer said that none should; empty when all is well.
  const std::string& fault() const { return fault_; }
  const std::vector<std::uint64_t>& offsets() const { return offsets_; }

 private:
  void write_until_acknowledged() {
    const std::string value = std::to_string(acknowledged_);
    const std::string record = std::string(1, static_cast<char>(1 + value.size())) + "\0\0\0\0"s + value;
    while (!stopping_) {
      const std::string reply = try_once(record);
      if (reply.starts_with("OK ")) {
        offsets_.push_back(std::stoull(reply.substr(3)));
        ++acknowledged_;
        return;
      }
      const bool fault = reply.starts_with("ERR out of sequence") || reply.starts_with("ERR duplicate") ||
                         reply.starts_with("ERR unknown producer") || reply.starts_with("ERR producer fenced");
      if (fault) {
        fault_ = reply;
        stopping_ = true;
      }
    }
  }
  /// One request on a connection of its own; an empty text when that did not come to an answer.
  std::string try_once(const std::string& record) {
    ++tries_;
    const std::size_t node = 1 + tries_ % cluster_.size();
    try {
      Connection connection(cluster_.node(node).client_port());
      if (stamp_.empty()) {
        const std::string reply = connection.request("PRODUCER writer");
        if (!reply.starts_with("OK ")) return reply;
        stamp_ = reply.substr(3);
      }
      return connection.request("MPUT logs 1 producer=" + stamp_ + ":" + std::to_string(acknowledged_) + "\n" + record);
    } catch (const std::runtime_error&) {
      return {};
    }
  }

  Cluster& cluster_;
  std::string stamp_;
  std::vector<std::uint64_t> offsets_;
  std::string fault_;
  std::atomic<std::uint64_t> acknowledged_{0};
  std::atomic<std::uint64_t> tries_{0};
  std::atomic<bool> stopping_{false};
};

class Producers : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_.start();
    std::string reply;
    ASSERT_TRUE(eventually([&] {
      return (reply = cluster_.node(1).request("REGISTER logs replicas=3 segment_entries=200")) == "OK";
    })) << reply;
  }
  void TearDown() override { ASSERT_NO_THROW(cluster_.stop()); }

  Cluster cluster_{3};
};

TEST_F(Producers, WriteOnceAcrossRollsKillsAndRestarts) {
  IdempotentWriter writer(cluster_);
  std::thread thread([&] { writer.run(); });
  for (std::size_t victim = 1; victim <= 3; ++victim) {
    const std::uint64_t goal = writer.acknowledged() + 300;
    EXPECT_TRUE(eventually([&] { return writer.acknowledged() >= goal || !writer.fault().empty(); }));
    cluster_.node(victim).kill_hard();
    cluster_.node(victim).start();
    cluster_.wait_until_formed();
  }
  const std::uint64_t goal = writer.acknowledged() + 100;
  EXPECT_TRUE(eventually([&] { return writer.acknowledged() >= goal || !writer.fault().empty(); }));
  writer.stop();
  thread.join();
  ASSERT_EQ(writer.fault(), "");
  EXPECT_GT(writer.tries(), writer.acknowledged()) << "nothing had to be tried again";

  Connection reader = cluster_.node(2).connect();
  const std::vector<std::string> log = drain(reader, "logs");
  // The one that was being tried at the end may be there, too.
  ASSERT_GE(log.size(), writer.acknowledged());
  ASSERT_LE(log.size(), writer.acknowledged() + 1);
  for (std::size_t i = 0; i < log.size(); ++i) ASSERT_EQ(log[i], std::to_string(i));
  for (std::size_t i = 0; i < writer.offsets().size(); ++i) ASSERT_EQ(writer.offsets()[i], i);
}

}  // namespace
}  // namespace walrus::test
