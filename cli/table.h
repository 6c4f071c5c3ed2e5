// Columns for people. Pure.
#pragma once

#include <string>
#include <vector>

namespace walrus::cli {

using TableRow = std::vector<std::string>;

/// One line for each row, each column as wide as its widest cell. All rows have as many cells as the first.
std::string table_text(const std::vector<TableRow>& rows);

}  // namespace walrus::cli
