// An AsioLoop on a thread of its own, for tests; stopped and joined at the end.
#pragma once

#include <future>
#include <string>
#include <thread>

#include "io/asio_loop.h"

namespace walrus::io {

class RunningLoop {
 public:
  explicit RunningLoop(std::string name = "loop") : loop_(std::move(name)), thread_([this] { loop_.run(); }) {}
  ~RunningLoop() { stop(); }

  /// For what must be destroyed between the end of the loop's thread and the end of the loop.
  void stop() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
  }

  AsioLoop& operator*() { return loop_; }
  AsioLoop* operator->() { return &loop_; }

  /// Runs `work` as a task of the loop, and waits for its end.
  template <class Work>
  void on_loop(Work&& work) {
    std::promise<void> done;
    loop_.post([&] {
      work();
      done.set_value();
    });
    done.get_future().get();
  }

 private:
  AsioLoop loop_;
  std::thread thread_;
};

}  // namespace walrus::io
