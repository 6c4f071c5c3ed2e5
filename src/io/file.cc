#include "io/file.h"

namespace walrus::io {

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
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return sync_directory(".");
  return sync_directory(slash == 0 ? "/" : path.substr(0, slash));
}

}  // namespace walrus::io
