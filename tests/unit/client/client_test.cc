#include "walrus/client/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <utility>

#include "protocol/record.h"
#include "tests/unit/client/fake_server.h"

namespace walrus::client {
namespace {

using namespace std::chrono_literals;
using testing::FakeServer;
using ::testing::HasSubstr;
using Action = FakeServer::Action;

ClientOptions options_for(const std::string& addresses) {
  ClientOptions options;
  options.endpoints = parse_endpoints(addresses).value();
  return options;
}

/// Answers ERR to the first `times` requests that begin with `verb`.
FakeServer::Script failing(std::string verb, int times, std::string answer) {
  return
      [verb = std::move(verb), left = times, answer = std::move(answer)](std::string_view request) mutable -> Action {
        if (!request.starts_with(verb) || left == 0) return {};
        --left;
        return {.kind = Action::Kind::kAnswer, .answer = answer};
      };
}

TEST(Client, ManyCallsAreUnderWayTogetherAndEachIsAnswered) {
  FakeServer server;
  Client client(options_for(server.address()));
  ASSERT_TRUE(client.register_topic("logs").get());
  std::vector<Pending<Result<void>>> puts;
  for (int i = 0; i < 1000; ++i) puts.push_back(client.put("logs", "record " + std::to_string(i)));
  for (auto& put : puts) ASSERT_TRUE(put.get());
  const auto records = server.records("logs");
  ASSERT_EQ(records.size(), 1000U);
  for (std::size_t i = 0; i < records.size(); ++i) ASSERT_EQ(records[i], "record " + std::to_string(i));
  EXPECT_EQ(client.get("logs").get().value(), "record 0");
}

Pending<Result<std::string>> write_and_read(Client& client, std::string topic) {
  if (auto made = co_await client.register_topic(topic); !made) co_return std::unexpected(made.error());
  for (const char* word : {"tea", "milk"}) {
    if (auto put = co_await client.put(topic, word); !put) co_return std::unexpected(put.error());
  }
  std::string all;
  for (;;) {
    auto record = co_await client.get(topic);
    if (!record) co_return std::unexpected(record.error());
    if (!*record) co_return all;
    all += **record + " ";
  }
}

TEST(Client, ACoroutineAwaitsOneAnswerAfterTheOther) {
  FakeServer server;
  Client client(options_for(server.address()));
  auto first = write_and_read(client, "one");
  auto second = write_and_read(client, "two");
  EXPECT_EQ(first.get().value(), "tea milk ");
  EXPECT_EQ(second.get().value(), "tea milk ");
}

TEST(Client, CoroutinesAndCallbacksGoOnWhereTheProgramWantsThem) {
  FakeServer server;
  std::promise<std::move_only_function<void()>> moved;
  ClientOptions options = options_for(server.address());
  options.resume = [&](std::move_only_function<void()> work) { moved.set_value(std::move(work)); };
  Client client(std::move(options));
  std::thread::id ran;
  client.register_topic("logs").then([&](const Result<void>& made) {
    EXPECT_TRUE(made);
    ran = std::this_thread::get_id();
  });
  moved.get_future().get()();
  EXPECT_EQ(ran, std::this_thread::get_id());
}

TEST(Client, WhatWasSurelyNotCarriedOutIsTriedAgain) {
  FakeServer server;
  server.add_topic("logs");
  server.set_script(failing("PUT", 3, "ERR NotLeaderError"));
  Client client(options_for(server.address()));
  EXPECT_TRUE(client.put("logs", "x").get());
  EXPECT_EQ(server.records("logs").size(), 1U);
  EXPECT_EQ(server.requests().size(), 4U);
}

TEST(Client, ARequestIsGivenUpWhenItsTimeIsOver) {
  FakeServer server;
  server.add_topic("logs");
  server.set_script(failing("PUT", 1'000'000, "ERR unavailable: not carried out, try again: no leader"));
  ClientOptions options = options_for(server.address());
  options.request_timeout = 100ms;
  Client client(std::move(options));
  const auto put = client.put("logs", "x").get();
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kServer);
  EXPECT_EQ(put.error().text, "unavailable: not carried out, try again: no leader");
}

TEST(Client, AWriteWhoseOutcomeIsUnknownIsNotRepeatedAndAReadIs) {
  FakeServer server;
  server.add_topic("logs");
  std::atomic<int> hang_ups = 2;
  server.set_script(
      [&](std::string_view) -> Action { return hang_ups-- > 0 ? Action{.kind = Action::Kind::kHangUp} : Action{}; });
  Client client(options_for(server.address()));
  const auto put = client.put("logs", "x").get();
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kOutcomeUnknown);
  EXPECT_THAT(client.state("logs").get().value(), HasSubstr("\"total_entries\":0"));
}

TEST(Client, AnotherAddressIsTriedWhenOneDoesNotAnswer) {
  const std::string gone = FakeServer().address();  // its port was free a moment ago
  FakeServer server;
  Client client(options_for(gone + "," + server.address()));
  for (const char* topic : {"one", "two", "three", "four"}) EXPECT_TRUE(client.register_topic(topic).get());
}

TEST(Client, AFullQueueHoldsCallersBackUntilAnswersCome) {
  FakeServer server;
  server.add_topic("logs");
  std::promise<void> go;
  server.set_script([&, blocked = go.get_future().share()](std::string_view) -> Action {
    blocked.wait();
    return {};
  });
  ClientOptions options = options_for(server.address());
  options.connections = 1;
  options.max_queued_bytes = 1000;
  Client client(std::move(options));
  auto first = client.put("logs", std::string(900, 'a'));
  auto second = std::async(std::launch::async, [&] { return client.put("logs", std::string(900, 'b')).get(); });
  EXPECT_EQ(second.wait_for(50ms), std::future_status::timeout);
  go.set_value();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
}

TEST(Client, ItsOwnThreadIsNeverHeldBack) {
  FakeServer server;
  server.add_topic("logs");
  ClientOptions options = options_for(server.address());
  options.connections = 1;
  options.max_queued_bytes = 1000;
  Client client(std::move(options));
  std::promise<Result<void>> inner;
  client.state("logs").then([&](const Result<std::string>&) {
    auto first = client.put("logs", std::string(900, 'a'));
    client.put("logs", std::string(900, 'b')).then([&](Result<void> put) { inner.set_value(std::move(put)); });
  });
  const auto second = inner.get_future().get();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kOverloaded);
}

TEST(Client, TheEndOfTheClientAnswersWhatIsLeft) {
  FakeServer server;
  server.add_topic("logs");
  server.set_script([](std::string_view) { return Action{.kind = Action::Kind::kSilence}; });
  std::vector<Pending<Result<void>>> puts;
  {
    Client client(options_for(server.address()));
    for (int i = 0; i < 10; ++i) puts.push_back(client.put("logs", "x"));
  }
  for (auto& put : puts) {
    const auto done = put.get();
    ASSERT_FALSE(done);
    EXPECT_TRUE(done.error().kind == ErrorKind::kOutcomeUnknown || done.error().kind == ErrorKind::kNotSent);
  }
}

/// Topics whose requests go over different connections.
std::pair<std::string, std::string> topics_of_two_connections() {
  std::string other = "b";
  const auto connection_of = [](std::string_view topic) { return std::hash<std::string_view>{}(topic) % 2; };
  while (connection_of(other) == connection_of("a")) other += "b";
  return {"a", other};
}

TEST(Client, WhoAsksAgainAtTheEndOfTheClientIsToldThatItIsClosed) {
  FakeServer server;
  server.set_script([](std::string_view) { return Action{.kind = Action::Kind::kSilence}; });
  const auto [a, b] = topics_of_two_connections();
  for (const auto& [first, second] : {std::pair(a, b), std::pair(b, a)}) {
    std::promise<ErrorKind> told;
    {
      Client client(options_for(server.address()));
      const auto ask_second = [&](const Result<void>&) {
        client.put(second, "x").then([&](const Result<void>& put) {
          EXPECT_FALSE(put);
          if (put || put.error().kind == ErrorKind::kClosed) return told.set_value(ErrorKind::kClosed);
          client.put(second, "y").then([&](const Result<void>& last) { told.set_value(last.error().kind); });
        });
      };
      client.put(first, "x").then(ask_second);
    }
    EXPECT_EQ(told.get_future().get(), ErrorKind::kClosed);
  }
}

TEST(Client, ALoopOfCallbacksThatGoesOnWhileNothingWasCarriedOutEndsWithTheClient) {
  FakeServer server;
  server.set_script([](std::string_view) { return Action{.kind = Action::Kind::kSilence}; });
  std::promise<ErrorKind> ended;
  std::function<void(Client&)> put = [&](Client& client) {
    client.put("logs", "x").then([&](const Result<void>& done) {
      if (done || done.error().kind == ErrorKind::kClosed) return ended.set_value(done.error().kind);
      put(client);
    });
  };
  {
    Client client(options_for(server.address()));
    put(client);
  }
  EXPECT_EQ(ended.get_future().get(), ErrorKind::kClosed);
}

TEST(Client, ASilentServerIsGivenUpAlsoWhileMoreIsAsked) {
  FakeServer server;
  server.set_script([](std::string_view) { return Action{.kind = Action::Kind::kSilence}; });
  ClientOptions options = options_for(server.address());
  options.request_timeout = 200ms;
  Client client(options);
  const auto first = client.put("logs", "x");
  bool done = false;
  for (int more = 0; more < 200 && !done; ++more) {
    client.put("logs", "x");
    done = first.wait_for(20ms);
  }
  EXPECT_TRUE(done) << "every further request put its end off";
}

TEST(Client, RecordsAreFetchedWithTheirPlacesAndKeys) {
  FakeServer server;
  server.set_script([](std::string_view request) -> Action {
    EXPECT_EQ(request, "FETCH logs earliest max=10 bytes=1048576 wait=5");
    std::string answer = "OK 7 2 9 12\n";
    for (std::uint64_t offset : {7U, 8U}) {
      const protocol::Record record{.place = protocol::RecordPlace{Offset(offset), 1'700'000'000'000},
                                    .key = "k",
                                    .headers = {{.name = "type", .value = "order"}},
                                    .value = "tea"};
      EXPECT_TRUE(protocol::append_record(answer, record));
    }
    return {.kind = Action::Kind::kAnswer, .answer = std::move(answer)};
  });
  Client client(options_for(server.address()));
  const auto records = client.fetch("logs", "earliest", {.max_records = 10, .wait = 5ms}).get();
  ASSERT_TRUE(records) << records.error().text;
  ASSERT_EQ(records->size(), 2U);
  EXPECT_EQ((*records)[1].offset, 8U);
  EXPECT_EQ((*records)[1].key, "k");
  EXPECT_EQ((*records)[0].value, "tea");
  ASSERT_EQ((*records)[0].headers.size(), 1U);
  EXPECT_EQ((*records)[0].headers[0].second, "order");
  EXPECT_EQ(records->next_offset(), 9U);
  EXPECT_EQ(records->end_offset(), 12U);
}

TEST(Client, AnAnswerThatDoesNotAddUpIsNoRecords) {
  for (const char* answer : {"OK 7 2 9", "OK 7 1 8 8\n", "OK x", "OK 7 1 8 8\nabc", "OK"}) {
    FakeServer server;
    server.set_script([&](std::string_view) -> Action { return {.kind = Action::Kind::kAnswer, .answer = answer}; });
    Client client(options_for(server.address()));
    const auto records = client.fetch("logs", "0").get();
    ASSERT_FALSE(records) << answer;
    EXPECT_EQ(records.error().kind, ErrorKind::kProtocol) << answer;
  }
}

TEST(Client, ARequestThatNoServerWouldTakeIsRefusedHere) {
  FakeServer server;
  Client client(options_for(server.address()));
  EXPECT_EQ(client.put("two words", "x").get().error().kind, ErrorKind::kInvalidRequest);
  EXPECT_EQ(client.put("logs", "").get().error().kind, ErrorKind::kInvalidRequest);
  EXPECT_EQ(client.append("logs", std::string(70'000, 'x')).get().error().kind, ErrorKind::kInvalidRequest);
  EXPECT_EQ(server.requests().size(), 0U);
}

}  // namespace
}  // namespace walrus::client
