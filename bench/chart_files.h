// Charts as walrus-bench writes them: of one run (--plot), and of any figures that a script brings as JSON (chart).
#pragma once

#include <string>

#include "base/result.h"
#include "bench/report.h"

namespace walrus::bench {

/// Throughput over time, and latency by percentile.
std::string load_chart(const LoadTitle& title, const LoadResult& result);

/// {"title", "panels": [{"title", "x": axis, "y": axis, "series": [{"name", "points": [[x, y], …]}, …]}, …]} with axes
/// {"label", "log": bool, "unit": "number" | "ns" | "bytes", "ticks": [[at, text], …]}, of which only the label must be
/// there. kInvalidArgument when it is not that.
Result<std::string> chart_of_json(const std::string& text);

}  // namespace walrus::bench
