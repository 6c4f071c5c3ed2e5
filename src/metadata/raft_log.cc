#include "metadata/raft_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "base/log.h"

namespace walrus::metadata {
namespace {

namespace format = raft_log_format;

constexpr std::string_view kLogPrefix = "log-";
constexpr std::string_view kUnfinishedLog = "log.new";

struct ReadFile {
  format::FileHeader header;
  std::string content;
  std::string path;
};

Error located(const Error& error, const std::string& path) { return {error.code, path + ": " + error.detail}; }

Result<ReadFile> read_log_file(io::Disk& disk, std::string path) {
  WALRUS_ASSIGN(std::string content, disk.read_file(path));
  auto header = format::decode_header(content);
  if (!header) return fail(located(header.error(), path));
  return ReadFile{*header, std::move(content), std::move(path)};
}

}  // namespace

Result<RaftLog> RaftLog::open(io::Disk& disk, RaftLogOptions options) {
  RaftLog log(disk, std::move(options));
  WALRUS_TRY(log.load());
  return log;
}

const RaftEntry* RaftLog::find(std::uint64_t index) const {
  if (index < first_index_ || index > last_index()) return nullptr;
  return &entries_[index - first_index_];
}

std::uint64_t RaftLog::term_of(std::uint64_t index) const {
  const RaftEntry* entry = find(index);
  return entry == nullptr ? 0 : entry->term;
}

Status RaftLog::append(std::uint64_t first, std::span<const RaftEntry> entries) {
  if (poisoned_) return fail(ErrorCode::kPoisoned, options_.directory);
  WALRUS_ASSERT(first >= first_index_ && first <= last_index() + 1 && !entries.empty());
  if (first <= last_index()) {
    if (auto status = start_file(first, false); !status) return poison(status.error());
    cut_memory(first);
  }
  if (auto status = append_to_file(first, entries); !status) return poison(status.error());
  for (const RaftEntry& entry : entries) {
    bytes_ += entry.payload.size();
    entries_.push_back(entry);
  }
  return {};
}

Status RaftLog::append_to_file(std::uint64_t first, std::span<const RaftEntry> entries) {
  std::string bytes = format::encode_append(header_, appends_ + 1, first, entries);
  if (end_ + bytes.size() > options_.file_bytes && appends_ > 0) {
    WALRUS_TRY(start_file(first, false));
    bytes = format::encode_append(header_, appends_ + 1, first, entries);
  }
  WALRUS_TRY(file_->write(end_, bytes));
  WALRUS_TRY(file_->sync());
  end_ += bytes.size();
  ++appends_;
  return {};
}

Status RaftLog::remove_prefix(std::uint64_t keep_from) {
  if (poisoned_) return fail(ErrorCode::kPoisoned, options_.directory);
  WALRUS_ASSERT(keep_from <= last_index() + 1);
  drop_memory_prefix(keep_from);
  while (files_.size() > 1 && end_of_file(0) <= keep_from) {
    WALRUS_TRY(disk_->remove(path_of(files_.front().sequence)));
    files_.erase(files_.begin());
    WALRUS_TRY(disk_->sync_directory(options_.directory));  // one by one: a crash must not leave a gap
  }
  return {};
}

Status RaftLog::restart(std::uint64_t next_index) {
  if (poisoned_) return fail(ErrorCode::kPoisoned, options_.directory);
  if (auto status = start_file(next_index, true); !status) return poison(status.error());
  entries_.clear();
  bytes_ = 0;
  first_index_ = next_index;
  return remove_prefix(next_index);
}

/// From here on the log goes on in a new file, at `first_index`; the rename makes it so.
Status RaftLog::start_file(std::uint64_t first_index, bool restarts) {
  const std::uint64_t sequence = files_.empty() ? 1 : files_.back().sequence + 1;
  const format::FileHeader header{.sequence = sequence,
                                  .first_index = first_index,
                                  .salt = static_cast<std::uint32_t>(options_.salt ^ (sequence * 0x9e3779b9u)),
                                  .restarts = restarts};
  const std::string unfinished = options_.directory + "/" + std::string(kUnfinishedLog);
  WALRUS_ASSIGN(auto file, disk_->open(unfinished, {.mode = io::OpenOptions::Mode::kCreate}, nullptr));
  WALRUS_TRY(file->truncate(0));
  WALRUS_TRY(file->prewrite(options_.file_bytes));
  WALRUS_TRY(file->write(0, format::encode_header(header)));
  WALRUS_TRY(file->sync());
  WALRUS_TRY(disk_->rename(unfinished, path_of(sequence)));
  WALRUS_TRY(disk_->sync_directory(options_.directory));
  file_ = std::move(file);
  header_ = header;
  appends_ = 0;
  end_ = format::kHeaderBytes;
  files_.push_back({sequence, first_index});
  return {};
}

Status RaftLog::load() {
  WALRUS_ASSIGN(auto names, disk_->list(options_.directory));
  std::erase_if(names, [](const std::string& name) { return !name.starts_with(kLogPrefix); });
  if (names.empty()) return start_file(1, true);
  return load_files(names);
}

Status RaftLog::load_files(const std::vector<std::string>& names) {
  std::vector<ReadFile> files;  // those that hold the log; the ones before a restart are void
  for (const std::string& name : names) {
    WALRUS_ASSIGN(ReadFile file, read_log_file(*disk_, options_.directory + "/" + name));
    const bool named = file.path == path_of(file.header.sequence);
    const bool follows = files.empty() || file.header.sequence == files.back().header.sequence + 1;
    if (!named || !follows) return fail(ErrorCode::kCorrupt, file.path + ": not the file that must follow");
    if (file.header.restarts) {
      for (const ReadFile& before : files) files_.push_back({before.header.sequence, 0});
      files.clear();
    }
    files.push_back(std::move(file));
  }
  const std::size_t void_files = files_.size();
  for (const ReadFile& file : files) files_.push_back({file.header.sequence, file.header.first_index});
  for (std::size_t i = 0; i + 1 < files.size(); ++i) {
    const format::FileHeader& header = files[i].header;
    const std::uint64_t end_index = end_of_file(void_files + i);
    if (header.first_index >= end_index) continue;  // cut away as a whole
    auto content = format::read_full_file(header, files[i].content, end_index);
    if (!content) return fail(located(content.error(), files[i].path));
    WALRUS_TRY(take_content(files[i].path, header.first_index, std::move(content->entries)));
  }
  return load_last_file(files.back().path, files.back().header, files.back().content);
}

Status RaftLog::load_last_file(const std::string& path, const format::FileHeader& header, std::string_view bytes) {
  auto content = format::read_last_file(header, bytes);
  if (!content) return fail(located(content.error(), path));
  WALRUS_TRY(take_content(path, header.first_index, std::move(content->entries)));
  if (content->torn) {
    log::warn("raft log: {}: an append that was not finished is cut off at {}", path, content->end);
    return start_file(last_index() + 1, false);
  }
  header_ = header;
  appends_ = content->appends;
  end_ = content->end;
  WALRUS_ASSIGN(file_, disk_->open(path, {.mode = io::OpenOptions::Mode::kReadWrite}, nullptr));
  return {};
}

/// Files behind this one say from where on it is void.
std::uint64_t RaftLog::end_of_file(std::size_t i) const {
  std::uint64_t end = std::numeric_limits<std::uint64_t>::max();
  for (std::size_t later = i + 1; later < files_.size(); ++later) end = std::min(end, files_[later].first_index);
  return end;
}

Status RaftLog::take_content(const std::string& path, std::uint64_t first_index, std::vector<RaftEntry> entries) {
  if (!loaded_any_) first_index_ = first_index;
  loaded_any_ = true;
  if (first_index < first_index_ || first_index > last_index() + 1) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: entries from {} on are missing", path, last_index() + 1));
  }
  cut_memory(first_index);
  for (RaftEntry& entry : entries) {
    if (!entries_.empty() && entry.term < entries_.back().term) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}: the term falls at entry {}", path, last_index() + 1));
    }
    bytes_ += entry.payload.size();
    entries_.push_back(std::move(entry));
  }
  return {};
}

void RaftLog::cut_memory(std::uint64_t from) {
  while (last_index() >= from) {
    bytes_ -= entries_.back().payload.size();
    entries_.pop_back();
  }
}

void RaftLog::drop_memory_prefix(std::uint64_t keep_from) {
  while (first_index_ < keep_from) {
    if (entries_.empty()) {
      first_index_ = keep_from;
      break;
    }
    bytes_ -= entries_.front().payload.size();
    entries_.pop_front();
    ++first_index_;
  }
}

std::string RaftLog::path_of(std::uint64_t sequence) const {
  return fmt::format("{}/{}{:016x}", options_.directory, kLogPrefix, sequence);
}

Status RaftLog::poison(Error error) {
  poisoned_ = true;
  file_.reset();
  return fail(std::move(error));
}

}  // namespace walrus::metadata
