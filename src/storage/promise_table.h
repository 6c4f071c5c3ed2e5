// What the replicas on this node have promised: by segment, the highest epoch that a fence was answered for. The twin
// of docs/format/promises.md.
//
// Three places know about promises, each newer than the one before: the node's file `promises`, written by recovery
// alone; a shard's file of the same name, with what has changed there since; the shard's log. Reading takes them in
// this order. An entry with epoch 0 says that the segment was removed, with its promise.
//
// When part of this was damaged, a promise that may have been in it is lost, which is not the same as none: look_up()
// says so for every segment that could have had one and of which nothing newer is known.
//
// A plain value; one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/segment.h"

namespace walrus::storage {

class PromiseTable {
 public:
  struct Promise {
    Epoch epoch;
    bool lost = false;  ///< there may have been a higher one
  };
  Promise look_up(SegmentKey key) const;

  /// A lower epoch than the one that is there changes nothing.
  void promise(SegmentKey key, Epoch epoch);
  void remove(SegmentKey key) { entries_[key] = Epoch(); }
  /// As if this table had never heard of it: an older one speaks again.
  void forget(SegmentKey key) { entries_.erase(key); }
  /// Promises of topics up to this one are lost, but for those that are in the table.
  void lose(TopicId through) { lost_through_ = std::max(lost_through_.value_or(through), through); }
  bool has_lost() const { return lost_through_.has_value(); }
  std::optional<TopicId> lost_through() const { return lost_through_; }
  /// `newer` wins where both know something.
  void merge(const PromiseTable& newer);
  /// Entries of removed segments that tell nothing any more go.
  void compact();

  /// Knows of no promise, nor of a lost one.
  bool empty() const { return entries_.empty() && !has_lost(); }
  const std::map<SegmentKey, Epoch>& entries() const { return entries_; }

  std::string encode() const;
  static Result<PromiseTable> decode(std::string_view bytes);

  friend bool operator==(const PromiseTable&, const PromiseTable&) = default;

 private:
  std::map<SegmentKey, Epoch> entries_;
  std::optional<TopicId> lost_through_;
};

}  // namespace walrus::storage
