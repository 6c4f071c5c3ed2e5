// Fills the ProducerTable of a topic's new leader from the log: what earlier leaders wrote for idempotent producers in
// the last sealed segments, and what this node had written in the open one before it was restarted
// (docs/adr/0006-producers.md).
//
// Happy path: read() goes through the window front to back, batch headers only, and hands the table over. The window
// begins with a whole segment; the table's horizon is that segment's epoch: who wrote before it got its producer epoch
// before it.
//
// Failure: the error of the read that failed (kUnavailable when no holder answers); nothing is kept then, and read()
// may be called again. A segment that nobody has any more ends the window. Loop thread only; dies with its last
// callback.
#pragma once

#include <functional>
#include <memory>

#include "broker/producer_table.h"
#include "broker/topic_reader.h"

namespace walrus::broker {

class ProducerHistory : public std::enable_shared_from_this<ProducerHistory> {
 public:
  using Done = std::move_only_function<void(Result<ProducerTable>)>;
  /// Batches of the open segment from an offset on; see storage::Segment::read.
  using ReadOpen = std::function<void(Offset from, storage::BatchesDone done)>;

  /// `reader` and `metadata` outlive the object. The open segment of `topic` is read up to `open_end`, through
  /// `read_open`.
  ProducerHistory(TopicReader& reader, metadata::MetadataClient& metadata, metadata::TopicPtr topic, Offset open_end,
                  ReadOpen read_open);

  void read(Done done);

 private:
  void read_on();
  void read_next();
  void on_batches(Result<storage::Batches> batches);
  Status note(std::string_view batch);

  TopicReader& reader_;
  metadata::MetadataClient& metadata_;
  const metadata::TopicPtr topic_;
  const Offset open_end_;
  ReadOpen read_open_;
  Offset next_;  // to be read
  ProducerTable table_;
  Done done_;
  bool in_call_ = false;  // of a read, which may answer before it returns
  bool answered_ = false;
};

/// The first segment of the window that a new leader of `topic` looks through; the last one when there is nothing in
/// front of it.
const metadata::SegmentInfo& producer_window(const metadata::TopicInfo& topic);

}  // namespace walrus::broker
