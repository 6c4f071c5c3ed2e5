// The promises of a shard's segments while it runs (promise_table.h says what they are and where they lie).
//
// Happy path: promise() and remove() change what look_up() answers at once, and go to the shard's log, which makes them
// durable. Before a file of the log is released that holds such an entry, before_release() writes the shard's file.
//
// Failure: when the shard's file cannot be written, before_release() says so, and the log keeps its files.
//
// Loop thread only. before_release() blocks when it writes, which is once per file of the log at most.
#pragma once

#include <optional>
#include <string>

#include "io/file.h"
#include "storage/promise_table.h"

namespace walrus::storage {

class ShardPromises {
 public:
  ShardPromises(io::Disk& disk, std::string node_directory, std::uint64_t shard);

  Status open();

  PromiseTable::Promise look_up(SegmentKey key) const;
  void promise(SegmentKey key, Epoch epoch) { changed_.promise(key, epoch); }
  /// False when there was nothing to remove.
  bool remove(SegmentKey key);

  /// An entry that changes a promise has become durable in this file of the log.
  void logged(std::uint64_t file) {
    if (!first_unsaved_) first_unsaved_ = file;
  }
  Status before_release(std::uint64_t below);

 private:
  io::Disk& disk_;
  const std::string node_path_;
  const std::string shard_path_;
  PromiseTable node_;                           // as recovery has left it
  PromiseTable changed_;                        // since then
  std::optional<std::uint64_t> first_unsaved_;  // file of the log
};

}  // namespace walrus::storage
