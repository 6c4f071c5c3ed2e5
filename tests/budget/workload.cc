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

std::string frame(std::string_view head, std::string_view tail) {
  std::string bytes;
  protocol::append_frame(bytes, head, tail);
  return bytes;
}

std::vector<Exchange> exchanges(const Workload& workload, bool reads) {
  const std::string payload(kPayloadBytes, 'x');
  std::vector<Exchange> all;
  for (std::size_t i = 0; i < workload.topics; ++i) {
    const std::string topic = "t" + std::to_string(i);
    if (reads) {
      all.push_back({.request = frame("GET ", topic), .answer = frame("OK ", payload)});
    } else {
      all.push_back({.request = frame("PUT " + topic + " ", payload), .answer = frame("OK", {})});
    }
  }
  return all;
}

std::uint64_t run(LockstepClients& clients, std::uint64_t requests, const std::function<void()>& serve_once) {
  std::uint64_t done = 0;
  for (; done < requests; done += clients.requests_per_round()) {
    clients.send();
    do {
      serve_once();
    } while (!clients.receive());
  }
  return done;
}

}  // namespace

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> all = {
      {.name = "put-16x64", .connections = 16, .depth = 64},
      {.name = "put-64x1", .connections = 64, .depth = 1},
      {.name = "put-1x1", .connections = 1, .depth = 1, .system_calls = false},
      {.name = "put-16x64-topics-1000", .connections = 16, .depth = 64, .topics = 1000},
      {.name = "get-16x64", .connections = 16, .depth = 64, .reads = true},
      {.name = "get-64x1", .connections = 64, .depth = 1, .reads = true},
  };
  return all;
}

const Workload* find_workload(const std::string& name) {
  const auto found = std::ranges::find(workloads(), name, &Workload::name);
  return found == workloads().end() ? nullptr : &*found;
}

Counted serve(const Workload& workload, std::uint64_t requests, const std::filesystem::path& directory) {
  io::AsioLoop loop("shard");
  std::unique_ptr<io::Disk> disk = std::make_unique<MemoryDisk>();
  if (!directory.empty()) disk = std::make_unique<io::PosixDisk>();
  auto opened = LoneShard::open(loop, *disk, (directory / "node_1").string(), workload.topics);
  WALRUS_ASSERT(opened.has_value(), "the disk takes a shard");
  LoneShard& shard = **opened;
  const auto uncounted = [&shard] { shard.serve(); };
  Counted result;
  {
    LockstepClients writers(shard, workload.connections, workload.depth, exchanges(workload, false));
    LockstepClients readers(shard, workload.connections, workload.depth, exchanges(workload, true));
    run(writers, (workload.reads ? 2 : 1) * requests, uncounted);
    LockstepClients& clients = workload.reads ? readers : writers;
    if (workload.reads) run(readers, requests, uncounted);
    result.requests = run(clients, requests, [&] { counted(uncounted); });
  }
  result.allocations = allocations();
  opened->reset();
  return result;
}

}  // namespace walrus::budget
