// The durable log of one Raft member: entries by index, all of them also in memory.
//
// What it promises: append() and truncation are durable when they return, and a crash at any moment leaves the log as
// it was before or after the call (an append that was not finished may leave nothing, never a part). What was durable
// is found again or the damage is reported: open() cuts only what an unsynced tail can explain, and answers kCorrupt
// with file and position for anything else. Nothing is removed except what remove_prefix() and restart() ask for.
//
// Happy path: open() once, append() per batch of entries, remove_prefix() after a snapshot.
//
// How it works: files log-<sequence> of limits::kRaftLogFileBytes, written with zeros beforehand, so that an append is
// one write and one fdatasync that change no file metadata. A file's header says from which index on it holds the log;
// earlier files are void from there. So cutting the log, at a conflict or behind a torn tail, is making a new file, and
// one rename decides it. Format: docs/format/raft.md.
//
// How it fails: kDiskFull and kIo. After a failure the file's content is unknown: the object refuses everything
// (kPoisoned), and the log has to be opened anew.
//
// Blocking; one thread.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "io/file.h"
#include "metadata/raft_entry.h"
#include "metadata/raft_log_format.h"

namespace walrus::metadata {

struct RaftLogOptions {
  std::string directory;
  std::uint64_t salt = 0;  ///< random: keeps a payload from looking like a record
  std::size_t file_bytes = limits::kRaftLogFileBytes;
};

class RaftLog {
 public:
  static Result<RaftLog> open(io::Disk& disk, RaftLogOptions options);

  /// The first entry held; last_index() + 1 when there is none.
  std::uint64_t first_index() const { return first_index_; }
  std::uint64_t last_index() const { return first_index_ + entries_.size() - 1; }
  bool empty() const { return entries_.empty(); }
  /// By index from first_index() on.
  const std::deque<RaftEntry>& entries() const { return entries_; }
  /// Null when it is not held.
  const RaftEntry* find(std::uint64_t index) const;
  /// 0 when it is not held.
  std::uint64_t term_of(std::uint64_t index) const;
  /// Payload bytes in memory.
  std::size_t bytes() const { return bytes_; }

  /// Puts `entries` at first, first+1, …; whatever was at or behind `first` is gone. first_index() <= first <=
  /// last_index() + 1.
  Status append(std::uint64_t first, std::span<const RaftEntry> entries);
  /// Forgets the entries below `keep_from`, and the files that hold nothing else.
  Status remove_prefix(std::uint64_t keep_from);
  /// Forgets everything; the next entry is `next_index`.
  Status restart(std::uint64_t next_index);

 private:
  struct LogFile {
    std::uint64_t sequence = 0;
    std::uint64_t first_index = 1;
  };

  RaftLog(io::Disk& disk, RaftLogOptions options) : disk_(&disk), options_(std::move(options)) {}
  Status load();
  Status load_files(const std::vector<std::string>& names);
  Status load_last_file(const std::string& path, const raft_log_format::FileHeader& header, std::string_view bytes);
  Status take_content(const std::string& path, std::uint64_t first_index, std::vector<RaftEntry> entries);
  Status start_file(std::uint64_t first_index, bool restarts);
  Status append_to_file(std::uint64_t first, std::span<const RaftEntry> entries);
  std::uint64_t end_of_file(std::size_t i) const;
  void cut_memory(std::uint64_t from);
  void drop_memory_prefix(std::uint64_t keep_from);
  std::string path_of(std::uint64_t sequence) const;
  Status poison(Error error);

  io::Disk* disk_;
  RaftLogOptions options_;
  std::deque<RaftEntry> entries_;
  std::uint64_t first_index_ = 1;
  std::size_t bytes_ = 0;
  std::vector<LogFile> files_;  // by sequence, without gaps; the last one is written to
  std::unique_ptr<io::File> file_;
  raft_log_format::FileHeader header_;  // of the last file
  std::uint64_t appends_ = 0;           // in the last file
  std::uint64_t end_ = 0;               // position of the next append in the last file
  bool loaded_any_ = false;
  bool poisoned_ = false;
};

}  // namespace walrus::metadata
