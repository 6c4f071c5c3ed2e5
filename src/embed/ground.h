// What a store stands on and its callers cannot choose: the disk and the settings of the storage engine. Store::open()
// takes a PosixDisk and the defaults; tests put a disk that they watch under it, and files small enough to reach the
// seams.
#pragma once

#include <cstdint>
#include <memory>

#include "base/limits.h"
#include "io/file.h"
#include "storage/options.h"
#include "walrus/store.h"

namespace walrus::embed {

struct Ground {
  std::unique_ptr<io::Disk> disk{};
  storage::EngineOptions storage{};  ///< but for `sync`, which is the store's own option
  std::uint64_t catalog_segment_bytes = limits::kCatalogSegmentBytes;
};

/// Of a store that a program opens.
Ground ground_of(const store::Options& options);

struct Opener {
  /// As Store::open(), on this ground.
  static store::Result<store::Store> open(const store::Options& options, Ground ground);
};

}  // namespace walrus::embed
