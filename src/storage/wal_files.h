// The files under a write-ahead log: made and filled with zeros ahead of use, handed out piece by piece, recycled.
//
// Zeros come first because a synced write into space that was really written before costs the disk half of one that
// grows a file. They are written in the background, a step at a time, only as far ahead as the log's own speed asks
// for: an idle log owns one chunk, and no timer runs.
//
// Happy path: take() gives the place of the next group. When the current file is full it goes on in a spare one.
// release_below() says which files' data is safe elsewhere; once a group that says so is durable (announced()), they
// are spare again, or deleted when there are spares enough: kWalBusySpareFiles while the log moves on, wal_spare_files
// once it has begun no new file for kWalQuietDelay.
//
// Failure: when no space can be made (ENOSPC, or the file cannot be created) take() gives nothing and status() says
// why; the log stands, and a later try_again() starts over, or `ready` after kStorageRetryInterval while somebody waits
// for what take() did not give. Nothing that was handed out is affected.
//
// Loop thread only.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "io/file.h"
#include "io/loop.h"
#include "storage/options.h"

namespace walrus::storage {

class WalFiles {
 public:
  struct Place {
    std::shared_ptr<io::File> file;
    std::uint64_t number = 0;  ///< of this use of the file
    std::uint64_t position = 0;
  };
  struct FirstLive {
    std::uint64_t file = 0;
    std::uint64_t group = 0;
  };

  /// `ready` runs whenever take() may succeed that did not before, or status() has changed.
  WalFiles(io::Disk& disk, io::Loop& loop, std::string directory, const EngineOptions& options, io::Task ready);
  ~WalFiles();
  WalFiles(const WalFiles&) = delete;
  WalFiles& operator=(const WalFiles&) = delete;

  /// Adopts what is in the directory as spare files; the first one used gets the number `first_file`.
  Status open(std::uint64_t first_file);

  /// Where group number `group` of `bytes` goes; nothing while there is no space ready for it.
  std::optional<Place> take(std::size_t bytes, std::uint64_t group);
  /// No group goes into the current file any more, nor is it used again: a write to it failed.
  void abandon_current();

  /// Files below `number` hold nothing that is needed. The current file stays.
  void release_below(std::uint64_t number);
  FirstLive first_live(std::uint64_t next_group) const;
  /// A group that names this file as the first live one is durable.
  void announced(std::uint64_t first_live_file);

  /// Why there is no more space, while that is so.
  Status status() const;
  /// Looks for space again, but not more often than kStorageRetryInterval.
  void try_again();
  /// Bytes that can be taken without making space first.
  std::uint64_t room() const;
  /// Number of the file in use, or of the next one while there is none.
  std::uint64_t current_number() const { return current_ ? current_->number : next_number_; }
  std::uint64_t next_number() const { return next_number_; }
  /// Files that hold needed data, the current one included.
  std::size_t live_files() const { return live_.size() + (current_ ? 1 : 0); }

 private:
  struct Slot {
    std::string path;
    std::shared_ptr<io::File> file;
    std::uint64_t number = 0;
    std::uint64_t first_group = 0;
    std::uint64_t position = 0;    ///< end of what was handed out
    std::uint64_t prewritten = 0;  ///< end of what was really written once
    std::uint64_t limit = 0;       ///< no group goes beyond
    bool abandoned = false;
  };
  using SlotPtr = std::shared_ptr<Slot>;

  Result<std::unique_ptr<io::File>> open_file(const std::string& path, io::OpenOptions::Mode mode);
  bool make_ready(std::size_t bytes, std::uint64_t group);
  void work();
  SlotPtr next_to_extend();
  bool worth_extending(const Slot& slot, std::uint64_t target) const;
  SlotPtr make_slot();
  void extend(const SlotPtr& slot);
  void extended(const SlotPtr& slot, std::uint64_t bytes, Status status);
  void block(Error error);
  std::uint64_t current_target() const;
  std::uint64_t spare_target() const;
  void discard(const SlotPtr& slot);
  void trim_when_quiet();

  io::Disk& disk_;
  io::Loop& loop_;
  const std::string directory_;
  const std::uint64_t file_bytes_;
  const std::size_t spare_files_;
  const bool direct_sync_;
  io::Task ready_;

  SlotPtr current_;
  std::deque<SlotPtr> live_;     // full, by number
  std::deque<SlotPtr> retired_;  // not needed, but no durable group says so yet
  std::deque<SlotPtr> spare_;
  std::uint64_t next_number_ = 1;
  std::uint64_t next_slot_ = 1;
  std::uint64_t wanted_ = 0;  // bytes that take() could not give
  bool wanted_in_spare_ = false;
  bool extending_ = false;
  std::optional<Error> blocked_;
  io::TimePoint next_attempt_{};
  io::Timer trim_timer_;
  io::Timer retry_timer_;
  std::shared_ptr<WalFiles*> self_;  // null once this is gone: completions may come later
};

}  // namespace walrus::storage
