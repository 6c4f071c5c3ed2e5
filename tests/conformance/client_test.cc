// The client library against a real node: groups and work queues.
#include "walrus/client/client.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/harness/single_node.h"

namespace walrus::test {
namespace {

using std::chrono_literals::operator""ms;

class ClientLibrary : public SingleNode {
 protected:
  client::Client connect() const {
    client::ClientOptions options;
    options.endpoints = client::parse_endpoints("127.0.0.1:" + std::to_string(node_.client_port())).value();
    return client::Client(std::move(options));
  }
};

std::vector<std::string> values(const client::Result<client::Records>& records) {
  if (!records) return {records.error().text};
  std::vector<std::string> all;
  for (const client::Record& record : *records) all.emplace_back(record.value);
  return all;
}

void put_letters(client::Client& client, const std::string& topic) {
  ASSERT_TRUE(client.register_topic(topic).get());
  for (const char* letter : {"a", "b", "c"}) ASSERT_TRUE(client.put(topic, letter).get());
}

using Values = std::vector<std::string>;

TEST_F(ClientLibrary, ReadsCommitsAndSeeksAsAGroup) {
  client::Client client = connect();
  put_letters(client, "logs");
  const auto first = client.read("logs", "billing", {.max_records = 2, .commit = false}).get();
  EXPECT_EQ(values(first), (Values{"a", "b"}));
  EXPECT_EQ(first->next_offset(), 2U);
  EXPECT_EQ(values(client.read("logs", "billing", {.max_records = 1, .commit = false}).get()), (Values{"a"}));
  EXPECT_EQ(client.commit("logs", "billing", first->next_offset()).get().value(), 2U);
  EXPECT_EQ(values(client.read("logs", "billing").get()), (Values{"c"}));
  EXPECT_TRUE(client.read("logs", "billing", {.wait = 10ms}).get()->empty());
  EXPECT_EQ(client.seek("logs", "billing", "earliest").get().value(), 0U);
  EXPECT_EQ(values(client.read("logs", "billing").get()), (Values{"a", "b", "c"}));
  EXPECT_EQ(client.commit("logs", "billing", 4).get().error().kind, client::ErrorKind::kServer);
  EXPECT_EQ(client.commit("logs", "two words", 1).get().error().kind, client::ErrorKind::kInvalidRequest);
}

TEST_F(ClientLibrary, WorksOffAQueue) {
  client::Client client = connect();
  put_letters(client, "jobs");
  ASSERT_TRUE(client.queue("jobs", "mail", "visible=60000 tries=2 dead=jobs.dead").get());
  const auto two = client.lease("jobs", "mail", {.max_records = 2, .visible = 50'000ms}).get();
  ASSERT_EQ(values(two), (Values{"a", "b"}));
  EXPECT_EQ((*two)[0].tries, 1U);
  EXPECT_TRUE(client.ack("jobs", "mail", std::vector<std::uint64_t>{(*two)[1].offset}).get());
  EXPECT_TRUE(client.extend("jobs", "mail", (*two)[0], 40'000ms).get());
  EXPECT_TRUE(client.nack("jobs", "mail", (*two)[0]).get());
  EXPECT_EQ(client.nack("jobs", "mail", (*two)[0]).get().error().kind, client::ErrorKind::kServer) << "not held";
  const auto again = client.lease("jobs", "mail").get();
  ASSERT_EQ(values(again), (Values{"a"}));
  EXPECT_EQ((*again)[0].tries, 2U);
  EXPECT_TRUE(client.nack("jobs", "mail", (*again)[0], 0ms).get());
  EXPECT_EQ(values(client.fetch("jobs.dead", "0", {.wait = 10'000ms}).get()), (Values{"a"}));
  EXPECT_EQ(values(client.lease("jobs", "mail", {.max_records = 9}).get()), (Values{"c"}));
  EXPECT_TRUE(client.ack("jobs", "mail", std::vector<std::uint64_t>{0, 2}).get());
  EXPECT_TRUE(client.lease("jobs", "mail", {.wait = 10ms}).get()->empty());
}

}  // namespace
}  // namespace walrus::test
