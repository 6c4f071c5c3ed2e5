#include "storage/wal_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "base/assert.h"
#include "storage/layout.h"

namespace walrus::storage::wal {
namespace {

/// A window over a file that moves forward, so that a 64 MiB file is read in large pieces and held in small ones.
class Window {
 public:
  Window(std::unique_ptr<io::File> file, std::uint64_t size) : file_(std::move(file)), size_(size) {}

  /// Up to `size` bytes at `position`; fewer at the end of the file.
  Result<std::string_view> at(std::uint64_t position, std::size_t size) {
    if (position < start_ || position + size > start_ + bytes_.size()) {
      const std::uint64_t left = size_ - std::min(position, size_);
      bytes_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(std::max(size, kChunkBytes), left)));
      start_ = position;
      WALRUS_ASSIGN(const std::size_t read, file_->read(position, bytes_.data(), bytes_.size()));
      bytes_.resize(read);
    }
    return std::string_view(bytes_).substr(position - start_, size);
  }

 private:
  static constexpr std::size_t kChunkBytes = 1 * limits::kMiB;
  std::unique_ptr<io::File> file_;
  const std::uint64_t size_;
  std::string bytes_;
  std::uint64_t start_ = 0;
};

struct OpenSlot {
  Survey::File file;
  std::unique_ptr<Window> window;
  std::uint64_t first_file = 0;  // file number of its first group; 0 when that is not undamaged
  bool stale = false;            // begins with a group that the checkpoint says is not needed
};

bool belongs(const GroupHeader& header, const Checkpoint& checkpoint) {
  return (checkpoint.log_id == 0 || header.log_id == checkpoint.log_id) && header.file >= checkpoint.first_file;
}

/// The undamaged group at `position`, if there is one, of this use of the file or a later one.
Result<std::optional<GroupHeader>> group_at(OpenSlot& slot, std::uint64_t position) {
  WALRUS_ASSIGN(const std::string_view block, slot.window->at(position, kBlockBytes));
  const auto header = peek_group(block);
  if (!header || header->file < slot.file.number || header->size() > slot.file.size - position) return std::nullopt;
  WALRUS_ASSIGN(const std::string_view bytes, slot.window->at(position, header->size()));
  if (!group_is_whole(*header, bytes)) return std::nullopt;
  return header;
}

Result<std::vector<OpenSlot>> open_slots(io::Disk& disk, const std::string& directory, const Checkpoint& checkpoint) {
  std::vector<OpenSlot> slots;
  WALRUS_ASSIGN(const auto names, disk.list(directory));
  for (const std::string& name : names) {
    if (!layout::parse_slot(name)) continue;
    OpenSlot slot;
    slot.file.path = directory + "/" + name;
    WALRUS_ASSIGN(auto file, disk.open(slot.file.path, {.mode = io::OpenOptions::Mode::kRead}, nullptr));
    WALRUS_ASSIGN(slot.file.size, file->size());
    slot.window = std::make_unique<Window>(std::move(file), slot.file.size);
    WALRUS_ASSIGN(const auto header, group_at(slot, 0));
    if (header && belongs(*header, checkpoint)) slot.first_file = header->file;
    slot.stale = header && slot.first_file == 0;
    slots.push_back(std::move(slot));
  }
  return slots;
}

/// The undamaged groups of the youngest use of the file.
Result<std::vector<GroupPlace>> survey_slot(OpenSlot& slot, const Checkpoint& checkpoint) {
  std::vector<GroupPlace> groups;
  for (std::uint64_t position = 0; position + kBlockBytes <= slot.file.size;) {
    WALRUS_ASSIGN(const auto header, group_at(slot, position));
    std::uint64_t step = kBlockBytes;
    if (header && belongs(*header, checkpoint)) {
      if (header->file > slot.file.number) groups.clear();
      slot.file.number = header->file;
      groups.push_back({*header, 0, position});
      step = header->size();
    }
    position += step;
  }
  return groups;
}

Result<Checkpoint> read_checkpoint(io::Disk& disk, const std::string& directory, std::vector<std::string>& damage) {
  const std::string path = layout::wal_checkpoint(directory);
  WALRUS_ASSIGN(const bool there, disk.exists(path));
  if (!there) return Checkpoint{};
  WALRUS_ASSIGN(const std::string bytes, disk.read_file(path));
  auto checkpoint = decode_checkpoint(bytes);
  if (checkpoint || checkpoint.error().code != ErrorCode::kCorrupt) return checkpoint;
  damage.push_back(
      fmt::format("{}: {}; every group found is taken for one of this log", path, checkpoint.error().message()));
  return Checkpoint{.log_id = 0, .first_file = 0, .first_group = 0, .unsynced = false};
}

}  // namespace

Result<Survey> survey(io::Disk& disk, const std::string& directory) {
  Survey result;
  WALRUS_ASSIGN(result.checkpoint, read_checkpoint(disk, directory, result.damage));
  WALRUS_ASSIGN(auto slots, open_slots(disk, directory, result.checkpoint));
  // Youngest first: they tell which older files are no longer needed. A file whose number does not show comes before.
  std::ranges::sort(slots, [](const OpenSlot& a, const OpenSlot& b) {
    const auto rank = [](const OpenSlot& slot) {
      return slot.first_file == 0 ? std::numeric_limits<std::uint64_t>::max() : slot.first_file;
    };
    return rank(a) > rank(b);
  });
  std::uint64_t first_live = result.checkpoint.first_file;
  for (OpenSlot& slot : slots) {
    if (slot.stale || (slot.first_file != 0 && slot.first_file < first_live)) continue;
    WALRUS_ASSIGN(auto groups, survey_slot(slot, result.checkpoint));
    for (GroupPlace& place : groups) {
      place.file_index = result.files.size();
      first_live = std::max(first_live, place.header.first_live_file);
      result.groups.push_back(place);
    }
    slot.window.reset();
    result.files.push_back(slot.file);
  }
  std::erase_if(result.groups, [&](const GroupPlace& place) { return place.header.file < first_live; });
  std::ranges::sort(result.groups, [](const GroupPlace& a, const GroupPlace& b) {
    return std::pair(a.header.file, a.position) < std::pair(b.header.file, b.position);
  });
  return result;
}

namespace {

/// The state of plan(): walks the groups in order and keeps what it has decided.
class Planner {
 public:
  explicit Planner(const Survey& survey) : survey_(survey) {
    expected_ = survey.checkpoint.first_group;
    plan_.next_file = std::max<std::uint64_t>(survey.checkpoint.first_file, 1);
    plan_.next_group = std::max<std::uint64_t>(survey.checkpoint.first_group, 1);
    for (const auto& [header, file_index, position] : survey.groups) {
      claimed_ = std::max(claimed_, header.durable);
      expected_ = std::max(expected_, header.first_live_group);
      plan_.next_file = std::max(plan_.next_file, header.file + 1);
      plan_.next_group = std::max(plan_.next_group, header.group + 1);
      if ((header.flags & kFlagRestart) != 0) voids_.push_back({header.void_from, header.group});
    }
    skip_voids();
  }

  Plan run() {
    for (const GroupPlace& place : survey_.groups) {
      if (is_void(place.header.group)) continue;
      if (ended_) {
        plan_.torn_bytes += place.header.size();
      } else {
        take(place);
      }
    }
    return std::move(plan_);
  }

 private:
  /// Groups [from, to) were never acknowledged: their write failed, or one before them.
  struct Void {
    std::uint64_t from;
    std::uint64_t to;
  };

  bool is_void(std::uint64_t group) const {
    return std::ranges::any_of(voids_, [&](const Void& range) { return range.from <= group && group < range.to; });
  }
  void skip_voids() {
    for (auto covering = voids_.begin(); covering != voids_.end();) {
      covering = std::ranges::find_if(
          voids_, [&](const Void& range) { return range.from <= expected_ && expected_ < range.to; });
      if (covering != voids_.end()) expected_ = covering->to;
    }
  }

  void take(const GroupPlace& place) {
    const GroupHeader& header = place.header;
    if (header.group < expected_) return;
    if (header.group > expected_) {
      if (claimed_ < expected_) {
        ended_ = true;
        plan_.torn_bytes += header.size();
        return;
      }
      report(expected_, std::min(claimed_, header.group - 1));
      if (claimed_ < header.group - 1) {
        ended_ = true;
        plan_.torn_bytes += header.size();
        return;
      }
    } else if (chained_ && (header.flags & kFlagRestart) == 0 && header.previous_crc != last_crc_) {
      report(header.group, header.group);
      return keep_place_of(header);
    }
    plan_.replay.push_back(place);
    keep_place_of(header);
  }

  void keep_place_of(const GroupHeader& header) {
    expected_ = header.group + 1;
    last_crc_ = header.crc;
    chained_ = true;
    skip_voids();
  }

  void report(std::uint64_t first, std::uint64_t last) {
    Damage damage{.path = {}, .position = 0, .first_group = first, .last_group = last};
    if (!plan_.replay.empty()) {
      const GroupPlace& before = plan_.replay.back();
      damage.path = survey_.files[before.file_index].path;
      damage.position = before.position + before.header.size();
    }
    plan_.damage.push_back(std::move(damage));
  }

  const Survey& survey_;
  Plan plan_;
  std::vector<Void> voids_;
  std::uint64_t expected_ = 1;
  std::uint64_t claimed_ = 0;  // the highest group that a surviving one says was durable
  std::uint32_t last_crc_ = 0;
  bool chained_ = false;  // last_crc_ is that of group expected_ - 1, or of the one before a restart
  bool ended_ = false;
};

}  // namespace

Plan plan(const Survey& survey) { return Planner(survey).run(); }

Status replay(io::Disk& disk, const Survey& survey, const Plan& plan, const EntrySink& sink) {
  std::unique_ptr<Window> window;
  std::size_t open_index = 0;
  for (const GroupPlace& place : plan.replay) {
    const std::string& path = survey.files[place.file_index].path;
    if (!window || place.file_index != open_index) {
      WALRUS_ASSIGN(auto file, disk.open(path, {.mode = io::OpenOptions::Mode::kRead}, nullptr));
      window = std::make_unique<Window>(std::move(file), survey.files[place.file_index].size);
      open_index = place.file_index;
    }
    WALRUS_ASSIGN(const std::string_view bytes, window->at(place.position, place.header.size()));
    if (!group_is_whole(place.header, bytes)) {
      return fail(ErrorCode::kIo, fmt::format("{} at {}: reads differently each time", path, place.position));
    }
    EntryReader reader(place.header, bytes);
    while (true) {
      WALRUS_ASSIGN(const auto entry, reader.next());
      if (!entry) break;
      WALRUS_TRY(sink(*entry));
    }
  }
  return {};
}

Status expect_empty(io::Disk& disk, const std::string& directory, const Checkpoint& checkpoint) {
  WALRUS_ASSIGN(const auto slots, open_slots(disk, directory, checkpoint));
  for (const OpenSlot& slot : slots) {
    if (slot.first_file != 0) return fail(ErrorCode::kConflict, slot.file.path + ": recovery has to run first");
  }
  return {};
}

}  // namespace walrus::storage::wal
