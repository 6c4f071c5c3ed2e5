#include "tests/unit/embed/power_cuts.h"

#include <fmt/core.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "embed/ground.h"
#include "tests/fakes/small_files.h"
#include "tests/harness/temp_dir.h"
#include "tests/unit/embed/disk_replay.h"
#include "tests/unit/embed/expected_store.h"
#include "tests/unit/embed/power_cut_script.h"
#include "tests/unit/embed/recording_disk.h"

namespace walrus::test {
namespace {

using storage::test::small_files;

constexpr std::size_t kMostViolations = 20;
constexpr const char* kAfter = "after the power cut";

/// The directory of the store lies two deep below the root of the disk, and neither is there at first.
store::Options options_of(const std::filesystem::path& root, unsigned shards) {
  store::Options options;
  options.directory = (root / "apps" / "data").string();
  options.shards = shards;
  options.segment_bytes = 12 << 10;
  options.fsync_interval = std::chrono::milliseconds(5);
  return options;
}

store::Result<store::Store> open(const store::Options& options, std::unique_ptr<io::Disk> disk,
                                 const storage::EngineOptions& engine) {
  return embed::Opener::open(options,
                             {.disk = std::move(disk), .storage = engine, .catalog_segment_bytes = 2 * limits::kKiB});
}

bool is_change(const DiskEvent& event) {
  return event.kind != DiskEvent::Kind::kNote && event.kind != DiskEvent::Kind::kOpen;
}

std::string append_after(store::Store& store, FoundStore& found) {
  for (auto& [name, topic] : found) {
    const auto offset = store.find_topic(name)->append(kAfter);
    if (!offset) return "no append after the power cut: " + offset.error().message();
    if (*offset != topic.start + topic.values.size()) return fmt::format("topic {}: appended at {}", name, *offset);
    topic.values.emplace_back(kAfter);
  }
  return {};
}

/// What is wrong with the store in this directory.
std::string check_directory(const store::Options& options, std::unique_ptr<io::Disk> disk,
                            const ExpectedStore& expected, const std::function<void()>& opened) {
  auto store = open(options, std::move(disk), small_files());
  if (!store) return "open: " + store.error().message();
  opened();
  if (!store->damage().empty()) return "damage: " + store->damage().front();
  auto found = find_store(*store, expected);
  if (!found) return found.error();
  if (std::string wrong = compare(*found, expected); !wrong.empty()) return wrong;
  if (std::string wrong = append_after(*store, *found); !wrong.empty()) return wrong;
  if (const auto closed = store->close(); !closed) return "close: " + closed.error().message();

  store = open(options, std::make_unique<io::PosixDisk>(), small_files());
  if (!store) return "a second open: " + store.error().message();
  if (!store->damage().empty()) return "damage at a second open: " + store->damage().front();
  const auto again = find_store(*store, expected);
  if (!again) return "a second open: " + again.error();
  return same_later(*found, *again) ? "" : "a second open finds something else";
}

class Enumeration {
 public:
  explicit Enumeration(const PowerCutOptions& options) : options_(options) {}

  PowerCutResult run() {
    Recording recording;
    record(recording);
    DiskReplay replay;
    for (const DiskEvent& event : recording.events()) {
      if (is_change(event) && ++result_.changes % options_.every == 0) look_at(replay, event);
      replay.apply(event);
    }
    look_at(replay, recording.events().back());
    return std::move(result_);
  }

 private:
  void record(Recording& recording) {
    storage::EngineOptions engine = small_files();
    const TempDir root;
    PowerCutScript script(options_.seed, recording, expected_);
    for (const unsigned shards : {2u, 3u, 1u}) {
      auto store = open(options_of(root.path(), shards),
                        std::make_unique<RecordingDisk>(recording, root.path().string()), engine);
      if (!store) {
        result_.errors.push_back(store.error().message());
        return;
      }
      // A planted bug comes when there are topics, so that records are lost, too.
      engine.test_only_ack_before_sync = options_.planted_ack_before_sync;
      script.run(*store, shards == 2 ? options_.steps : options_.steps / 2);
      if (const auto closed = store->close(); !closed) result_.errors.push_back(closed.error().message());
    }
    const auto failed = script.errors();
    result_.errors.insert(result_.errors.end(), failed.begin(), failed.end());
  }

  void look_at(const DiskReplay& replay, const DiskEvent& event) {
    ++result_.points;
    for (const io::CrashModel model : io::kAllCrashModels) cut(replay, model, event, true);
  }

  void cut(const DiskReplay& replay, io::CrashModel model, const DiskEvent& event, bool may_nest) {
    if (result_.violations.size() >= kMostViolations) return;
    const std::uint64_t seed = ++result_.images + options_.seed;
    if (!may_nest) ++result_.nested;
    const io::SimFileTree image = replay.after_power_cut(model, seed);
    const bool nests = may_nest && options_.nested_every != 0 && result_.images % options_.nested_every == 0;

    Recording opening;
    const std::string wrong = check(image, seed, nests ? &opening : nullptr);
    if (!wrong.empty()) {
      result_.violations.push_back(fmt::format("seed {}, change {}{} ({} of {} at {}), model {}, image {}: {}",
                                               options_.seed, result_.changes, may_nest ? "" : ", inside the opening",
                                               name_of(event.kind), event.path, event.position, static_cast<int>(model),
                                               seed, wrong));
    }
    if (nests) cut_opening(image, opening);
  }

  /// Cuts the power again at each change that the first opening of the image made.
  void cut_opening(const io::SimFileTree& image, const Recording& opening) {
    DiskReplay replay(copy_of(image));
    for (const DiskEvent& event : opening.events()) {
      if (event.kind == DiskEvent::Kind::kNote) return;  // it was open
      for (const io::CrashModel model : io::kAllCrashModels) {
        if (is_change(event)) cut(replay, model, event, false);
      }
      replay.apply(event);
    }
  }

  std::string check(const io::SimFileTree& image, std::uint64_t seed, Recording* opening) {
    const std::filesystem::path root = images_ / fmt::format("{}", result_.images);
    std::filesystem::create_directory(root);
    materialize(image, root);
    std::unique_ptr<io::Disk> disk;
    if (opening != nullptr) {
      disk = std::make_unique<RecordingDisk>(*opening, root.string());
    } else {
      disk = std::make_unique<io::PosixDisk>();
    }
    const auto opened = [opening] {
      if (opening != nullptr) opening->note([] {});
    };
    const auto shards = static_cast<unsigned>(1 + seed % 3);
    std::string wrong = check_directory(options_of(root, shards), std::move(disk), expected_, opened);
    // A wrong one stays for whoever sets WALRUS_TEST_KEEP.
    if (wrong.empty()) std::filesystem::remove_all(root);
    return wrong;
  }

  const PowerCutOptions options_;
  const TempDir images_{TempDir::in_memory()};
  ExpectedStore expected_;
  PowerCutResult result_;
};

}  // namespace

PowerCutResult enumerate_power_cuts(const PowerCutOptions& options) { return Enumeration(options).run(); }

}  // namespace walrus::test
