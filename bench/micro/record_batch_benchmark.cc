// What a record costs on its way into a batch and out of it.
#include <benchmark/benchmark.h>

#include <string>

#include "storage/record_batch.h"

namespace {

using namespace walrus;

std::string make_batch(std::size_t record_bytes, std::size_t bytes) {
  const std::string value(record_bytes, 'x');
  storage::BatchBuilder builder;
  while (builder.bytes() < bytes) builder.add(value, 1'700'000'000'000);
  return builder.finish(Offset(7));
}

void bm_build(benchmark::State& state) {
  const std::string value(static_cast<std::size_t>(state.range(0)), 'x');
  storage::BatchBuilder builder;
  for (auto _ : state) {
    builder.add(value, 1'700'000'000'000);
    if (builder.bytes() > 256 * 1024) benchmark::DoNotOptimize(builder.finish(Offset(7)));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(bm_build)->Arg(100)->Arg(1024);

void bm_check(benchmark::State& state) {
  const std::string batch = make_batch(1024, static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(storage::check_batch(batch));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(batch.size()));
}
BENCHMARK(bm_check)->Arg(4 << 10)->Arg(256 << 10);

void bm_walk(benchmark::State& state) {
  const std::string batch = make_batch(static_cast<std::size_t>(state.range(0)), 256 * 1024);
  std::int64_t records = 0;
  for (auto _ : state) {
    storage::BatchReader reader(batch);
    while (true) {
      const auto record = reader.next();
      if (!record || !*record) break;
      benchmark::DoNotOptimize((*record)->value.data());
      ++records;
    }
  }
  state.SetItemsProcessed(records);
}
BENCHMARK(bm_walk)->Arg(100)->Arg(1024);

}  // namespace
