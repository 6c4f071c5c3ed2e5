#include "storage/node_promises.h"

#include <fmt/core.h>

#include <algorithm>

#include "storage/layout.h"

namespace walrus::storage {

NodePromises::NodePromises(io::Disk& disk, const std::string& directory, RecoveryReport& report)
    : disk_(disk), directory_(directory), report_(report) {}

Status NodePromises::load() {
  WALRUS_ASSIGN(const auto keys, list_segments(disk_, directory_));
  for (const SegmentKey key : keys) note(key);
  WALRUS_TRY(take(layout::node_promises(directory_)));
  saved_ = table_;
  WALRUS_ASSIGN(const auto names, disk_.list(directory_));
  for (const std::string& name : names) {
    if (const auto shard = layout::parse_shard(name)) WALRUS_TRY(take(layout::shard_promises(directory_, *shard)));
  }
  for (const auto& [key, epoch] : table_.entries()) note(key, epoch);
  return {};
}

Status NodePromises::take(const std::string& path) {
  WALRUS_ASSIGN(const bool there, disk_.exists(path));
  if (!there) return {};
  WALRUS_ASSIGN(const std::string bytes, disk_.read_file(path));
  const auto table = PromiseTable::decode(bytes);
  if (table) {
    table_.merge(*table);
    return {};
  }
  if (table.error().code != ErrorCode::kCorrupt) return fail(table.error());
  // The copy comes first: the file itself is replaced or removed by save().
  const std::string directory = layout::quarantine_directory(directory_);
  std::string name = path.substr(directory_.size() + 1);
  std::ranges::replace(name, '/', '-');
  WALRUS_TRY(disk_.make_directories(directory));
  WALRUS_TRY(disk_.replace_file(directory + "/" + name, bytes));
  report_.damage.push_back(fmt::format("{}: {}; kept in {}, what replicas here have promised is not known", path,
                                       table.error().detail, directory));
  lose();
  return {};
}

void NodePromises::promise(SegmentKey key, Epoch epoch) {
  note(key, epoch);
  table_.promise(key, epoch);
}

void NodePromises::note(SegmentKey key, Epoch epoch) {
  // Both are indexes of the metadata's log: a topic may be as young as the youngest epoch.
  youngest_ = std::max({youngest_, key.topic, TopicId(epoch.value())});
}

void NodePromises::remove(SegmentKey key) {
  note(key);
  if (any()) table_.remove(key);
}

Status NodePromises::save() {
  if (losing_) table_.lose(youngest_);
  report_.promises_lost = table_.has_lost();
  table_.compact();
  if (table_ == saved_) return {};
  WALRUS_TRY(disk_.replace_file(layout::node_promises(directory_), table_.encode()));
  saved_ = table_;
  return {};
}

Status NodePromises::drop_shard(std::uint64_t shard) {
  const std::string path = layout::shard_promises(directory_, shard);
  WALRUS_ASSIGN(const bool there, disk_.exists(path));
  if (!there) return {};
  WALRUS_TRY(disk_.remove(path));
  return disk_.sync_directory(layout::shard_directory(directory_, shard));
}

}  // namespace walrus::storage
