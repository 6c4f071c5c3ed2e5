// The life of a group: gathered from the queue (fill), written (issue), done in any order (on_written), told to the
// listener in order (deliver_in_order). A failed one takes everything behind it along (fail_from_front).
#include "storage/wal_writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "storage/layout.h"
#include "storage/wal_reader.h"

namespace walrus::storage {

WalWriter::WalWriter(io::Disk& disk, io::Loop& loop, std::string directory, const EngineOptions& options,
                     WalListener& listener)
    : disk_(disk),
      loop_(loop),
      directory_(std::move(directory)),
      options_(options),
      listener_(listener),
      files_(disk, loop, directory_, options, [this] { wake(); }),
      self_(std::make_shared<WalWriter*>(this)) {}

WalWriter::~WalWriter() {
  *self_ = nullptr;
  for (const GroupPtr& group : in_flight_) group->writer = nullptr;
}

Status WalWriter::open() {
  WALRUS_TRY(disk_.make_directories(directory_));
  wal::Checkpoint checkpoint;
  const std::string path = layout::wal_checkpoint(directory_);
  WALRUS_ASSIGN(const bool known, disk_.exists(path));
  if (known) {
    WALRUS_ASSIGN(const std::string bytes, disk_.read_file(path));
    WALRUS_ASSIGN(checkpoint, wal::decode_checkpoint(bytes));
    WALRUS_TRY(wal::expect_empty(disk_, directory_, checkpoint));
  }
  // A new id at each start: groups of an earlier life can never be taken for groups of this one.
  log_id_ = checkpoint.log_id = loop_.random();
  checkpoint.unsynced = !options_.sync.always();
  next_group_ = checkpoint.first_group;
  durable_group_ = synced_group_ = next_group_ - 1;
  if (checkpoint.unsynced) {
    log::warn("write-ahead log: fsync policy {}, weaker than always: a power cut may take acknowledged records away",
              to_string(options_.sync));
  }
  WALRUS_TRY(disk_.replace_file(path, wal::encode_checkpoint(checkpoint)));
  announced_ = checkpoint.first_file;
  return files_.open(checkpoint.first_file);
}

Status WalWriter::append(WalEntry entry) {
  if (!broken_) return broken_;
  const std::uint64_t bytes = entry_bytes(entry);
  if (wal::group_size(bytes) > options_.wal_file_bytes) {
    return fail(ErrorCode::kTooLarge, "batch does not fit into a file of the write-ahead log");
  }
  // Promises and removals are small, and a loaded node must be able to answer a fence.
  const bool bounded = entry.kind == wal::EntryKind::kBatch && !queued_.empty();
  if (bounded && queued_bytes_ + bytes > options_.wal_max_queued_bytes) {
    hangs_ = false;  // there is something to wait for again
    return fail(ErrorCode::kOverloaded, "write-ahead log: queue is full");
  }
  if (!files_.status()) {
    files_.try_again();
    if (Status status = files_.status(); !status && queued_bytes_ + wal::group_size(bytes) > files_.room()) {
      return status;
    }
  }
  queued_bytes_ += bytes;
  queued_.push_back(std::move(entry));
  post_start();
  return {};
}

bool WalWriter::writable() const {
  if (!files_.status()) return true;  // so that the caller hears of it from append()
  // What is queued already makes so many full writes; what is left over can still be joined.
  const std::size_t queued_writes = queued_bytes_ / options_.wal_max_write_bytes;
  const bool room =
      writes_ + queued_writes < options_.wal_writes_in_flight && in_flight_.size() < limits::kWalMaxGroups;
  return hangs_ || (room && !no_space_);
}

void WalWriter::when_writable(io::Task task) {
  writable_tasks_.push_back(std::move(task));
  if (writable()) return post_start();
  if (!hang_timer_.armed()) watch_for_hang(limits::kQuorumPatience);
}

/// Waiting makes larger batches of what a disk keeps up with. For one that hangs nobody waits: what was appended is
/// missed, and a leader that is missed has a successor.
void WalWriter::watch_for_hang(io::Duration patience) {
  hang_timer_ = loop_.after(patience, [this] {
    if (writable_tasks_.empty() || (writes_ == 0 && !no_space_)) return;
    const io::Duration still = loop_.now() - last_written_;
    if (still < limits::kQuorumPatience) return watch_for_hang(limits::kQuorumPatience - still);
    log::warn("write-ahead log: a write has been under way for {} ms: the disk hangs",
              std::chrono::duration_cast<std::chrono::milliseconds>(still).count());
    hangs_ = true;
    post_start();
  });
}

std::uint64_t WalWriter::first_open_file() const {
  return in_flight_.empty() ? files_.current_number() : in_flight_.front()->file_number;
}

void WalWriter::drain(io::Task task) {
  draining_ = true;
  mark_timer_.cancel();
  sync_timer_.cancel();
  quiet_timer_.cancel();
  hang_timer_.cancel();
  drained_tasks_.push_back(std::move(task));
  post_start();
}

void WalWriter::post_start() {
  if (std::exchange(start_posted_, true)) return;
  loop_.post([self = self_] {
    if (*self == nullptr) return;
    (*self)->start_posted_ = false;
    (*self)->start_writes();
  });
}

void WalWriter::wake() {
  no_space_ = hangs_ = false;
  post_start();
}

/// For what is queued. Writes that carry little cost the disk as much as others, and who waits for each answer has
/// nothing to add meanwhile: a small one starts beside another only when it carries as much.
bool WalWriter::slot_free() const {
  if (writes_ >= options_.wal_writes_in_flight || in_flight_.size() >= limits::kWalMaxGroups) return false;
  if (writes_ == 0 || in_flight_.empty() || queued_bytes_ >= options_.wal_small_write) return true;
  return writes_ < limits::kWalSmallWritesInFlight && queued_bytes_ >= in_flight_.back()->header.payload_bytes;
}

/// Starts what can start, then wakes those who wait for a free slot, or for all to be done.
void WalWriter::start_writes() {
  while (slot_free() && !queued_.empty() && start_write()) {
  }
  if (draining_ && no_space_ && in_flight_.empty()) give_up_queue();
  if (queued_.empty() && in_flight_.empty()) {
    mark_when_quiet();
    for (io::Task& task : std::exchange(drained_tasks_, {})) task();
  }
  if (!writable()) return;
  for (io::Task& task : std::exchange(writable_tasks_, {})) task();
}

/// The end must not wait for space: what is queued was never written, nor acknowledged.
void WalWriter::give_up_queue() {
  const Status status = files_.status();
  if (status || queued_.empty()) return;
  log::error("write-ahead log: closed with {} bytes that there is no space for", queued_bytes_);
  std::vector<WalEntry> failed(std::make_move_iterator(queued_.begin()), std::make_move_iterator(queued_.end()));
  queued_.clear();
  queued_bytes_ = 0;
  listener_.on_failed(failed, status.error());
}

/// How many entries from the front of the queue make the next group, and their bytes.
std::size_t WalWriter::gather(std::size_t& payload) const {
  const std::size_t most = options_.wal_max_write_bytes - wal::kGroupHeaderBytes;
  std::size_t entries = 0;
  payload = 0;
  for (const WalEntry& entry : queued_) {
    const std::uint64_t bytes = entry_bytes(entry);
    if (entries > 0 && payload + bytes > most) break;
    if (entries > 0 && wal::group_size(payload + bytes) > options_.wal_file_bytes) break;
    payload += bytes;
    ++entries;
  }
  return entries;
}

bool WalWriter::start_write() {
  std::size_t payload = 0;
  const std::size_t entries = gather(payload);
  const auto place = files_.take(wal::group_size(payload), next_group_);
  if (!place) {
    if (!std::exchange(no_space_, true) && writes_ == 0) last_written_ = loop_.turn_time();
    return false;
  }
  const GroupPtr group = fresh_group();
  fill(*group, entries, payload);
  issue(group, *place);
  return true;
}

void WalWriter::mark_when_quiet() {
  if (!unmarked_ || draining_ || mark_timer_.armed() || !files_.status()) return;
  mark_timer_ = loop_.after(limits::kWalMarkDelay, [this] {
    if (!unmarked_) return;
    if (queued_.empty() && in_flight_.empty()) {
      start_write();
    } else {
      mark_when_quiet();
    }
  });
}

void WalWriter::watch_quiet() {
  if (quiet_timer_.armed() || draining_) return;
  quiet_timer_ = loop_.after(limits::kWalQuietDelay, [this, last = durable_group_] {
    if (last != durable_group_ || !in_flight_.empty()) return watch_quiet();
    listener_.on_quiet();
  });
}

/// The next group says so, and when nothing else is written a mark does.
void WalWriter::release_below(std::uint64_t number) {
  files_.release_below(number);
  unmarked_ = true;
  post_start();
}

WalWriter::GroupPtr WalWriter::fresh_group() {
  if (idle_groups_.empty()) {
    auto group = std::make_shared<Group>();
    group->writer = this;
    return group;
  }
  GroupPtr group = std::move(idle_groups_.back());
  idle_groups_.pop_back();
  return group;
}

/// The one copy of the batches: from their own buffers into the aligned one.
void WalWriter::fill(Group& group, std::size_t entries, std::size_t payload) {
  group.buffer.reserve(wal::group_size(payload));
  group.must_sync = false;
  group.sync_within.reset();
  char* to = group.buffer.data() + wal::kGroupHeaderBytes;
  for (std::size_t i = 0; i < entries; ++i) {
    WalEntry& entry = queued_.front();
    const auto length = static_cast<std::uint32_t>(entry.batch.size());
    to = wal::store_entry_header(to, {entry.key, entry.base, entry.position, length, entry.kind});
    if (length > 0) std::memcpy(to, entry.batch.data(), length);
    to += length;
    queued_bytes_ -= entry_bytes(entry);
    promises_ |= entry.kind == wal::EntryKind::kPromise;
    group.must_sync |= entry.sync.always() && !options_.sync.always();
    if (entry.sync.kind == SyncPolicy::Kind::kInterval) {
      group.sync_within = std::min(group.sync_within.value_or(entry.sync.interval), entry.sync.interval);
    }
    group.entries.push_back(std::move(entry));
    queued_.pop_front();
  }
  group.header = {};
  group.header.payload_bytes = static_cast<std::uint32_t>(payload);
  group.header.entries = static_cast<std::uint32_t>(entries);
}

void WalWriter::issue(const GroupPtr& group, const WalFiles::Place& place) {
  const auto first_live = files_.first_live(next_group_);
  wal::GroupHeader& header = group->header;
  header.previous_crc = last_crc_;
  header.log_id = log_id_;
  header.file = place.number;
  header.group = next_group_++;
  header.durable = synced_group_;
  header.first_live_file = first_live.file;
  header.first_live_group = first_live.group;
  if (void_from_ != 0 && !std::exchange(restart_issued_, true)) {
    header.flags |= wal::kFlagRestart;
    header.void_from = void_from_;
  }
  if (promises_) header.flags |= wal::kFlagPromises;
  wal::seal_group(group->buffer.data(), header);
  last_crc_ = header.crc;

  group->file = place.file;
  group->file_number = place.number;
  group->done = false;
  unmarked_ = header.entries > 0 && options_.sync.always();
  in_flight_.push_back(group);
  if (writes_++ == 0) last_written_ = loop_.turn_time();
  const std::string_view bytes(group->buffer.data(), header.size());
  auto done = [group](Status status) {
    if (group->writer != nullptr) group->writer->on_written(*group, std::move(status));
  };
  if (alone(*group)) {
    place.file->async_write_alone(place.position, bytes, std::move(done));
  } else {
    place.file->async_write(place.position, bytes, std::move(done));
  }
  if (options_.test_only_ack_before_sync) listener_.on_durable(group->entries, group->file_number);
}

/// One client that waits for each answer: while its record is written nothing else is there to do.
bool WalWriter::alone(const Group& group) const {
  return options_.sync.always() && in_flight_.size() == 1 && queued_.empty() && group.entries.size() == 1 &&
         group.entries.front().records <= 1;
}

void WalWriter::on_written(Group& group, Status status) {
  WALRUS_ASSERT(!group.done && writes_ > 0);
  group.done = true;
  group.status = std::move(status);
  const bool unsynced = !options_.sync.always() && group.status;
  if (unsynced && std::ranges::find(unsynced_, group.file) == unsynced_.end()) unsynced_.push_back(group.file);
  group.file.reset();
  --writes_;
  last_written_ = loop_.turn_time();
  hangs_ = false;
  deliver_in_order();
  post_start();
}

void WalWriter::deliver_in_order() {
  while (!in_flight_.empty() && in_flight_.front()->done) {
    if (!in_flight_.front()->status) return fail_from_front();
    if (in_flight_.front()->must_sync) return start_sync();
    const GroupPtr group = std::move(in_flight_.front());
    in_flight_.pop_front();
    deliver(group);
  }
}

void WalWriter::deliver(const GroupPtr& group) {
  const wal::GroupHeader& header = group->header;
  WALRUS_ASSERT(header.group > durable_group_);
  durable_group_ = header.group;
  last_first_live_ = header.first_live_file;
  if ((header.flags & wal::kFlagRestart) != 0) void_from_ = 0;
  if (options_.sync.always()) {
    synced_group_ = durable_group_;
    files_.announced(header.first_live_file);
  } else if (header.first_live_file > announced_) {
    announce(header);
  }
  if (group->sync_within && !options_.sync.always()) sync_soon(*group->sync_within);
  notice_file_change(group->file_number);
  if (header.entries > 0) watch_quiet();
  if (!options_.test_only_ack_before_sync) listener_.on_durable(group->entries, group->file_number);
  recycle(group);
}

void WalWriter::recycle(const GroupPtr& group) {
  group->entries.clear();
  // A group made for one very large batch does not stay.
  if (group->buffer.capacity() > 2 * options_.wal_max_write_bytes) group->buffer = {};
  idle_groups_.push_back(group);
}

void WalWriter::notice_file_change(std::uint64_t file) {
  const std::uint64_t before = std::exchange(delivered_file_, file);
  for (std::uint64_t number = before; number != 0 && number < file; ++number) listener_.on_file_complete(number);
}

/// The groups behind a failed one may be on the disk or not: none of them counts, and the next group says so.
void WalWriter::fail_from_front() {
  const Error error = in_flight_.front()->status.error();
  log::error("write-ahead log: {}; the segments with data in it or behind it fail", error.message());
  if (void_from_ == 0) void_from_ = in_flight_.front()->header.group;
  restart_issued_ = false;
  files_.abandon_current();

  std::vector<WalEntry> failed;
  const auto take = [&failed](auto& entries) {
    std::ranges::move(entries, std::back_inserter(failed));
    entries.clear();
  };
  for (const GroupPtr& group : std::exchange(in_flight_, {})) {
    if (options_.test_only_ack_before_sync) group->entries.clear();  // they were told already that all is well
    take(group->entries);
    // Still being written: its memory must stay, but nobody waits for it.
    if (!group->done) {
      group->writer = nullptr;
      --writes_;
    }
  }
  take(queued_);
  queued_bytes_ = 0;
  listener_.on_failed(failed, error);
}

Status WalWriter::close(std::uint64_t number) {
  WALRUS_ASSERT(draining_ && queued_.empty() && in_flight_.empty());
  files_.release_below(number);
  const auto first_live =
      number >= files_.next_number() ? WalFiles::FirstLive{number, next_group_} : files_.first_live(next_group_);
  // What is still needed must be as durable as what is to be closed.
  if (number < files_.next_number()) {
    for (const auto& file : unsynced_) WALRUS_TRY(file->sync());
  }
  const wal::Checkpoint checkpoint{
      .log_id = log_id_, .first_file = first_live.file, .first_group = first_live.group, .unsynced = false};
  return disk_.replace_file(layout::wal_checkpoint(directory_), wal::encode_checkpoint(checkpoint));
}

}  // namespace walrus::storage
