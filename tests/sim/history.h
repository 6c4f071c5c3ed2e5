// What the records of a simulated cluster were at every moment: the content of each segment as its copies had it, which
// part of it was committed, and where its records stand. Held against what leaders commit, what is sealed, and what
// clients are told, when it happens (I1, I2, I4, I5, I10).
//
// Content is known by its hash (storage/content_hash.h): a step is a batch and the hash before it, and whoever has a
// hash has everything that leads up to it. So two copies are compared without being read, and a copy that comes back
// after a crash with what nobody ever had is found out.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "metadata/view.h"
#include "storage/segment.h"

namespace walrus::sim {

class History {
 public:
  /// Content of a segment up to the end of a batch.
  struct Place {
    Offset end;
    std::uint64_t hash = 0;
    friend bool operator==(const Place&, const Place&) = default;
  };

  /// `broken` gets a sentence that begins with the invariant's name.
  explicit History(std::function<void(std::string)> broken) : broken_(std::move(broken)) {}

  /// Of this topic no record is ever there twice.
  void expect_once(const std::string& topic) { once_.insert(topic); }
  /// Disks are lost on purpose: a segment may be sealed without all that was committed.
  void expect_losses() { losses_expected_ = true; }

  /// The whole content of a copy as it is now; `last` is what it was at the last look, or nothing. Must be told of each
  /// append before what was appended has left the memory of that node.
  Place learn(storage::Segment& copy, Place last);
  /// The place at `offset` on the way to `head`; nothing when no batch ends there.
  std::optional<Place> at(storage::SegmentKey segment, Place head, Offset offset) const;
  /// Everything up to `earlier` lies on the way to `head`.
  bool contains(storage::SegmentKey segment, Place head, Place earlier) const;

  /// A leader answers for everything up to here from now on.
  void commit(const metadata::TopicInfo& topic, storage::SegmentKey segment, Place place);
  void seal(const metadata::TopicInfo& topic, const metadata::SegmentInfo& segment);
  /// Behind the last record of the topic that is committed.
  Offset committed(const metadata::TopicInfo& topic) const;

  /// A client was told that its record is there, and perhaps where.
  void acknowledged(const std::string& topic, const std::string& record, std::optional<std::uint64_t> offset);
  /// A client was given a record.
  void delivered(const std::string& topic, const std::string& record);

 private:
  struct Step {
    std::uint64_t before = 0;
    Offset base;
    Offset end;
    std::vector<std::string> records;
  };
  struct Content {
    Offset base;
    std::unordered_map<std::uint64_t, Step> steps;  // by the hash behind them
    Place committed;
    bool sealed = false;
  };
  struct Topic {
    TopicId id;
    Offset committed;
    std::map<std::string, std::uint64_t> places;  // of the committed records
  };

  Content& content(storage::SegmentKey segment, Offset base);
  Place known_place(const Content& content, const storage::Segment& copy, Place last) const;
  void extend(const metadata::TopicInfo& topic, Content& content, Place place);
  void add(const std::string& name, Topic& topic, const Step& step);
  std::optional<std::uint64_t> place_of(const std::string& topic, const std::string& record) const;
  void give_up_behind(const metadata::TopicInfo& topic, Content& content, Place end);

  std::function<void(std::string)> broken_;
  std::map<storage::SegmentKey, Content> contents_;
  std::map<std::string, Topic> topics_;  // by name: the one that has it now
  std::set<std::string> once_;
  bool losses_expected_ = false;
};

}  // namespace walrus::sim
