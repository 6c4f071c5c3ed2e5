// A work queue's state in the messages of metadata.proto. Pure; any thread.
#pragma once

#include "base/result.h"
#include "metadata.pb.h"
#include "metadata/groups.h"

namespace walrus::metadata {

QueueState to_message(const QueueInfo& queue);
/// `offset` is the group's. kCorrupt when ranges or failures are out of order or lie before it.
Result<QueueInfo> queue_from(const QueueState& message, Offset offset);

}  // namespace walrus::metadata
