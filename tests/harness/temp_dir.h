// A directory of one test's own, removed with everything below it at the end. With WALRUS_TEST_KEEP set it stays, and
// its path is printed, so that the logs of a failed run can be read.
#pragma once

#include <filesystem>
#include <string>

namespace walrus::test {

class TempDir {
 public:
  TempDir() : TempDir(std::filesystem::temp_directory_path()) {}
  explicit TempDir(const std::filesystem::path& parent);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  /// A parent where syncs cost nothing, if this machine has one: for many stores that nobody needs for long.
  static std::filesystem::path in_memory();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// The whole content of a file; empty when there is none.
std::string read_file(const std::filesystem::path& path);

}  // namespace walrus::test
