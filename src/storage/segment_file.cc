#include "storage/segment_file.h"

#include <fmt/core.h>

#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "storage/layout.h"

namespace walrus::storage {

SegmentFile::SegmentFile(std::shared_ptr<SegmentHome> home, SegmentKey key, Offset base)
    : home_(std::move(home)),
      key_(key),
      base_(base),
      log_path_(layout::segment_log(home_->directory, key)),
      index_path_(layout::segment_index(home_->directory, key)),
      written_{base, 0},
      synced_{base, 0},
      index_(key, base, home_->options.index_interval_bytes) {}

std::string SegmentFile::position_text(std::uint64_t position) const {
  return fmt::format("{} at {}", log_path_, position);
}

Result<SegmentFile::Found> SegmentFile::open() {
  auto log = home_->disk.open(log_path_, {.mode = io::OpenOptions::Mode::kRead}, nullptr);
  if (!log) {
    if (log.error().code != ErrorCode::kNotFound) return fail(log.error());
    return Found{.end = written_, .times = {}, .trouble = {}};
  }
  WALRUS_ASSIGN(const std::uint64_t size, (*log)->size());
  WALRUS_ASSIGN(Found found, examine(**log, size));
  const std::string suspect = layout::segment_suspect(home_->directory, key_);
  WALRUS_ASSIGN(const bool marked, home_->disk.exists(suspect));
  if (marked) {
    WALRUS_ASSIGN(found.trouble, home_->disk.read_file(suspect));
  }
  written_ = synced_ = found.end;
  return found;
}

Result<SegmentFile::Found> SegmentFile::examine(io::File& log, std::uint64_t size) {
  if (size == 0) return Found{.end = written_, .times = {}, .trouble = {}};
  WALRUS_ASSIGN(const std::int64_t first_ms, check_base(log));
  WALRUS_ASSIGN(const auto footer, read_footer(size));
  if (footer) {
    return Found{.end = {footer->end, size},
                 .hash = footer->hash,
                 .times = TimeRange{first_ms, footer->max_timestamp_ms},
                 .sealed = true,
                 .trouble = {}};
  }

  std::uint64_t index_bytes = 0;
  if (auto bytes = home_->disk.read_file(index_path_)) {
    (void)index_.decode(*bytes);
    index_bytes = bytes->size();
  } else if (bytes.error().code != ErrorCode::kNotFound) {
    return fail(bytes.error());
  }
  const std::size_t decoded = index_.entries().size();
  index_.cut(size);
  index_saved_ = index_.entries().size();
  // Appended to only when it is exactly what would be written; otherwise it is replaced at the next save.
  const bool clean = index_saved_ == decoded && index_bytes == SegmentIndex::kItemBytes * (1 + decoded);
  index_file_bytes_ = clean ? index_bytes : 0;

  const IndexEntry last = index_.last_before(size);
  WALRUS_ASSIGN(ScanEnd scan, scan_batches(log, {last.offset, last.position}, size,
                                           [this](const BatchHeader& batch, std::uint64_t position) {
                                             index_.note(batch, position);
                                           }));
  Found found{.end = scan.end, .hash = index_.hash(), .times = {}, .trouble = {}};
  if (scan.end.position > 0) found.times = TimeRange{first_ms, index_.max_timestamp_ms()};
  if (!scan.trouble.empty()) {
    found.trouble =
        fmt::format("{}, from offset {}: {}", position_text(scan.end.position), scan.end.offset, scan.trouble);
  }
  return found;
}

/// The timestamp of the first record.
Result<std::int64_t> SegmentFile::check_base(io::File& log) {
  std::string bytes(kBatchHeaderBytes, '\0');
  WALRUS_ASSIGN(const std::size_t read, log.read(0, bytes.data(), bytes.size()));
  if (read < bytes.size() || bytes[16] != 2) {
    return fail(ErrorCode::kCorrupt, position_text(0) + ": does not begin with a batch");
  }
  const Offset found(load_big<std::uint64_t>(bytes.data()));
  constexpr std::size_t kFirstTimestampAt = 27;
  if (found == base_) return static_cast<std::int64_t>(load_big<std::uint64_t>(bytes.data() + kFirstTimestampAt));
  // The one field of a batch that its CRC does not cover: to who knows where the segment begins this is damage.
  return fail(ErrorCode::kCorrupt, fmt::format("{}: begins with offset {}, not {}", log_path_, found, base_));
}

/// The footer of the index, if it fits the log; then nothing else has to be read.
Result<std::optional<IndexFooter>> SegmentFile::read_footer(std::uint64_t log_size) {
  auto file = home_->disk.open(index_path_, {.mode = io::OpenOptions::Mode::kRead}, nullptr);
  if (!file) {
    if (file.error().code == ErrorCode::kNotFound) return std::nullopt;
    return fail(file.error());
  }
  WALRUS_ASSIGN(const std::uint64_t size, (*file)->size());
  constexpr std::size_t kItem = SegmentIndex::kItemBytes;
  if (size < 2 * kItem) return std::nullopt;
  std::string bytes = index_.encode_header();
  bytes.resize(2 * kItem);
  WALRUS_ASSIGN(const std::size_t read, (*file)->read(size - kItem, bytes.data() + kItem, kItem));
  const auto footer = read == kItem ? SegmentIndex(index_).decode(bytes) : std::nullopt;
  if (!footer || footer->bytes != log_size) return std::nullopt;
  index_loaded_ = false;
  return footer;
}

void SegmentFile::answer_later(Status status, io::Done done) {
  home_->loop.post([home = home_, status = std::move(status), done = std::move(done)]() mutable {
    if (!home->gone) done(std::move(status));
  });
}

void SegmentFile::append(std::vector<SharedBytes> batches, io::Done done) {
  if (!poison_) return answer_later(poison_, std::move(done));
  // A file that has something must be there: one made anew would begin with a hole.
  auto file = written_.position > 0
                  ? home_->files.open(log_path_)
                  : home_->files.open_or_create(layout::topic_directory(home_->directory, key_.topic), log_path_);
  if (!file && file.error().code == ErrorCode::kNotFound) poison_ = is_gone();
  if (!poison_) return answer_later(poison_, std::move(done));
  if (!file) return answer_later(fail(file.error()), std::move(done));
  dirty_ = *file;
  std::uint64_t bytes = 0;
  for (const SharedBytes& batch : batches) bytes += batch.size();
  const std::uint64_t whole_blocks = SegmentWrite::whole_blocks(written_.position, bytes);
  const bool large = whole_blocks > 0 && whole_blocks >= home_->options.segment_direct_bytes;
  if (large && !direct_) {
    auto direct =
        home_->disk.open(log_path_, {.mode = io::OpenOptions::Mode::kReadWrite, .direct = true}, &home_->loop);
    if (!direct) return answer_later(fail(direct.error()), std::move(done));
    direct_ = *std::move(direct);
  }
  appending_ = true;
  SegmentWrite::start(home_->buffers, {dirty_, large ? direct_ : nullptr}, written_.position, batches,
                      [self = shared_from_this(), batches, done = std::move(done)](Status status) mutable {
                        if (!self->home_->gone) self->finish_append(batches, std::move(status), std::move(done));
                      });
}

void SegmentFile::finish_append(const std::vector<SharedBytes>& batches, Status status, io::Done done) {
  appending_ = false;
  if (status) {
    for (const SharedBytes& batch : batches) {
      const auto header = parse_batch_header(batch.view());
      WALRUS_ASSERT(header && header->base_offset == written_.offset);
      if (index_loaded_) index_.note(*header, written_.position);
      written_ = {header->end_offset(), written_.position + header->size};
    }
  } else if (status.error().code != ErrorCode::kDiskFull) {
    poison_ = status;
  }
  done(std::move(status));
}

void SegmentFile::sync(io::Done done) {
  if (!poison_ || !dirty_) return answer_later(poison_, std::move(done));
  dirty_->async_sync(
      [self = shared_from_this(), file = dirty_, place = written_, done = std::move(done)](Status status) mutable {
        if (self->home_->gone) return;
        if (status) status = self->still_there();
        if (!status) {
          self->poison_ = status;
          return done(std::move(status));
        }
        self->synced_ = place;
        self->cut_unsynced_ = false;
        if (self->written_.position == place.position && !self->appending_) {
          self->dirty_.reset();
          self->direct_.reset();
        }
        self->save_index(std::move(done));
      });
}

/// A file whose name somebody has removed takes writes and syncs like any other, and is gone with its last handle.
Status SegmentFile::still_there() {
  WALRUS_ASSIGN(const bool there, home_->disk.exists(log_path_));
  return there ? Status() : is_gone();
}

Status SegmentFile::is_gone() const {
  return fail(ErrorCode::kNotFound, log_path_ + " is gone: somebody else has removed it");
}

/// The index is a shortcut: when it cannot be written that is logged, and the next start walks a little further.
void SegmentFile::save_index(io::Done done) {
  const auto& entries = index_.entries();
  std::size_t to = entries.size();
  while (to > index_saved_ && entries[to - 1].position >= synced_.position) --to;
  if (!index_loaded_ || to == index_saved_) return done({});

  auto file = home_->files.open_or_create(layout::topic_directory(home_->directory, key_.topic), index_path_);
  if (!file) {
    log::warn("segment index: {}", file.error().message());
    return done({});
  }
  const bool anew = index_file_bytes_ == 0;
  std::string bytes =
      anew ? index_.encode_header() + index_.encode_entries(0, to) : index_.encode_entries(index_saved_, to);
  if (anew) {
    if (Status cut = (*file)->truncate(0); !cut) {
      log::warn("segment index: {}", cut.error().message());
      return done({});
    }
  }
  const SharedBytes shared(std::move(bytes));
  index_saved_ = to;
  (*file)->async_write(
      index_file_bytes_, shared.view(),
      [self = shared_from_this(), file = *file, shared, done = std::move(done)](Status status) mutable {
        if (self->home_->gone) return;
        if (status) {
          self->index_file_bytes_ += shared.size();
        } else {
          log::warn("segment index: {}", status.error().message());
          self->index_saved_ = 0;
          self->index_file_bytes_ = 0;
        }
        done({});
      });
}

void SegmentFile::complete(io::Done done) {
  WALRUS_ASSERT(synced_.position == written_.position && index_loaded_);
  auto file = home_->files.open_or_create(layout::topic_directory(home_->directory, key_.topic), index_path_);
  if (!file) return done(fail(file.error()));
  const SharedBytes bytes(
      index_.encode_header() + index_.encode_entries(0, index_.entries().size()) +
      index_.encode_footer({written_.offset, written_.position, index_.max_timestamp_ms(), index_.hash()}));
  if (const Status cut = (*file)->truncate(0); !cut) return done(cut);
  index_saved_ = index_.entries().size();
  index_file_bytes_ = 0;
  (*file)->async_write(0, bytes.view(),
                       [self = shared_from_this(), file = *file, bytes, done = std::move(done)](Status status) mutable {
                         if (self->home_->gone) return;
                         if (!status) return done(std::move(status));
                         auto synced = [self, file, done = std::move(done)](Status result) mutable {
                           if (!self->home_->gone) done(std::move(result));
                         };
                         file->async_sync(std::move(synced));
                       });
}

void SegmentFile::load_index(io::Task then) {
  auto file = home_->files.open(index_path_);
  const auto size = file ? (*file)->size() : Result<std::uint64_t>(fail(file.error()));
  if (!size) {
    log::warn("segment index: {}", size.error().message());
    index_loaded_ = true;  // empty: reads walk from the beginning
    return then();
  }
  auto bytes = std::make_shared<std::string>(*size, '\0');
  (*file)->async_read(0, bytes->data(), bytes->size(),
                      [self = shared_from_this(), file = *file, bytes, then = std::move(then)](auto read) mutable {
                        if (self->home_->gone) return;
                        if (read && !self->index_loaded_) (void)self->index_.decode(bytes->substr(0, *read));
                        self->index_loaded_ = true;
                        then();
                      });
}

Status SegmentFile::load_index_now() {
  if (index_loaded_) return {};
  WALRUS_ASSIGN(const std::string bytes, home_->disk.read_file(index_path_));
  (void)index_.decode(bytes);
  index_loaded_ = true;
  return {};
}

SegmentPlace SegmentFile::locate(Offset offset) const {
  const IndexEntry entry = index_.find(offset);
  SegmentPlace best{entry.offset, entry.position};
  for (const SegmentPlace& place : recent_) {
    if (place.offset <= offset && place.offset > best.offset) best = place;
  }
  return best;
}

void SegmentFile::remember(SegmentPlace place) {
  recent_[next_recent_] = place;
  next_recent_ = (next_recent_ + 1) % recent_.size();
}

Status SegmentFile::remove() {
  const std::string directory = layout::topic_directory(home_->directory, key_.topic);
  poison_ = fail(ErrorCode::kNotFound, log_path_ + " was removed");
  dirty_.reset();
  direct_.reset();
  Status result;
  for (const std::string& path : {log_path_, index_path_, layout::segment_suspect(home_->directory, key_)}) {
    home_->files.forget(path);
    const Status removed = home_->disk.remove(path);
    if (!removed && removed.error().code != ErrorCode::kNotFound && result) result = removed;
    if (removed) home_->files.needs_sync(directory);
  }
  return result;
}

Status SegmentFile::move_to_quarantine() {
  WALRUS_ASSIGN(const bool there, home_->disk.exists(log_path_));
  if (!there) return {};
  const std::string directory = layout::quarantine_directory(home_->directory);
  WALRUS_TRY(home_->disk.make_directories(directory));
  std::string name;
  for (std::uint64_t number = 1;; ++number) {
    name = fmt::format("{}/topic_{}-segment_{}-copy_{}.log", directory, key_.topic, key_.segment, number);
    WALRUS_ASSIGN(const bool taken, home_->disk.exists(name));
    if (!taken) break;
  }
  WALRUS_TRY(home_->disk.rename(log_path_, name));
  log::warn("{} was set aside as {}", log_path_, name);
  return home_->disk.sync_directory(directory);
}

}  // namespace walrus::storage
