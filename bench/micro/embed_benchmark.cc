// What an append and a read cost the calling thread. Data lies below the working directory: run it on a disk.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "walrus/store.h"

namespace {

using namespace walrus;

/// A store in a fresh directory, removed at the end.
class ScratchStore {
 public:
  explicit ScratchStore(store::Fsync fsync) {
    store::Options options;
    options.directory = ::mkdtemp(path_.data());
    options.fsync = fsync;
    store_ = std::make_unique<store::Store>(*store::Store::open(options));
    topic_ = std::make_unique<store::Topic>(*store_->topic("t"));
  }
  ~ScratchStore() {
    topic_.reset();
    store_.reset();
    std::filesystem::remove_all(path_);
  }
  ScratchStore(const ScratchStore&) = delete;
  ScratchStore& operator=(const ScratchStore&) = delete;
  store::Topic& topic() { return *topic_; }
  store::Store& store() { return *store_; }

 private:
  std::string path_ = (std::filesystem::current_path() / "embed-benchmark-XXXXXX").string();
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::Topic> topic_;
};

void bm_append(benchmark::State& state, store::Fsync fsync) {
  ScratchStore scratch(fsync);
  const std::string value(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) {
    if (!scratch.topic().append(value)) state.SkipWithError("append");
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(bm_append, unsynced, store::Fsync::kNever)->Arg(100)->Arg(1024);
BENCHMARK_CAPTURE(bm_append, durable, store::Fsync::kAlways)->Arg(100)->UseRealTime();

void bm_scan(benchmark::State& state) {
  ScratchStore scratch(store::Fsync::kNever);
  const std::string value(static_cast<std::size_t>(state.range(0)), 'x');
  const std::vector<store::Record> batch(256 * 1024 / value.size(), store::Record{.value = value});
  for (std::size_t bytes = 0; bytes < (std::size_t{256} << 20); bytes += 256 * 1024) {
    if (!scratch.topic().append_batch(batch)) state.SkipWithError("append");
  }
  if (!scratch.topic().seal() || !scratch.store().sync()) state.SkipWithError("seal");
  std::int64_t bytes = 0;
  for (auto _ : state) {
    store::Reader reader = scratch.topic().reader(0);
    for (auto records = reader.next(); records && !records->empty(); records = reader.next()) {
      for (const store::RecordView& record : *records) bytes += static_cast<std::int64_t>(record.value.size());
    }
  }
  state.SetBytesProcessed(bytes);
}
BENCHMARK(bm_scan)->Arg(100)->Arg(1024)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
