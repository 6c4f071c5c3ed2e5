// The promises of a node while it recovers: gathered from its files and logs (promise_table.h), brought into one file.
//
// Happy path: load(); the logs of the shards add what they have to say; save() and drop_shard() before a shard's log is
// emptied. It may be killed anywhere and run again: a shard's file goes only when the node's has what was in it, and
// before its log does.
//
// Failure: a file that cannot be read is moved to quarantine/, and the promises that it may have held count as lost.
//
// Blocking; any one thread.
#pragma once

#include <cstdint>
#include <string>

#include "io/file.h"
#include "storage/promise_table.h"
#include "storage/shard_store.h"

namespace walrus::storage {

class NodePromises {
 public:
  NodePromises(io::Disk& disk, const std::string& directory, RecoveryReport& report);

  Status load();

  void promise(SegmentKey key, Epoch epoch);
  void remove(SegmentKey key);
  /// That there is such a segment: a lost promise may be one of it.
  void note(SegmentKey key, Epoch epoch = Epoch());
  /// Groups of a log are lost that may have held promises.
  void lose() { losing_ = true; }
  bool any() const { return !table_.empty(); }

  /// The node's file says all that is known.
  Status save();
  Status drop_shard(std::uint64_t shard);

 private:
  Status take(const std::string& path);

  io::Disk& disk_;
  const std::string& directory_;
  RecoveryReport& report_;
  PromiseTable table_;
  PromiseTable saved_;  // what the node's file says
  TopicId youngest_;    // that may have made a promise here
  bool losing_ = false;
};

}  // namespace walrus::storage
