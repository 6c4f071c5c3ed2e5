#include "tests/budget/memory_disk.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "tests/budget/counting.h"

namespace walrus::budget {
namespace {

class MemoryFile final : public io::File {
 public:
  MemoryFile(MemoryDisk& disk, std::shared_ptr<MemoryDisk::Content> content, io::Loop* loop)
      : disk_(disk), content_(std::move(content)), loop_(loop) {}

  Result<std::size_t> read(std::uint64_t position, char* into, std::size_t size) override {
    const std::size_t there = position < content_->size() ? content_->size() - position : 0;
    const std::size_t read = std::min(size, there);
    const auto copy = [&] { std::copy_n(content_->begin() + static_cast<std::ptrdiff_t>(position), read, into); };
    aside(std::ref(copy));
    return read;
  }
  Status write(std::uint64_t position, std::string_view bytes) override {
    const auto copy = [&] {
      if (content_->size() < position + bytes.size()) content_->resize(position + bytes.size());
      std::ranges::copy(bytes, content_->begin() + static_cast<std::ptrdiff_t>(position));
    };
    aside(std::ref(copy));
    return {};
  }
  Status sync() override { return {}; }
  Status truncate(std::uint64_t size) override {
    aside([&] { content_->resize(size); });
    return {};
  }
  Result<std::uint64_t> size() override { return content_->size(); }
  Status prewrite(std::uint64_t size) override {
    if (content_->size() < size) aside([&] { content_->resize(size); });
    return {};
  }

  void async_write(std::uint64_t position, std::string_view bytes, io::Done done) override {
    (void)write(position, bytes);
    disk_.complete_soon(*loop_, {.done = std::move(done)});
  }
  void async_read(std::uint64_t position, char* into, std::size_t size, io::ReadDone done) override {
    disk_.complete_soon(*loop_, {.done = std::move(done), .size = *read(position, into, size)});
  }
  void async_sync(io::Done done) override { disk_.complete_soon(*loop_, {.done = std::move(done)}); }

 private:
  MemoryDisk& disk_;
  std::shared_ptr<MemoryDisk::Content> content_;
  io::Loop* loop_;
};

class NoLock : public io::DirectoryLock {};

}  // namespace

Result<std::unique_ptr<io::File>> MemoryDisk::open(const std::string& path, io::OpenOptions options, io::Loop* loop) {
  using Mode = io::OpenOptions::Mode;
  const auto found = files_.find(path);
  const bool there = found != files_.end() && found->second != nullptr;
  if (!there && options.mode != Mode::kCreate && options.mode != Mode::kCreateNew) {
    return fail(ErrorCode::kNotFound, path);
  }
  if (there && options.mode == Mode::kCreateNew) return fail(ErrorCode::kExists, path);
  auto& content = files_[path];
  if (!content) content = std::make_shared<Content>();
  return std::make_unique<MemoryFile>(*this, content, loop);
}

Status MemoryDisk::make_directories(const std::string& path) {
  for (std::size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
    files_.try_emplace(path.substr(0, end), nullptr);
  }
  files_.try_emplace(path, nullptr);
  return {};
}

Status MemoryDisk::rename(const std::string& from, const std::string& to) {
  auto file = files_.extract(from);
  if (file.empty()) return fail(ErrorCode::kNotFound, from);
  files_[to] = std::move(file.mapped());
  return {};
}

Status MemoryDisk::remove(const std::string& path) {
  if (files_.erase(path) == 0) return fail(ErrorCode::kNotFound, path);
  return {};
}

Result<std::vector<std::string>> MemoryDisk::list(const std::string& path) {
  if (!files_.contains(path)) return fail(ErrorCode::kNotFound, path);
  std::vector<std::string> names;
  const std::string prefix = path + "/";
  for (auto it = files_.lower_bound(prefix); it != files_.end() && it->first.starts_with(prefix); ++it) {
    std::string name = it->first.substr(prefix.size());
    if (!name.contains('/')) names.push_back(std::move(name));
  }
  return names;
}

Result<bool> MemoryDisk::exists(const std::string& path) { return files_.contains(path); }

Result<std::unique_ptr<io::DirectoryLock>> MemoryDisk::lock(const std::string&) { return std::make_unique<NoLock>(); }

void MemoryDisk::complete_soon(io::Loop& loop, Completion completion) {
  completions_.push_back(std::move(completion));
  if (completions_.size() == 1) loop.post([this] { complete(); });
}

void MemoryDisk::complete() {
  completing_.swap(completions_);
  for (Completion& completion : completing_) {
    if (auto* done = std::get_if<io::Done>(&completion.done)) {
      (*done)({});
    } else {
      std::get<io::ReadDone>(completion.done)(completion.size);
    }
  }
  completing_.clear();
}

}  // namespace walrus::budget
