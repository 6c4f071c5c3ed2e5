// A node's directory on a simulated disk for fuzz targets: put bytes there, recover, open, read all.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "io/sim/sim_disk.h"
#include "io/sim/sim_loop.h"
#include "storage/record_batch.h"
#include "storage/shard_store.h"

namespace walrus::storage::fuzz {

inline const std::string kNode = "/node";

class SimNode {
 public:
  SimNode() : world_(1), disk_(world_) {}

  io::SimDisk& disk() { return disk_; }

  void put(const std::string& path, std::string_view bytes) {
    WALRUS_ASSERT(disk_.make_directories(path.substr(0, path.rfind('/'))).has_value());
    WALRUS_ASSERT(disk_.replace_file(path, bytes).has_value());
  }

  /// Opens every segment there is and reads it to its end: dense offsets and right CRCs, or an error, never a crash.
  void read_everything() {
    auto store = open_shard_store(disk_, world_.make_loop("fuzz"), {.directory = kNode});
    if (!store) return;
    const auto keys = list_segments(disk_, kNode);
    WALRUS_ASSERT(keys.has_value());
    for (const SegmentKey key : *keys) {
      for (const std::uint64_t base : {0, 7}) {
        if (const auto segment = (*store)->open_segment(key, Offset(base))) read_segment(**segment);
      }
    }
  }

 private:
  void read_segment(Segment& segment) {
    Offset from = segment.base();
    while (from < segment.end()) {
      std::optional<Result<Batches>> batches;
      segment.read(from, segment.end(), 4096, [&](Result<Batches> read) { batches = std::move(read); });
      WALRUS_ASSERT(world_.run_until([&] { return batches.has_value(); }, std::chrono::seconds(10)));
      if (!*batches) {
        from += 1;  // behind the damage
        if (from.value() > segment.base().value() + 64) return;
        continue;
      }
      WALRUS_ASSERT(!(*batches)->empty());
      for (const SharedBytes& batch : **batches) {
        const auto header = check_batch(batch.view());
        WALRUS_ASSERT(header && header->base_offset <= from && from < header->end_offset());
        from = header->end_offset();
      }
    }
  }

  io::SimWorld world_;
  io::SimDisk disk_;
};

}  // namespace walrus::storage::fuzz
