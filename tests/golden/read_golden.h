// Golden bytes: hex files with '#' comments below tests/golden/, by their path without ".hex".
#pragma once

#include <fstream>
#include <stdexcept>
#include <string>

namespace walrus {

inline std::string read_golden(const std::string& path) {
  std::ifstream file(std::string(WALRUS_GOLDEN_DIR) + "/" + path + ".hex");
  if (!file) throw std::runtime_error("no golden file " + path);
  std::string bytes;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    for (std::size_t at = 0; at + 1 < line.size(); at += 3) {
      bytes.push_back(static_cast<char>(std::stoi(line.substr(at, 2), nullptr, 16)));
    }
  }
  return bytes;
}

}  // namespace walrus
