#include "tests/unit/storage/crash_points.h"

#include <fmt/core.h>

#include <algorithm>

#include "storage/content_hash.h"

namespace walrus::storage::test {
namespace {

constexpr std::size_t kMostViolations = 5;

/// What a segment was given and what was said about it.
struct Expected {
  Offset base;
  std::vector<std::string> appended;
  std::uint64_t acknowledged = 0;  // records
  bool removed = false;            // or about to be: then nothing is expected
  Epoch promised;                  // answered
  Epoch promised_most;             // asked for
};
using Model = std::map<SegmentKey, Expected>;

std::vector<std::string> read_values(io::SimWorld& world, Segment& segment, std::uint64_t& hash) {
  std::vector<std::string> values;
  Offset from = segment.base();
  while (from < segment.end()) {
    std::optional<Result<Batches>> batches;
    segment.read(from, segment.end(), 16 * limits::kKiB, [&](Result<Batches> read) { batches = std::move(read); });
    if (!world.run_until([&] { return batches.has_value(); }, 10s) || !*batches || (*batches)->empty()) return values;
    for (const SharedBytes& batch : **batches) {
      BatchReader reader(batch.view());
      hash = extend_hash(hash, reader.header());
      for (auto record = reader.next(); record && *record; record = reader.next()) {
        if ((*record)->offset < from) continue;
        values.emplace_back((*record)->value);
        from += 1;
      }
    }
  }
  return values;
}

/// What is wrong with the segment; empty when nothing is.
std::string check_segment(io::SimWorld& world, ShardStore& store, SegmentKey key, const Expected& expected,
                          bool keeps) {
  const auto opened = store.open_segment(key, expected.base);
  if (!opened) return "open: " + opened.error().message();
  Segment& segment = **opened;
  if (!segment.status()) return "status: " + segment.status().error().message();
  const std::uint64_t there = segment.end() - segment.base();
  if (keeps && there < expected.acknowledged)
    return fmt::format("{} acknowledged, {} there", expected.acknowledged, there);
  if (there > expected.appended.size()) return "more than was appended";
  if (segment.promised() < expected.promised) return "a promise is forgotten";
  if (segment.promised() > expected.promised_most) return "a promise that nobody has made";
  std::uint64_t hash = 0;
  const auto values = read_values(world, segment, hash);
  if (hash != segment.hash()) return "the hash is not that of the content";
  if (values.size() != there) return fmt::format("{} there, {} readable", there, values.size());
  if (!std::equal(values.begin(), values.end(), expected.appended.begin())) return "not what was appended";
  if (!append(segment, {"after the crash"})) return "no append after recovery";
  const bool durable = world.run_until([&] { return segment.durable_end() == segment.end(); }, 10s);
  return durable ? "" : "an append after recovery never becomes durable";
}

std::string check_image(io::SimWorld& world, io::SimDisk& disk, const Model& model, const EngineOptions& engine) {
  const auto report = recover(disk, kNode);
  if (!report) return "recovery: " + report.error().message();
  if (!report->damage.empty()) return "damage: " + report->damage.front();
  const auto again = recover(disk, kNode);
  if (!again || again->batches_replayed > 0) return "a second recovery has something to do";
  auto store = open_shard_store(disk, world.make_loop("after"), {.directory = kNode, .shard = 0, .engine = engine});
  if (!store) return "open: " + store.error().message();
  for (const auto& [key, expected] : model) {
    if (expected.removed) continue;
    const std::string wrong = check_segment(world, **store, key, expected, engine.sync.always());
    if (!wrong.empty()) return fmt::format("topic {}: {}", key.topic, wrong);
  }
  return {};
}

class Enumeration {
 public:
  explicit Enumeration(const CrashPointOptions& options)
      : options_(options), store_(options.seed, options.engine), random_(options.seed) {
    store_.engine.test_only_ack_before_sync = options.engine.test_only_ack_before_sync;
  }

  CrashPointResult run() {
    store_.disk->set_hook([this](const io::SimDisk::Event& event) { on_change(event); });
    EXPECT_TRUE(store_.open());
    for (std::size_t step = 0; step < options_.steps; ++step) {
      act(step);
      store_.world.run_for(std::chrono::microseconds(random_.below(600)));
    }
    EXPECT_TRUE(store_.close());
    for (const auto& [key, expected] : model_) result_.acknowledged += expected.acknowledged;
    store_.disk->set_hook({});
    return std::move(result_);
  }

 private:
  void act(std::size_t step) {
    const SegmentKey key{TopicId(1 + random_.below(3)), SegmentId(0)};
    if (step == options_.steps / 2) return restart();
    if (step % 23 == 22) return remove(key);
    if (step % 9 == 4) return truncate(key);
    if (step % 7 == 3) return promise(key);
    Expected& expected = model_[key];
    Segment& segment = watched(key, expected);
    const auto batches = 1 + random_.below(3);
    for (std::uint64_t i = 0; i < batches; ++i) {
      std::vector<std::string> values(1 + random_.below(4));
      for (std::string& value : values) {
        value = fmt::format("{}-{}-{}-", key.topic, expected.appended.size(), step);
        value.append(random_.chance(0.1) ? random_.below(9000) : random_.below(200), 'x');
        expected.appended.push_back(value);
      }
      EXPECT_TRUE(append(segment, values));
    }
  }

  Segment& watched(SegmentKey key, Expected& expected) {
    Segment& segment = store_.segment(key, expected.base);
    segment.watch([&segment, &expected] { expected.acknowledged = segment.durable_end() - segment.base(); });
    return segment;
  }

  void restart() {
    EXPECT_TRUE(store_.close());
    // A clean stop makes all of it durable, watched or not.
    EXPECT_TRUE(store_.open());
    EXPECT_EQ(store_.report.batches_replayed, 0u);
    for (auto& [key, expected] : model_) {
      const Segment& segment = store_.segment(key, expected.base);
      EXPECT_EQ(segment.promised(), expected.promised_most);
      expected.promised = expected.promised_most;
      EXPECT_EQ(segment.end() - segment.base(), expected.appended.size());
      expected.acknowledged = expected.appended.size();
    }
  }

  void promise(SegmentKey key) {
    Expected& expected = model_[key];
    expected.promised_most = Epoch(expected.promised_most.value() + 1 + random_.below(3));
    watched(key, expected)
        .promise(expected.promised_most, [&expected, epoch = expected.promised_most](const Status& status) {
          EXPECT_TRUE(status);
          expected.promised = std::max(expected.promised, epoch);
        });
  }

  void truncate(SegmentKey key) {
    Expected& expected = model_[key];
    Segment& segment = watched(key, expected);
    const auto end = batch_end(segment);
    // Until the answer all or a part of what is to go may be there.
    segment.watch({});
    expected.acknowledged = std::min(expected.acknowledged, end);
    bool done = false;
    segment.truncate(segment.base() + end, [&done](const Status& status) {
      EXPECT_TRUE(status);
      done = true;
    });
    EXPECT_TRUE(store_.world.run_until([&done] { return done; }, 10s));
    expected.appended.resize(end);
    expected.acknowledged = end;
  }

  /// Where one of the last batches ends, as a number of records.
  std::uint64_t batch_end(Segment& segment) {
    const auto back = random_.below(8);
    if (segment.end() - segment.base() <= back) return 0;
    const auto batches = store_.read(segment, Offset(segment.end().value() - 1 - back), segment.end(), 1);
    if (!batches || batches->empty()) return 0;
    return parse_batch_header(batches->front().view())->end_offset() - segment.base();
  }

  void remove(SegmentKey key) {
    Expected& expected = model_[key];
    watched(key, expected);
    expected.removed = true;
    EXPECT_TRUE(store_.store->remove(key));
    store_.settle();
    // From here on the old content must not come back, not even behind a refill.
    expected =
        Expected{.base = expected.base + expected.appended.size(), .appended = {}, .promised = {}, .promised_most = {}};
  }

  void on_change(const io::SimDisk::Event& event) {
    using Operation = io::SimDisk::Operation;
    if (event.operation == Operation::kRead || event.operation == Operation::kOpen) return;
    if (++changes_ % options_.every != 0) return;
    ++result_.points;
    for (const io::CrashModel model : io::kAllCrashModels) cut(*store_.disk, model, event, true);
  }

  void cut(const io::SimDisk& disk, io::CrashModel model, const io::SimDisk::Event& event, bool may_nest) {
    if (result_.violations.size() >= kMostViolations) return;
    const std::uint64_t seed = ++result_.images + options_.seed;
    if (!may_nest) ++result_.nested;
    io::SimWorld world(seed);
    const auto image = disk.image_after_power_cut(world, model, seed);
    if (may_nest && options_.nested_every != 0 && result_.images % options_.nested_every == 0) {
      image->set_hook([&](const io::SimDisk::Event& inner) {
        if (inner.operation == io::SimDisk::Operation::kRead || inner.operation == io::SimDisk::Operation::kOpen)
          return;
        for (const io::CrashModel inner_model : io::kAllCrashModels) cut(*image, inner_model, inner, false);
      });
      (void)recover(*image, kNode);
      image->set_hook({});
    }
    EngineOptions engine = options_.engine;
    engine.test_only_ack_before_sync = false;
    const std::string wrong = check_image(world, *image, model_, engine);
    if (wrong.empty()) return;
    result_.violations.push_back(fmt::format("seed {}, change {} (operation {} on {} at {}), model {}: {}",
                                             options_.seed, changes_, static_cast<int>(event.operation), event.path,
                                             event.position, static_cast<int>(model), wrong));
  }

  const CrashPointOptions options_;
  SimStore store_;
  io::Random random_;
  Model model_;
  std::uint64_t changes_ = 0;
  CrashPointResult result_;
};

}  // namespace

CrashPointResult enumerate_crash_points(const CrashPointOptions& options) { return Enumeration(options).run(); }

}  // namespace walrus::storage::test
