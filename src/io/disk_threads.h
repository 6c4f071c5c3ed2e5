// File operations by blocking system calls on a few threads of their own: for kernels without io_uring. The same
// promises, a context switch more per operation. submit() from any loop's thread; one pool serves all loops.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "io/file_queue.h"

namespace walrus::io {

class DiskThreads {
 public:
  explicit DiskThreads(std::size_t count);
  ~DiskThreads();
  DiskThreads(const DiskThreads&) = delete;
  DiskThreads& operator=(const DiskThreads&) = delete;

  /// The queue of one loop; completions are posted to it. Outlived by the threads and the loop.
  std::unique_ptr<FileQueue> queue_for(Loop& loop);

 private:
  class Queue;
  struct Job {
    Queue* queue;
    FileOperation operation;
  };
  void run();

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable finished_;  ///< some queue has nothing in flight any more
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace walrus::io
