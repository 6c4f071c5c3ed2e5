#include "io/sim/sim_disk.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "io/sim/sim_file.h"

namespace walrus::io {
namespace {

constexpr std::uint64_t kUnboundedFreeBytes = std::uint64_t{1} << 40;  // what free_bytes() says without a capacity

const char* name_of(SimDisk::Operation operation) {
  switch (operation) {
    case SimDisk::Operation::kCreate:
      return "create";
    case SimDisk::Operation::kOpen:
      return "open";
    case SimDisk::Operation::kRead:
      return "read";
    case SimDisk::Operation::kWrite:
    case SimDisk::Operation::kWriteDone:
      return "write";
    case SimDisk::Operation::kSync:
    case SimDisk::Operation::kSyncDone:
      return "sync";
    case SimDisk::Operation::kTruncate:
      return "truncate";
    case SimDisk::Operation::kRename:
      return "rename";
    case SimDisk::Operation::kRemove:
      return "remove";
    case SimDisk::Operation::kMakeDirectory:
      return "mkdir";
    case SimDisk::Operation::kSyncDirectory:
      return "sync directory";
  }
  return "?";
}

}  // namespace

class SimDirectoryLock final : public DirectoryLock {
 public:
  SimDirectoryLock(SimDisk& disk, std::string path) : disk_(disk), path_(std::move(path)), life_(disk.life_) {}
  ~SimDirectoryLock() override {
    if (!life_->over) disk_.locks_.erase(path_);
  }

 private:
  SimDisk& disk_;  // valid while the life is not over
  const std::string path_;
  const std::shared_ptr<SimDiskLife> life_;
};

SimDisk::SimDisk(SimWorld& world, std::optional<std::uint64_t> seed)
    : SimDisk(world, SimFileTree(), seed ? *seed : world.random().next()) {}

SimDisk::SimDisk(SimWorld& world, SimFileTree tree, std::uint64_t seed)
    : world_(world), random_(seed), tree_(std::move(tree)) {}

SimDisk::~SimDisk() { life_->over = true; }

void SimDisk::end_life() {
  life_->over = true;
  life_ = std::make_shared<SimDiskLife>();
  locks_.clear();
}

void SimDisk::power_off() {
  powered_ = false;
  in_flight_.clear();
}

void SimDisk::crash(CrashModel model) {
  power_off();
  end_life();
  tree_ = tree_.surviving(model, random_);
  powered_ = true;
}

void SimDisk::kill_process() { end_life(); }

void SimDisk::wipe() {
  power_off();
  end_life();
  tree_ = SimFileTree();
  powered_ = true;
}

std::unique_ptr<SimDisk> SimDisk::image_after_power_cut(SimWorld& world, CrashModel model, std::uint64_t seed) const {
  Random random(seed);
  SimFileTree left = tree_.surviving(model, random);
  return std::unique_ptr<SimDisk>(new SimDisk(world, std::move(left), random.next()));
}

void SimDisk::fail_nth(Operation operation, std::uint64_t nth, std::string path_part, std::uint64_t times,
                       ErrorCode code) {
  WALRUS_ASSERT(nth >= 1);
  faults_.push_back({operation, nth - 1, std::move(path_part), times, code});
}

void SimDisk::set_latency(Duration low, Duration high) {
  WALRUS_ASSERT(Duration{0} <= low && low <= high);
  latency_low_ = low;
  latency_high_ = high;
}

void SimDisk::flip_bits(const std::string& path, std::uint64_t position, std::uint8_t mask) {
  const auto file = tree_.find_file(path);
  WALRUS_ASSERT(file.has_value() && position < (*file)->visible().size(), "no such byte to flip");
  (*file)->flip(position, mask);
}

Status SimDisk::begin(Operation operation, const std::string& path, std::uint64_t position, std::uint64_t size) {
  if (powered_ && operation != Operation::kRead && operation != Operation::kOpen) {
    ++changes_;
    if (hook_) hook_({operation, path, position, size});
  }
  if (!powered_) return fail(ErrorCode::kIo, std::string(name_of(operation)) + " " + path + ": the power is off");
  return due_fault(operation, path);
}

Status SimDisk::due_fault(Operation operation, const std::string& path) {
  for (auto fault = faults_.begin(); fault != faults_.end(); ++fault) {
    if (fault->operation != operation || !path.contains(fault->path_part)) continue;
    if (fault->after > 0) {
      --fault->after;
      continue;
    }
    const ErrorCode code = fault->code;
    if (--fault->times == 0) faults_.erase(fault);
    return fail(code, std::string(name_of(operation)) + " " + path + ": injected fault");
  }
  return {};
}

std::uint64_t SimDisk::most_size(const SimInode& inode, std::uint64_t wanted) const {
  const std::uint64_t size = inode.visible().size();
  if (wanted <= size || capacity_ == UINT64_MAX) return wanted;
  const std::uint64_t used = tree_.used_bytes();
  const std::uint64_t room = used < capacity_ ? capacity_ - used : 0;
  return std::min(wanted, size + room);
}

void SimDisk::complete_later(Task effect) {
  const std::uint64_t number = next_in_flight_++;
  const Duration latency = random_.between(latency_low_, latency_high_);
  in_flight_[number] = world_.environment().after(latency, [this, number, effect = std::move(effect)]() mutable {
    in_flight_.erase(number);
    effect();
  });
}

Result<std::unique_ptr<File>> SimDisk::open(const std::string& path, OpenOptions options, Loop* loop) {
  using Mode = OpenOptions::Mode;
  WALRUS_TRY(begin(Operation::kOpen, path));
  auto inode = tree_.find_file(path);
  const bool creates = options.mode == Mode::kCreate || options.mode == Mode::kCreateNew;
  if (inode && options.mode == Mode::kCreateNew) return fail(ErrorCode::kExists, path);
  if (!inode && creates && inode.error().code == ErrorCode::kNotFound) {
    WALRUS_TRY(begin(Operation::kCreate, path));
    inode = tree_.create_file(path);
  }
  if (!inode) return fail(std::move(inode.error()));
  return std::make_unique<SimFile>(*this, path, std::move(*inode), options, loop);
}

Status SimDisk::make_directories(const std::string& path) {
  WALRUS_TRY(begin(Operation::kMakeDirectory, path));
  return tree_.make_directories(path);
}

Status SimDisk::rename(const std::string& from, const std::string& to) {
  WALRUS_TRY(begin(Operation::kRename, from));
  return tree_.rename(from, to);
}

Status SimDisk::remove(const std::string& path) {
  WALRUS_TRY(begin(Operation::kRemove, path));
  return tree_.remove(path);
}

Result<std::vector<std::string>> SimDisk::list(const std::string& path) {
  WALRUS_TRY(begin(Operation::kOpen, path));
  return tree_.list(path);
}

Result<bool> SimDisk::exists(const std::string& path) {
  WALRUS_TRY(begin(Operation::kOpen, path));
  return tree_.exists(path);
}

Status SimDisk::sync_directory(const std::string& path) {
  WALRUS_TRY(begin(Operation::kSyncDirectory, path));
  return tree_.sync_directory(path);
}

Result<std::uint64_t> SimDisk::free_bytes(const std::string& path) {
  WALRUS_TRY(begin(Operation::kOpen, path));
  if (!tree_.exists(path)) return fail(ErrorCode::kNotFound, path);
  if (capacity_ == UINT64_MAX) return kUnboundedFreeBytes;
  const std::uint64_t used = tree_.used_bytes();
  return used < capacity_ ? capacity_ - used : 0;
}

Result<std::unique_ptr<DirectoryLock>> SimDisk::lock(const std::string& path) {
  WALRUS_TRY(open(path, {.mode = OpenOptions::Mode::kCreate}, nullptr));
  if (!locks_.insert(path).second) return fail(ErrorCode::kLocked, path);
  return std::make_unique<SimDirectoryLock>(*this, path);
}

}  // namespace walrus::io
