// The rounds of syncs of a log that is written with a weaker policy than `always`: what one covers, and what follows.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "storage/layout.h"
#include "storage/wal_writer.h"

namespace walrus::storage {

/// A file must not be used again before the word that it is not needed is on the disk: with the group that says so, or,
/// where nothing else asks for a sync, in the checkpoint.
void WalWriter::announce(const wal::GroupHeader& header) {
  if (options_.sync.kind == SyncPolicy::Kind::kNever && !draining_) {
    const wal::Checkpoint checkpoint{.log_id = log_id_,
                                     .first_file = header.first_live_file,
                                     .first_group = header.first_live_group,
                                     .unsynced = true};
    const Status written = disk_.replace_file(layout::wal_checkpoint(directory_), wal::encode_checkpoint(checkpoint));
    if (written) {
      announced_ = header.first_live_file;
      return files_.announced(announced_);
    }
    log::warn("write-ahead log: {}", written.error().message());
  }
  sync_soon(std::chrono::milliseconds(0));
}

void WalWriter::sync_soon(std::chrono::milliseconds within) {
  if (draining_) return;
  const io::TimePoint due = loop_.now() + within;
  if (sync_timer_.armed() && sync_due_ <= due) return;
  sync_due_ = due;
  sync_timer_ = loop_.after(within, [this] { start_sync(); });
}

void WalWriter::start_sync() {
  if (syncs_ > 0) {
    another_round_ = true;
    return;
  }
  sync_timer_.cancel();
  another_round_ = false;
  round_group_ = durable_group_;
  round_first_live_ = last_first_live_;
  for (const GroupPtr& group : in_flight_) {
    if (!group->done || !group->status) break;
    round_group_ = group->header.group;
    round_first_live_ = group->header.first_live_file;
  }
  const auto files = std::exchange(unsynced_, {});
  if (files.empty()) return finish_sync_round();
  syncs_ = files.size();
  for (const auto& file : files) {
    file->async_sync([self = self_, file](const Status& status) {
      if (*self != nullptr) (*self)->on_synced(status);
    });
  }
}

void WalWriter::on_synced(const Status& status) {
  if (!status && broken_) {
    log::error("write-ahead log: {}; it takes no more", status.error().message());
    broken_ = fail(ErrorCode::kPoisoned, status.error().message());
  }
  if (--syncs_ == 0) finish_sync_round();
}

void WalWriter::finish_sync_round() {
  for (const GroupPtr& group : in_flight_) {
    if (group->header.group > round_group_) break;
    group->must_sync = false;
    if (!broken_) group->status = broken_;
  }
  if (broken_) {
    synced_group_ = std::max(synced_group_, round_group_);
    announced_ = std::max(announced_, round_first_live_);
    files_.announced(announced_);
  }
  deliver_in_order();
  post_start();
  if (another_round_ && syncs_ == 0) start_sync();
}

}  // namespace walrus::storage
