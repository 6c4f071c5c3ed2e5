#include "tests/chaos/replica_reader.h"

#include <fmt/core.h>

#include "io/posix_disk.h"
#include "storage/inspect.h"
#include "storage/record_batch.h"
#include "tests/harness/temp_dir.h"

namespace walrus::chaos {
namespace {

/// Appends the records of one batch; what is wrong with it, or nothing.
std::string read_batch(std::string_view bytes, ReplicaCopy& copy) {
  const auto header = storage::check_batch(bytes);
  if (!header) return header.error().message();
  if (header->base_offset.value() != copy.end()) {
    return fmt::format("a batch of offset {} where {} is due", header->base_offset, copy.end());
  }
  storage::BatchReader reader(bytes);
  for (;;) {
    const auto record = reader.next();
    if (!record) return record.error().message();
    if (!*record) return {};
    const auto id = record_of((*record)->value);
    if (!id) return fmt::format("offset {} has bytes that nobody has sent", (*record)->offset);
    copy.records.push_back(*id);
  }
}

}  // namespace

ReplicaCopy read_replica(std::uint64_t node, const std::filesystem::path& folder, std::uint64_t topic_id,
                         std::uint64_t segment_id, std::uint64_t base) {
  ReplicaCopy copy{.node = node, .base = base, .records = {}, .trouble = {}};
  const auto path = folder / "topics" / std::to_string(topic_id) / (std::to_string(segment_id) + ".log");
  const std::string file = test::read_file(path);
  std::string_view rest = file;
  while (!rest.empty() && copy.trouble.empty()) {
    const auto header = storage::parse_batch_header(rest);
    if (!header || header->size > rest.size()) {
      copy.trouble = "no batch";
    } else {
      copy.trouble = read_batch(rest.substr(0, header->size), copy);
      rest.remove_prefix(header->size);
    }
  }
  if (!copy.trouble.empty()) copy.trouble = fmt::format("{}: {}", path.string(), copy.trouble);
  return copy;
}

std::string damage_in(const std::filesystem::path& folder) {
  io::PosixDisk disk({.use_io_uring = false});
  const auto found = storage::inspect(disk, folder.string(), {.verify = true, .progress = nullptr});
  if (!found) return found.error().message();
  for (const auto& segment : found->segments) {
    if (!segment.damage.empty()) return segment.damage.front();
    if (!segment.suspect.empty()) return segment.suspect;
  }
  for (const auto& log : found->logs) {
    if (!log.damage.empty()) return log.damage.front();
    if (log.batches > 0) {
      return fmt::format("{}: {} batches to replay behind a clean stop", folder.string(), log.batches);
    }
  }
  return {};
}

}  // namespace walrus::chaos
