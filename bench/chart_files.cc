#include "bench/chart_files.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <array>
#include <chrono>

#include "bench/chart.h"

namespace walrus::bench {
namespace {

using nlohmann::json;

/// Latency is drawn over 1 / (1 - share): each nine takes the same room.
Panel latency_panel(const LoadResult& result) {
  constexpr std::array<double, 13> kShares = {0.01, 0.25,  0.5,   0.75,  0.9,    0.95,  0.98,
                                              0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999};
  Panel panel{.title = "latency, by the share of requests that took no longer",
              .x = {.label = "share of requests",
                    .scale = Axis::Scale::kLog,
                    .ticks = {{2, "50 %"}, {10, "90 %"}, {100, "99 %"}, {1'000, "99.9 %"}, {10'000, "99.99 %"}}},
              .y = {.label = "latency", .scale = Axis::Scale::kLog, .unit = Axis::Unit::kNanoseconds},
              .series = {{.name = "latency", .points = {}}}};
  for (const double share : kShares) {
    if (const auto value = result.latency.percentile(share)) {
      panel.series[0].points.emplace_back(1 / (1 - share), static_cast<double>(*value));
    }
  }
  return panel;
}

Panel throughput_panel(const LoadResult& result) {
  const double interval = std::chrono::duration<double>(kSeriesInterval).count();
  Panel panel{.title = "throughput",
              .x = {.label = "seconds"},
              .y = {.label = "records/s"},
              .series = {{.name = "records/s", .points = {}}}};
  for (std::size_t i = 0; i < result.series.size(); ++i) {
    const double end = static_cast<double>(i + 1) * interval;
    // The last interval may be cut short.
    if (i + 1 == result.series.size() && i > 0 && end > result.seconds + interval / 100) break;
    panel.series[0].points.emplace_back(end, static_cast<double>(result.series[i]) / interval);
  }
  return panel;
}

Axis axis_of(const json& from) {
  Axis axis{.label = from.at("label").get<std::string>()};
  if (from.value("log", false)) axis.scale = Axis::Scale::kLog;
  const std::string unit = from.value("unit", "number");
  if (unit == "ns") axis.unit = Axis::Unit::kNanoseconds;
  if (unit == "bytes") axis.unit = Axis::Unit::kBytes;
  for (const json& tick : from.value("ticks", json::array())) {
    axis.ticks.emplace_back(tick.at(0).get<double>(), tick.at(1).get<std::string>());
  }
  return axis;
}

Panel panel_of(const json& from) {
  Panel panel{.title = from.value("title", ""), .x = axis_of(from.at("x")), .y = axis_of(from.at("y")), .series = {}};
  for (const json& series : from.at("series")) {
    Series& to = panel.series.emplace_back(Series{.name = series.at("name").get<std::string>(), .points = {}});
    for (const json& point : series.at("points")) {
      if (!point.at(1).is_null()) to.points.emplace_back(point.at(0).get<double>(), point.at(1).get<double>());
    }
  }
  return panel;
}

}  // namespace

std::string load_chart(const LoadTitle& title, const LoadResult& result) {
  const std::string text = fmt::format("{} on {}: {} connections x depth {}, {} B", title.workload, title.peer,
                                       title.plan.connections, title.plan.depth, title.record_bytes);
  return svg(text, {throughput_panel(result), latency_panel(result)});
}

Result<std::string> chart_of_json(const std::string& text) {
  try {
    const json from = json::parse(text);
    std::vector<Panel> panels;
    for (const json& panel : from.at("panels")) panels.push_back(panel_of(panel));
    return svg(from.at("title").get<std::string>(), panels);
  } catch (const json::exception& error) {
    return fail(ErrorCode::kInvalidArgument, error.what());
  }
}

}  // namespace walrus::bench
