#include "bench/restart.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>
#include <optional>
#include <signal.h>
#include <thread>
#include <unistd.h>

#include "bench/lane.h"
#include "bench/scratch.h"
#include "walrus/store.h"

namespace walrus::bench {
namespace {

constexpr std::size_t kWriters = 16;
constexpr std::size_t kBatchBytes = 64 * 1024;

/// What the children have done, in memory that they share with their parent.
struct Shared {
  std::atomic<std::uint64_t> acknowledged{0};  // records
  std::atomic<std::uint64_t> found{0};
  std::atomic<std::int64_t> open_ns{0};
  char error[512] = {};
};

class SharedMemory {
 public:
  SharedMemory() {
    void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) shared_ = new (memory) Shared;
  }
  ~SharedMemory() {
    if (shared_ != nullptr) ::munmap(shared_, sizeof(Shared));
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  Shared* get() { return shared_; }

 private:
  Shared* shared_ = nullptr;
};

[[noreturn]] void give_up(Shared& shared, const std::string& error) {
  std::strncpy(shared.error, error.c_str(), sizeof shared.error - 1);
  ::_exit(1);
}

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  std::abort();
}

/// A thread's part of the topics, a batch to each in turn, until enough is acknowledged: then the process is killed,
/// whatever the other threads are doing.
void write(const RestartPlan& plan, std::vector<store::Topic>& topics, std::size_t first, std::uint64_t until,
           Shared& shared) {
  const std::string value(plan.record_bytes, 'x');
  const std::vector<store::Record> batch(std::max<std::size_t>(1, kBatchBytes / plan.record_bytes), {.value = value});
  for (std::size_t at = first;; at += kWriters) {
    if (at >= topics.size()) at = first;
    const auto offset = topics[at].append_batch(batch);
    if (!offset) give_up(shared, offset.error().message());
    if (shared.acknowledged.fetch_add(batch.size()) + batch.size() >= until) die();
  }
}

[[noreturn]] void live(const RestartPlan& plan, const std::string& directory, std::uint64_t until, Shared& shared) {
  store::Options options;
  options.directory = directory;
  options.fsync = plan.synced ? store::Fsync::kAlways : store::Fsync::kNever;
  const Nanoseconds began = monotonic_now();
  auto store = store::Store::open(options);
  shared.open_ns = monotonic_now() - began;
  if (!store) give_up(shared, store.error().message());
  if (!store->damage().empty()) give_up(shared, "damage: " + store->damage().front());
  std::vector<store::Topic> topics;
  std::uint64_t found = 0;
  for (std::size_t i = 0; i < plan.topics; ++i) {
    auto topic = store->topic(fmt::format("topic-{}", i));
    if (!topic) give_up(shared, topic.error().message());
    const auto stats = topic->stats();
    if (!stats) give_up(shared, stats.error().message());
    found += stats->records;
    topics.push_back(*std::move(topic));
  }
  shared.found = found;
  if (plan.synced && found < shared.acknowledged) {
    give_up(shared, fmt::format("{} records were acknowledged, {} are there", shared.acknowledged.load(), found));
  }
  // What was not acknowledged and is there all the same counts from here on.
  shared.acknowledged = found;
  std::vector<std::thread> writers;
  const std::size_t count = std::min(kWriters, plan.topics);
  for (std::size_t i = 1; i < count; ++i) writers.emplace_back([&, i] { write(plan, topics, i, until, shared); });
  write(plan, topics, 0, until, shared);
  die();
}

/// In a process of its own; comes back when that is dead.
Status run_life(const RestartPlan& plan, const std::string& directory, std::uint64_t until, Shared& shared) {
  const pid_t child = ::fork();
  if (child < 0) return fail(ErrorCode::kIo, "fork: " + std::string(std::strerror(errno)));
  if (child == 0) live(plan, directory, until, shared);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return {};
  return fail(ErrorCode::kCorrupt,
              shared.error[0] != '\0' ? shared.error : "a process ended otherwise than by its kill");
}

}  // namespace

Result<RestartResult> run_restart(const RestartPlan& plan) {
  const Scratch scratch(plan.directory);
  if (!scratch.made()) return fail(ErrorCode::kIo, "cannot make a directory in " + plan.directory.string());
  SharedMemory memory;
  if (memory.get() == nullptr) return fail(ErrorCode::kIo, "mmap: " + std::string(std::strerror(errno)));
  Shared& shared = *memory.get();

  RestartResult result;
  const Nanoseconds began = monotonic_now();
  WALRUS_TRY(run_life(plan, scratch.path().string(), plan.bytes / plan.record_bytes, shared));
  result.fill_seconds = static_cast<double>(monotonic_now() - began) / 1e9;
  for (std::size_t round = 0; round < plan.rounds; ++round) {
    RestartResult::Opening opening{.acknowledged = shared.acknowledged};
    const std::uint64_t until = opening.acknowledged + plan.bytes_per_round / plan.record_bytes;
    WALRUS_TRY(run_life(plan, scratch.path().string(), until, shared));
    opening.seconds = static_cast<double>(shared.open_ns) / 1e9;
    opening.records = shared.found;
    result.openings.push_back(opening);
  }
  return result;
}

std::string restart_table(const RestartPlan& plan, const RestartResult& result) {
  std::string text = fmt::format("{} topics, records of {} B, fsync {}; {:.1f} GB written in {:.1f} s\n\n", plan.topics,
                                 plan.record_bytes, plan.synced ? "always" : "never",
                                 static_cast<double>(plan.bytes) / 1e9, result.fill_seconds);
  for (const RestartResult::Opening& opening : result.openings) {
    text += fmt::format("opened after kill -9 in {:>7.3f} s  {:>12} records there, {} acknowledged\n", opening.seconds,
                        opening.records, opening.acknowledged);
  }
  return text;
}

std::string restart_json(const RestartPlan& plan, const RestartResult& result) {
  nlohmann::ordered_json json = {{"version", WALRUS_VERSION},
                                 {"workload", "restart"},
                                 {"topics", plan.topics},
                                 {"record_bytes", plan.record_bytes},
                                 {"bytes", plan.bytes},
                                 {"synced", plan.synced},
                                 {"fill_seconds", result.fill_seconds},
                                 {"openings", nlohmann::ordered_json::array()}};
  for (const RestartResult::Opening& opening : result.openings) {
    json["openings"].push_back(
        {{"seconds", opening.seconds}, {"records", opening.records}, {"acknowledged", opening.acknowledged}});
  }
  return json.dump() + "\n";
}

}  // namespace walrus::bench
