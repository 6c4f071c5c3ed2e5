#include "metadata/segments.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace walrus::metadata {

bool SegmentInfo::has_replica(NodeId node) const { return std::ranges::find(replicas, node) != replicas.end(); }

const Discard* SegmentInfo::discard_of(NodeId node) const {
  const auto found = std::ranges::find(discards, node, &Discard::node);
  return found == discards.end() ? nullptr : &*found;
}

SegmentList::SegmentList(std::vector<SegmentInfo> segments) {
  if (segments.empty()) return;
  skip_ = place_in_chunk(segments.front().id);
  Chunk chunk(skip_);
  for (SegmentInfo& segment : segments) {
    if (chunk.size() == kChunk) chunks_.push_back(std::make_shared<const Chunk>(std::exchange(chunk, {})));
    chunk.push_back(std::move(segment));
  }
  chunks_.push_back(std::make_shared<const Chunk>(std::move(chunk)));
}

const SegmentInfo* SegmentList::find(SegmentId id) const {
  if (empty() || id < front().id) return nullptr;
  const std::size_t place = id.value() - front().id.value();
  return place < size() && (*this)[place].id == id ? &(*this)[place] : nullptr;
}

const SegmentList::Chunk* SegmentList::chunk_of(SegmentId id) const {
  const SegmentInfo* segment = find(id);
  if (segment == nullptr) return nullptr;
  return chunks_[(skip_ + id.value() - front().id.value()) / kChunk].get();
}

void SegmentList::push_back(SegmentInfo segment) {
  if (empty()) {
    *this = SegmentList(std::vector{std::move(segment)});
    return;
  }
  if (chunks_.back()->size() == kChunk) {
    chunks_.push_back(std::make_shared<const Chunk>(1, std::move(segment)));
    return;
  }
  Chunk chunk;
  chunk.reserve(chunks_.back()->size() + 1);
  chunk = *chunks_.back();
  chunk.push_back(std::move(segment));
  chunks_.back() = std::make_shared<const Chunk>(std::move(chunk));
}

SegmentInfo& SegmentList::change(std::size_t place) {
  WALRUS_ASSERT(place < size());
  const auto copy = std::make_shared<Chunk>(*chunks_[(skip_ + place) / kChunk]);
  chunks_[(skip_ + place) / kChunk] = copy;
  return (*copy)[(skip_ + place) % kChunk];
}

void SegmentList::drop_front(std::size_t count) {
  WALRUS_ASSERT(count <= size());
  if (count == size()) {
    *this = SegmentList();
    return;
  }
  skip_ += count;
  chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(skip_ / kChunk));
  skip_ %= kChunk;
}

}  // namespace walrus::metadata
