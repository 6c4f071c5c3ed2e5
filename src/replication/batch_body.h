// Batches as the body of a message: one behind the other. Pure; any thread.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "storage/segment.h"

namespace walrus::replication {

/// Each batch is checked; kCorrupt when one is wrong or cut off.
Result<storage::Batches> split_batches(const SharedBytes& body);

/// A single batch rides without a copy.
SharedBytes join_batches(const storage::Batches& batches);

}  // namespace walrus::replication
