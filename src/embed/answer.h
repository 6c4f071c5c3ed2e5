// A blocking call of another thread's loop: the caller waits, the loop answers once. A callback that is destroyed
// without having been called (the loop has ended) answers kShuttingDown.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "base/result.h"
#include "embed/gate.h"

namespace walrus::embed {

template <class T>
class Answer {
  struct Slot {
    Gate gate;
    std::optional<Result<T>> result;
  };

 public:
  Answer() : slot_(std::make_shared<Slot>()) {}

  /// To be called once, on any thread.
  class Callback {
   public:
    explicit Callback(std::shared_ptr<Slot> slot) : slot_(std::move(slot)) {}
    Callback(Callback&&) = default;
    Callback& operator=(Callback&&) = delete;
    ~Callback() {
      if (slot_) (*this)(fail(ErrorCode::kShuttingDown));
    }
    void operator()(Result<T> result) {
      slot_->result.emplace(std::move(result));
      std::exchange(slot_, nullptr)->gate.open();
    }

   private:
    std::shared_ptr<Slot> slot_;
  };
  Callback callback() const { return Callback(slot_); }

  /// Once.
  Result<T> wait() {
    slot_->gate.wait();
    return *std::move(slot_->result);
  }

 private:
  std::shared_ptr<Slot> slot_;
};

}  // namespace walrus::embed
