// What trimming, deleting and a topic's options mean to its clients.
#include <gtest/gtest.h>

#include "tests/unit/broker/broker_fixture.h"

namespace walrus::broker {
namespace {

using namespace std::chrono_literals;
using protocol::Verb;

class TopicOptionsTest : public BrokerTest {
 protected:
  TopicOptionsTest() : BrokerTest(2, 10) {}

  void put_numbered(int count) {
    for (int i = 0; i < count; ++i) {
      put(1, "logs", std::to_string(i));
      settle();
    }
    world_.run_for(1s);
    settle();
  }
  void trim(std::uint64_t before) {
    metadata::Command command;
    command.mutable_trim_topic()->set_topic_id(logs()->id.value());
    command.mutable_trim_topic()->set_before(before);
    ASSERT_TRUE(cluster_.apply(command).status);
    settle();
  }
  void remove() {
    metadata::Command command;
    command.mutable_delete_topic()->set_topic_id(logs()->id.value());
    ASSERT_TRUE(cluster_.apply(command).status);
  }
  std::string ask(std::size_t at, Verb verb, std::string_view payload = {}) {
    submit(at, verb, "logs", payload);
    settle();
    return replies().back();
  }
  metadata::TopicPtr logs() { return cluster_.view()->find_topic("logs"); }
};

TEST_F(TopicOptionsTest, AfterATrimGetGoesOnAtTheFirstRecordThatIsKept) {
  create("logs");
  put_numbered(35);
  EXPECT_EQ(ask(2, Verb::kGet), "OK 0");
  EXPECT_EQ(ask(2, Verb::kGet), "OK 1");
  trim(25);
  ASSERT_EQ(logs()->start(), Offset(20));
  EXPECT_EQ(ask(1, Verb::kGet), "OK 20");
  EXPECT_EQ(ask(2, Verb::kGet), "OK 21");
}

TEST_F(TopicOptionsTest, ATrimBehindTheCursorDoesNotMoveIt) {
  create("logs");
  put_numbered(25);
  for (int i = 0; i < 15; ++i) EXPECT_EQ(ask(1, Verb::kGet), "OK " + std::to_string(i));
  trim(10);
  EXPECT_EQ(ask(1, Verb::kGet), "OK 15");
}

TEST_F(TopicOptionsTest, ADeletedTopicIsNotFoundByAnyVerbOnAnyNode) {
  create("logs");
  put_numbered(3);
  remove();
  settle();
  for (const std::size_t at : {1, 2}) {
    EXPECT_EQ(ask(at, Verb::kPut, "x"), "ERR topic not found");
    EXPECT_EQ(ask(at, Verb::kGet), "ERR topic not found");
    EXPECT_EQ(ask(at, Verb::kState), "ERR topic not found");
  }
}

TEST_F(TopicOptionsTest, APutThatWaitsWhileItsTopicIsDeletedIsAnswered) {
  create("logs");
  put_numbered(1);
  put(2, "logs", "in flight");
  remove();
  settle();
  world_.run_for(10s);
  settle();
  ASSERT_EQ(replies().size(), 2u);
  EXPECT_NE(replies().back(), "OK 0");
}

TEST_F(TopicOptionsTest, ATopicOfTheSameNameBeginsAnew) {
  create("logs");
  put_numbered(3);
  remove();
  settle();
  create("logs");
  EXPECT_EQ(ask(2, Verb::kGet), "EMPTY");
  EXPECT_EQ(ask(2, Verb::kPut, "first"), "OK");
  EXPECT_EQ(ask(1, Verb::kGet), "OK first");
}

TEST_F(TopicOptionsTest, WithRetentionASegmentIsSealedWhileItIsStillSmall) {
  metadata::Command command;
  command.mutable_create_topic()->set_name("logs");
  command.mutable_create_topic()->mutable_settings()->set_retention_records(8);
  ASSERT_TRUE(cluster_.apply(command).status);
  settle();
  put_numbered(3);
  ASSERT_EQ(logs()->segments.size(), 1u);
  for (int i = 0; i < 3; ++i) {
    world_.run_for(limits::kMonitorInterval);
    settle();
  }
  EXPECT_EQ(logs()->segments.size(), 2u);
  EXPECT_EQ(logs()->segments.front().end, Offset(3));
}

TEST_F(TopicOptionsTest, AWeakerPolicyIsSaidInState) {
  metadata::Command command;
  command.mutable_create_topic()->set_name("logs");
  command.mutable_create_topic()->mutable_settings()->set_fsync(metadata::TopicSettings::NEVER);
  ASSERT_TRUE(cluster_.apply(command).status);
  settle();
  const std::string state = ask(2, Verb::kState);
  EXPECT_TRUE(state.contains(R"("fsync":"never","weaker_than_fsync_always":true)")) << state;
}

}  // namespace
}  // namespace walrus::broker
