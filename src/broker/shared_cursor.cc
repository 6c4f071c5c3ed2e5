#include "broker/shared_cursor.h"

#include <utility>

namespace walrus::broker {

namespace {

/// The place behind the last record of one batch that is wanted.
Result<Offset> bounded_end_in(const SharedBytes& batch, Offset from, std::uint64_t records, std::size_t bytes) {
  storage::BatchReader reader(batch.view());
  Offset next = from;
  std::size_t taken = 0;
  while (next - from < records && taken < bytes) {
    WALRUS_ASSIGN(const auto record, reader.next());
    if (!record) break;
    if (record->offset < from) continue;
    taken += record->value.size() + (record->key ? record->key->size() : 0) + record->raw_headers.size();
    if (taken > bytes && next > from) break;
    next = record->offset + 1;
  }
  return next;
}

}  // namespace

Result<Offset> bounded_end(const storage::Batches& batches, Offset from, std::uint32_t max_records,
                           std::size_t max_bytes) {
  Offset next = from;
  std::size_t bytes = 0;
  for (const SharedBytes& batch : batches) {
    WALRUS_ASSIGN(const storage::BatchHeader header, storage::parse_batch_header(batch.view()));
    const std::uint64_t left = max_records - (next - from);
    if (left == 0 || (bytes >= max_bytes && next > from)) break;
    const bool whole = header.end_offset() - next <= left && bytes + batch.size() <= max_bytes;
    if (!whole) return bounded_end_in(batch, next, left, max_bytes - bytes);
    next = header.end_offset();
    bytes += batch.size();
  }
  return next;
}

void SharedCursor::take(std::uint32_t max_records, std::size_t max_bytes, TakeDone done) {
  if (frozen_) return done(fail(ErrorCode::kNotLeader));
  requests_.push_back({.max_records = max_records, .max_bytes = max_bytes, .done = std::move(done)});
  pump();
}

void SharedCursor::skip_to(Offset start) {
  if (frozen_ || position_ >= start) return;
  position_ = start;  // what was read ahead before it is passed over
  source_.moved();
}

void SharedCursor::freeze() {
  frozen_ = true;
  while (!requests_.empty()) fail_front({ErrorCode::kNotLeader, {}});
}

void SharedCursor::read(std::uint32_t max_records, std::size_t max_bytes, bool advance, CursorReadDone done) {
  if (frozen_) return done(fail(ErrorCode::kNotLeader));
  requests_.push_back(
      {.max_records = max_records, .max_bytes = max_bytes, .done = std::move(done), .advance = advance});
  pump();
}

void SharedCursor::move_to(Offset place) {
  if (frozen_) return;
  ++moves_;
  position_ = place;
  reader_.reset();
  ahead_.clear();
  source_.moved();
}

void SharedCursor::finish_front(Result<Taken> taken) {
  Request request = std::move(requests_.front());
  requests_.pop_front();
  std::get<TakeDone>(request.done)(std::move(taken));
}

void SharedCursor::finish_front(Result<CursorRead> read) {
  Request request = std::move(requests_.front());
  requests_.pop_front();
  std::get<CursorReadDone>(request.done)(std::move(read));
}

void SharedCursor::fail_front(const Error& error) {
  if (std::holds_alternative<TakeDone>(requests_.front().done)) return finish_front(Result<Taken>(fail(error)));
  finish_front(Result<CursorRead>(fail(error)));
}

void SharedCursor::pump() {
  if (pumping_ || reading_) return;
  pumping_ = true;
  const auto self = shared_from_this();  // an answer may make the owner let go of us
  while (!requests_.empty()) {
    if (std::holds_alternative<CursorReadDone>(requests_.front().done)) {
      read_batches();
      if (reading_) break;
      continue;
    }
    Taken taken;
    if (Status gathered = gather(requests_.front(), taken); !gathered) {
      fail_front(gathered.error());
      continue;
    }
    if (!taken.payloads.empty()) source_.moved();
    taken.at_end = position_ >= source_.readable_end();
    const bool wants_any = requests_.front().max_records > 0 && requests_.front().max_bytes > 0;
    if (taken.payloads.empty() && !taken.at_end && wants_any) {
      read_ahead();
      if (reading_) break;
      continue;
    }
    finish_front(Result<Taken>(std::move(taken)));
  }
  pumping_ = false;
}

Status SharedCursor::gather(const Request& request, Taken& taken) {
  std::size_t bytes = 0;
  while (taken.payloads.size() < request.max_records && bytes < request.max_bytes) {
    if (!reader_ && !next_batch()) return {};
    auto record = reader_->next();
    if (record && *record && (*record)->offset >= source_.readable_end()) {
      record = fail(ErrorCode::kCorrupt, "a batch reaches past the end of its segment");
    }
    if (!record) {
      // Forget what was read ahead: the next take reads again from the position and meets the error with empty hands.
      reader_.reset();
      ahead_.clear();
      return taken.payloads.empty() ? Status(fail(record.error())) : Status();
    }
    if (!*record) {
      reader_.reset();
      continue;
    }
    if ((*record)->offset < position_) continue;  // the batch began before the position
    if (taken.owners.empty() || taken.owners.back().data() != current_.data()) taken.owners.push_back(current_);
    taken.payloads.push_back((*record)->value);
    bytes += (*record)->value.size();
    position_ = (*record)->offset + 1;
  }
  return {};
}

bool SharedCursor::next_batch() {
  if (ahead_.empty()) return false;
  current_ = std::move(ahead_.front());
  ahead_.pop_front();
  reader_.emplace(current_.view());
  return true;
}

void SharedCursor::read_ahead() {
  reading_ = true;
  source_.read(position_,
               [weak = weak_from_this(), from = position_, moves = moves_](Result<storage::Batches> batches) {
                 const auto self = weak.lock();
                 if (!self) return;
                 self->reading_ = false;
                 if (self->moves_ != moves) return self->pump();
                 if (self->position_ > from && !batches)
                   return self->pump();  // it was trimmed away meanwhile: go on behind that
                 if (batches && batches->empty())
                   batches = fail(ErrorCode::kCorrupt, "no batch at the cursor's position");
                 if (batches) {
                   for (SharedBytes& batch : *batches) self->ahead_.push_back(std::move(batch));
                 } else if (!self->requests_.empty()) {
                   self->fail_front(batches.error());
                 }
                 self->pump();
               });
}

/// The request in front wants batches: from the position on, read afresh.
void SharedCursor::read_batches() {
  reader_.reset();
  ahead_.clear();
  if (position_ >= source_.readable_end()) {
    return finish_front(Result<CursorRead>(CursorRead{.first = position_, .next = position_, .batches = {}}));
  }
  reading_ = true;
  source_.read(position_,
               [weak = weak_from_this(), from = position_, moves = moves_](Result<storage::Batches> batches) {
                 const auto self = weak.lock();
                 if (!self) return;
                 self->reading_ = false;
                 const bool moved = self->moves_ != moves || self->position_ != from;  // a SEEK, a COMMIT, a trim
                 if (!moved && !self->requests_.empty()) self->finish_read(std::move(batches));
                 self->pump();
               });
}

void SharedCursor::finish_read(Result<storage::Batches> batches) {
  if (batches && batches->empty()) batches = fail(ErrorCode::kCorrupt, "no batch at the cursor's position");
  if (!batches) return fail_front(batches.error());
  const Request& request = requests_.front();
  const auto next = bounded_end(*batches, position_, request.max_records, request.max_bytes);
  if (!next || *next <= position_ || *next > source_.readable_end()) {
    return fail_front(next ? Error{ErrorCode::kCorrupt, "batches that do not fit the cursor's position"}
                           : next.error());
  }
  CursorRead read{.first = position_, .next = *next, .batches = std::move(*batches)};
  if (request.advance) {
    position_ = *next;
    source_.moved();
  }
  finish_front(Result<CursorRead>(std::move(read)));
}

}  // namespace walrus::broker
