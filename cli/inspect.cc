#include "cli/inspect.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <unistd.h>

#include "cli/console.h"
#include "cli/inspect_report.h"
#include "cli/progress.h"
#include "io/posix_disk.h"

namespace walrus::cli {
namespace {

/// The node directories that `directory` is or has.
Result<std::vector<std::string>> node_directories(io::Disk& disk, std::string directory) {
  while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  WALRUS_ASSIGN(const std::vector<std::string> names, disk.list(directory));
  std::vector<std::string> found;
  for (const std::string& name : names) {
    if (name.starts_with("node_")) found.push_back(directory + "/" + name);
    if (name == "topics" || name == "identity" || name.starts_with("shard_")) return std::vector{directory};
  }
  if (found.empty()) {
    return fail(ErrorCode::kNotFound, directory + " is no data directory of walrusd: it has no node_<id>");
  }
  return found;
}

/// True when a walrusd has the directory open. The lock is not kept: looking must not keep a node from starting.
bool is_running(io::Disk& disk, const std::string& directory) {
  const std::string path = directory + "/lock";
  const auto exists = disk.exists(path);
  if (!exists || !*exists) return false;
  const auto lock = disk.lock(path);
  return !lock && lock.error().code == ErrorCode::kLocked;
}

void show_progress(std::uint64_t bytes_read) {
  fmt::print(stderr, "\r\x1b[K{} read", as_bytes(static_cast<double>(bytes_read)));
  std::fflush(stderr);
}

Result<NodeInspection> inspect_node(io::Disk& disk, const std::string& directory, const InspectOptions& options) {
  NodeInspection node{.directory = directory,
                      .running = is_running(disk, directory),
                      .verified = options.verify,
                      .seconds = 0,
                      .found = {},
                      .batches = {}};
  const bool live = ::isatty(STDERR_FILENO) == 1;
  const auto start = std::chrono::steady_clock::now();
  auto found =
      storage::inspect(disk, directory, {.verify = options.verify, .progress = live ? show_progress : nullptr});
  node.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (live) fmt::print(stderr, "\r\x1b[K");
  if (!found) return fail(found.error());
  node.found = std::move(*found);
  if (!options.batches) return node;
  for (const storage::SegmentInspection& segment : node.found.segments) {
    auto& batches = node.batches.emplace_back();
    const auto listed = storage::list_batches(
        disk, directory, segment.key,
        [&](const storage::BatchHeader& header, std::uint64_t position) { batches.push_back({header, position}); });
    if (!listed) return fail(listed.error());
  }
  return node;
}

}  // namespace

ExitStatus run_inspect(const InspectOptions& options) {
  io::PosixDisk disk({.use_io_uring = false});
  const auto cannot_read = [](const Error& error) {
    print_error(error.detail.empty() ? error.message() : error.detail);
    return ExitStatus::kUnreachable;
  };
  const auto directories = node_directories(disk, options.directory);
  if (!directories) return cannot_read(directories.error());
  bool damaged = false;
  auto json = nlohmann::ordered_json::array();
  for (const std::string& directory : *directories) {
    const auto node = inspect_node(disk, directory, options);
    if (!node) return cannot_read(node.error());
    damaged = damaged || node->found.damaged();
    if (node->running) {
      print_error(directory + " is in use by a walrusd: what it writes just now may look cut off. Stop it to be sure.");
    }
    if (options.json) {
      json.push_back(inspect_json(*node));
    } else {
      write_stdout(inspect_text(*node));
    }
  }
  if (options.json) {
    const nlohmann::ordered_json all = {{"damaged", damaged}, {"nodes", std::move(json)}};
    write_stdout(all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }
  return damaged ? ExitStatus::kRefused : ExitStatus::kOk;
}

}  // namespace walrus::cli
