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

}  // namespace

void append_answer(std::string& output, const Answer& answer) {
  switch (answer.kind) {
    case Answer::Kind::kOk:
      output.append("\2\0\0\0OK"sv);
      return;
    case Answer::Kind::kOkPayload:
      protocol::append_frame(output, "OK ", answer.payload);
      return;
    case Answer::Kind::kEmpty:
      output.append("\5\0\0\0EMPTY"sv);
      return;
    case Answer::Kind::kError:
      protocol::append_frame(output, "ERR ", answer.payload);
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

void AnswerQueue::answer(std::uint64_t number, const Answer& answer, std::string& output) {
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
  slot.charge = answer.payload.size();
  held_bytes_ += slot.charge;
}

void AnswerQueue::write_kept(std::string& output) {
  while (head_ != tail_ && at(head_).answered) {
    Slot& slot = at(head_);
    append_answer(output, {slot.kind, slot.payload});
    held_bytes_ -= slot.charge;
    if (slot.payload.capacity() > kKeptPayloadCapacity) std::string().swap(slot.payload);
    slot.payload.clear();
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
