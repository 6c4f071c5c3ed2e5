#include "storage/file_cache.h"

#include "base/log.h"

namespace walrus::storage {

FileCache::FilePtr FileCache::find(const std::string& path) {
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->file;
}

FileCache::FilePtr FileCache::keep(const std::string& path, std::unique_ptr<io::File> file) {
  FilePtr shared = std::move(file);
  recent_.push_front({path, shared});
  by_path_[path] = recent_.begin();
  for (auto it = recent_.end(); by_path_.size() > capacity_ && it != recent_.begin();) {
    --it;
    if (it->file.use_count() > 1) continue;
    by_path_.erase(it->path);
    it = recent_.erase(it);
  }
  return shared;
}

Result<FileCache::FilePtr> FileCache::open(const std::string& path) {
  if (FilePtr file = find(path)) return file;
  WALRUS_ASSIGN(auto file, disk_.open(path, {.mode = io::OpenOptions::Mode::kReadWrite}, &loop_));
  return keep(path, std::move(file));
}

Result<FileCache::FilePtr> FileCache::open_or_create(const std::string& directory, const std::string& path) {
  auto there = open(path);
  if (there || there.error().code != ErrorCode::kNotFound) return there;
  WALRUS_TRY(disk_.make_directories(directory));
  needs_sync(directory.substr(0, directory.rfind('/')));
  WALRUS_ASSIGN(auto file, disk_.open(path, {.mode = io::OpenOptions::Mode::kCreate}, &loop_));
  needs_sync(directory);
  return keep(path, std::move(file));
}

void FileCache::forget(const std::string& path) {
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return;
  recent_.erase(found->second);
  by_path_.erase(found);
}

Status FileCache::sync_directories() {
  while (!unsynced_.empty()) {
    const std::string& directory = *unsynced_.begin();
    const Status synced = disk_.sync_directory(directory);
    // Its files are gone with it; whoever syncs one of them hears of it.
    if (!synced && synced.error().code == ErrorCode::kNotFound) log::error("{} is gone", directory);
    if (!synced && synced.error().code != ErrorCode::kNotFound) return synced;
    unsynced_.erase(unsynced_.begin());
  }
  return {};
}

}  // namespace walrus::storage
