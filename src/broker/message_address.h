// What every message between brokers carries: the topic it is about, and the metadata version of its sender.
#pragma once

#include "base/result.h"
#include "io/message.h"
#include "metadata/view.h"

namespace walrus::broker {

struct MessageAddress {
  TopicId topic;
  metadata::Version version = 0;
};

/// kCorrupt when the message is none that a shard answers.
Result<MessageAddress> address_of(const io::Message& message);

}  // namespace walrus::broker
