// A program with many appending threads is killed without warning, again and again on the same directory; each time the
// reopened store must hold every batch that was acknowledged, whole and in its place, and no batch in part.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <random>
#include <signal.h>
#include <sstream>

#include "tests/harness/eventually.h"
#include "tests/harness/process.h"
#include "tests/unit/embed/open_store.h"

namespace walrus::test {
namespace {

struct Acknowledged {
  std::string topic;
  std::uint64_t offset = 0;
  std::uint64_t records = 0;
};

std::vector<Acknowledged> read_acknowledged(const std::filesystem::path& path) {
  std::vector<Acknowledged> all;
  std::ifstream file(path);
  for (Acknowledged one; file >> one.topic >> one.offset >> one.records;) all.push_back(one);
  return all;
}

struct Parsed {
  std::string batch;  // who wrote it, and its number
  std::uint64_t number = 0;
  std::uint64_t of = 0;
};

Parsed parse(std::string_view value) {
  std::istringstream words{std::string(value.substr(0, value.find('.')))};
  std::string topic, writer, batch;
  Parsed parsed;
  words >> topic >> writer >> batch >> parsed.number >> parsed.of;
  parsed.batch = topic + " " + writer + " " + batch;
  return parsed;
}

/// Every record of the topic, by offset; checks that no batch is there in part or twice.
std::map<std::uint64_t, Parsed> check_topic(const store::Topic& topic) {
  std::map<std::uint64_t, Parsed> by_offset;
  std::map<std::string, int> seen;
  const auto stats = topic.stats().value();
  auto reader = topic.reader(stats.start);
  while (true) {
    const auto records = reader.next();
    if (!records) {
      ADD_FAILURE() << records.error().message();
      return by_offset;
    }
    if (records->empty()) break;
    for (const store::RecordView& record : *records) by_offset.emplace(record.offset, parse(record.value));
  }
  EXPECT_EQ(by_offset.size(), stats.records);
  for (const auto& [offset, record] : by_offset) {
    if (record.number == 0) {
      EXPECT_EQ(++seen[record.batch], 1) << record.batch << " is there twice";
    }
    // All of its fellows that were not trimmed are there, at their places.
    const std::uint64_t first = offset - record.number;
    for (std::uint64_t i = 0; i < record.of; ++i) {
      if (first + i < stats.start) continue;
      const auto fellow = by_offset.find(first + i);
      if (fellow == by_offset.end()) {
        ADD_FAILURE() << topic.name() << " at " << offset << ": a batch in part";
        return by_offset;
      }
      EXPECT_EQ(fellow->second.batch, record.batch);
    }
  }
  return by_offset;
}

TEST(CrashTest, AKilledProgramLosesNothingThatWasAcknowledgedAndTearsNoBatch) {
  const TempDir directory;
  const auto acks = directory / "acks";
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  std::size_t lines = 0;
  for (int round = 0; round < 6; ++round) {
    Process::Options program;
    program.arguments = {WALRUS_CRASH_WRITER, (directory / "data").string(), std::to_string(seed % 1000 + round),
                         acks.string()};
    program.output = directory / "out";
    program.errors = directory / "err";
    auto writer = Process::start(program);
    const std::size_t enough = lines + 200 + random() % 4000;
    ASSERT_TRUE(eventually([&] { return read_acknowledged(acks).size() >= enough || !writer.running(); }));
    ASSERT_TRUE(writer.running()) << read_file(directory / "err");
    writer.signal(SIGKILL);
    ASSERT_TRUE(writer.wait());

    store::Options options;
    options.directory = (directory / "data").string();
    options.segment_bytes = 256 << 10;
    store::Store store = open_store(options);
    EXPECT_THAT(store.damage(), testing::IsEmpty());
    std::map<std::string, std::map<std::uint64_t, Parsed>> topics;
    for (const std::string& name : store.topics()) topics[name] = check_topic(store.find_topic(name).value());
    const auto acknowledged = read_acknowledged(acks);
    ASSERT_GT(acknowledged.size(), lines);
    lines = acknowledged.size();
    for (const Acknowledged& one : acknowledged) {
      const auto start = store.find_topic(one.topic).value().stats().value().start;
      for (std::uint64_t i = 0; i < one.records; ++i) {
        if (one.offset + i < start) continue;
        const auto record = topics.at(one.topic).find(one.offset + i);
        ASSERT_NE(record, topics.at(one.topic).end()) << one.topic << " " << one.offset << " was acknowledged";
        ASSERT_EQ(record->second.number, i) << one.topic << " " << one.offset;
        ASSERT_EQ(record->second.of, one.records);
      }
    }
  }
}

}  // namespace
}  // namespace walrus::test
