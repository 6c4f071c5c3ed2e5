// Work that is under way, and who waits for the end of all that had begun before. What begins later does not keep them:
// under a steady load there is always something under way. Loop thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "io/loop.h"

namespace walrus::embed {

class Ongoing {
 public:
  using Mark = std::uint64_t;

  /// Something begins; its end is told with what this returns.
  Mark begin() {
    ++spans_.back().open;
    return first_ + spans_.size() - 1;
  }

  /// May run tasks that wait.
  void end(Mark mark) {
    Span& span = spans_[mark - first_];
    WALRUS_ASSERT(span.open > 0);
    --span.open;
    while (spans_.size() > 1 && spans_.front().open == 0) {
      std::vector<io::Task> then = std::move(spans_.front().then);
      spans_.pop_front();
      ++first_;
      for (io::Task& task : then) task();
    }
  }

  /// Runs `task` once all that has begun has ended; at once when it has.
  void when_ended(io::Task task) {
    if (spans_.size() == 1 && spans_.front().open == 0) return task();
    spans_.back().then.push_back(std::move(task));
    spans_.emplace_back();
  }

 private:
  /// What began between two calls of when_ended(), and what follows on it and all before it.
  struct Span {
    std::size_t open = 0;
    std::vector<io::Task> then;
  };
  std::deque<Span> spans_ = std::deque<Span>(1);  // never empty; the last one takes what begins
  Mark first_ = 0;                                // of spans_.front()
};

}  // namespace walrus::embed
