// No allocation per record on the way of an append: builder, segment, log, completion, segment file. A program of its
// own, since it counts every allocation of the process.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <set>

#include "tests/unit/storage/sim_store.h"

namespace {

std::atomic<std::uint64_t> allocations = 0;

void* counted(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  std::abort();
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace walrus::storage {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kBatches = 500;

/// Keeps nothing; every write is done a turn later.
class NullFile final : public io::File {
 public:
  explicit NullFile(io::Loop& loop) : loop_(loop) {}
  Result<std::size_t> read(std::uint64_t, char*, std::size_t) override { return 0; }
  Status write(std::uint64_t, std::string_view) override { return {}; }
  Status sync() override { return {}; }
  Status truncate(std::uint64_t) override { return {}; }
  Result<std::uint64_t> size() override { return 0; }
  Status prewrite(std::uint64_t) override { return {}; }
  void async_write(std::uint64_t, std::string_view, io::Done done) override { finish(std::move(done)); }
  void async_read(std::uint64_t, char*, std::size_t, io::ReadDone done) override { done(0); }
  void async_sync(io::Done done) override { finish(std::move(done)); }

 private:
  void finish(io::Done done) {
    loop_.post([done = std::move(done)]() mutable { done({}); });
  }
  io::Loop& loop_;
};

class NullDisk final : public io::Disk {
 public:
  explicit NullDisk(io::Loop& loop) : loop_(loop) {}
  Result<std::unique_ptr<io::File>> open(const std::string& path, io::OpenOptions options, io::Loop*) override {
    if (options.mode == io::OpenOptions::Mode::kRead) return fail(ErrorCode::kNotFound, path);
    made_.insert(path);
    return std::make_unique<NullFile>(loop_);
  }
  Status make_directories(const std::string&) override { return {}; }
  Status rename(const std::string&, const std::string&) override { return {}; }
  Status remove(const std::string&) override { return {}; }
  Result<std::vector<std::string>> list(const std::string&) override { return std::vector<std::string>(); }
  Result<bool> exists(const std::string& path) override { return made_.contains(path); }
  Status sync_directory(const std::string&) override { return {}; }
  Result<std::uint64_t> free_bytes(const std::string&) override { return 0; }
  Result<std::unique_ptr<io::DirectoryLock>> lock(const std::string&) override { return nullptr; }

 private:
  io::Loop& loop_;
  std::set<std::string> made_;
};

/// Allocations of the whole way, for kBatches batches of so many records each.
std::uint64_t allocations_with(std::uint64_t records_per_batch) {
  io::SimWorld world(91);
  io::SimLoop& loop = world.make_loop("shard");
  NullDisk disk(loop);
  const auto store = *open_shard_store(disk, loop, {.directory = "/node"});
  Segment& segment = **store->open_segment(test::kFirst, Offset(0));
  const std::string value(100, 'v');
  BatchBuilder builder;
  const auto append_batches = [&](std::uint64_t batches) {
    for (std::uint64_t i = 0; i < batches; ++i) {
      for (std::uint64_t record = 0; record < records_per_batch; ++record) builder.add(value, 1'700'000'000'000);
      EXPECT_TRUE(segment.append(SharedBytes(builder.finish(segment.end()))));
      EXPECT_TRUE(world.run_until([&] { return segment.durable_end() == segment.end(); }, 60s));
    }
  };
  append_batches(20);  // everything that is reused has its size then
  const std::uint64_t before = allocations;
  append_batches(kBatches);
  const std::uint64_t after = allocations;
  return after - before;
}

TEST(Allocations, OnTheAppendPathDoNotGrowWithTheRecords) {
  const std::uint64_t few = allocations_with(10);
  const std::uint64_t many = allocations_with(1000);
  const double per_record =
      (static_cast<double>(many) - static_cast<double>(few)) / static_cast<double>(kBatches * (1000 - 10));
  std::printf("%lu batches: %lu allocations with 10 records each, %lu with 1,000: %.4f per record more\n", kBatches,
              few, many, per_record);
  ASSERT_GT(few, kBatches) << "it does count";
  EXPECT_LT(per_record, 0.01);
}

TEST(Allocations, OfTheBuilderAreOnePerBatchOnceItKnowsTheSize) {
  const std::string value(100, 'v');
  BatchBuilder builder;
  std::uint64_t most = 0;
  for (int batch = 0; batch < 10; ++batch) {
    const std::uint64_t before = allocations;
    for (int record = 0; record < 5000; ++record) builder.add(value, 1'700'000'000'000 + record);
    const std::string finished = builder.finish(Offset(0));
    if (batch > 0) most = std::max<std::uint64_t>(most, allocations - before);
  }
  EXPECT_LE(most, 2u);
}

}  // namespace
}  // namespace walrus::storage
