#include "replication/quorum.h"

#include <algorithm>
#include <functional>

#include "base/assert.h"

namespace walrus::replication {

Quorum::Quorum(std::size_t replicas, Offset base) : durable_ends_(replicas, base), commit_(base) {
  WALRUS_ASSERT(replicas > 0);
}

void Quorum::advance(std::size_t replica, Offset end) {
  WALRUS_ASSERT(replica < durable_ends_.size());
  if (end <= durable_ends_[replica]) return;
  durable_ends_[replica] = end;
  if (durable_ends_.size() == 1) {
    commit_ = end;
    return;
  }
  std::vector<Offset> sorted = durable_ends_;
  const auto qth = sorted.begin() + static_cast<std::ptrdiff_t>(ack_quorum(sorted.size()) - 1);
  std::nth_element(sorted.begin(), qth, sorted.end(), std::greater<>{});
  WALRUS_ASSERT(*qth >= commit_, "commit never moves back");
  commit_ = *qth;
}

}  // namespace walrus::replication
