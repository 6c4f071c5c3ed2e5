// A call under way: while one is there close() waits, so that the threads of the store run. False when the store is
// closed. Calls may be nested.
#pragma once

#include "embed/engine.h"

namespace walrus::embed {

class Engine::Call {
 public:
  explicit Call(const Engine& engine) : engine_(engine) {
    open_ = (engine_.calls_.fetch_add(1, std::memory_order_acq_rel) & kClosed) == 0;
  }
  ~Call() {
    if (engine_.calls_.fetch_sub(1, std::memory_order_acq_rel) == kClosed + 1) engine_.calls_.notify_all();
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  explicit operator bool() const { return open_; }

 private:
  const Engine& engine_;
  bool open_ = false;
};

}  // namespace walrus::embed
