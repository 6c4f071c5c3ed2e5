// The result of an inspection, for people and as JSON. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "storage/inspect.h"

namespace walrus::cli {

struct ListedBatch {
  storage::BatchHeader header;
  std::uint64_t position = 0;
};

struct NodeInspection {
  std::string directory;
  bool running = false;  ///< a walrusd holds its lock: ends may be cut off in mid-write
  bool verified = false;
  double seconds = 0;
  storage::Inspection found;
  std::vector<std::vector<ListedBatch>> batches;  ///< by segment, as in `found`; empty unless asked for
};

std::string inspect_text(const NodeInspection& node);
nlohmann::ordered_json inspect_json(const NodeInspection& node);

}  // namespace walrus::cli
