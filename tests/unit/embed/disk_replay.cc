#include "tests/unit/embed/disk_replay.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace walrus::test {
namespace {

/// Of what has succeeded on a real disk the simulated one says the same, or the replay is wrong.
template <class T>
T must(Result<T> result, const DiskEvent& event) {
  if (!result) throw std::logic_error(std::string(name_of(event.kind)) + ": " + result.error().message());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

void materialize_file(const io::SimContent& content, const std::filesystem::path& path) {
  std::ofstream file(path, std::ios::binary);
  std::string chunk;
  for (std::uint64_t position = 0; position < content.size(); position += chunk.size()) {
    chunk.resize(std::min<std::uint64_t>(64 << 10, content.size() - position));
    content.read(position, chunk.data(), chunk.size());
    if (std::ranges::all_of(chunk, [](char byte) { return byte == 0; })) continue;
    file.seekp(static_cast<std::streamoff>(position));
    file.write(chunk.data(), static_cast<std::streamsize>(chunk.size()));
  }
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path.string());
  std::filesystem::resize_file(path, content.size());
}

void materialize_below(const io::SimFileTree& tree, const std::string& path, const std::filesystem::path& directory) {
  for (const std::string& name : tree.list(path).value()) {
    const std::string inner = path + "/" + name;
    if (const auto file = tree.find_file(inner)) {
      materialize_file((*file)->visible(), directory / name);
    } else {
      std::filesystem::create_directory(directory / name);
      materialize_below(tree, inner, directory / name);
    }
  }
}

}  // namespace

void DiskReplay::apply(const DiskEvent& event) {
  using Kind = DiskEvent::Kind;
  switch (event.kind) {
    case Kind::kOpen:
      return open(event);
    case Kind::kWrite:
      return write(event);
    case Kind::kWriteDone:
      return write_done(event);
    case Kind::kZeros:
      return zeros(event);
    case Kind::kSync:
      syncs_[event.operation] = {files_.at(event.file), unsynced_[files_.at(event.file).get()]};
      return;
    case Kind::kSyncDone:
      return sync_done(event);
    case Kind::kTruncate:
      return truncate(event);
    case Kind::kRename:
      return must(tree_.rename(event.path, event.to), event);
    case Kind::kRemove:
      return must(tree_.remove(event.path), event);
    case Kind::kMakeDirectories:
      return must(tree_.make_directories(event.path), event);
    case Kind::kSyncDirectory:
      return must(tree_.sync_directory(event.path), event);
    case Kind::kNote:
      return event.note();
  }
}

void DiskReplay::open(const DiskEvent& event) {
  auto file = tree_.find_file(event.path);
  if (!file) file = tree_.create_file(event.path);
  files_[event.file] = must(std::move(file), event);
}

void DiskReplay::write(const DiskEvent& event) {
  const Write write{files_.at(event.file), tree_.next_sequence(), event.direct_sync};
  write.file->write(write.sequence, event.position, event.bytes, event.direct_sync);
  writes_[event.operation] = write;
}

void DiskReplay::write_done(const DiskEvent& event) {
  const Write write = std::move(writes_.extract(event.operation).mapped());
  if (write.direct_sync) {
    write.file->commit(write.sequence);
  } else {
    unsynced_[write.file.get()].push_back(write.sequence);
  }
}

void DiskReplay::zeros(const DiskEvent& event) {
  io::SimInode& file = *files_.at(event.file);
  const std::uint64_t from = file.visible().size();
  if (from >= event.size) return;
  const std::uint64_t sequence = tree_.next_sequence();
  file.write_zeros(sequence, from, event.size - from);
  unsynced_[&file].push_back(sequence);
}

void DiskReplay::truncate(const DiskEvent& event) {
  io::SimInode& file = *files_.at(event.file);
  const std::uint64_t sequence = tree_.next_sequence();
  file.truncate(sequence, event.size);
  unsynced_[&file].push_back(sequence);
}

void DiskReplay::sync_done(const DiskEvent& event) {
  const Sync sync = std::move(syncs_.extract(event.operation).mapped());
  for (const std::uint64_t sequence : sync.sequences) sync.file->commit(sequence);
  std::erase_if(unsynced_[sync.file.get()], [&](std::uint64_t sequence) {
    return std::ranges::find(sync.sequences, sequence) != sync.sequences.end();
  });
}

io::SimFileTree DiskReplay::after_power_cut(io::CrashModel model, std::uint64_t seed) const {
  io::Random random(seed);
  return tree_.surviving(model, random);
}

io::SimFileTree copy_of(const io::SimFileTree& tree) {
  io::Random unused(0);
  return tree.surviving(io::CrashModel::kLoseUnsynced, unused);
}

void materialize(const io::SimFileTree& tree, const std::filesystem::path& directory) {
  materialize_below(tree, "", directory);
}

}  // namespace walrus::test
