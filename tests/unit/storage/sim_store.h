// A shard's store on the disk that forgets, for tests: open, append, read back, crash, open again.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "io/sim/sim_disk.h"
#include "io/sim/sim_loop.h"
#include "storage/record_batch.h"
#include "storage/shard_store.h"
#include "tests/fakes/small_files.h"

namespace walrus::storage::test {

using namespace std::chrono_literals;

inline const std::string kNode = "/node_1";
inline constexpr SegmentKey kFirst{TopicId(7), SegmentId(0)};
inline constexpr SegmentKey kSecond{TopicId(8), SegmentId(3)};

/// A value by its number, large enough for a few to fill a block.
inline std::string filler(std::size_t i) { return std::string(2000, static_cast<char>('a' + i % 26)); }

/// One batch of one record per value.
inline std::string make_batch(Offset base, const std::vector<std::string>& values) {
  BatchBuilder builder;
  for (const std::string& value : values)
    builder.add(value, 1'700'000'000'000 + static_cast<std::int64_t>(base.value()));
  return builder.finish(base);
}

inline Status append(Segment& segment, const std::vector<std::string>& values) {
  return segment.append(SharedBytes(make_batch(segment.end(), values)));
}

class SimStore {
 public:
  explicit SimStore(std::uint64_t seed, EngineOptions options = small_files())
      : world(seed), disk(std::make_unique<io::SimDisk>(world)), engine(options) {
    // The node's own directory is the server's to make.
    EXPECT_TRUE(disk->make_directories(kNode));
    EXPECT_TRUE(disk->sync_directory("/"));
  }

  /// Recovers and opens; the first failure is returned and leaves no store behind.
  Status open() {
    loop = &world.make_loop("shard");
    auto recovered = recover(*disk, kNode);
    if (!recovered) return fail(recovered.error());
    report = *recovered;
    auto opened = open_shard_store(*disk, *loop, {.directory = kNode, .shard = 0, .engine = engine});
    if (!opened) return fail(opened.error());
    store = std::move(*opened);
    return {};
  }

  Status close() {
    std::optional<Status> result;
    store->close([&](Status status) { result = std::move(status); });
    EXPECT_TRUE(world.run_until([&] { return result.has_value(); }, 60s)) << "close() never answers";
    store.reset();
    loop->stop();
    return result.value_or(fail(ErrorCode::kTimedOut));
  }

  void crash(io::CrashModel model) {
    disk->power_off();
    store.reset();
    loop->stop();
    disk->crash(model);
  }
  void kill() {
    store.reset();
    loop->stop();
    disk->kill_process();
  }

  Segment& segment(SegmentKey key = kFirst, Offset base = Offset(0)) {
    auto opened = store->open_segment(key, base);
    EXPECT_TRUE(opened) << opened.error().message();
    return **opened;
  }

  bool wait_durable(const Segment& segment) {
    return world.run_until([&] { return segment.durable_end() == segment.end() || !segment.status(); }, 60s) &&
           segment.durable_end() == segment.end();
  }
  /// Until nothing is left to do: flushes, pre-writing, the mark at the end of the log.
  void settle() { world.run_for(2s); }

  Result<Batches> read(Segment& segment, Offset from, Offset limit, std::size_t max_bytes = 64 * limits::kKiB) {
    std::optional<Result<Batches>> result;
    segment.read(from, limit, max_bytes, [&](Result<Batches> batches) { result = std::move(batches); });
    EXPECT_TRUE(world.run_until([&] { return result.has_value(); }, 60s)) << "read() never answers";
    return result ? std::move(*result) : fail(ErrorCode::kTimedOut);
  }

  /// All values in [from, limit), read piece by piece; checks that offsets are dense.
  std::vector<std::string> values(Segment& segment, Offset from, Offset limit, std::size_t max_bytes = 4096) {
    std::vector<std::string> all;
    while (from < limit) {
      const auto batches = read(segment, from, limit, max_bytes);
      EXPECT_TRUE(batches) << batches.error().message();
      if (!batches || batches->empty()) {
        ADD_FAILURE() << "nothing at offset " << from.value();
        return all;
      }
      for (const SharedBytes& batch : *batches) {
        EXPECT_TRUE(check_batch(batch.view()));
        BatchReader reader(batch.view());
        for (auto record = reader.next(); record && *record; record = reader.next()) {
          if ((*record)->offset < from || (*record)->offset >= limit) continue;
          EXPECT_EQ((*record)->offset, from);
          from += 1;
          all.emplace_back((*record)->value);
        }
      }
    }
    return all;
  }
  std::vector<std::string> values(Segment& segment) { return values(segment, segment.base(), segment.durable_end()); }

  io::SimWorld world;
  std::unique_ptr<io::SimDisk> disk;
  EngineOptions engine;
  io::SimLoop* loop = nullptr;
  std::unique_ptr<ShardStore> store;
  RecoveryReport report;
};

inline std::uint64_t fresh_seed() {
  if (const char* given = std::getenv("WALRUS_TEST_SEED")) return std::stoull(given);
  return std::random_device{}();
}

}  // namespace walrus::storage::test
