// What a real walrusd needs of memory when nothing happens, and that nobody can make it need more than it says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/limits.h"
#include "tests/harness/single_node.h"
#include "tests/memory/resident.h"

namespace walrus::test {
namespace {

using std::chrono_literals::operator""ms;

/// What may be resident when `bytes` are held: the allocator's size classes, what was freed and is not given back yet,
/// and buffers of which a part is held.
constexpr std::size_t resident_for(std::size_t bytes) { return bytes + bytes / 2 + 24 * kMiB; }

constexpr std::size_t kIdleNode = 40 * kMiB;
constexpr std::size_t kIdleConnection = 16 * 1024;

class Memory : public SingleNode {
 protected:
  std::size_t resident() const { return resident_bytes(node_.pid()); }
  static std::size_t shards() {
    const char* number = std::getenv("WALRUS_TEST_SHARDS");
    return number == nullptr ? 1 : std::strtoul(number, nullptr, 10);
  }
};

/// As many connections as this process may have, up to `wanted`.
std::size_t connections_allowed(std::size_t wanted) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  constexpr std::size_t kOthers = 200;
  return std::min<std::size_t>(wanted, limit.rlim_cur - std::min<rlim_t>(limit.rlim_cur, kOthers));
}

TEST_F(Memory, AnIdleNodeNeedsLittle) { EXPECT_LE(resident(), kIdleNode); }

TEST_F(Memory, AnIdleConnectionNeedsLittleAlsoAfterItWasBusy) {
  const std::size_t count = connections_allowed(10'000);
  ASSERT_GE(count, 500U) << "the system lets this process have too few connections for the test to say anything";
  EXPECT_EQ(node_.request("REGISTER idle"), "OK");
  const std::size_t before = resident();
  std::vector<Connection> connections;
  for (std::size_t i = 0; i < count; ++i) connections.push_back(node_.connect());
  // Each has had buffers: several requests at once, and half of one that is completed later.
  const std::string put = frame("PUT idle " + std::string(1000, 'x'));
  for (Connection& connection : connections) connection.send_bytes(put + put + put.substr(0, 500));
  for (Connection& connection : connections) connection.send_bytes(put.substr(500));
  for (Connection& connection : connections) {
    for (int i = 0; i < 3; ++i) ASSERT_EQ(connection.receive(), "OK");
  }
  const auto bytes_each = [&] { return (resident() - std::min(before, resident())) / count; };
  EXPECT_TRUE(eventually([&] { return bytes_each() <= kIdleConnection; }))
      << bytes_each() << " bytes for each of " << count;
  RecordProperty("bytes_each", static_cast<int>(bytes_each()));
  std::printf("%zu bytes for each of %zu connections\n", bytes_each(), count);
}

TEST_F(Memory, AReaderThatWaitsNeedsLittleAndGetsTheRecord) {
  const std::size_t count = connections_allowed(10'000);
  ASSERT_GE(count, 500U) << "the system lets this process have too few connections for the test to say anything";
  EXPECT_EQ(node_.request("REGISTER news"), "OK");
  const std::size_t before = resident();
  std::vector<Connection> readers;
  const std::string fetch = frame("FETCH news 0 wait=60000");
  for (std::size_t i = 0; i < count; ++i) {
    readers.push_back(node_.connect());
    readers.back().send_bytes(fetch);
  }
  EXPECT_EQ(node_.request("STATE news").substr(0, 2), "OK");  // others go on
  EXPECT_LE((resident() - std::min(before, resident())) / count, kIdleConnection);
  EXPECT_EQ(node_.request("PUT news they-are-all-told"), "OK");
  for (Connection& reader : readers) ASSERT_THAT(reader.receive(), ::testing::EndsWith("they-are-all-told"));
}

TEST_F(Memory, ReadersThatTakeNothingAreHeldBackAtTheirBound) {
  constexpr std::size_t kReaders = 16;
  constexpr std::size_t kRecordBytes = 60'000;
  constexpr std::size_t kRecords = 4'000;  // 240 MB, far beyond all bounds below
  EXPECT_EQ(node_.request("REGISTER slow"), "OK");
  Connection writer = node_.connect();
  const std::string put = frame("PUT slow " + std::string(kRecordBytes, 'x'));
  for (std::size_t i = 0; i < kRecords; i += 40) {
    for (int j = 0; j < 40; ++j) writer.send_bytes(put);
    for (int j = 0; j < 40; ++j) ASSERT_EQ(writer.receive(), "OK");
  }
  const std::size_t before = resident();
  std::vector<Connection> readers;
  std::string gets;
  for (int i = 0; i < 4'000; ++i) gets += frame("GET slow");
  for (std::size_t i = 0; i < kReaders; ++i) readers.push_back(node_.connect());
  std::size_t highest = 0;
  for (Connection& reader : readers) {
    reader.send_what_fits(gets, 100ms);
    highest = std::max(highest, resident());
  }
  // Nobody has read a byte; others go on.
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(writer.request("PUT slow small"), "OK");
    highest = std::max(highest, resident());
  }
  EXPECT_LE(highest, before + resident_for(kReaders * limits::kMaxPipelinedBytes))
      << (highest - before) / kMiB << " MiB for " << kReaders << " readers";
}

class StalledDisk : public Memory {
 protected:
  void SetUp() override {
    node_.options().environment = {
        {"LD_PRELOAD", STALLED_DISK}, {"STALLED_DISK_SWITCH", switch_}, {"WALRUS_DISABLE_IO_URING", "1"}};
    Memory::SetUp();
  }
  void stall() const { std::ofstream(switch_).put('\n'); }
  void go_on() const { std::filesystem::remove(switch_); }

 private:
  const std::filesystem::path switch_ = folder_ / "stalled";
};

TEST_F(StalledDisk, WritersAreHeldBackAtTheirBoundAndAllAreAnsweredLater) {
  constexpr std::size_t kWriters = 100;
  constexpr std::size_t kRecordBytes = 10'000;
  constexpr std::size_t kRecordsEach = 1'000;  // 10 MB of each writer, more than one connection may have held
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(node_.request("REGISTER stall-" + std::to_string(i)), "OK");
  std::vector<Connection> writers;
  for (std::size_t i = 0; i < kWriters; ++i) writers.push_back(node_.connect());
  for (std::size_t i = 0; i < kWriters; ++i) {
    ASSERT_EQ(writers[i].request("PUT stall-" + std::to_string(i % 8) + " first"), "OK");
  }
  const std::size_t before = resident();
  stall();
  std::size_t highest = before;
  std::size_t sent = 0;
  for (std::size_t i = 0; i < kWriters; ++i) {
    const std::string put = frame("PUT stall-" + std::to_string(i % 8) + " " + std::string(kRecordBytes, 'x'));
    std::string all;
    for (std::size_t record = 0; record < kRecordsEach; ++record) all += put;
    sent += writers[i].send_what_fits(all, 50ms);
    highest = std::max(highest, resident());
  }
  const std::size_t bound = limits::kMaxClientBytes + limits::kWalMaxQueuedBytes + limits::kMaxUnwrittenStalledBytes;
  EXPECT_LE(highest, before + resident_for(shards() * bound)) << (highest - before) / kMiB << " MiB";
  EXPECT_GE(sent, 20 * kMiB) << "too little was sent for this to say anything";
  go_on();
  for (Connection& writer : writers) ASSERT_EQ(writer.receive(), "OK");
}

}  // namespace
}  // namespace walrus::test
