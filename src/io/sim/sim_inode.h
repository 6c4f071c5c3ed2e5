// One simulated file: what a running system sees of it, what a power cut cannot take away, and the changes in between.
//
// A change is visible at once. It becomes durable when it is committed: a buffered one by commit_buffered() (fsync),
// one that went around the page cache by commit() when its write completes. Until then it is pending, and surviving()
// decides by the crash model what is left of it. Pure; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/random.h"
#include "io/sim/sim_content.h"

namespace walrus::io {

/// What a power cut leaves of the changes that were not durable.
enum class CrashModel {
  kLoseUnsynced,       ///< nothing
  kKeepRandomSectors,  ///< of each write, any subset of its 4 KiB sectors
  kTearLastWrite,      ///< everything, but of the last write only the first n x 512 bytes
  kKeepRandomWrites,   ///< any subset of whole writes: reordering between two syncs
};
inline constexpr std::array kAllCrashModels = {CrashModel::kLoseUnsynced, CrashModel::kKeepRandomSectors,
                                               CrashModel::kTearLastWrite, CrashModel::kKeepRandomWrites};

class SimInode {
 public:
  explicit SimInode(std::uint64_t number, SimContent content = {})
      : number_(number), visible_(content), durable_(std::move(content)) {}

  std::uint64_t number() const { return number_; }
  const SimContent& visible() const { return visible_; }
  const SimContent& durable() const { return durable_; }
  bool has_pending() const { return !pending_.empty(); }
  /// Sequence of the youngest pending write (not truncation); 0 when there is none.
  std::uint64_t last_pending_write() const;

  /// Changes: `sequence` is unique and growing over the whole disk. `direct` ones are left alone by commit_buffered().
  void write(std::uint64_t sequence, std::uint64_t position, std::string_view bytes, bool direct);
  void write_zeros(std::uint64_t sequence, std::uint64_t position, std::uint64_t count);
  void truncate(std::uint64_t sequence, std::uint64_t size);

  /// Makes one change durable, and before it those older ones that touch the same bytes.
  void commit(std::uint64_t sequence);
  /// Makes buffered changes up to `sequence` durable.
  void commit_buffered(std::uint64_t sequence);
  /// A sync failed: buffered changes up to `sequence` stay visible, but no later sync will write them.
  void forget_buffered(std::uint64_t sequence);

  /// The content after a power cut now. `last_write` is the youngest pending write of the whole disk.
  SimContent surviving(CrashModel model, std::uint64_t last_write, Random& random) const;

  /// Bit rot: flips the bits of `mask` in the byte at `position`, on the disk and in what is visible.
  void flip(std::uint64_t position, std::uint8_t mask);

 private:
  struct Change {
    enum class Kind { kWrite, kZeros, kTruncate };
    Kind kind;
    std::uint64_t sequence;
    std::uint64_t position;  ///< of a truncation: the new size
    std::uint64_t size;
    bool direct;
    std::shared_ptr<const std::string> bytes;  ///< shared, because images of a disk copy its changes

    void apply(SimContent& content) const;
    void apply_prefix(SimContent& content, std::uint64_t count) const;
    bool overlaps(const Change& other) const;
  };
  void add(Change change);

  std::uint64_t number_;
  SimContent visible_;
  SimContent durable_;
  std::vector<Change> pending_;  ///< by sequence
};

}  // namespace walrus::io
