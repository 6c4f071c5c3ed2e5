// A recording played back into a simulated file tree, step by step: at any of them it knows what a power cut could
// leave.
//
// Stricter than SimDisk in one thing: a sync makes durable what was written when the sync was asked for, not what was
// still on its way then.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <vector>

#include "io/sim/sim_file_tree.h"
#include "tests/unit/embed/recording.h"

namespace walrus::test {

class DiskReplay {
 public:
  /// `start`: what was there when the recording began.
  explicit DiskReplay(io::SimFileTree start = {}) : tree_(std::move(start)) {}

  void apply(const DiskEvent& event);
  io::SimFileTree after_power_cut(io::CrashModel model, std::uint64_t seed) const;

 private:
  struct Write {
    std::shared_ptr<io::SimInode> file;
    std::uint64_t sequence = 0;
    bool direct_sync = false;
  };
  struct Sync {
    std::shared_ptr<io::SimInode> file;
    std::vector<std::uint64_t> sequences;
  };

  void open(const DiskEvent& event);
  void write(const DiskEvent& event);
  void zeros(const DiskEvent& event);
  void truncate(const DiskEvent& event);
  void write_done(const DiskEvent& event);
  void sync_done(const DiskEvent& event);

  io::SimFileTree tree_;
  std::map<std::uint64_t, std::shared_ptr<io::SimInode>> files_;        // by number of the open file
  std::map<std::uint64_t, Write> writes_;                               // under way, by operation
  std::map<std::uint64_t, Sync> syncs_;                                 // likewise
  std::map<const io::SimInode*, std::vector<std::uint64_t>> unsynced_;  // done, through the page cache
};

/// A tree whose files are all durable, once more.
io::SimFileTree copy_of(const io::SimFileTree& tree);

/// Puts the tree into a real directory, which is there and empty.
void materialize(const io::SimFileTree& tree, const std::filesystem::path& directory);

}  // namespace walrus::test
