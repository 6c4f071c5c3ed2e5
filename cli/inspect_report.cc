#include "cli/inspect_report.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "cli/progress.h"

namespace walrus::cli {
namespace {

using storage::LogInspection;
using storage::SegmentInspection;

std::string bytes_text(std::uint64_t bytes) { return as_bytes(static_cast<double>(bytes)); }

std::string counted(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", with_commas(count), noun, count == 1 ? "" : "s");
}

/// UTC, to the millisecond.
std::string time_text(std::int64_t unix_ms) {
  const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(unix_ms)};
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%FT%T}.{:03}Z", second, (time - second).count());
}

std::string summary_line(const NodeInspection& node) {
  std::set<TopicId> topics;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  for (const SegmentInspection& segment : node.found.segments) {
    topics.insert(segment.key.topic);
    records += segment.end - segment.base;
    bytes += segment.bytes;
  }
  return fmt::format("{}: {} of {}, {}, {}\n", node.directory, counted(node.found.segments.size(), "segment"),
                     counted(topics.size(), "topic"), counted(records, "record"), bytes_text(bytes));
}

std::string segment_line(const SegmentInspection& segment) {
  return fmt::format("{:>8} {:>8} {:>14} {:>14} {:>12} {:>10}  {:<7} {:>7}{}\n", segment.key.topic.value(),
                     segment.key.segment.value(), segment.base.value(), segment.end.value(), segment.end - segment.base,
                     bytes_text(segment.bytes), segment.sealed ? "sealed" : "open", segment.index_entries,
                     segment.damage.empty() && segment.suspect.empty() ? "" : "  DAMAGED");
}

std::string batch_lines(const std::vector<ListedBatch>& batches) {
  std::string lines;
  for (const auto& [header, position] : batches) {
    lines += fmt::format("{:>17} {:>14} {:>14} {:>12} {:>10}  at byte {}, newest {}\n", "batch",
                         header.base_offset.value(), header.end_offset().value(), header.records,
                         bytes_text(header.size), position, time_text(header.max_timestamp_ms));
  }
  return lines;
}

std::string log_lines(const LogInspection& log) {
  const std::string replay = log.batches == 0
                                 ? "nothing to replay"
                                 : fmt::format("the next start replays {} in {}",
                                               log.batches == 1 ? "1 batch" : with_commas(log.batches) + " batches",
                                               counted(log.groups, "group"));
  std::string lines =
      fmt::format("log of shard {}: {}, {}; {}", log.shard, counted(log.files, "file"), bytes_text(log.bytes), replay);
  if (log.torn_bytes > 0) lines += fmt::format("; {} of an unfinished write at its end", bytes_text(log.torn_bytes));
  return lines + "\n";
}

std::string promise_lines(const storage::PromisesInspection& promises) {
  std::string lines;
  for (const auto& [key, epoch] : promises.promised) {
    lines += fmt::format("promise: topic {} segment {} takes nothing below epoch {}\n", key.topic.value(),
                         key.segment.value(), epoch.value());
  }
  if (promises.lost_through) {
    lines += fmt::format("promises of topics up to {} may be lost: their open segments take nothing\n",
                         promises.lost_through->value());
  }
  return lines;
}

std::string trouble_lines(const NodeInspection& node) {
  std::string lines;
  for (const SegmentInspection& segment : node.found.segments) {
    for (const std::string& damage : segment.damage) lines += "damage: " + damage + "\n";
    if (!segment.suspect.empty()) {
      lines += fmt::format("suspect: topic {} segment {}: {}\n", segment.key.topic.value(), segment.key.segment.value(),
                           segment.suspect);
    }
  }
  for (const LogInspection& log : node.found.logs) {
    for (const std::string& damage : log.damage) lines += "damage: " + damage + "\n";
  }
  for (const std::string& damage : node.found.promises.damage) lines += "damage: " + damage + "\n";
  for (const std::string& name : node.found.quarantined) lines += "in quarantine: " + name + "\n";
  for (const std::string& path : node.found.unknown) lines += "not made by walrusd: " + path + "\n";
  if (!node.found.damaged()) lines += node.verified ? "no damage\n" : "no damage seen (every byte: --verify)\n";
  return lines;
}

nlohmann::ordered_json batches_json(const std::vector<ListedBatch>& batches) {
  auto json = nlohmann::ordered_json::array();
  for (const auto& [header, position] : batches) {
    json.push_back({{"base_offset", header.base_offset.value()},
                    {"records", header.records},
                    {"bytes", header.size},
                    {"position", position},
                    {"epoch", header.leader_epoch},
                    {"first_timestamp_ms", header.first_timestamp_ms},
                    {"max_timestamp_ms", header.max_timestamp_ms},
                    {"producer_id", header.producer_id}});
  }
  return json;
}

nlohmann::ordered_json promises_json(const storage::PromisesInspection& promises) {
  auto promised = nlohmann::ordered_json::array();
  for (const auto& [key, epoch] : promises.promised) {
    promised.push_back(
        {{"topic_id", key.topic.value()}, {"segment_id", key.segment.value()}, {"epoch", epoch.value()}});
  }
  auto lost = nlohmann::ordered_json();
  if (promises.lost_through) lost = promises.lost_through->value();
  return {{"promised", std::move(promised)}, {"lost_through_topic", std::move(lost)}, {"damage", promises.damage}};
}

nlohmann::ordered_json segment_json(const SegmentInspection& segment) {
  return {{"topic_id", segment.key.topic.value()},
          {"segment_id", segment.key.segment.value()},
          {"base_offset", segment.base.value()},
          {"end_offset", segment.end.value()},
          {"bytes", segment.bytes},
          {"sealed", segment.sealed},
          {"index_entries", segment.index_entries},
          {"batches_checked", segment.batches_checked},
          {"suspect", segment.suspect.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(segment.suspect)},
          {"damage", segment.damage}};
}

}  // namespace

std::string inspect_text(const NodeInspection& node) {
  std::string text = summary_line(node);
  if (!node.found.segments.empty()) {
    text += fmt::format("{:>8} {:>8} {:>14} {:>14} {:>12} {:>10}  {:<7} {:>7}\n", "topic", "segment", "base", "end",
                        "records", "size", "state", "index");
  }
  for (std::size_t i = 0; i < node.found.segments.size(); ++i) {
    text += segment_line(node.found.segments[i]);
    if (i < node.batches.size()) text += batch_lines(node.batches[i]);
  }
  for (const LogInspection& log : node.found.logs) text += log_lines(log);
  text += promise_lines(node.found.promises);
  text += trouble_lines(node);
  if (node.verified) {
    const double rate = static_cast<double>(node.found.bytes_read) / std::max(node.seconds, 1e-6);
    text += fmt::format("read {} in {:.3f} s, {}/s\n", bytes_text(node.found.bytes_read), node.seconds, as_bytes(rate));
  }
  return text;
}

nlohmann::ordered_json inspect_json(const NodeInspection& node) {
  auto segments = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < node.found.segments.size(); ++i) {
    segments.push_back(segment_json(node.found.segments[i]));
    if (i < node.batches.size()) segments.back()["batches"] = batches_json(node.batches[i]);
  }
  auto logs = nlohmann::ordered_json::array();
  for (const LogInspection& log : node.found.logs) {
    logs.push_back({{"shard", log.shard},
                    {"files", log.files},
                    {"bytes", log.bytes},
                    {"groups", log.groups},
                    {"batches", log.batches},
                    {"torn_bytes", log.torn_bytes},
                    {"damage", log.damage}});
  }
  return {{"directory", node.directory},
          {"running", node.running},
          {"verified", node.verified},
          {"damaged", node.found.damaged()},
          {"seconds", node.seconds},
          {"bytes_read", node.found.bytes_read},
          {"segments", std::move(segments)},
          {"logs", std::move(logs)},
          {"promises", promises_json(node.found.promises)},
          {"quarantined", node.found.quarantined},
          {"unknown", node.found.unknown}};
}

}  // namespace walrus::cli
