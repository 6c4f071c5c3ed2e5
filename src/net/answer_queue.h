// The unanswered requests of one connection: answers come by slot number in any order, and leave as frames in the
// order of the requests.
//
// Happy path: open() numbers a request; answer() with the number of the oldest unanswered one writes its frame to the
// output, together with those behind it that were answered before; any other answer is kept until its turn.
//
// What it costs is known before it happens: each request is opened with a charge, the bytes that it may make us hold
// (its payload, or the longest reply it can get), and the owner stops opening when the sum is high enough. The ring
// grows with the number of unanswered requests and allocates nothing in a steady state; release() gives memory back.
//
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "broker/request_sink.h"
#include "net/output_queue.h"

namespace walrus::net {

class AnswerQueue {
 public:
  /// The slot number of the next request: 0, 1, 2 …
  std::uint64_t open(std::size_t charge);

  /// The slot counts as `charge` bytes until it is answered, from now on.
  void change_charge(std::uint64_t slot, std::size_t charge);

  /// Appends the frames whose turn has come to `output`. Each slot is answered once.
  void answer(std::uint64_t slot, const broker::Answer& answer, OutputQueue& output);

  /// Requests whose frames are not written yet.
  std::size_t size() const { return static_cast<std::size_t>(tail_ - head_); }
  bool empty() const { return head_ == tail_; }
  /// Charges of the unanswered and bytes of the answers kept.
  std::size_t held_bytes() const { return held_bytes_; }

  std::size_t allocated_bytes() const { return ring_.capacity() * sizeof(Slot); }

  /// Frees what is not needed at once.
  void release();

 private:
  struct Slot {
    bool answered = false;
    broker::Answer::Kind kind = broker::Answer::Kind::kOk;
    std::size_t charge = 0;  // until it is answered; then the size of the payload
    std::string payload;     // of an answer that is kept
    std::vector<SharedBytes> body;
  };
  Slot& at(std::uint64_t slot) { return ring_[slot & (ring_.size() - 1)]; }
  void grow();
  void write_kept(OutputQueue& output);

  std::vector<Slot> ring_;  // size a power of two, or none; slot n lies at n modulo size
  std::uint64_t head_ = 0;  // oldest slot whose frame is not written
  std::uint64_t tail_ = 0;  // next slot to open
  std::size_t held_bytes_ = 0;
};

/// The frame of one answer.
void append_answer(OutputQueue& output, const broker::Answer& answer);

}  // namespace walrus::net
