// The engine on the real disk: io_uring, threads, and a file system that refuses direct I/O.
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <stdlib.h>
#include <thread>

#include "io/asio_loop.h"
#include "io/posix_disk.h"
#include "tests/unit/storage/sim_store.h"

namespace walrus::storage {
namespace {

using test::append;
using test::kFirst;
using Strings = std::vector<std::string>;

/// One life of a process: disk, loop on its own thread, store.
class RealStore {
 public:
  RealStore(const std::string& directory, io::PosixDisk::Options disk_options) : disk_(disk_options) {
    EXPECT_TRUE(disk_.make_directories(directory));
    auto recovered = recover(disk_, directory);
    EXPECT_TRUE(recovered) << recovered.error().message();
    if (recovered) report = *recovered;
    thread_ = std::thread([this] { loop_.run(); });
    on_loop([&] {
      auto opened = open_shard_store(disk_, loop_, {.directory = directory, .engine = test::small_files()});
      EXPECT_TRUE(opened) << opened.error().message();
      if (opened) store = std::move(*opened);
    });
  }
  /// Without close() this is a crash of the program: the page cache lives on.
  ~RealStore() {
    loop_.stop();
    thread_.join();
    store.reset();
  }

  void on_loop(io::Task task) {
    std::promise<void> done;
    loop_.post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }

  Segment& segment(SegmentKey key = kFirst) { return **store->open_segment(key, Offset(0)); }

  /// Appends one batch per value and waits until all of them are durable.
  void append_durably(const Strings& values) {
    std::promise<void> durable;
    loop_.post([&] {
      Segment& target = segment();
      target.watch([&] {
        if (target.durable_end() == target.end()) {
          target.watch({});
          durable.set_value();
        }
      });
      for (const std::string& value : values) EXPECT_TRUE(append(target, {value}));
    });
    ASSERT_EQ(durable.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  }

  Strings read_all() {
    Strings values;
    Offset from(0);
    while (true) {
      std::promise<Result<Batches>> promise;
      loop_.post([&] {
        Segment& source = segment();
        source.read(from, source.durable_end(), 8000,
                    [&](Result<Batches> batches) { promise.set_value(std::move(batches)); });
      });
      const auto batches = promise.get_future().get();
      EXPECT_TRUE(batches) << batches.error().message();
      if (!batches || batches->empty()) return values;
      for (const SharedBytes& batch : *batches) {
        BatchReader reader(batch.view());
        for (auto record = reader.next(); record && *record; record = reader.next()) {
          values.emplace_back((*record)->value);
          from = (*record)->offset + 1;
        }
      }
    }
  }

  Status close() {
    std::promise<Status> closed;
    loop_.post([&] { store->close([&](Status status) { closed.set_value(std::move(status)); }); });
    return closed.get_future().get();
  }

  RecoveryReport report;
  std::unique_ptr<ShardStore> store;

 private:
  io::AsioLoop loop_{"store"};
  io::PosixDisk disk_;
  std::thread thread_;
};

class PosixStore : public ::testing::TestWithParam<io::PosixDisk::Options> {
 protected:
  PosixStore() {
    std::string name = (std::filesystem::temp_directory_path() / "walrus-store-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~PosixStore() override { std::filesystem::remove_all(directory_); }
  std::string node() const { return directory_ + "/node_1"; }

  std::string directory_;
};

TEST_P(PosixStore, SurvivesACrashOfTheProgramAndACleanStop) {
  Strings written;
  for (int i = 0; i < 150; ++i)
    written.push_back(std::string(1000, static_cast<char>('a' + i % 26)) + std::to_string(i));
  {
    RealStore store(node(), GetParam());
    store.append_durably(written);
    EXPECT_EQ(store.read_all(), written);
  }
  {
    RealStore store(node(), GetParam());
    EXPECT_GT(store.report.batches_replayed, 0u);
    EXPECT_TRUE(store.report.damage.empty());
    EXPECT_EQ(store.read_all(), written);
    store.append_durably({"one more"});
    written.emplace_back("one more");
    EXPECT_TRUE(store.close());
  }
  RealStore store(node(), GetParam());
  EXPECT_EQ(store.report.batches_replayed, 0u);
  EXPECT_EQ(store.read_all(), written);
}

TEST_P(PosixStore, LargeWritesAtAnyPlaceWithinABlockAreWhatIsReadBack) {
  // Sizes that begin and end everywhere: a write may have whole blocks or none, and a first or last part or none.
  Strings written;
  for (std::size_t i = 0; i < 120; ++i) {
    std::string value(i * 977 % 30'000, '\0');
    for (std::size_t at = 0; at < value.size(); ++at) value[at] = static_cast<char>((i * 31 + at * 7) % 251);
    written.push_back(std::move(value));
  }
  {
    RealStore store(node(), GetParam());
    for (std::size_t i = 0; i < written.size(); i += 20) {
      store.append_durably(Strings(written.begin() + static_cast<std::ptrdiff_t>(i),
                                   written.begin() + static_cast<std::ptrdiff_t>(i) + 20));
    }
    EXPECT_EQ(store.read_all(), written);
    EXPECT_TRUE(store.close());
  }
  RealStore store(node(), GetParam());
  EXPECT_EQ(store.report.batches_replayed, 0u);
  EXPECT_TRUE(store.segment().status());
  EXPECT_EQ(store.read_all(), written);
}

INSTANTIATE_TEST_SUITE_P(Disks, PosixStore,
                         ::testing::Values(io::PosixDisk::Options{.use_io_uring = true, .use_direct_io = true},
                                           io::PosixDisk::Options{.use_io_uring = false, .use_direct_io = true},
                                           io::PosixDisk::Options{.use_io_uring = true, .use_direct_io = false}),
                         [](const auto& info) {
                           return std::string(info.param.use_io_uring ? "Uring" : "Threads") +
                                  (info.param.use_direct_io ? "Direct" : "Buffered");
                         });

}  // namespace
}  // namespace walrus::storage
