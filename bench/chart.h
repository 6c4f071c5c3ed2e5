// Line charts as SVG: panels below each other, each with axes, series and a legend. They need nothing beside themselves
// and can be read on a light and on a dark page, by whoever tells colours apart or not (series differ in dashes, too).
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace walrus::bench {

struct Axis {
  enum class Scale : std::uint8_t { kLinear, kLog };
  enum class Unit : std::uint8_t { kNumber, kNanoseconds, kBytes };
  std::string label;
  Scale scale = Scale::kLinear;
  Unit unit = Unit::kNumber;
  /// Where the lines of the grid are, with their texts; chosen when there are none.
  std::vector<std::pair<double, std::string>> ticks = {};
};

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  ///< in order of x; on a log axis what is not above 0 is left out
};

struct Panel {
  std::string title;
  Axis x;
  Axis y;  ///< a linear one begins at 0
  std::vector<Series> series;
};

std::string svg(std::string_view title, const std::vector<Panel>& panels);

/// "1.2M", "12.3 ms", "64 KiB".
std::string tick_text(double value, Axis::Unit unit);

}  // namespace walrus::bench
