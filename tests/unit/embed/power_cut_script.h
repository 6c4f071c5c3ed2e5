// A program that uses most of what a store offers, from two threads, and notes in the recording of its disk what it
// asks for and what it is told, as changes of what is then expected of the store.
//
// The seed decides what each thread does; how their calls meet, the machine does.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "io/random.h"
#include "tests/unit/embed/expected_store.h"
#include "tests/unit/embed/recording.h"
#include "walrus/store.h"

namespace walrus::test {

/// One thread's part. It outlives the store: after a reopening it goes on.
class ScriptWriter {
 public:
  ScriptWriter(std::string name, std::uint64_t seed, Recording& recording, ExpectedStore& expected);

  /// All that is asked for is answered when it returns.
  void run(store::Store& store, std::size_t steps);
  /// What failed that should not have.
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  struct Known {
    std::uint64_t batches = 0;  // asked for, by this writer
    std::uint64_t end = 0;      // told, to this writer
  };

  void step(store::Store& store);
  std::vector<std::string> make_batch(const std::string& topic, std::size_t records);
  void append(store::Topic topic, std::size_t records);
  void append_async(store::Topic topic);
  void take(store::Topic topic);
  void take_batch(store::Topic topic);
  void seek(store::Topic topic);
  void remove_cursor(store::Topic topic);
  void trim(store::Topic topic);
  void set_retention(store::Store& store);
  void churn(store::Store& store);
  void sync(store::Store& store);
  store::Result<store::Cursor> cursor(store::Topic& topic);
  /// Notes a change of what is expected of a topic.
  template <class Change>
  void note(const std::string& topic, Change change);
  template <class T>
  bool worked(const store::Result<T>& result, const char* what);

  const std::string name_;
  io::Random random_;
  Recording& recording_;
  ExpectedStore& expected_;
  std::map<std::string, Known> topics_;
  std::vector<std::string> errors_;
  std::uint64_t lives_ = 0;  // of the topic that comes and goes
  bool alive_ = false;
  std::atomic<std::uint64_t> unanswered_{0};
  std::atomic<bool> async_failed_{false};
};

class PowerCutScript {
 public:
  PowerCutScript(std::uint64_t seed, Recording& recording, ExpectedStore& expected);

  void run(store::Store& store, std::size_t steps);
  std::vector<std::string> errors() const;

 private:
  Recording& recording_;
  ExpectedStore& expected_;
  std::array<ScriptWriter, 2> writers_;
  std::vector<std::string> errors_;
};

}  // namespace walrus::test
