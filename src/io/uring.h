// File operations of one AsioLoop by io_uring.
//
// Happy path: operations submitted during one turn of the loop are handed to the kernel together by one system call at
// its end. Completions make an eventfd readable, which the loop waits for like for a socket; all that are there are
// taken in one go.
//
// Short transfers are continued and interrupted ones repeated. More operations than the completion queue holds wait
// their turn here. Loop thread only, except for open().
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>

#include <deque>
#include <liburing.h>
#include <memory>
#include <vector>

#include "io/asio_loop.h"
#include "io/file_queue.h"

namespace walrus::io {

class Uring final : public FileQueue {
 public:
  /// kUnsupported where the kernel has no io_uring or refuses it to us.
  static Result<std::unique_ptr<Uring>> open(AsioLoop& loop);
  ~Uring() override;
  Uring(const Uring&) = delete;
  Uring& operator=(const Uring&) = delete;

  void submit(FileOperation operation) override;
  void drain() override;

 private:
  struct Ring {
    io_uring ring{};
    bool open = false;
    ~Ring() {
      if (open) io_uring_queue_exit(&ring);
    }
  };
  Uring(AsioLoop& loop, std::unique_ptr<Ring> ring, int event_fd);

  void start(FileOperation* operation);
  void flush();
  void wait_for_completions();
  void reap();
  void complete(FileOperation* operation, int answer, bool run_callback);

  AsioLoop& loop_;
  std::unique_ptr<Ring> ring_;
  boost::asio::posix::stream_descriptor event_;
  std::uint64_t event_count_ = 0;  ///< read from the eventfd; nobody looks at it

  std::vector<std::unique_ptr<FileOperation>> memory_;  ///< all that were ever needed at once
  std::vector<FileOperation*> free_;
  std::deque<FileOperation*> waiting_;  ///< for a place in the ring
  std::size_t in_flight_ = 0;           ///< in the submission queue, the kernel or the completion queue
  bool flush_posted_ = false;
};

}  // namespace walrus::io
