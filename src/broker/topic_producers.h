// The idempotent producers of a topic, as the leader of its open segment has to know them before it appends a batch of
// theirs: their epochs from the metadata view, their last batches from the log (ProducerTable, ProducerHistory), which
// is read when the first such batch comes.
//
// Loop thread only.
#pragma once

#include <memory>
#include <optional>

#include "broker/producer_history.h"

namespace walrus::broker {

class TopicProducers {
 public:
  /// See ProducerHistory.
  TopicProducers(TopicReader& reader, metadata::MetadataClient& metadata, TopicId topic, Offset open_end,
                 ProducerHistory::ReadOpen read_open)
      : reader_(reader), metadata_(metadata), topic_(topic), open_end_(open_end), read_open_(std::move(read_open)) {}

  /// As ProducerTable::check(), and kUnavailable while the log is being read.
  Result<std::optional<Offset>> check(const ProducerStamp& stamp, std::uint32_t records);
  /// The batch, which was checked in the same turn, was appended at `first`.
  void note(const ProducerStamp& stamp, std::uint32_t records, Offset first);

 private:
  void read_history();

  TopicReader& reader_;
  metadata::MetadataClient& metadata_;
  const TopicId topic_;
  const Offset open_end_;
  ProducerHistory::ReadOpen read_open_;
  std::optional<ProducerTable> table_;  // once the log was read
  bool reading_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace walrus::broker
