// Groups and work queues as docs/protocol/text.md has them, and what of them survives a node's end.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/bytes.h"
#include "protocol/record.h"
#include "tests/harness/single_node.h"

namespace walrus::test {
namespace {

using Groups = SingleNode;
using Values = std::vector<std::string>;

Values values_of(const std::string& reply, bool with_tries = false) {
  if (!reply.starts_with("OK ")) return {reply};
  std::string_view rest(reply);
  rest.remove_prefix(rest.find('\n') + 1);
  Values values;
  while (!rest.empty()) {
    std::string tries;
    if (with_tries) {
      tries = std::to_string(load_little<std::uint32_t>(rest.data())) + "/";
      rest.remove_prefix(sizeof(std::uint32_t));
    }
    const auto record = protocol::take_record(rest);
    if (!record) return {"malformed"};
    values.push_back(tries + std::string(record->value));
  }
  return values;
}

void put_numbers(Connection& connection, const std::string& topic, int count) {
  ASSERT_EQ(connection.request("REGISTER " + topic), "OK");
  for (int i = 0; i < count; ++i) ASSERT_EQ(connection.request("PUT " + topic + " " + std::to_string(i)), "OK");
}

TEST_F(Groups, ReadEverythingEachForItself) {
  Connection connection = node_.connect();
  put_numbers(connection, "logs", 5);
  EXPECT_EQ(values_of(connection.request("READ logs a max=3")), (Values{"0", "1", "2"}));
  EXPECT_EQ(values_of(connection.request("READ logs b max=1")), (Values{"0"}));
  EXPECT_EQ(values_of(connection.request("READ logs a")), (Values{"3", "4"}));
  EXPECT_EQ(connection.request("READ logs a wait=10"), "OK 5 0 5 5\n");
  EXPECT_EQ(values_of(connection.request("READ logs c max=2 commit=none")), (Values{"0", "1"}));
  EXPECT_EQ(values_of(connection.request("READ logs c max=2 commit=none")), (Values{"0", "1"}));
  EXPECT_EQ(connection.request("COMMIT logs c 2"), "OK 2");
  EXPECT_EQ(values_of(connection.request("READ logs c max=1 commit=none")), (Values{"2"}));
  EXPECT_EQ(connection.request("COMMIT logs c 6"), "ERR offset out of range: the topic ends at 5");
  EXPECT_EQ(connection.request("SEEK logs a earliest"), "OK 0");
  EXPECT_EQ(values_of(connection.request("READ logs a max=1")), (Values{"0"}));
  EXPECT_EQ(connection.request("SEEK logs _shared 4"), "OK 4");
  EXPECT_EQ(connection.request("GET logs"), "OK 4");
  EXPECT_EQ(connection.request("FORGET logs b"), "OK");
  const std::string cursors = R"(OK [{"group":"_shared","offset":5,"committed":5,"end":5,"lag":0},)"
                              R"({"group":"a","offset":1,"committed":1,"end":5,"lag":4},)"
                              R"({"group":"c","offset":2,"committed":2,"end":5,"lag":3}])";
  EXPECT_TRUE(eventually([&] { return connection.request("CURSORS logs") == cursors; }))
      << connection.request("CURSORS logs");
}

TEST_F(Groups, HaveWhatWasCommittedAfterAKillAndWhatWasReadAfterACleanStop) {
  {
    Connection connection = node_.connect();
    put_numbers(connection, "logs", 10);
    ASSERT_EQ(connection.request("COMMIT logs done 4"), "OK 4");
    ASSERT_EQ(connection.request("SEEK logs sought 7"), "OK 7");
  }
  node_.kill_hard();
  node_.start_and_wait();
  {
    Connection connection = node_.connect();
    EXPECT_EQ(values_of(connection.request("READ logs done max=1")), (Values{"4"}));
    EXPECT_EQ(values_of(connection.request("READ logs sought max=1")), (Values{"7"}));
  }
  node_.stop();
  node_.start_and_wait();
  Connection connection = node_.connect();
  EXPECT_EQ(values_of(connection.request("READ logs done max=1")), (Values{"5"}));
  EXPECT_EQ(values_of(connection.request("READ logs sought max=1")), (Values{"8"}));
}

TEST_F(Groups, GiveTheirRecordsToWorkersUntilTheyAreDone) {
  Connection connection = node_.connect();
  put_numbers(connection, "jobs", 3);
  EXPECT_EQ(connection.request("QUEUE jobs w tries=2 dead=dead"), "OK");
  EXPECT_EQ(values_of(connection.request("LEASE jobs w max=2"), true), (Values{"1/0", "1/1"}));
  EXPECT_EQ(connection.request("ACK jobs w 1"), "OK");
  EXPECT_EQ(connection.request("NACK jobs w 0 try=1"), "OK");
  EXPECT_EQ(values_of(connection.request("LEASE jobs w"), true), (Values{"2/0"}));
  EXPECT_EQ(connection.request("EXTEND jobs w 0 visible=60000"), "OK");
  EXPECT_EQ(connection.request("EXTEND jobs w 0 try=1"),
            "ERR conflict: the state has changed: the record is not on lease, or with another worker by now");
  EXPECT_EQ(connection.request("NACK jobs w 0"), "OK");
  EXPECT_EQ(values_of(connection.request("LEASE jobs w max=9"), true), (Values{"1/2"}));
  EXPECT_EQ(values_of(connection.request("FETCH dead 0 wait=10000")), (Values{"0"}));
  EXPECT_EQ(connection.request("ACK jobs w 0-2"), "OK");
  EXPECT_EQ(connection.request("LEASE jobs w wait=10"), "OK 3 0 3 3\n");
}

TEST_F(Groups, RememberAfterAKillWhatIsDoneAndGiveTheRestAgain) {
  {
    Connection connection = node_.connect();
    put_numbers(connection, "jobs", 6);
    ASSERT_EQ(values_of(connection.request("LEASE jobs w max=6 visible=3600000"), true).size(), 6u);
    ASSERT_EQ(connection.request("ACK jobs w 0 2-3"), "OK");
    ASSERT_EQ(connection.request("NACK jobs w 4"), "OK");
  }
  node_.kill_hard();
  node_.start_and_wait();
  Connection connection = node_.connect();
  Values again;
  for (int i = 0; i < 3; ++i) {
    for (std::string& value : values_of(connection.request("LEASE jobs w max=6"), true)) again.push_back(value);
  }
  std::ranges::sort(again);
  EXPECT_EQ(again, (Values{"1/1", "1/5", "2/4"}));
}

}  // namespace
}  // namespace walrus::test
