// Reading without a cursor, as docs/protocol/text.md has it, against a real node.
#include <gtest/gtest.h>

#include <future>
#include <string>

#include "protocol/record.h"
#include "tests/harness/single_node.h"

namespace walrus::test {
namespace {

using Reads = SingleNode;

std::string first_line(const std::string& reply) { return reply.substr(0, reply.find('\n')); }

std::vector<std::string> values_of(const std::string& reply) {
  std::string_view rest(reply);
  rest.remove_prefix(rest.find('\n') + 1);
  std::vector<std::string> values;
  while (!rest.empty()) {
    const auto record = protocol::take_record(rest);
    if (!record) throw std::runtime_error("malformed record");
    values.emplace_back(record->value);
  }
  return values;
}

TEST_F(Reads, GiveRecordsFromAnyPlaceAndMoveNoCursor) {
  Connection connection = node_.connect();
  connection.request("REGISTER logs");
  for (const char* payload : {"one", "two", "three"}) connection.request(std::string("PUT logs ") + payload);
  const std::string two = connection.request("FETCH logs 1 max=1");
  EXPECT_EQ(first_line(two), "OK 1 1 2 3");
  EXPECT_EQ(values_of(two), std::vector<std::string>{"two"});
  const std::string all = connection.request("FETCH logs earliest");
  EXPECT_EQ(first_line(all), "OK 0 3 3 3");
  EXPECT_EQ(values_of(all), (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_EQ(first_line(connection.request("FETCH logs @0")), "OK 0 3 3 3");
  EXPECT_EQ(connection.request("FETCH logs latest"), "OK 3 0 3 3\n");
  EXPECT_EQ(connection.request("FETCH logs 3 wait=20"), "OK 3 0 3 3\n");
  EXPECT_EQ(connection.request("FETCH logs 4"), "ERR offset out of range: the topic ends at 3");
  EXPECT_EQ(connection.request("FETCH nothing 0"), "ERR topic not found");
  EXPECT_EQ(connection.request("GET logs"), "OK one");
}

TEST_F(Reads, WaitForTheNextRecord) {
  Connection reader = node_.connect();
  Connection writer = node_.connect();
  writer.request("REGISTER logs");
  for (int i = 0; i < 100; ++i) {
    reader.send("FETCH logs " + std::to_string(i) + " wait=60000");
    ASSERT_EQ(writer.request("PUT logs " + std::to_string(i)), "OK");
    ASSERT_EQ(values_of(reader.receive()), std::vector<std::string>{std::to_string(i)});
  }
}

TEST_F(Reads, OfLargeBatchesComeWholeAndInOrder) {
  Connection connection = node_.connect();
  connection.request("REGISTER logs");
  constexpr int kRecords = 200;
  const std::string filler(50'000, 'x');
  for (int i = 0; i < kRecords; ++i) connection.send("PUT logs " + std::to_string(i) + ":" + filler);
  for (int i = 0; i < kRecords; ++i) ASSERT_EQ(connection.receive(), "OK");
  int seen = 0;
  while (seen < kRecords) {
    for (const std::string& value : values_of(connection.request("FETCH logs " + std::to_string(seen)))) {
      ASSERT_EQ(value, std::to_string(seen) + ":" + filler);
      ++seen;
    }
  }
}

}  // namespace
}  // namespace walrus::test
