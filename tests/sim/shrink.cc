#include "tests/sim/shrink.h"

#include <algorithm>

namespace walrus::sim {

std::vector<Fault> shrink(std::vector<Fault> faults, std::size_t runs,
                          const std::function<bool(const std::vector<Fault>&)>& red) {
  std::size_t part = std::max<std::size_t>(1, faults.size() / 2);
  while (!faults.empty()) {
    bool shorter = false;
    for (std::size_t from = 0; from < faults.size();) {
      if (runs-- == 0) return faults;
      std::vector<Fault> rest = faults;
      const auto first = rest.begin() + static_cast<std::ptrdiff_t>(from);
      rest.erase(first, first + static_cast<std::ptrdiff_t>(std::min(part, rest.size() - from)));
      if (red(rest)) {
        faults = std::move(rest);  // the next part stands here now
        shorter = true;
      } else {
        from += part;
      }
    }
    if (part == 1 && !shorter) break;
    part = std::max<std::size_t>(1, part / 2);
  }
  return faults;
}

}  // namespace walrus::sim
