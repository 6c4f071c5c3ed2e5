// What a run is told as: a table for people, one JSON object, or a CSV header and row. Pure.
//
// A percentile that the number of samples does not support is "-" in the table, empty in CSV and null in JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "bench/load.h"
#include "bench/raw_sync.h"

namespace walrus::bench {

/// The parameters of a run, as they were asked for.
struct LoadTitle {
  std::string workload;
  std::string peer;
  std::string address;
  std::size_t record_bytes = 0;
  LoadPlan plan;
};

std::string load_table(const LoadTitle& title, const LoadResult& result);
std::string load_json(const LoadTitle& title, const LoadResult& result);
std::string load_csv_header();
std::string load_csv_row(const LoadTitle& title, const LoadResult& result);

std::string raw_sync_table(const RawSyncPlan& plan, const RawSyncResult& result);
std::string raw_sync_json(const RawSyncPlan& plan, const RawSyncResult& result);

/// "1,234,567" and "12.3 ms".
std::string grouped(double number);
std::string as_time(double nanoseconds);

}  // namespace walrus::bench
