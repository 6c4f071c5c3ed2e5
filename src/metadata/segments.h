// The segments of a topic, as a list that copies share: a roll changes the end of a list of any length, and whoever
// holds an older view keeps the list that it had.
//
// What it costs: a copy a pointer for each SegmentList::kChunk segments, a change the copy of one chunk. So neither a
// roll nor a look at what has changed (each_changed()) grows with the segments that a topic has.
//
// A list may be copied and read by any thread; change() and the like are for the one that has it to itself.
#pragma once

#include <boost/iterator/iterator_facade.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/ids.h"

namespace walrus::metadata {

/// The Raft index up to which commands are applied. Versions of two nodes can be compared.
using Version = std::uint64_t;

enum class SegmentState { kOpen, kSealing, kSealed };

/// A node's copy of a sealed segment that was decided to be of no use: its files go, or have gone.
struct Discard {
  NodeId node;
  Version version = 0;  ///< Raft index of the decision

  friend bool operator==(const Discard&, const Discard&) = default;
};

struct SegmentInfo {
  SegmentId id;
  Offset base;
  Offset end;  ///< meaningful only when sealed
  Epoch epoch;
  SegmentState state = SegmentState::kOpen;
  NodeId leader;
  std::vector<NodeId> replicas;  ///< sealed: its holders; none when the last one's disk is gone for good
  Epoch seal_epoch;              ///< while being sealed: what replicas are fenced with
  NodeId recoverer;              ///< while being sealed: who finds the end
  bool lose_data = false;        ///< while being sealed: an operator has given up what the disks that are gone had
  std::uint64_t hash = 0;        ///< sealed: of the content up to `end`
  std::uint64_t bytes = 0;       ///< sealed: as stored
  std::int64_t latest_ms = 0;    ///< sealed: time of the latest record, since the Unix epoch; 0: not known
  std::vector<Discard> discards = {};  ///< sealed: that their nodes have not confirmed
  Version discarded = 0;               ///< the last discard, confirmed or not

  bool has_replica(NodeId node) const;
  /// That of this node's copy; null when there is none.
  const Discard* discard_of(NodeId node) const;
  bool sealed() const { return state == SegmentState::kSealed; }
  /// Nobody has its records any more.
  bool lost() const { return sealed() && replicas.empty() && end > base; }
};

/// Ordered by id, without gaps.
class SegmentList {
 public:
  static constexpr std::size_t kChunk = 32;

  class Iterator : public boost::iterator_facade<Iterator, const SegmentInfo, boost::random_access_traversal_tag> {
   public:
    Iterator() = default;

   private:
    friend class SegmentList;
    friend class boost::iterator_core_access;
    Iterator(const SegmentList& list, std::size_t place) : list_(&list), place_(place) {}
    const SegmentInfo& dereference() const { return (*list_)[place_]; }
    bool equal(const Iterator& other) const { return place_ == other.place_; }
    void increment() { ++place_; }
    void decrement() { --place_; }
    void advance(std::ptrdiff_t by) { place_ += static_cast<std::size_t>(by); }
    std::ptrdiff_t distance_to(const Iterator& other) const {
      return static_cast<std::ptrdiff_t>(other.place_) - static_cast<std::ptrdiff_t>(place_);
    }

    const SegmentList* list_ = nullptr;
    std::size_t place_ = 0;
  };

  SegmentList() = default;
  explicit SegmentList(std::vector<SegmentInfo> segments);

  std::size_t size() const {
    return chunks_.empty() ? 0 : (chunks_.size() - 1) * kChunk + chunks_.back()->size() - skip_;
  }
  bool empty() const { return size() == 0; }
  const SegmentInfo& operator[](std::size_t place) const {
    return (*chunks_[(skip_ + place) / kChunk])[(skip_ + place) % kChunk];
  }
  const SegmentInfo& front() const { return (*this)[0]; }
  const SegmentInfo& back() const { return chunks_.back()->back(); }
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, size()}; }

  /// Null when it is not in the list.
  const SegmentInfo* find(SegmentId id) const;
  /// `visit(segment, earlier)` for each segment that is not as in `before`, and maybe for some that are; `earlier` is
  /// null for what was not in there. With no `before` nothing was.
  template <class Visit>
  void each_changed(const SegmentList* before, Visit&& visit) const;

  void push_back(SegmentInfo segment);
  /// To be written, until something else of the list is changed.
  SegmentInfo& change(std::size_t place);
  SegmentInfo& change_back() { return change(size() - 1); }
  /// Removes the first `count`.
  void drop_front(std::size_t count);

 private:
  /// From ids that are a multiple of kChunk on, so that those of two lists of one topic can be compared. Before the
  /// first id of a list that does not begin there are as many empty ones.
  using Chunk = std::vector<SegmentInfo>;

  /// The one with this id; null when it is not in the list.
  const Chunk* chunk_of(SegmentId id) const;
  static std::size_t place_in_chunk(SegmentId id) { return id.value() % kChunk; }

  std::vector<std::shared_ptr<const Chunk>> chunks_;  // all but the last one are full
  std::size_t skip_ = 0;                              // of the first chunk
};

template <class Visit>
void SegmentList::each_changed(const SegmentList* before, Visit&& visit) const {
  const SegmentList none;
  const SegmentList& old = before != nullptr ? *before : none;
  for (std::size_t place = 0; place < size();) {
    const std::size_t chunk = (skip_ + place) / kChunk;
    const std::size_t next = std::min((chunk + 1) * kChunk - skip_, size());
    const bool shared = chunks_[chunk].get() == old.chunk_of((*this)[place].id);
    for (; place < next && !shared; ++place) visit((*this)[place], old.find((*this)[place].id));
    place = next;
  }
}

}  // namespace walrus::metadata
