// Room for the frames above limits::kMaxFrameBytes that the sessions of one shard are reading or have carried out
// and not answered yet. A connection's own bound would allow every one of thousands to hold 64 MiB; this one is shared.
//
// take() before a large frame is read; who finds no room reads no further and is called, first come first served, with
// the room already taken for it. give_back() when nothing of it is held any more. One thread.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>

namespace walrus::net {

class LargeFrames {
 public:
  explicit LargeFrames(std::size_t room) : room_(room) {}

  /// True when the room was there. Else `granted` runs later, once, from give_back(), when it has been taken; it says
  /// whether it is still wanted.
  bool take(std::size_t bytes, std::function<bool()> granted);
  void give_back(std::size_t bytes);

  std::size_t taken() const { return taken_; }

 private:
  struct Waiting {
    std::size_t bytes;
    std::function<bool()> granted;
  };
  /// One at a time goes beyond the room, so that a small room cannot block a frame for ever.
  bool fits(std::size_t bytes) const { return taken_ == 0 || taken_ + bytes <= room_; }

  const std::size_t room_;
  std::size_t taken_ = 0;
  std::deque<Waiting> waiting_;
};

}  // namespace walrus::net
