// Open handles of segment files, so that ten thousand segments work with a few hundred descriptors. The least recently
// used handle that nobody holds is closed first; one that is held (because it is being used, or because its last sync
// is older than its last write) stays, even beyond the capacity.
//
// Also the list of directories in which names were made or removed and that were not synced since. Loop thread only.
#pragma once

#include <list>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include "io/file.h"

namespace walrus::storage {

class FileCache {
 public:
  using FilePtr = std::shared_ptr<io::File>;

  FileCache(io::Disk& disk, io::Loop& loop, std::size_t capacity) : disk_(disk), loop_(loop), capacity_(capacity) {}

  /// The file at `path`, open for reading and writing; kNotFound when there is none.
  Result<FilePtr> open(const std::string& path);
  /// The same, made when there is none, with its directories (`directory` and its parent are to be synced).
  Result<FilePtr> open_or_create(const std::string& directory, const std::string& path);
  /// Closes the handle once nobody holds it.
  void forget(const std::string& path);

  void needs_sync(const std::string& directory) { unsynced_.insert(directory); }
  /// Blocking. What was made before is durable afterwards. On an error the rest stays to be synced; a directory that
  /// somebody else has removed is none.
  Status sync_directories();
  /// It is gone, and what was in it.
  void forget_directory(const std::string& directory) { unsynced_.erase(directory); }

  std::size_t open_files() const { return by_path_.size(); }

 private:
  struct Entry {
    std::string path;
    FilePtr file;
  };
  FilePtr keep(const std::string& path, std::unique_ptr<io::File> file);
  FilePtr find(const std::string& path);

  io::Disk& disk_;
  io::Loop& loop_;
  const std::size_t capacity_;
  std::list<Entry> recent_;  // the most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_path_;
  std::set<std::string> unsynced_;
};

}  // namespace walrus::storage
