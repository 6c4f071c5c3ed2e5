#include "metadata/raft_snapshot.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace walrus::metadata {
namespace {

constexpr std::string_view kSnapshotMagic = "WALSNAP1";
constexpr std::string_view kSnapshotPrefix = "snapshot-";
constexpr std::string_view kUnfinishedSnapshot = ".new";
constexpr std::size_t kHeaderBytes = 8 + 4 * 8 + 4;  // magic, three positions and the data's size, the members' size
constexpr std::size_t kTrailerBytes = 4;

std::string name_of(std::uint64_t index) { return fmt::format("{}{:016x}", kSnapshotPrefix, index); }

/// Names of the finished snapshots, oldest first.
Result<std::vector<std::string>> names_in(io::Disk& disk, const std::string& directory) {
  WALRUS_ASSIGN(auto names, disk.list(directory));
  std::erase_if(names, [](const std::string& name) {
    return !name.starts_with(kSnapshotPrefix) || name.ends_with(kUnfinishedSnapshot);
  });
  return names;
}

Status remove_others(io::Disk& disk, const std::string& directory, const std::string& kept) {
  WALRUS_ASSIGN(const auto names, disk.list(directory));
  for (const std::string& name : names) {
    if (name.starts_with(kSnapshotPrefix) && name != kept) WALRUS_TRY(disk.remove(directory + "/" + name));
  }
  return {};
}

}  // namespace

std::string encode_snapshot(const RaftSnapshot& snapshot) {
  const std::string members = encode_members(snapshot.members);
  std::string file(kSnapshotMagic);
  file.reserve(kHeaderBytes + members.size() + snapshot.data.size() + kTrailerBytes);
  append_little(file, snapshot.index);
  append_little(file, snapshot.term);
  append_little(file, snapshot.members_index);
  append_little<std::uint64_t>(file, snapshot.data.size());
  append_little(file, static_cast<std::uint32_t>(members.size()));
  file.append(members).append(snapshot.data);
  append_little(file, crc32c(file));
  return file;
}

Result<RaftSnapshot> decode_snapshot(std::string_view file) {
  if (file.size() < kHeaderBytes + kTrailerBytes || !file.starts_with(kSnapshotMagic)) {
    return fail(ErrorCode::kCorrupt, "not a snapshot file");
  }
  const std::size_t checked = file.size() - kTrailerBytes;
  if (crc32c(file.substr(0, checked)) != load_little<std::uint32_t>(file.data() + checked)) {
    return fail(ErrorCode::kCorrupt, fmt::format("checksum at {}", checked));
  }
  const auto data_size = load_little<std::uint64_t>(file.data() + 32);
  const auto members_size = load_little<std::uint32_t>(file.data() + 40);
  const std::size_t body = checked - kHeaderBytes;
  if (members_size > body || data_size != body - members_size) return fail(ErrorCode::kCorrupt, "sizes at 32");
  RaftSnapshot snapshot{.index = load_little<std::uint64_t>(file.data() + 8),
                        .term = load_little<std::uint64_t>(file.data() + 16),
                        .members_index = load_little<std::uint64_t>(file.data() + 24),
                        .members = {},
                        .data = std::string(file.substr(kHeaderBytes + members_size, data_size))};
  if (snapshot.index == 0 || snapshot.term == 0 || snapshot.members_index > snapshot.index) {
    return fail(ErrorCode::kCorrupt, "positions at 8");
  }
  WALRUS_ASSIGN(snapshot.members, decode_members(file.substr(kHeaderBytes, members_size)));
  return snapshot;
}

Result<std::optional<RaftSnapshot>> load_snapshot(io::Disk& disk, const std::string& directory) {
  WALRUS_ASSIGN(const auto names, names_in(disk, directory));
  if (names.empty()) return std::nullopt;
  const std::string path = directory + "/" + names.back();
  WALRUS_ASSIGN(const std::string file, disk.read_file(path));
  auto snapshot = decode_snapshot(file);
  if (!snapshot) return fail(snapshot.error().code, path + ": " + snapshot.error().detail);
  if (name_of(snapshot->index) != names.back()) return fail(ErrorCode::kCorrupt, path + ": not the index of its name");
  WALRUS_TRY(remove_others(disk, directory, names.back()));
  return std::move(*snapshot);
}

Status save_snapshot(io::Disk& disk, const std::string& directory, const RaftSnapshot& snapshot) {
  const std::string name = name_of(snapshot.index);
  WALRUS_TRY(disk.replace_file(directory + "/" + name, encode_snapshot(snapshot)));
  return remove_others(disk, directory, name);
}

}  // namespace walrus::metadata
