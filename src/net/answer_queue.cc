#include "net/answer_queue.h"

#include <utility>

#include "base/assert.h"
#include "protocol/frame.h"

namespace walrus::net {
namespace {

using namespace std::string_view_literals;
using broker::Answer;

constexpr std::size_t kFirstRingSlots = 16;
constexpr std::size_t kKeptPayloadCapacity = 256;
/// A shorter piece of a body is cheaper copied than kept and sent from where it lies.
constexpr std::size_t kSharedPieceBytes = 4096;

std::size_t bytes_of(std::span<const SharedBytes> body) {
  std::size_t bytes = 0;
  for (const SharedBytes& piece : body) bytes += piece.size();
  return bytes;
}

void append_piece(OutputQueue& output, const SharedBytes& piece) {
  if (piece.size() < kSharedPieceBytes) {
    output.text().append(piece.view());
  } else {
    output.append(piece);
  }
}

}  // namespace

void append_answer(OutputQueue& output, const Answer& answer) {
  switch (answer.kind) {
    case Answer::Kind::kOk:
      output.text().append("\2\0\0\0OK"sv);
      return;
    case Answer::Kind::kOkPayload:
      protocol::append_frame(output.text(), "OK ", answer.payload, bytes_of(answer.body));
      for (const SharedBytes& piece : answer.body) append_piece(output, piece);
      return;
    case Answer::Kind::kEmpty:
      output.text().append("\5\0\0\0EMPTY"sv);
      return;
    case Answer::Kind::kError:
      protocol::append_frame(output.text(), "ERR ", answer.payload);
      return;
  }
}

std::uint64_t AnswerQueue::open(std::size_t charge) {
  if (size() == ring_.size()) grow();
  Slot& slot = at(tail_);
  slot.answered = false;
  slot.charge = charge;
  held_bytes_ += charge;
  return tail_++;
}

void AnswerQueue::change_charge(std::uint64_t number, std::size_t charge) {
  WALRUS_ASSERT(number >= head_ && number < tail_);
  Slot& slot = at(number);
  WALRUS_ASSERT(!slot.answered);
  held_bytes_ = held_bytes_ - slot.charge + charge;
  slot.charge = charge;
}

void AnswerQueue::answer(std::uint64_t number, const Answer& answer, OutputQueue& output) {
  WALRUS_ASSERT(number >= head_ && number < tail_);
  Slot& slot = at(number);
  WALRUS_ASSERT(!slot.answered, "a request was answered twice");
  slot.answered = true;
  held_bytes_ -= slot.charge;
  if (number == head_) {
    append_answer(output, answer);
    ++head_;
    write_kept(output);
    return;
  }
  slot.kind = answer.kind;
  slot.payload.assign(answer.payload);
  slot.body.assign(answer.body.begin(), answer.body.end());
  slot.charge = answer.payload.size() + bytes_of(answer.body);
  held_bytes_ += slot.charge;
}

void AnswerQueue::write_kept(OutputQueue& output) {
  while (head_ != tail_ && at(head_).answered) {
    Slot& slot = at(head_);
    append_answer(output, {slot.kind, slot.payload, slot.body});
    held_bytes_ -= slot.charge;
    if (slot.payload.capacity() > kKeptPayloadCapacity) std::string().swap(slot.payload);
    slot.payload.clear();
    if (!slot.body.empty()) std::vector<SharedBytes>().swap(slot.body);
    ++head_;
  }
}

void AnswerQueue::grow() {
  std::vector<Slot> larger(ring_.empty() ? kFirstRingSlots : ring_.size() * 2);
  for (std::uint64_t slot = head_; slot != tail_; ++slot) larger[slot & (larger.size() - 1)] = std::move(at(slot));
  ring_ = std::move(larger);
}

void AnswerQueue::release() {
  if (empty()) std::vector<Slot>().swap(ring_);
}

}  // namespace walrus::net
