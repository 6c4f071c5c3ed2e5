#include "tests/unit/io/disk_under_test.h"

#include <ostream>

#include "io/sim/sim_disk.h"

namespace walrus::io {
namespace {

using namespace std::chrono_literals;

class SimulatedDisk final : public DiskUnderTest {
 public:
  Disk& disk() override { return disk_; }
  Loop* loop() override { return &loop_; }
  std::string directory() override {
    if (!disk_.exists("data").value()) (void)disk_.make_directories("data");
    return "data";
  }
  void on_loop(std::function<void()> work) override {
    loop_.post([work = std::move(work)] { work(); });
    world_.run_ready();
  }
  bool run_until(std::function<bool()> predicate) override { return world_.run_until(predicate, 1min); }

 private:
  SimWorld world_{1};
  SimLoop& loop_ = world_.make_loop("node");
  SimDisk disk_{world_};
};

}  // namespace

void PrintTo(const DiskKind& kind, std::ostream* out) { *out << kind.name; }

std::vector<DiskKind> disk_kinds() {
  std::vector<DiskKind> kinds;
  kinds.push_back({"Simulated", [] { return std::make_unique<SimulatedDisk>(); }});
  return kinds;
}

}  // namespace walrus::io
