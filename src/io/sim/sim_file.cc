#include "io/sim/sim_file.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/limits.h"

namespace walrus::io {

using Operation = SimDisk::Operation;

SimFile::SimFile(SimDisk& disk, std::string path, std::shared_ptr<SimInode> inode, OpenOptions options, Loop* loop)
    : disk_(disk),
      path_(std::move(path)),
      options_(options),
      loop_(loop),
      state_(std::make_shared<State>(std::move(inode), disk.life_)) {}

SimFile::~SimFile() { state_->closed = true; }

Status SimFile::usable() const {
  if (state_->life->over) return fail(ErrorCode::kIo, path_ + ": opened before the crash");
  return {};
}

Status SimFile::writable() const {
  WALRUS_TRY(usable());
  if (options_.mode == OpenOptions::Mode::kRead) return fail(ErrorCode::kIo, path_ + ": opened for reading only");
  return {};
}

void SimFile::check_alignment(std::uint64_t position, const char* memory, std::size_t size) const {
  if (!options_.aligned()) return;
  WALRUS_ASSERT(position % limits::kDirectAlignment == 0 && size % limits::kDirectAlignment == 0);
  WALRUS_ASSERT(reinterpret_cast<std::uintptr_t>(memory) % limits::kDirectAlignment == 0);
}

Result<std::size_t> SimFile::read(std::uint64_t position, char* into, std::size_t size) {
  WALRUS_TRY(usable());
  check_alignment(position, into, size);
  WALRUS_TRY(disk_.begin(Operation::kRead, path_, position, size));
  return state_->inode->visible().read(position, into, size);
}

Status SimFile::start_write(std::uint64_t position, std::string_view bytes, std::uint64_t& sequence) {
  WALRUS_TRY(writable());
  check_alignment(position, bytes.data(), bytes.size());
  Status status = disk_.begin(Operation::kWrite, path_, position, bytes.size());
  if (!disk_.powered_) return status;
  std::uint64_t fits = bytes.size();
  if (status) {
    const std::uint64_t most = disk_.most_size(*state_->inode, position + bytes.size());
    if (most < position + bytes.size()) {
      fits = most > position ? most - position : 0;
      status = fail(ErrorCode::kDiskFull, "write " + path_ + ": No space left on device");
    }
  } else {
    fits = disk_.random_.below(bytes.size() + 1);
  }
  sequence = disk_.tree_.next_sequence();
  // The part of a failed direct write stays pending for ever: a crash may keep it or not.
  state_->inode->write(sequence, position, bytes.substr(0, fits), options_.direct_sync);
  return status;
}

Status SimFile::write(std::uint64_t position, std::string_view bytes) {
  std::uint64_t sequence = 0;
  WALRUS_TRY(start_write(position, bytes, sequence));
  if (options_.direct_sync) state_->inode->commit(sequence);
  return {};
}

Status SimFile::sync() {
  WALRUS_TRY(usable());
  const Status status = disk_.begin(Operation::kSync, path_);
  const std::uint64_t last = disk_.tree_.last_sequence();
  if (status) {
    state_->inode->commit_buffered(last);
  } else if (disk_.powered_) {
    state_->inode->forget_buffered(last);
  }
  return status;
}

Status SimFile::truncate(std::uint64_t size) {
  WALRUS_TRY(writable());
  WALRUS_TRY(disk_.begin(Operation::kTruncate, path_, size));
  if (disk_.most_size(*state_->inode, size) < size) {
    return fail(ErrorCode::kDiskFull, "truncate " + path_ + ": No space left on device");
  }
  state_->inode->truncate(disk_.tree_.next_sequence(), size);
  return {};
}

Result<std::uint64_t> SimFile::size() {
  WALRUS_TRY(usable());
  WALRUS_TRY(disk_.begin(Operation::kOpen, path_));
  return state_->inode->visible().size();
}

Status SimFile::prewrite(std::uint64_t size) {
  WALRUS_TRY(writable());
  const std::uint64_t from = state_->inode->visible().size();
  if (from < size) {
    WALRUS_TRY(disk_.begin(Operation::kWrite, path_, from, size - from));
    const std::uint64_t most = disk_.most_size(*state_->inode, size);
    if (most > from) state_->inode->write_zeros(disk_.tree_.next_sequence(), from, std::min(most, size) - from);
    if (most < size) return fail(ErrorCode::kDiskFull, "prewrite " + path_ + ": No space left on device");
  }
  return sync();
}

void SimFile::finish_on(Loop& loop, const std::shared_ptr<State>& state, Task finish) {
  loop.post([state, finish = std::move(finish)]() mutable {
    if (state->life->over) return;
    WALRUS_ASSERT(!state->closed, "a file was destroyed before its operations were done");
    finish();
  });
}

void SimFile::async_write(std::uint64_t position, std::string_view bytes, Done done) {
  WALRUS_ASSERT(loop_ != nullptr);
  std::uint64_t sequence = 0;
  Status status = start_write(position, bytes, sequence);
  std::string copy(status ? bytes : std::string_view());
  auto effect = [&disk = disk_, &loop = *loop_, state = state_, path = path_, direct = options_.direct_sync, position,
                 bytes, copy = std::move(copy), sequence, status = std::move(status),
                 done = std::move(done)]() mutable {
    const bool succeeded = status.has_value();
    if (succeeded && !disk.begin(Operation::kWriteDone, path, position, bytes.size())) return;
    if (succeeded && direct) state->inode->commit(sequence);
    finish_on(loop, state,
              [bytes, copy = std::move(copy), succeeded, status = std::move(status), done = std::move(done)]() mutable {
                WALRUS_ASSERT(!succeeded || bytes == copy,
                              "the memory of a write changed while the write was in flight");
                done(std::move(status));
              });
  };
  disk_.complete_later(std::move(effect));
}

void SimFile::async_read(std::uint64_t position, char* into, std::size_t size, ReadDone done) {
  WALRUS_ASSERT(loop_ != nullptr);
  check_alignment(position, into, size);
  Status status = usable();
  if (status) status = disk_.begin(Operation::kRead, path_, position, size);
  auto effect = [&loop = *loop_, state = state_, position, into, size, status = std::move(status),
                 done = std::move(done)]() mutable {
    std::string content(status ? size : 0, '\0');
    content.resize(state->inode->visible().read(position, content.data(), content.size()));
    finish_on(loop, state,
              [into, content = std::move(content), status = std::move(status), done = std::move(done)]() mutable {
                if (!status) return done(fail(std::move(status.error())));
                std::memcpy(into, content.data(), content.size());
                done(content.size());
              });
  };
  disk_.complete_later(std::move(effect));
}

void SimFile::async_sync(Done done) {
  WALRUS_ASSERT(loop_ != nullptr);
  Status status = usable();
  if (status) status = disk_.begin(Operation::kSync, path_);
  const std::uint64_t last = disk_.tree_.last_sequence();
  auto effect = [&disk = disk_, &loop = *loop_, state = state_, path = path_, last, status = std::move(status),
                 done = std::move(done)]() mutable {
    if (status) {
      if (!disk.begin(Operation::kSyncDone, path)) return;
      state->inode->commit_buffered(last);
    } else {
      state->inode->forget_buffered(last);
    }
    finish_on(loop, state, [status = std::move(status), done = std::move(done)]() mutable { done(std::move(status)); });
  };
  disk_.complete_later(std::move(effect));
}

}  // namespace walrus::io
