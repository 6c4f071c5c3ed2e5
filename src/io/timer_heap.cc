#include "io/timer_heap.h"

#include <algorithm>

namespace walrus::io {

Timer TimerHeap::add(TimePoint due, Task task) {
  if (heap_.size() >= purge_at_) drop_cancelled();
  auto armed = std::make_shared<bool>(true);
  heap_.push_back({due, next_sequence_++, armed, std::move(task)});
  std::ranges::push_heap(heap_, later);
  return Timer(std::move(armed));
}

std::optional<TimePoint> TimerHeap::next_due() {
  while (!heap_.empty() && !*heap_.front().armed) pop();
  if (heap_.empty()) return std::nullopt;
  return heap_.front().due;
}

std::optional<TimerHeap::Call> TimerHeap::pop_due(TimePoint now) {
  const auto due = next_due();
  if (!due || *due > now) return std::nullopt;
  Entry entry = pop();
  return Call{std::move(entry.armed), std::move(entry.task)};
}

void TimerHeap::Call::run() {
  if (!*armed) return;
  *armed = false;
  task();
}

std::vector<Task> TimerHeap::take_all() {
  std::vector<Task> tasks;
  tasks.reserve(heap_.size());
  for (Entry& entry : heap_) {
    *entry.armed = false;
    tasks.push_back(std::move(entry.task));
  }
  heap_.clear();
  return tasks;
}

TimerHeap::Entry TimerHeap::pop() {
  std::ranges::pop_heap(heap_, later);
  Entry entry = std::move(heap_.back());
  heap_.pop_back();
  return entry;
}

void TimerHeap::drop_cancelled() {
  // Destroyed at the end, when the heap is in order again: a task's destructor may come back here.
  std::vector<Entry> cancelled;
  const auto first_cancelled = std::partition(heap_.begin(), heap_.end(), [](const Entry& e) { return *e.armed; });
  std::move(first_cancelled, heap_.end(), std::back_inserter(cancelled));
  heap_.erase(first_cancelled, heap_.end());
  std::ranges::make_heap(heap_, later);
  purge_at_ = std::max<std::size_t>(64, 2 * heap_.size());
}

}  // namespace walrus::io
