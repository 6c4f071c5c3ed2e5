#include "broker/shared_cursor.h"

#include <utility>

namespace walrus::broker {

void SharedCursor::take(std::uint32_t max_records, std::size_t max_bytes, TakeDone done) {
  if (frozen_) return done(fail(ErrorCode::kNotLeader));
  requests_.push_back({max_records, max_bytes, std::move(done)});
  pump();
}

void SharedCursor::skip_to(Offset start) {
  if (frozen_ || position_ >= start) return;
  position_ = start;  // what was read ahead before it is passed over
  source_.moved();
}

void SharedCursor::freeze() {
  frozen_ = true;
  while (!requests_.empty()) finish_front(fail(ErrorCode::kNotLeader));
}

void SharedCursor::finish_front(Result<Taken> taken) {
  Request request = std::move(requests_.front());
  requests_.pop_front();
  request.done(std::move(taken));
}

void SharedCursor::pump() {
  if (pumping_ || reading_) return;
  pumping_ = true;
  const auto self = shared_from_this();  // an answer may make the owner let go of us
  while (!requests_.empty()) {
    Taken taken;
    if (Status gathered = gather(requests_.front(), taken); !gathered) {
      finish_front(fail(gathered.error()));
      continue;
    }
    if (!taken.payloads.empty()) source_.moved();
    taken.at_end = position_ >= source_.readable_end();
    if (taken.payloads.empty() && !taken.at_end && requests_.front().max_records > 0) {
      read_ahead();
      if (reading_) break;
      continue;
    }
    finish_front(std::move(taken));
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
  source_.read(position_, [weak = weak_from_this(), from = position_](Result<storage::Batches> batches) {
    const auto self = weak.lock();
    if (!self) return;
    self->reading_ = false;
    if (self->position_ > from && !batches) return self->pump();  // it was trimmed away meanwhile: go on behind that
    if (batches && batches->empty()) batches = fail(ErrorCode::kCorrupt, "no batch at the cursor's position");
    if (batches) {
      for (SharedBytes& batch : *batches) self->ahead_.push_back(std::move(batch));
    } else if (self->position_ == from && !self->requests_.empty()) {  // else that was trimmed meanwhile
      self->finish_front(fail(batches.error()));
    }
    self->pump();
  });
}

}  // namespace walrus::broker
