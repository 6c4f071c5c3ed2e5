// The directories and files of one simulated disk, with the state that a power cut would leave. Paths are split at
// '/'; a leading one is ignored, so that "/a/b" and "a/b" are the same.
//
// Creating, renaming and removing is visible at once and durable once sync_directory() ran on a directory that the
// change touches (a rename between two directories is atomic: syncing either of them is enough). Without it a power cut
// may keep or undo the change; changes of the same name or file are kept in order.
//
// Errors as the kernel would have them: kNotFound, kExists, kIo for what is not a directory or not empty.
// Knows nothing of open files, faults and time: SimDisk adds those. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/random.h"
#include "io/sim/sim_inode.h"

namespace walrus::io {

class SimFileTree {
 public:
  SimFileTree();
  SimFileTree(SimFileTree&&) = default;
  SimFileTree& operator=(SimFileTree&&) = default;

  Result<std::shared_ptr<SimInode>> find_file(const std::string& path) const;
  Result<std::shared_ptr<SimInode>> create_file(const std::string& path);
  Status make_directories(const std::string& path);
  Status rename(const std::string& from, const std::string& to);
  Status remove(const std::string& path);
  Result<std::vector<std::string>> list(const std::string& path) const;
  bool exists(const std::string& path) const;
  Status sync_directory(const std::string& path);

  /// Sizes of all visible files together.
  std::uint64_t used_bytes() const;

  /// For the changes of inodes: unique and growing.
  std::uint64_t next_sequence() { return ++sequence_; }
  std::uint64_t last_sequence() const { return sequence_; }

  /// The tree that a power cut now could leave; shares no state with this one.
  SimFileTree surviving(CrashModel model, Random& random) const;

 private:
  struct Node;
  using NodePtr = std::shared_ptr<Node>;
  using Entries = std::map<std::string, NodePtr>;
  struct Node {
    std::shared_ptr<SimInode> file;  ///< null for a directory
    Entries entries;
    Entries durable_entries;
  };
  struct Entry {
    NodePtr directory;
    std::string name;
    NodePtr target;  ///< null: the name is removed

    void apply(Entries& to) const;
  };
  struct EntryChange {
    std::uint64_t sequence;
    std::vector<Entry> entries;  ///< all or none of them

    bool touches(const NodePtr& directory) const;
    bool depends_on(const EntryChange& earlier) const;
  };
  struct Survival;
  struct Place {
    NodePtr parent;
    std::string name;
  };

  Result<NodePtr> find(const std::string& path) const;
  Result<Place> find_place(const std::string& path) const;
  void change(std::vector<Entry> entries);
  void commit(const std::vector<bool>& chosen);

  NodePtr root_;
  std::vector<EntryChange> pending_;  ///< by sequence
  std::uint64_t sequence_ = 0;
  std::uint64_t inodes_ = 0;
};

}  // namespace walrus::io
