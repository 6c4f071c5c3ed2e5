// A disk in memory that forgets what was not synced: io::Disk for simulated nodes and for every test of storage.
//
// Asynchronous calls complete after a random virtual latency, in any order. A direct_sync write is durable when it
// completes (a blocking one when it returns); buffered writes after sync(); names after sync_directory(). Memory of a
// write that changes while the write is in flight is caught (WALRUS_ASSERT).
//
// Crashing, in this order, so that nothing of the old life reaches the new one:
//   disk.power_off();       every call fails and changes nothing from here on; may come from a hook, deep inside a node
//   ... destroy the node ...
//   disk.crash(model);      what was not durable is gone as the model says; power is back; old files stay dead
// kill_process() is the milder crash: the page cache lives on and writes in flight still complete.
//
// Crash points: set_hook() is called before each change (and each completion of an asynchronous one), and
// image_after_power_cut() gives a second disk as a power cut at that moment could leave it, without disturbing the run.
//
// Faults: fail_nth(), set_capacity(), set_latency(), flip_bits(), wipe(). One thread; outlives its files.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "io/file.h"
#include "io/sim/sim_file_tree.h"
#include "io/sim/sim_loop.h"

namespace walrus::io {

/// From one crash to the next. Files and locks hold the one that they were made in.
struct SimDiskLife {
  bool over = false;
};

class SimDisk final : public Disk {
 public:
  enum class Operation {
    kCreate,
    kOpen,
    kRead,
    kWrite,
    kWriteDone,  ///< an asynchronous write becomes durable or visible to sync; not a target of fail_nth()
    kSync,
    kSyncDone,  ///< an asynchronous sync takes effect; not a target of fail_nth()
    kTruncate,
    kRename,
    kRemove,
    kMakeDirectory,
    kSyncDirectory
  };
  struct Event {
    Operation operation;
    std::string path;
    std::uint64_t position = 0;
    std::uint64_t size = 0;
  };
  using Hook = std::function<void(const Event&)>;

  /// `seed` decides latencies and what crashes leave; it is drawn from the world when not given.
  explicit SimDisk(SimWorld& world, std::optional<std::uint64_t> seed = {});
  ~SimDisk() override;

  // Crashes.
  void power_off();
  void crash(CrashModel model);
  void kill_process();
  /// All data is gone, as after the exchange of the device. Implies power_off() and crash().
  void wipe();
  std::unique_ptr<SimDisk> image_after_power_cut(SimWorld& world, CrashModel model, std::uint64_t seed) const;

  // Faults.
  /// The nth (1 = the next) operation of this kind on a path that contains `path_part` fails with `code`, and so do the
  /// `times` - 1 after it. A failed write leaves a random part of its bytes; a failed sync drops what it should have
  /// written (it stays visible until the power cut), as Linux does.
  void fail_nth(Operation operation, std::uint64_t nth, std::string path_part = {}, std::uint64_t times = 1,
                ErrorCode code = ErrorCode::kIo);
  void clear_faults() { faults_.clear(); }
  /// Total bytes of files (a sparse one counts whole); growth beyond it is kDiskFull.
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  /// Range of the virtual latency of asynchronous calls. Default 50 µs to 500 µs.
  void set_latency(Duration low, Duration high);
  void flip_bits(const std::string& path, std::uint64_t position, std::uint8_t mask = 1);

  void set_hook(Hook hook) { hook_ = std::move(hook); }
  /// Changes (all operations but kOpen, which stands for all that only looks, and kRead) since the disk was made.
  std::uint64_t changes() const { return changes_; }

  Result<std::unique_ptr<File>> open(const std::string& path, OpenOptions options, Loop* loop) override;
  Status make_directories(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Result<bool> exists(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<std::uint64_t> free_bytes(const std::string& path) override;
  Result<std::unique_ptr<DirectoryLock>> lock(const std::string& path) override;

 private:
  friend class SimFile;
  friend class SimDirectoryLock;

  struct Fault {
    Operation operation;
    std::uint64_t after;  ///< matching operations that still succeed
    std::string path_part;
    std::uint64_t times;
    ErrorCode code;
  };

  SimDisk(SimWorld& world, SimFileTree tree, std::uint64_t seed);

  /// Before every operation: tells the hook, then fails if the power is off or a fault is due.
  Status begin(Operation operation, const std::string& path, std::uint64_t position = 0, std::uint64_t size = 0);
  Status due_fault(Operation operation, const std::string& path);
  /// `wanted`, or less when the capacity does not let the file grow so far.
  std::uint64_t most_size(const SimInode& inode, std::uint64_t wanted) const;
  /// Runs `effect` (the hook and what the device does) after a latency, unless the power goes before.
  void complete_later(Task effect);
  void end_life();

  SimWorld& world_;
  Random random_;
  SimFileTree tree_;
  std::list<Fault> faults_;
  Hook hook_;
  std::set<std::string> locks_;
  std::uint64_t capacity_ = UINT64_MAX;
  std::uint64_t changes_ = 0;
  bool powered_ = true;
  Duration latency_low_ = std::chrono::microseconds(50);
  Duration latency_high_ = std::chrono::microseconds(500);
  std::shared_ptr<SimDiskLife> life_ = std::make_shared<SimDiskLife>();
  std::map<std::uint64_t, Timer> in_flight_;
  std::uint64_t next_in_flight_ = 0;
};

}  // namespace walrus::io
