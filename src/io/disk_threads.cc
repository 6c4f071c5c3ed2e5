#include "io/disk_threads.h"

#include <cerrno>
#include <pthread.h>
#include <unistd.h>

#include "base/assert.h"

namespace walrus::io {

class DiskThreads::Queue final : public FileQueue {
 public:
  Queue(DiskThreads& threads, Loop& loop) : FileQueue(loop), threads_(threads), loop_(loop) {}
  ~Queue() override { drain(); }

  void submit(FileOperation operation) override {
    WALRUS_ASSERT(loop_.in_thread());
    {
      const std::lock_guard lock(threads_.mutex_);
      ++in_flight_;
      threads_.jobs_.push_back({this, std::move(operation)});
    }
    threads_.work_.notify_one();
  }

  void drain() override {
    std::unique_lock lock(threads_.mutex_);
    threads_.finished_.wait(lock, [this] { return in_flight_ == 0; });
  }

  /// On a thread of the pool, without the lock.
  void completed(FileOperation operation) {
    // Before the post: a loop that has come to its end keeps the operation, and with it perhaps the file, for longer
    // than there is a queue to wait for.
    operation.leave_kernel();
    loop_.post([operation = std::move(operation)]() mutable { operation.finish(); });
    const std::lock_guard lock(threads_.mutex_);
    if (--in_flight_ == 0) threads_.finished_.notify_all();
  }

 private:
  DiskThreads& threads_;
  Loop& loop_;
  std::size_t in_flight_ = 0;  ///< not yet executed; under the threads' mutex
};

DiskThreads::DiskThreads(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    threads_.emplace_back([this, i] {
      pthread_setname_np(pthread_self(), ("disk " + std::to_string(i)).c_str());
      run();
    });
  }
}

DiskThreads::~DiskThreads() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::unique_ptr<FileQueue> DiskThreads::queue_for(Loop& loop) { return std::make_unique<Queue>(*this, loop); }

void DiskThreads::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job.operation.execute();
    job.queue->completed(std::move(job.operation));
    lock.lock();
  }
}

}  // namespace walrus::io
