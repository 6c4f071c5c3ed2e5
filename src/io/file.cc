#include "io/file.h"

#include <ranges>

namespace walrus::io {
namespace {

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

/// Of a path without trailing slashes. The root is its own parent.
std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : without_trailing_slashes(path.substr(0, slash));
}

}  // namespace

Result<std::string> Disk::read_file(const std::string& path) {
  WALRUS_ASSIGN(auto file, open(path, {.mode = OpenOptions::Mode::kRead}, nullptr));
  WALRUS_ASSIGN(const std::uint64_t size, file->size());
  std::string content(size, '\0');
  WALRUS_ASSIGN(const std::size_t read, file->read(0, content.data(), content.size()));
  content.resize(read);
  return content;
}

Status Disk::replace_file(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".new";
  {
    WALRUS_ASSIGN(auto file, open(temporary, {.mode = OpenOptions::Mode::kCreate}, nullptr));
    WALRUS_TRY(file->truncate(0));
    WALRUS_TRY(file->write(0, content));
    WALRUS_TRY(file->sync());
  }
  WALRUS_TRY(rename(temporary, path));
  return sync_directory(parent_of(path));
}

Status Disk::make_durable_directories(const std::string& path) {
  std::vector<std::string> missing;
  std::string there = without_trailing_slashes(path);
  while (true) {
    WALRUS_ASSIGN(const bool exists, this->exists(there));
    if (exists || parent_of(there) == there) break;
    missing.push_back(there);
    there = parent_of(there);
  }
  // Each is durable before the next is made, so of those that are there only the last may not be. When it is not `path`
  // it is most likely not ours but old, in a directory that we may not even read: then there is nothing to do.
  const Status synced = sync_directory(parent_of(there));
  if (missing.empty() && !synced) return synced;
  for (const std::string& directory : std::views::reverse(missing)) {
    WALRUS_TRY(make_directories(directory));
    WALRUS_TRY(sync_directory(parent_of(directory)));
  }
  return make_directories(path);  // tells if it is a file
}

}  // namespace walrus::io
