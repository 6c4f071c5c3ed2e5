#include "tests/budget/workload.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/assert.h"
#include "io/posix_disk.h"
#include "protocol/frame.h"
#include "tests/budget/counting.h"
#include "tests/budget/lockstep_clients.h"
#include "tests/budget/memory_disk.h"

namespace walrus::budget {

namespace {

constexpr std::size_t kPayloadBytes = 100;
/// What readers read was written in batches of so many records.
constexpr std::size_t kFillConnections = 16;
constexpr std::size_t kFillDepth = 64;

std::string frame(std::string_view head, std::string_view tail) {
  std::string bytes;
  protocol::append_frame(bytes, head, tail);
  return bytes;
}

std::vector<Exchange> exchanges(const Workload& workload, Verb verb) {
  const std::string payload(kPayloadBytes, 'x');
  std::vector<Exchange> all;
  for (std::size_t i = 0; i < workload.topics; ++i) {
    const std::string topic = "t" + std::to_string(i);
    switch (verb) {
      case Verb::kPut:
        all.push_back({.request = frame("PUT " + topic + " ", payload), .answer = "OK"});
        break;
      case Verb::kGet:
        all.push_back({.request = frame("GET ", topic), .answer = "OK " + payload});
        break;
      case Verb::kFetch:
        all.push_back(
            {.request = frame("FETCH " + topic + " 0 form=batches", {}), .answer = std::string(kFetchAnswer)});
        break;
    }
  }
  return all;
}

/// So many turns of the server; what was answered in them.
std::uint64_t run(LockstepClients& clients, std::uint64_t turns, const std::function<void()>& serve_once) {
  const std::uint64_t before = clients.done();
  for (; turns > 0; --turns) {
    clients.send();
    do {
      serve_once();
    } while (!clients.receive());
  }
  return clients.done() - before;
}

}  // namespace

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> all = {
      {.name = "put-16x64", .connections = 16, .depth = 64},
      {.name = "put-64x1", .connections = 64, .depth = 1},
      {.name = "put-1x1", .connections = 1, .depth = 1, .system_calls = false},
      {.name = "put-16x64-topics-1000", .connections = 16, .depth = 64, .topics = 1000},
      {.name = "get-16x64", .connections = 16, .depth = 64, .verb = Verb::kGet},
      {.name = "get-64x1", .connections = 64, .depth = 1, .verb = Verb::kGet},
      {.name = "fetch-1x1", .connections = 1, .depth = 1, .verb = Verb::kFetch},
  };
  return all;
}

const Workload* find_workload(const std::string& name) {
  const auto found = std::ranges::find(workloads(), name, &Workload::name);
  return found == workloads().end() ? nullptr : &*found;
}

Counted serve(const Workload& workload, std::uint64_t turns, const std::filesystem::path& directory) {
  io::AsioLoop loop("shard");
  std::unique_ptr<io::Disk> disk = std::make_unique<MemoryDisk>();
  if (!directory.empty()) disk = std::make_unique<io::PosixDisk>();
  auto opened = LoneShard::open(loop, *disk, (directory / "node_1").string(), workload.topics);
  WALRUS_ASSERT(opened.has_value(), "the disk takes a shard");
  LoneShard& shard = **opened;
  const auto uncounted = [&shard] { shard.serve(); };
  Counted result;
  {
    // Twice as many as are counted: what grows once has grown by then, and readers have something to read.
    const bool reads = workload.verb != Verb::kPut;
    LockstepClients writers(shard, reads ? kFillConnections : workload.connections, reads ? kFillDepth : workload.depth,
                            exchanges(workload, Verb::kPut));
    LockstepClients readers(shard, workload.connections, workload.depth, exchanges(workload, workload.verb));
    run(writers, (reads ? 2 : 1) * turns, uncounted);
    if (reads) run(readers, turns, uncounted);
    result.requests = run(reads ? readers : writers, turns, [&] { counted(uncounted); });
  }
  result.allocations = allocations();
  opened->reset();
  return result;
}

}  // namespace walrus::budget
