// What programs did to a disk, in one row with what their test says meanwhile, so that any moment of it can be looked
// at afterwards: see PowerCuts.
//
// A change is noted when it is asked for; a write or sync once more when it is done, before its caller hears of it. A
// note is a function that the test wants run when a replay comes by: "this append is asked for", "that one is
// acknowledged". So at each point of the row the notes before it are what the world can know.
//
// Any thread, until it is replayed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace walrus::test {

struct DiskEvent {
  enum class Kind {
    kOpen,  ///< creates the file when it is not there
    kWrite,
    kWriteDone,
    kZeros,  ///< from the present end up to `size`
    kSync,
    kSyncDone,
    kTruncate,
    kRename,
    kRemove,
    kMakeDirectories,
    kSyncDirectory,
    kNote
  };
  Kind kind = Kind::kNote;
  std::uint64_t file = 0;       ///< which opened file; each open has its own
  std::uint64_t operation = 0;  ///< joins a write or sync with its completion
  std::string path{};           ///< from the root of the disk; of kRename: the old name
  std::string to{};             ///< the new one
  std::uint64_t position = 0;
  std::uint64_t size = 0;
  bool direct_sync = false;  ///< durable when done
  std::string bytes{};
  std::function<void()> note{};
};

const char* name_of(DiskEvent::Kind kind);

class Recording {
 public:
  void add(DiskEvent event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }
  void note(std::function<void()> run) { add({.kind = DiskEvent::Kind::kNote, .note = std::move(run)}); }

  /// For changes that take effect at once: nothing else is noted between `change` and its event.
  template <class Change>
  auto add_with(Change change, DiskEvent event) {
    const std::lock_guard lock(mutex_);
    auto result = change();
    if (result) events_.push_back(std::move(event));
    return result;
  }

  std::uint64_t next_number() {
    const std::lock_guard lock(mutex_);
    return ++numbers_;
  }

  /// Once nobody writes any more.
  const std::vector<DiskEvent>& events() const { return events_; }

 private:
  std::mutex mutex_;  // for what follows
  std::vector<DiskEvent> events_;
  std::uint64_t numbers_ = 0;
};

}  // namespace walrus::test
