#include "bench/report.h"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <array>
#include <chrono>
#include <cmath>

namespace walrus::bench {
namespace {

struct Percentile {
  const char* name;
  double share;
};
constexpr std::array<Percentile, 5> kPercentiles = {
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}}};

double seconds_of(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

double per_second(std::uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

std::string plural(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(static_cast<double>(count)), noun, count == 1 ? "" : "s");
}

/// Two lines: names and values.
std::string latency_lines(const Histogram& latency) {
  std::string names = fmt::format("{:<14}{:>10}", "latency", "mean");
  const bool any = latency.count() > 0;
  std::string values = fmt::format("{:<14}{:>10}", "", any ? as_time(latency.mean()) : "-");
  for (const auto& [name, share] : kPercentiles) {
    const auto value = latency.percentile(share);
    names += fmt::format("{:>10}", name);
    values += fmt::format("{:>10}", value ? as_time(static_cast<double>(*value)) : "-");
  }
  names += fmt::format("{:>10}\n", "max");
  values += fmt::format("{:>10}\n", any ? as_time(static_cast<double>(latency.max())) : "-");
  return names + values;
}

nlohmann::ordered_json latency_json(const Histogram& latency) {
  nlohmann::ordered_json json = {{"count", latency.count()}, {"mean", latency.mean()}, {"min", latency.min()}};
  for (const auto& [name, share] : kPercentiles) {
    const auto value = latency.percentile(share);
    json[name] = value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
  }
  json["max"] = latency.max();
  return json;
}

std::string loop_text(const LoadPlan& plan) {
  if (plan.rate <= 0) return "closed loop";
  return fmt::format("open loop at {}/s, latency from the time due", grouped(plan.rate));
}

std::string trouble_lines(const LoadResult& result) {
  std::string lines;
  const auto line = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) lines += fmt::format("{:<14}{} {}\n", "", grouped(static_cast<double>(count)), what);
  };
  line(result.empty, "GETs found nothing (EMPTY; not in the throughput)");
  line(result.unanswered, "requests had no answer");
  line(result.unsent, "requests were due and never sent: the server is behind the rate");
  if (result.drained) lines += fmt::format("{:<14}ended early: every topic ran empty (raise --prefill)\n", "");
  lines +=
      fmt::format("{:<14}{}\n", "errors", result.failed == 0 ? "none" : grouped(static_cast<double>(result.failed)));
  for (const auto& [text, times] : result.errors) {
    lines += fmt::format("{:<14}{} x {}\n", "", grouped(static_cast<double>(times)), text);
  }
  return lines;
}

}  // namespace

std::string grouped(double number) {
  std::string digits = std::to_string(std::llround(number));
  for (std::size_t place = digits.size(); place > 3;) {
    place -= 3;
    digits.insert(place, ",");
  }
  return digits;
}

std::string as_time(double nanoseconds) {
  if (nanoseconds < 999.5) return fmt::format("{:.0f} ns", nanoseconds);
  constexpr std::array<std::string_view, 3> kUnits = {"us", "ms", "s"};
  double value = nanoseconds / 1'000;
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1'000;
    ++unit;
  }
  const int decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
  return fmt::format("{:.{}f} {}", value, decimals, kUnits[unit]);
}

std::string load_table(const LoadTitle& title, const LoadResult& result) {
  const LoadPlan& plan = title.plan;
  const double rate = per_second(result.done, result.seconds);
  std::string text = fmt::format("{} on {} at {}: {} x depth {}, {} B, {}, {}, {:.2f} s\n\n", title.workload,
                                 title.peer, title.address, plural(plan.connections, "connection"), plan.depth,
                                 title.record_bytes, plural(plan.topics, "topic"), loop_text(plan), result.seconds);
  text += fmt::format("{:<14}{} records/s, {:.2f} MB/s, {} records\n", "throughput", grouped(rate),
                      rate * static_cast<double>(title.record_bytes) / 1e6, grouped(static_cast<double>(result.done)));
  text += latency_lines(result.latency);
  text += trouble_lines(result);
  return text;
}

std::string load_json(const LoadTitle& title, const LoadResult& result) {
  const LoadPlan& plan = title.plan;
  const double rate = per_second(result.done, result.seconds);
  nlohmann::ordered_json json = {{"version", WALRUS_VERSION},
                                 {"workload", title.workload},
                                 {"peer", title.peer},
                                 {"address", title.address},
                                 {"connections", plan.connections},
                                 {"depth", plan.depth},
                                 {"threads", plan.threads},
                                 {"topics", plan.topics},
                                 {"record_bytes", title.record_bytes},
                                 {"get_share", plan.get_share},
                                 {"rate", plan.rate > 0 ? nlohmann::ordered_json(plan.rate) : nlohmann::ordered_json()},
                                 {"warmup_seconds", seconds_of(plan.warmup)},
                                 {"seconds", result.seconds},
                                 {"records", result.done},
                                 {"records_per_second", rate},
                                 {"bytes_per_second", rate * static_cast<double>(title.record_bytes)},
                                 {"empty", result.empty},
                                 {"unanswered", result.unanswered},
                                 {"unsent", result.unsent},
                                 {"drained", result.drained},
                                 {"broken_connections", result.broken_connections},
                                 {"client_cpu_seconds", result.client_cpu_seconds},
                                 {"latency_ns", latency_json(result.latency)},
                                 {"series_interval_ms", std::chrono::milliseconds(kSeriesInterval).count()},
                                 {"series", result.series},
                                 {"errors", result.errors}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string load_csv_header() {
  std::string header =
      "workload,peer,connections,depth,threads,topics,record_bytes,rate,seconds,records,records_per_second,mean_ns";
  for (const auto& [name, share] : kPercentiles) header += fmt::format(",{}_ns", name);
  return header + ",max_ns,empty,unanswered,unsent,errors\n";
}

std::string load_csv_row(const LoadTitle& title, const LoadResult& result) {
  const LoadPlan& plan = title.plan;
  std::string row =
      fmt::format("{},{},{},{},{},{},{},{},{:.3f},{},{:.1f},{:.0f}", title.workload, title.peer, plan.connections,
                  plan.depth, plan.threads, plan.topics, title.record_bytes, plan.rate, result.seconds, result.done,
                  per_second(result.done, result.seconds), result.latency.mean());
  for (const auto& [name, share] : kPercentiles) {
    const auto value = result.latency.percentile(share);
    row += value ? fmt::format(",{}", *value) : ",";
  }
  return row + fmt::format(",{},{},{},{},{}\n", result.latency.max(), result.empty, result.unanswered, result.unsent,
                           result.failed);
}

std::string raw_sync_table(const RawSyncPlan& plan, const RawSyncResult& result) {
  const double rate = per_second(result.writes, result.seconds);
  std::string text =
      fmt::format("raw-sync in {}: {} B with O_DIRECT|O_DSYNC into a pre-written file, depth {}, {:.2f} s\n\n",
                  plan.directory.string(), plan.bytes, plan.depth, result.seconds);
  text += fmt::format("{:<14}{} writes/s, {:.2f} MB/s, {} writes\n", "throughput", grouped(rate),
                      rate * static_cast<double>(plan.bytes) / 1e6, grouped(static_cast<double>(result.writes)));
  return text + latency_lines(result.latency);
}

std::string raw_sync_json(const RawSyncPlan& plan, const RawSyncResult& result) {
  const nlohmann::ordered_json json = {{"version", WALRUS_VERSION},
                                       {"workload", "raw-sync"},
                                       {"directory", plan.directory.string()},
                                       {"bytes", plan.bytes},
                                       {"depth", plan.depth},
                                       {"file_bytes", plan.file_bytes},
                                       {"seconds", result.seconds},
                                       {"writes", result.writes},
                                       {"writes_per_second", per_second(result.writes, result.seconds)},
                                       {"latency_ns", latency_json(result.latency)}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace walrus::bench
