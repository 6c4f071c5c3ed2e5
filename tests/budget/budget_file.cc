#include "tests/budget/budget_file.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <sstream>
#include <utility>

namespace walrus::budget {
namespace {

using Field = std::optional<double> Costs::*;

struct Column {
  const char* name;
  Field field;
  int decimals;
  Margin margin;
};
constexpr std::array<Column, 3> kColumns = {{{"instructions", &Costs::instructions, 0, kInstructionMargin},
                                             {"allocations", &Costs::allocations, 3, kAllocationMargin},
                                             {"system calls", &Costs::system_calls, 3, kSystemCallMargin}}};

std::string text_of(const std::optional<double>& value, int decimals) {
  return value ? fmt::format("{:.{}f}", *value, decimals) : "-";
}

/// "612 of 620", marked when it is outside of the margin.
std::string cell(const Column& column, const Costs& counted, const Costs* budget, bool& over) {
  const std::optional<double>& value = counted.*column.field;
  std::string text = text_of(value, column.decimals);
  if (!value || budget == nullptr || !(budget->*column.field)) return text;
  const double allowed = *(budget->*column.field);
  const Verdict verdict = judge(*value, allowed, column.margin);
  over = over || verdict == Verdict::kOver;
  const char* mark = verdict == Verdict::kOver ? " OVER" : verdict == Verdict::kWellBelow ? " below" : "";
  return fmt::format("{} of {}{}", text, text_of(allowed, column.decimals), mark);
}

/// False when `word` is neither a number nor "-".
bool parse_field(const std::string& word, std::optional<double>& value) {
  if (word == "-") return true;
  double number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) return false;
  value = number;
  return true;
}

}  // namespace

std::optional<std::vector<Line>> parse_budget(std::string_view text) {
  std::vector<Line> lines;
  std::istringstream stream{std::string(text)};
  for (std::string row; std::getline(stream, row);) {
    std::istringstream fields(row.substr(0, row.find('#')));
    Line line;
    if (!(fields >> line.workload)) continue;
    for (const Column& column : kColumns) {
      std::string word;
      if (!(fields >> word) || !parse_field(word, line.costs.*column.field)) return std::nullopt;
    }
    if (std::string more; fields >> more) return std::nullopt;
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string format_budget(const std::vector<Line>& lines) {
  std::string text =
      "# What a request costs at most (./dev bench budget compares, ./dev bench budget --update writes this file).\n"
      "# workload, then per request: instructions, allocations, system calls\n";
  for (const Line& line : lines) {
    text += fmt::format("{:<24}", line.workload);
    for (const Column& column : kColumns) {
      text += fmt::format("{:>10}", text_of(line.costs.*column.field, column.decimals));
    }
    text += "\n";
  }
  return text;
}

Verdict judge(double counted, double budget, Margin margin) {
  const double room = budget * margin.share + margin.absolute;
  if (counted > budget + room) return Verdict::kOver;
  return counted < budget - room ? Verdict::kWellBelow : Verdict::kWithin;
}

std::string report_header() {
  std::string text = fmt::format("{:<24}", "per request");
  for (const Column& column : kColumns) text += fmt::format("{:>24}", column.name);
  return text + "\n";
}

std::string report_line(const std::string& workload, const Costs& counted, const Costs* budget, bool& over) {
  std::string text = fmt::format("{:<24}", workload);
  for (const Column& column : kColumns) text += fmt::format("{:>24}", cell(column, counted, budget, over));
  return text + "\n";
}

}  // namespace walrus::budget
