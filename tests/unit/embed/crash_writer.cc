// The program that the crash test kills: threads that append batches until the end, and write down what was
// acknowledged.
//
//   embed_crash_writer DIRECTORY SEED ACKS-FILE
//
// Each thread has its own topics to go round; a batch is 1 to 8 records "<topic> <batch> <n of m>". After an append has
// returned, one line "<topic> <offset> <records>" goes to the file, which a killed program cannot take back.
#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <random>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "walrus/store.h"

namespace {

using namespace walrus;

[[noreturn]] void give_up(const store::Error& error) {
  fmt::print(stderr, "crash_writer: {}\n", error.message());
  std::_Exit(1);
}

void append_for_ever(store::Store& store, std::uint64_t seed, int acknowledged) {
  std::mt19937_64 random(seed);
  for (std::uint64_t number = 0;; ++number) {
    const std::string name = fmt::format("topic-{}", random() % 20);
    auto topic = store.topic(name);
    if (!topic) give_up(topic.error());
    std::vector<std::string> values;
    const auto size = 1 + random() % 8;
    for (std::uint64_t i = 0; i < size; ++i) {
      values.push_back(fmt::format("{} {} {} {} {}", name, seed, number, i, size) + std::string(random() % 300, '.'));
    }
    std::vector<store::Record> batch;
    for (const std::string& value : values) batch.push_back({.value = value});
    const auto offset = topic->append_batch(batch);
    if (!offset) give_up(offset.error());
    const std::string line = fmt::format("{} {} {}\n", name, *offset, size);
    if (::write(acknowledged, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::_Exit(2);
    if (random() % 500 == 0) (void)topic->trim(*offset / 2);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 3;
  const std::uint64_t seed = std::strtoull(argv[2], nullptr, 10);
  const int acknowledged = ::open(argv[3], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  store::Options options;
  options.directory = argv[1];
  options.shards = 1 + static_cast<unsigned>(seed % 2);
  options.segment_bytes = 256 << 10;
  auto opened = store::Store::open(options);
  if (!opened) give_up(opened.error());
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 16; ++i) {
    threads.emplace_back(
        [&store = *opened, i, seed, acknowledged] { append_for_ever(store, seed * 100 + i, acknowledged); });
  }
  for (std::thread& thread : threads) thread.join();
}
