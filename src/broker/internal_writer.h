// Records that the broker itself appends to a topic, such as those of a dead-letter topic: by the way that a client's
// take, through the shard that owns the topic. The topic is made when it is not there.
//
// Failure: the error that a client would get; of an unknown outcome the record may be there. Loop thread only.
#pragma once

#include <string>

#include "broker/request_sink.h"
#include "io/file.h"
#include "io/loop.h"
#include "storage/record_batch.h"

namespace walrus::broker {

struct ShardDirectory;

class InternalWriter {
 public:
  InternalWriter(io::Loop& loop, const ShardDirectory& directory) : loop_(loop), directory_(directory) {}

  /// With key, headers and value of `record`.
  void append(const std::string& topic, const storage::RecordView& record, io::Done done);

 private:
  io::Loop& loop_;
  const ShardDirectory& directory_;
};

}  // namespace walrus::broker
