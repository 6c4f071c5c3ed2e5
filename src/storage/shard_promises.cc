#include "storage/shard_promises.h"

#include <utility>

#include "storage/layout.h"

namespace walrus::storage {
namespace {

Result<PromiseTable> read_table(io::Disk& disk, const std::string& path) {
  WALRUS_ASSIGN(const bool there, disk.exists(path));
  if (!there) return PromiseTable();
  WALRUS_ASSIGN(const std::string bytes, disk.read_file(path));
  return PromiseTable::decode(bytes);
}

}  // namespace

ShardPromises::ShardPromises(io::Disk& disk, std::string node_directory, std::uint64_t shard)
    : disk_(disk),
      node_path_(layout::node_promises(node_directory)),
      shard_path_(layout::shard_promises(node_directory, shard)) {}

/// Damage is recovery's to deal with: here it is an error.
Status ShardPromises::open() {
  WALRUS_ASSIGN(node_, read_table(disk_, node_path_));
  WALRUS_ASSIGN(changed_, read_table(disk_, shard_path_));
  return {};
}

PromiseTable::Promise ShardPromises::look_up(SegmentKey key) const {
  if (changed_.entries().contains(key)) return changed_.look_up(key);
  return node_.look_up(key);
}

bool ShardPromises::remove(SegmentKey key) {
  const auto [epoch, lost] = look_up(key);
  if (epoch == Epoch() && !lost) return false;
  changed_.forget(key);
  const auto earlier = node_.look_up(key);
  if (earlier.epoch != Epoch() || earlier.lost) changed_.remove(key);
  return true;
}

Status ShardPromises::before_release(std::uint64_t below) {
  if (!first_unsaved_ || *first_unsaved_ >= below) return {};
  WALRUS_TRY(disk_.replace_file(shard_path_, changed_.encode()));
  first_unsaved_.reset();
  return {};
}

}  // namespace walrus::storage
