// A fresh directory below another one, removed with its content at the end. One thread.
#pragma once

#include <filesystem>
#include <stdlib.h>
#include <string>
#include <system_error>

namespace walrus::bench {

class Scratch {
 public:
  explicit Scratch(const std::filesystem::path& parent) : path_((parent / "walrus-engine-XXXXXX").string()) {
    made_ = ::mkdtemp(path_.data()) != nullptr;
  }
  ~Scratch() {
    std::error_code ignored;
    if (made_) std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  bool made() const { return made_; }
  std::filesystem::path path() const { return path_; }

 private:
  std::string path_;
  bool made_ = false;
};

}  // namespace walrus::bench
