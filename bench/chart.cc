#include "bench/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <optional>

#include "bench/report.h"

namespace walrus::bench {
namespace {

constexpr double kWidth = 760;
constexpr double kPanelHeight = 300;
constexpr double kTitleHeight = 34;
constexpr double kLeft = 84;
constexpr double kRight = 180;  // the legend
constexpr double kTop = 34;
constexpr double kBottom = 52;

// Colours after Okabe and Ito (https://jfly.uni-koeln.de/color/), which most people tell apart.
constexpr std::array<const char*, 7> kColours = {"#0072b2", "#e69f00", "#009e73", "#cc79a7",
                                                 "#56b4e9", "#d55e00", "#8a8a8a"};
constexpr std::array<const char*, 3> kDashes = {"", " stroke-dasharray=\"7 3\"", " stroke-dasharray=\"2 3\""};

constexpr std::string_view kStyle =
    "<style>"
    ".page{fill:#ffffff}.text{fill:#1f2328;font:12px system-ui,sans-serif}.title{font-size:14px;font-weight:600}"
    ".grid{stroke:#d1d9e0}.frame{stroke:#59636e;fill:none}"
    "@media (prefers-color-scheme:dark){.page{fill:#0d1117}.text{fill:#e6edf3}.grid{stroke:#30363d}"
    ".frame{stroke:#8d96a0}}"
    "</style>\n";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

bool drawable(double value, const Axis& axis) {
  return std::isfinite(value) && (axis.scale == Axis::Scale::kLinear || value > 0);
}

struct Range {
  double low = 0;
  double high = 1;
};

/// Of all points; a linear axis of values begins at 0 and has room above, a log one ends at whole powers.
Range range_of(const Panel& panel, const Axis& axis, bool of_x) {
  std::optional<Range> range;
  for (const Series& series : panel.series) {
    for (const auto& point : series.points) {
      const double value = of_x ? point.first : point.second;
      if (!drawable(point.first, panel.x) || !drawable(point.second, panel.y)) continue;
      if (!range) range = Range{.low = value, .high = value};
      range->low = std::min(range->low, value);
      range->high = std::max(range->high, value);
    }
  }
  if (!range) return axis.scale == Axis::Scale::kLog ? Range{.low = 1, .high = 10} : Range{};
  if (axis.scale == Axis::Scale::kLog) {
    if (of_x && range->high > range->low) return *range;
    const double low = std::pow(10, std::floor(std::log10(range->low)));
    return {.low = low, .high = std::max(low * 10, std::pow(10, std::ceil(std::log10(range->high))))};
  }
  if (!of_x) range = Range{.low = std::min(0.0, range->low), .high = range->high * 1.08};
  if (range->high <= range->low) range->high = range->low + 1;
  return *range;
}

/// 1, 2 or 5 times a power of ten, about five of them in the range.
double linear_step(const Range& range) {
  const double rough = (range.high - range.low) / 5;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10 * power;
}

std::vector<std::pair<double, std::string>> ticks_of(const Axis& axis, const Range& range) {
  if (!axis.ticks.empty()) return axis.ticks;
  std::vector<std::pair<double, std::string>> ticks;
  const auto add = [&](double value) { ticks.emplace_back(value, tick_text(value, axis.unit)); };
  if (axis.scale == Axis::Scale::kLinear) {
    const double step = linear_step(range);
    for (double value = std::ceil(range.low / step) * step; value <= range.high * 1.0001; value += step) add(value);
    return ticks;
  }
  const bool few = range.high / range.low < 1000;
  for (double power = std::pow(10, std::floor(std::log10(range.low))); power <= range.high * 1.0001; power *= 10) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (factor > 1 && !few) break;
      const double value = factor * power;
      if (value >= range.low * 0.9999 && value <= range.high * 1.0001) add(value);
    }
  }
  return ticks;
}

/// Where values of one axis lie on the page.
class Ruler {
 public:
  Ruler(const Axis& axis, Range range, double from, double to) : axis_(axis), range_(range), from_(from), to_(to) {}
  double operator()(double value) const {
    return from_ + (to_ - from_) * (place(value) - place(range_.low)) / (place(range_.high) - place(range_.low));
  }

 private:
  double place(double value) const { return axis_.scale == Axis::Scale::kLog ? std::log10(value) : value; }
  const Axis& axis_;
  Range range_;
  double from_;
  double to_;
};

std::string text_at(double x, double y, std::string_view anchor, std::string_view text, std::string_view more = {}) {
  return fmt::format("<text class=\"text\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor,
                     more, escaped(text));
}

std::string grid(const Panel& panel, const Range& x_range, const Range& y_range, const Ruler& x, const Ruler& y,
                 double top) {
  const double bottom = top + kPanelHeight - kTop - kBottom;
  std::string out;
  for (const auto& [value, text] : ticks_of(panel.x, x_range)) {
    if (!drawable(value, panel.x) || value < x_range.low * 0.9999 || value > x_range.high * 1.0001) continue;
    out += fmt::format("<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\"/>\n", x(value),
                       top, bottom);
    out += text_at(x(value), bottom + 18, "middle", text);
  }
  for (const auto& [value, text] : ticks_of(panel.y, y_range)) {
    out += fmt::format("<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/>\n", kLeft,
                       kWidth - kRight, y(value));
    out += text_at(kLeft - 8, y(value) + 4, "end", text);
  }
  out += fmt::format("<rect class=\"frame\" x=\"{}\" y=\"{:.1f}\" width=\"{}\" height=\"{:.1f}\"/>\n", kLeft, top,
                     kWidth - kLeft - kRight, bottom - top);
  out += text_at((kLeft + kWidth - kRight) / 2, bottom + 38, "middle", panel.x.label);
  const double middle = (top + bottom) / 2;
  out += text_at(16, middle, "middle", panel.y.label, fmt::format(" transform=\"rotate(-90 16 {:.1f})\"", middle));
  return out;
}

std::string line_of(const Panel& panel, std::size_t number, const Ruler& x, const Ruler& y, double top) {
  const Series& series = panel.series[number];
  const char* colour = kColours[number % kColours.size()];
  const char* dash = kDashes[number / kColours.size() % kDashes.size()];
  std::string points;
  std::string marks;
  for (const auto& [px, py] : series.points) {
    if (!drawable(px, panel.x) || !drawable(py, panel.y)) continue;
    fmt::format_to(std::back_inserter(points), "{:.1f},{:.1f} ", x(px), y(py));
    if (series.points.size() > 40) continue;
    fmt::format_to(std::back_inserter(marks), "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\" fill=\"{}\"/>\n", x(px),
                   y(py), colour);
  }
  const double legend = top + 10 + 18 * static_cast<double>(number);
  return fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\"{}/>\n{}", points, colour,
                     dash, marks) +
         fmt::format(
             "<line x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"{3}\" "
             "stroke-width=\"3\"{4}/>\n",
             kWidth - kRight + 12, kWidth - kRight + 32, legend, colour, dash) +
         text_at(kWidth - kRight + 38, legend + 4, "start", series.name);
}

std::string draw(const Panel& panel, double top_of_panel) {
  const double top = top_of_panel + kTop;
  const double bottom = top + kPanelHeight - kTop - kBottom;
  const Range x_range = range_of(panel, panel.x, true);
  const Range y_range = range_of(panel, panel.y, false);
  const Ruler x(panel.x, x_range, kLeft, kWidth - kRight);
  const Ruler y(panel.y, y_range, bottom, top);
  std::string out = text_at(kLeft, top - 10, "start", panel.title);
  out += grid(panel, x_range, y_range, x, y, top);
  for (std::size_t i = 0; i < panel.series.size(); ++i) out += line_of(panel, i, x, y, top);
  return out;
}

}  // namespace

std::string tick_text(double value, Axis::Unit unit) {
  if (unit == Axis::Unit::kNanoseconds) {
    std::string text = as_time(value);
    const auto blank = text.find(' ');
    // "10.0 ms" on an axis is "10 ms".
    if (const auto dot = text.find('.'); dot != std::string::npos) {
      auto end = blank;
      while (text[end - 1] == '0') --end;
      if (text[end - 1] == '.') --end;
      text.erase(end, blank - end);
    }
    return text;
  }
  const bool bytes = unit == Axis::Unit::kBytes;
  const double step = bytes ? 1024 : 1000;
  static constexpr std::array<const char*, 4> kDecimal = {"", "k", "M", "G"};
  static constexpr std::array<const char*, 4> kBinary = {" B", " KiB", " MiB", " GiB"};
  std::size_t power = 0;
  while (std::abs(value) >= step && power + 1 < kDecimal.size()) {
    value /= step;
    ++power;
  }
  return fmt::format("{:.3g}{}", value, (bytes ? kBinary : kDecimal)[power]);
}

std::string svg(std::string_view title, const std::vector<Panel>& panels) {
  const double height = kTitleHeight + kPanelHeight * static_cast<double>(panels.size());
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=\"img\">\n"
      "<title>{2}</title>\n{3}<rect class=\"page\" width=\"{0}\" height=\"{1}\"/>\n",
      kWidth, height, escaped(title), kStyle);
  out += fmt::format("<text class=\"text title\" x=\"{}\" y=\"24\">{}</text>\n", 16, escaped(title));
  for (std::size_t i = 0; i < panels.size(); ++i) {
    out += draw(panels[i], kTitleHeight + kPanelHeight * static_cast<double>(i));
  }
  return out + "</svg>\n";
}

}  // namespace walrus::bench
