#include "storage/wal_files.h"

#include <algorithm>

#include "base/assert.h"
#include "base/log.h"
#include "storage/layout.h"

namespace walrus::storage {
namespace {

alignas(limits::kDirectAlignment) constinit char zeros[limits::kWalPrewriteStepBytes] = {};

constexpr std::uint64_t round_up(std::uint64_t bytes) {
  constexpr std::uint64_t kBlock = limits::kDirectAlignment;
  return (bytes + kBlock - 1) / kBlock * kBlock;
}

}  // namespace

WalFiles::WalFiles(io::Disk& disk, io::Loop& loop, std::string directory, const EngineOptions& options, io::Task ready)
    : disk_(disk),
      loop_(loop),
      directory_(std::move(directory)),
      file_bytes_(options.wal_file_bytes),
      spare_files_(options.wal_spare_files),
      direct_sync_(options.sync.always()),
      ready_(std::move(ready)),
      self_(std::make_shared<WalFiles*>(this)) {
  WALRUS_ASSERT(file_bytes_ > 0 && file_bytes_ % limits::kDirectAlignment == 0);
}

WalFiles::~WalFiles() { *self_ = nullptr; }

Status WalFiles::open(std::uint64_t first_file) {
  next_number_ = first_file;
  WALRUS_ASSIGN(const auto names, disk_.list(directory_));
  for (const std::string& name : names) {
    const auto number = layout::parse_slot(name);
    if (!number) continue;
    next_slot_ = std::max(next_slot_, *number + 1);
    auto slot = std::make_shared<Slot>();
    slot->path = directory_ + "/" + name;
    if (spare_.size() == spare_files_) {
      discard(slot);
      continue;
    }
    WALRUS_ASSIGN(slot->file, open_file(slot->path, io::OpenOptions::Mode::kReadWrite));
    WALRUS_ASSIGN(const std::uint64_t size, slot->file->size());
    slot->limit = file_bytes_;
    slot->prewritten = std::min(size / limits::kDirectAlignment * limits::kDirectAlignment, file_bytes_);
    spare_.push_back(std::move(slot));
  }
  work();
  return {};
}

/// Past the page cache also when writes need not be synced: copies into it would be the dearest step of an append.
Result<std::unique_ptr<io::File>> WalFiles::open_file(const std::string& path, io::OpenOptions::Mode mode) {
  return disk_.open(path, {.mode = mode, .direct_sync = direct_sync_, .direct = !direct_sync_}, &loop_);
}

std::optional<WalFiles::Place> WalFiles::take(std::size_t bytes, std::uint64_t group) {
  WALRUS_ASSERT(bytes % limits::kDirectAlignment == 0 && bytes <= file_bytes_);
  if (!make_ready(bytes, group)) {
    work();
    return std::nullopt;
  }
  wanted_ = 0;
  wanted_in_spare_ = false;
  Place place{current_->file, current_->number, current_->position};
  current_->position += bytes;
  work();
  return place;
}

bool WalFiles::make_ready(std::size_t bytes, std::uint64_t group) {
  wanted_ = bytes;
  if (current_ && current_->position + bytes <= current_->limit) {
    wanted_in_spare_ = false;
    return current_->position + bytes <= current_->prewritten;
  }
  wanted_in_spare_ = true;
  if (spare_.empty() || spare_.front()->prewritten < bytes) return false;
  if (current_) live_.push_back(std::move(current_));
  current_ = std::move(spare_.front());
  spare_.pop_front();
  current_->number = next_number_++;
  current_->first_group = group;
  current_->position = 0;
  return true;
}

void WalFiles::abandon_current() {
  if (!current_) return;
  current_->limit = current_->position;
  current_->abandoned = true;
}

void WalFiles::release_below(std::uint64_t number) {
  while (!live_.empty() && live_.front()->number < number) {
    retired_.push_back(std::move(live_.front()));
    live_.pop_front();
  }
}

WalFiles::FirstLive WalFiles::first_live(std::uint64_t next_group) const {
  const Slot* first = live_.empty() ? current_.get() : live_.front().get();
  if (first == nullptr) return {next_number_, next_group};
  return {first->number, first->first_group};
}

void WalFiles::announced(std::uint64_t first_live_file) {
  while (!retired_.empty() && retired_.front()->number < first_live_file) {
    const SlotPtr slot = std::move(retired_.front());
    retired_.pop_front();
    if (slot->abandoned || spare_.size() >= std::max(spare_files_, limits::kWalBusySpareFiles)) {
      discard(slot);
    } else {
      slot->position = 0;
      spare_.push_back(slot);
    }
  }
  trim_when_quiet();
}

void WalFiles::trim_when_quiet() {
  if (spare_.size() <= spare_files_ || trim_timer_.armed()) return;
  trim_timer_ = loop_.after(limits::kWalQuietDelay, [this, begun = next_number_] {
    if (begun != next_number_) return trim_when_quiet();
    for (; spare_.size() > spare_files_; spare_.pop_back()) discard(spare_.back());
  });
}

/// The content is not needed: when the file cannot be removed now, the next start finds it and tries again.
void WalFiles::discard(const SlotPtr& slot) {
  if (const Status removed = disk_.remove(slot->path); !removed) {
    log::warn("write-ahead log: {}", removed.error().message());
  }
}

Status WalFiles::status() const {
  if (blocked_) return fail(*blocked_);
  return {};
}

void WalFiles::try_again() {
  if (blocked_ && loop_.now() >= next_attempt_) work();
}

std::uint64_t WalFiles::room() const {
  std::uint64_t room = 0;
  if (current_) room += std::min(current_->prewritten, current_->limit) - current_->position;
  for (const SlotPtr& slot : spare_) room += slot->prewritten;
  return room;
}

void WalFiles::work() {
  if (extending_ || (blocked_ && loop_.now() < next_attempt_)) return;
  if (const SlotPtr slot = next_to_extend()) extend(slot);
}

WalFiles::SlotPtr WalFiles::next_to_extend() {
  if (current_ && !wanted_in_spare_ && worth_extending(*current_, current_target())) return current_;
  const bool half_used = !current_ || current_->position >= current_->limit / 2;
  if (!half_used && !wanted_in_spare_) return nullptr;
  if (spare_.empty()) {
    SlotPtr slot = make_slot();
    if (!slot) return nullptr;
    spare_.push_back(std::move(slot));
  }
  return worth_extending(*spare_.front(), spare_target()) ? spare_.front() : nullptr;
}

/// In steps that grow with the file, unless somebody waits: each costs the disk a flush, beside those of the groups,
/// and the groups that meet it wait for it.
bool WalFiles::worth_extending(const Slot& slot, std::uint64_t target) const {
  if (slot.prewritten >= target) return false;
  const std::uint64_t step =
      std::clamp<std::uint64_t>(slot.prewritten / 2, limits::kWalPrewriteChunkBytes / 2, limits::kWalPrewriteStepBytes);
  return wanted_ > 0 || target == slot.limit || target - slot.prewritten >= step;
}

/// How far zeros should reach in the current file: what is wanted now, and ahead of it as much as was used already,
/// between one chunk and kWalPrewriteAheadBytes.
std::uint64_t WalFiles::current_target() const {
  const std::uint64_t least = limits::kWalPrewriteChunkBytes;
  const std::uint64_t most = limits::kWalPrewriteAheadBytes;
  std::uint64_t target = current_->position + std::clamp(current_->position, least, most);
  if (!wanted_in_spare_) target = std::max(target, current_->position + wanted_);
  return std::min(target, current_->limit);
}

/// And in the first spare one: from one chunk when the current file is half used to all of it when it is full.
std::uint64_t WalFiles::spare_target() const {
  std::uint64_t target = limits::kWalPrewriteChunkBytes;
  if (current_ && current_->position > current_->limit / 2) target += 2 * (current_->position - current_->limit / 2);
  if (wanted_in_spare_) target = std::max(target, wanted_);
  return std::min(target, file_bytes_);
}

WalFiles::SlotPtr WalFiles::make_slot() {
  if (live_.size() >= limits::kWalMaxLiveFiles) {
    block(Error{ErrorCode::kDiskFull, "the segment files are too far behind the log"});
    return nullptr;
  }
  auto slot = std::make_shared<Slot>();
  slot->path = layout::wal_slot(directory_, next_slot_);
  slot->limit = file_bytes_;
  auto file = open_file(slot->path, io::OpenOptions::Mode::kCreateNew);
  if (file) {
    ++next_slot_;
    slot->file = std::move(*file);
    // The name must be durable before the first group in the file is.
    if (const Status synced = disk_.sync_directory(directory_); synced) return slot;
    discard(slot);
    block(Error{ErrorCode::kIo, "sync " + directory_});
    return nullptr;
  }
  if (file.error().code == ErrorCode::kExists) ++next_slot_;
  block(file.error());
  return nullptr;
}

void WalFiles::extend(const SlotPtr& slot) {
  const std::uint64_t target = slot == current_ ? current_target() : spare_target();
  const std::uint64_t bytes = std::min<std::uint64_t>(round_up(target - slot->prewritten), sizeof zeros);
  extending_ = true;
  slot->file->async_write(slot->prewritten, std::string_view(zeros, bytes), [self = self_, slot, bytes](Status status) {
    if (*self) (*self)->extended(slot, bytes, std::move(status));
  });
}

void WalFiles::extended(const SlotPtr& slot, std::uint64_t bytes, Status status) {
  extending_ = false;
  if (status) {
    slot->prewritten += bytes;
    blocked_.reset();
    ready_();
    work();
    return;
  }
  if (status.error().code != ErrorCode::kDiskFull) {
    // Not to be trusted behind this point; what is before it has been written and stays in use.
    slot->limit = slot->prewritten;
    if (std::erase(spare_, slot) > 0) discard(slot);
  }
  block(std::move(status.error()));
}

void WalFiles::block(Error error) {
  if (!blocked_) log::error("write-ahead log: no space can be made: {}", error.message());
  blocked_ = std::move(error);
  next_attempt_ = loop_.now() + limits::kStorageRetryInterval;
  if (wanted_ > 0) retry_timer_ = loop_.after(limits::kStorageRetryInterval, [this] { ready_(); });
  ready_();
}

}  // namespace walrus::storage
