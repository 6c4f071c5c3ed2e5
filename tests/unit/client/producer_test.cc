#include "walrus/client/producer.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <set>

#include "protocol/record.h"
#include "tests/unit/client/fake_server.h"

namespace walrus::client {
namespace {

using namespace std::chrono_literals;
using testing::FakeServer;
using Action = FakeServer::Action;

/// What a cluster knows of one producer in any number of topics: it takes what is next and knows what it has.
class ProducerLog {
 public:
  /// How an answer to a write fares; called with the number of the write, from 0.
  std::function<Action(std::size_t write, Action honest)> mishap = [](std::size_t, Action honest) { return honest; };

  Action answer(std::string_view request) {
    const std::scoped_lock lock(mutex_);
    if (request.starts_with("PRODUCER ")) {
      names_.insert(std::string(request.substr(9)));
      topics_next_.clear();
      return say(fmt::format("OK 7:{}", ++epoch_));
    }
    return mishap(writes_++, Action{.kind = Action::Kind::kAnswer, .answer = write(request)});
  }

  std::vector<std::string> values(const std::string& topic) {
    const std::scoped_lock lock(mutex_);
    return values_[topic];
  }
  std::size_t writes() {
    const std::scoped_lock lock(mutex_);
    return writes_;
  }
  std::size_t names() {
    const std::scoped_lock lock(mutex_);
    return names_.size();
  }
  int epoch() {
    const std::scoped_lock lock(mutex_);
    return epoch_;
  }
  void fence() {
    const std::scoped_lock lock(mutex_);
    ++epoch_;
  }

 private:
  static Action say(std::string text) { return {.kind = Action::Kind::kAnswer, .answer = std::move(text)}; }

  std::string write(std::string_view request) {
    char topic[64];
    int count = 0;
    int epoch = 0;
    int sequence = 0;
    const std::string line(request.substr(0, request.find('\n')));
    if (std::sscanf(line.c_str(), "MPUT %63s %d producer=7:%d:%d", topic, &count, &epoch, &sequence) != 4) {
      return "ERR unknown command";
    }
    if (std::string_view(topic) == "absent") return "ERR topic not found";
    if (epoch != epoch_) return "ERR producer fenced: a newer instance has its name";
    int& next = topics_next_[topic];
    std::vector<std::string>& values = values_[topic];
    if (sequence < next) return fmt::format("OK {}", values.size() - static_cast<std::size_t>(next - sequence));
    if (sequence > next) return fmt::format("ERR out of sequence: {} is the next", next);
    const std::size_t first = values.size();
    std::string_view body = request.substr(line.size() + 1);
    while (!body.empty()) values.emplace_back(protocol::take_record(body)->value);
    EXPECT_EQ(values.size() - first, static_cast<std::size_t>(count));
    next += count;
    return fmt::format("OK {}", first);
  }

  std::mutex mutex_;
  std::map<std::string, std::vector<std::string>> values_;
  std::map<std::string, int> topics_next_;
  std::set<std::string> names_;
  std::size_t writes_ = 0;
  int epoch_ = 0;
};

class ProducerTest : public ::testing::Test {
 protected:
  ProducerTest() {
    server_.set_script([this](std::string_view request) { return log_.answer(request); });
    options_.endpoints = parse_endpoints(server_.address()).value();
    options_.batch_bytes = 64;
  }

  /// Numbers from 0 on, to one topic; each must be told its place.
  void send_numbers(Producer& producer, int count) {
    for (int i = 0; i < count; ++i) {
      producer.send("logs", {.value = std::to_string(i)}, [this, i](const Result<std::uint64_t>& offset) {
        EXPECT_TRUE(offset) << offset.error().text;
        if (offset && *offset == static_cast<std::uint64_t>(i)) ++told_;
      });
    }
  }

  void expect_numbers(int count) {
    const auto values = log_.values("logs");
    ASSERT_EQ(values.size(), static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) ASSERT_EQ(values[static_cast<std::size_t>(i)], std::to_string(i));
    EXPECT_EQ(told_, count);
  }

  FakeServer server_;
  ProducerLog log_;
  ProducerOptions options_;
  std::atomic<int> told_ = 0;
};

TEST_F(ProducerTest, RecordsAreStoredInTheirOrderInBatches) {
  Producer producer(options_);
  send_numbers(producer, 1000);
  ASSERT_TRUE(producer.flush());
  expect_numbers(1000);
  EXPECT_LT(log_.writes(), 500U);
}

TEST_F(ProducerTest, EachIsStoredOnceWhateverBecomesOfConnectionsAndAnswers) {
  const unsigned seed = 20261122;
  std::srand(seed);
  log_.mishap = [](std::size_t, Action honest) {
    const int dice = std::rand() % 10;  // NOLINT(concurrency-mt-unsafe): the server's thread alone
    if (dice == 0) return Action{.kind = Action::Kind::kHangUp};  // stored, or refused, and never told
    if (dice == 1) return Action{.kind = Action::Kind::kAnswer, .answer = "ERR outcome unknown: whatever"};
    return honest;
  };
  Producer producer(options_);
  send_numbers(producer, 500);
  ASSERT_TRUE(producer.flush()) << "seed " << seed;
  expect_numbers(500);
}

TEST_F(ProducerTest, WhatIsRefusedForNowGoesAgainInOrder) {
  options_.batch_bytes = 8;
  std::atomic<int> refused = 0;
  server_.set_script([&](std::string_view request) -> Action {
    if (request.starts_with("MPUT") && refused < 7) {
      ++refused;
      return {.kind = Action::Kind::kAnswer, .answer = "ERR NotLeaderError"};
    }
    return log_.answer(request);
  });
  Producer producer(options_);
  send_numbers(producer, 50);
  ASSERT_TRUE(producer.flush());
  expect_numbers(50);
}

TEST_F(ProducerTest, ARecordThatNobodyTakesFailsAloneAndOthersGoOn) {
  Producer producer(options_);
  const auto failed = producer.write("absent", {.value = "x"}).get();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().text, "topic not found");
  send_numbers(producer, 10);
  EXPECT_FALSE(producer.flush()) << "the first failure is told";
  EXPECT_TRUE(producer.flush()) << "once";
  expect_numbers(10);
}

TEST_F(ProducerTest, ANewerOneOfTheSameNameEndsIt) {
  options_.name = "billing";
  Producer producer(options_);
  ASSERT_TRUE(producer.write("logs", {.value = "0"}).get());
  log_.fence();
  for (int i = 0; i < 2; ++i) {
    const auto fenced = producer.write("logs", {.value = "late"}).get();
    ASSERT_FALSE(fenced);
    EXPECT_EQ(fenced.error().kind, ErrorKind::kFenced);
  }
  EXPECT_EQ(log_.values("logs").size(), 1U);
}

TEST_F(ProducerTest, OneThatWasForgottenBeginsAnewAndLosesNothing) {
  Producer producer(options_);
  ASSERT_TRUE(producer.write("logs", {.value = "0"}).get());
  EXPECT_EQ(log_.epoch(), 1);
  server_.set_script([&, first = true](std::string_view request) mutable -> Action {
    if (request.starts_with("MPUT") && std::exchange(first, false)) {
      return {.kind = Action::Kind::kAnswer, .answer = "ERR unknown producer: start again with PRODUCER"};
    }
    return log_.answer(request);
  });
  ASSERT_TRUE(producer.write("logs", {.value = "1"}).get());
  EXPECT_EQ(log_.epoch(), 2);
  EXPECT_EQ(log_.names(), 1U);
  EXPECT_EQ(log_.values("logs").size(), 2U);
}

TEST_F(ProducerTest, WhatCannotBeBroughtToAnEndInTimeFailsAsWhatItIs) {
  options_.delivery_timeout = 100ms;
  std::atomic<bool> cut = true;
  server_.set_script([&](std::string_view request) -> Action {
    if (request.starts_with("MPUT") && cut) return {.kind = Action::Kind::kAnswer, .answer = "ERR outcome unknown: ?"};
    return log_.answer(request);
  });
  Producer producer(options_);
  const auto unknown = producer.write("logs", {.value = "x"}).get();
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::kOutcomeUnknown);
  cut = false;
  EXPECT_TRUE(producer.write("logs", {.value = "y"}).get()) << "it goes on under a new epoch";
  EXPECT_EQ(log_.epoch(), 2);
}

TEST_F(ProducerTest, SendWaitsWhileTooMuchIsBuffered) {
  options_.max_buffered_bytes = 1000;
  std::atomic<bool> stall = true;
  server_.set_script([&](std::string_view request) -> Action {
    if (request.starts_with("MPUT") && stall) return {.kind = Action::Kind::kAnswer, .answer = "ERR NotLeaderError"};
    return log_.answer(request);
  });
  Producer producer(options_);
  std::atomic<int> sent = 0;
  std::thread writer([&] {
    for (int i = 0; i < 50; ++i) {
      producer.send("logs", {.value = std::string(100, 'x')});
      ++sent;
    }
  });
  while (sent < 9) std::this_thread::yield();
  EXPECT_LT(sent, 11);
  stall = false;
  writer.join();
  EXPECT_TRUE(producer.flush());
  EXPECT_EQ(log_.values("logs").size(), 50U);
}

TEST_F(ProducerTest, FlushWaitsForWhatCameBeforeItAndForNothingElse) {
  constexpr int kMost = 20'000;
  Producer producer(options_);
  std::atomic<int> sent = 0;
  std::atomic<bool> go_on = true;
  // Something is always under way: each record sends the next one before it counts as done.
  std::function<void()> send_next = [&] {
    if (++sent < kMost && go_on) producer.send("endless", {.value = "x"}, [&](const auto&) { send_next(); });
  };
  send_next();
  send_numbers(producer, 1);
  ASSERT_TRUE(producer.flush());
  EXPECT_EQ(told_, 1);
  EXPECT_LT(sent, kMost);
  go_on = false;
  ASSERT_TRUE(producer.flush());
}

TEST_F(ProducerTest, ItsEndAnswersWhatIsLeft) {
  std::promise<void> write_came;
  server_.set_script([&, told = false](std::string_view request) mutable -> Action {
    if (!request.starts_with("MPUT")) return log_.answer(request);
    if (!std::exchange(told, true)) write_came.set_value();
    return {.kind = Action::Kind::kSilence};
  });
  std::vector<ErrorKind> kinds;  // of one thread at a time
  const auto note = [&](const Result<std::uint64_t>& offset) {
    ASSERT_FALSE(offset);
    kinds.push_back(offset.error().kind);
  };
  {
    Producer producer(options_);
    producer.send("logs", {.value = "x"}, [&](const Result<std::uint64_t>& offset) {
      note(offset);
      producer.send("logs", {.value = "again"}, note);
    });
    write_came.get_future().wait();
    for (int i = 0; i < 100; ++i) producer.send("other", {.value = std::string(60, 'y')}, note);
  }
  EXPECT_EQ(kinds.size(), 102U);
  EXPECT_EQ(kinds.front(), ErrorKind::kOutcomeUnknown);
  EXPECT_EQ(std::ranges::count(kinds, ErrorKind::kClosed), 1) << "who sends again is told that it is of no use";
}

TEST_F(ProducerTest, WithoutAServerEverythingFailsInTime) {
  options_.endpoints = parse_endpoints(FakeServer().address()).value();
  options_.delivery_timeout = 100ms;
  Producer producer(options_);
  const auto failed = producer.write("logs", {.value = "x"}).get();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::kCannotConnect);
}

}  // namespace
}  // namespace walrus::client
