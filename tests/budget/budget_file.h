// What a request may cost, as kept in budget.txt: a table with a line per workload, "workload instructions allocations
// system-calls", - for what is not counted, # for comments. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace walrus::budget {

/// Per request; nothing where it was not counted.
struct Costs {
  std::optional<double> instructions;
  std::optional<double> allocations;
  std::optional<double> system_calls;
};

struct Line {
  std::string workload;
  Costs costs;
};

/// Nothing when `text` is not such a table.
std::optional<std::vector<Line>> parse_budget(std::string_view text);
std::string format_budget(const std::vector<Line>& lines);

/// How far a count may lie above its budget before it fails: another minor version of the compiler or of a library
/// moves it by a little, a change of the code by more. And below: then the budget should be lowered.
struct Margin {
  double share;
  double absolute;
};
inline constexpr Margin kInstructionMargin{.share = 0.05, .absolute = 0};
inline constexpr Margin kAllocationMargin{.share = 0.05, .absolute = 0.005};
inline constexpr Margin kSystemCallMargin{.share = 0.10, .absolute = 0.005};

enum class Verdict { kWithin, kOver, kWellBelow };
Verdict judge(double counted, double budget, Margin margin);

/// One line for people; `over` is set when something is above its budget.
std::string report_line(const std::string& workload, const Costs& counted, const Costs* budget, bool& over);
std::string report_header();

}  // namespace walrus::budget
