#include "net/output_queue.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace walrus::net {

void OutputQueue::append(SharedBytes bytes) {
  if (bytes.empty()) return;
  shared_bytes_ += bytes.size();
  shared_.push_back({.behind = text_erased_ + text_.size(), .bytes = std::move(bytes)});
}

std::span<const std::string_view> OutputQueue::pieces() {
  pieces_.clear();
  std::string_view text = std::string_view(text_).substr(text_dropped_);
  std::uint64_t position = text_position();
  std::size_t i = shared_dropped_;
  for (; i < shared_.size() && pieces_.size() + 2 <= kMostPieces; ++i) {
    const auto before = static_cast<std::size_t>(shared_[i].behind - position);
    if (before > 0) pieces_.push_back(text.substr(0, before));
    text.remove_prefix(before);
    position += before;
    pieces_.push_back(shared_[i].bytes.view());
  }
  if (i == shared_.size() && !text.empty() && pieces_.size() < kMostPieces) pieces_.push_back(text);
  return pieces_;
}

void OutputQueue::drop(std::size_t count) {
  WALRUS_ASSERT(count <= size());
  while (count > 0) {
    if (shared_dropped_ == shared_.size()) return drop_text(count);
    Shared& next = shared_[shared_dropped_];
    const auto before = static_cast<std::size_t>(next.behind - text_position());
    const std::size_t text = std::min(count, before);
    drop_text(text);
    count -= text;
    const std::size_t taken = std::min(count, next.bytes.size());
    if (taken == 0) continue;
    next.bytes = next.bytes.slice(taken);
    shared_bytes_ -= taken;
    count -= taken;
    if (!next.bytes.empty()) continue;
    next.bytes = {};
    if (++shared_dropped_ == shared_.size()) {
      shared_.clear();
      shared_dropped_ = 0;
    }
  }
}

void OutputQueue::drop_text(std::size_t count) {
  text_dropped_ += count;
  if (text_dropped_ == text_.size()) {
    text_erased_ += text_.size();
    text_.clear();
    text_dropped_ = 0;
  } else if (text_dropped_ > text_.size() / 2) {
    text_erased_ += text_dropped_;
    text_.erase(0, text_dropped_);
    text_dropped_ = 0;
  }
}

void OutputQueue::clear() {
  drop(size());
  release();
}

std::size_t OutputQueue::allocated_bytes() const {
  const std::size_t text = text_.capacity() > std::string().capacity() ? text_.capacity() : 0;
  return text + shared_bytes_ + shared_.capacity() * sizeof(Shared) + pieces_.capacity() * sizeof(std::string_view);
}

void OutputQueue::release() {
  if (!empty()) return;
  std::string().swap(text_);  // assigning an empty one would keep the capacity
  std::vector<Shared>().swap(shared_);
  std::vector<std::string_view>().swap(pieces_);
}

}  // namespace walrus::net
