#include "tests/unit/embed/expected_store.h"

#include <fmt/core.h>

#include <algorithm>
#include <expected>
#include <span>
#include <sstream>

namespace walrus::test {
namespace {

struct Words {
  std::string writer;
  std::uint64_t batch = 0;
  std::uint64_t number = 0;  // in the batch
};

Words words_of(const std::string& value) {
  Words words;
  std::istringstream(value) >> words.writer >> words.batch >> words.number;
  return words;
}

/// Reads a topic's records front to end and looks at each.
class TopicCheck {
 public:
  TopicCheck(const FoundTopic& found, const ExpectedTopic& expected) : found_(found), expected_(expected) {}

  std::string run() {
    if (found_.start < at_least(expected_.trimmed)) return fmt::format("starts at {}, was trimmed", found_.start);
    if (std::string wrong = check_retention(); !wrong.empty()) return wrong;
    for (std::size_t i = 0; i < found_.values.size(); ++i) {
      if (std::string wrong = check_record(i); !wrong.empty()) return wrong;
    }
    for (const auto& [writer, batches] : expected_.batches) {
      for (const auto& [number, batch] : batches) {
        if (std::string wrong = check_batch(writer, number, batch); !wrong.empty()) return wrong;
      }
    }
    return check_cursors();
  }

 private:
  std::uint64_t end() const { return found_.start + found_.values.size(); }
  /// What a position that was told must be: where records may be lost, no more than what is left.
  std::uint64_t at_least(std::uint64_t told) const { return expected_.weak ? std::min(told, end()) : told; }

  std::string check_retention() const {
    if (std::ranges::find(expected_.retentions, found_.retention) == expected_.retentions.end()) {
      return fmt::format("keeps {} bytes and {} records, was not told so", found_.retention.bytes,
                         found_.retention.records);
    }
    if (found_.start <= expected_.trimmed_most) return {};
    const bool too_many = expected_.least_records && found_.values.size() >= *expected_.least_records;
    const bool too_large = expected_.least_bytes && found_.bytes >= *expected_.least_bytes;
    if (too_many || too_large) return {};
    return fmt::format("starts at {} with {} records of {} bytes: not trimmed there, and less than is to be kept",
                       found_.start, found_.values.size(), found_.bytes);
  }

  std::string check_record(std::size_t i) {
    const std::uint64_t offset = found_.start + i;
    const Words words = words_of(found_.values[i]);
    const auto batches = expected_.batches.find(words.writer);
    if (batches == expected_.batches.end() || !batches->second.contains(words.batch))
      return fmt::format("{} was never appended: {:.40}", offset, found_.values[i]);
    const ExpectedBatch& batch = batches->second.at(words.batch);
    if (words.number >= batch.values.size() || batch.values[words.number] != found_.values[i])
      return fmt::format("{} has not the bytes that were appended: {:.40}", offset, found_.values[i]);
    if (words.number > offset) return fmt::format("{} has the record {} of a batch", offset, words.number);
    Seen& seen = seen_[words.writer];
    const std::uint64_t base = offset - words.number;
    if (seen.batch && *seen.batch == words.batch) {
      if (seen.bases.back() != base) return fmt::format("{}: a batch twice, or out of order", offset);
      return {};
    }
    // The first that is there may have lost its beginning to a trim, no other.
    if (words.number > 0 && offset > found_.start) return fmt::format("{}: a batch without its beginning", offset);
    if (seen.batch && words.batch != *seen.batch + 1)
      return fmt::format("{}: batch {} of {} behind batch {}", offset, words.batch, words.writer, *seen.batch);
    if (!seen.batch && words.batch > 0 && found_.start == 0)
      return fmt::format("{}: batch {} of {} without those before it", offset, words.batch, words.writer);
    if (!seen.batch) seen.first = words.batch;
    seen.batch = words.batch;
    seen.bases.push_back(base);
    return {};
  }

  std::string check_batch(const std::string& writer, std::uint64_t number, const ExpectedBatch& batch) {
    const Seen& seen = seen_[writer];
    const bool there = seen.batch && seen.first <= number && number <= *seen.batch;
    const std::uint64_t size = batch.values.size();
    if (!there) {
      if (expected_.weak && !batch.synced) return {};
      const bool gone = batch.offset && *batch.offset + size <= found_.start;
      if (batch.offset && !gone)
        return fmt::format("{} to {} were acknowledged and are not there", *batch.offset, *batch.offset + size);
      if (gone && end() < *batch.offset + size) return "ends before what was acknowledged";
      return {};
    }
    const std::uint64_t base = seen.bases[number - seen.first];
    if (batch.offset && *batch.offset != base) return fmt::format("{} was acknowledged as {}", base, *batch.offset);
    // Its records are in a row: check_record() saw to that but for the last ones.
    const std::uint64_t last = base + size - 1;
    if (last >= end() || words_of(found_.values[last - found_.start]).batch != number ||
        words_of(found_.values[last - found_.start]).writer != writer) {
      return fmt::format("{}: a batch in part", base);
    }
    return {};
  }

  std::string check_cursors() const {
    for (const auto& [name, cursor] : expected_.cursors) {
      const std::uint64_t position = found_.cursors.at(name);
      if (cursor.may_be_new && position <= found_.start) continue;
      if (cursor.must_be_new) return fmt::format("cursor {} was removed and is at {}", name, position);
      // A step goes over what a trim or retention has taken.
      const std::uint64_t most = std::max(cursor.most, std::max(found_.start, expected_.trimmed_most) + 1);
      if (position < at_least(cursor.least) || position > std::min(most, end())) {
        return fmt::format("cursor {} is at {}, not in {} to {} (end {})", name, position, cursor.least, most, end());
      }
    }
    return {};
  }

  struct Seen {
    std::uint64_t first = 0;
    std::optional<std::uint64_t> batch{};  // the last one
    std::vector<std::uint64_t> bases{};    // from the first
  };
  const FoundTopic& found_;
  const ExpectedTopic& expected_;
  std::map<std::string, Seen> seen_;  // by writer
};

std::expected<FoundTopic, std::string> find_topic(store::Topic topic, const ExpectedTopic& expected) {
  const auto stats = topic.stats();
  if (!stats) return std::unexpected("stats: " + stats.error().message());
  const auto retention = topic.retention();
  if (!retention) return std::unexpected("retention: " + retention.error().message());
  FoundTopic found{.start = stats->start, .bytes = stats->bytes, .retention = *retention};
  auto reader = topic.reader(stats->start);
  while (true) {
    const auto records = reader.next();
    if (!records) return std::unexpected("read: " + records.error().message());
    if (records->empty()) break;
    for (const store::RecordView& record : *records) {
      if (record.offset != found.start + found.values.size())
        return std::unexpected(fmt::format("{} behind {}", record.offset, found.start + found.values.size()));
      found.values.emplace_back(record.value);
    }
  }
  if (found.values.size() != stats->records)
    return std::unexpected(fmt::format("{} records, {} readable", stats->records, found.values.size()));
  for (const auto& [name, cursor] : expected.cursors) {
    auto opened = topic.cursor(name);
    if (!opened) return std::unexpected("cursor: " + opened.error().message());
    found.cursors[name] = opened->position();
  }
  return found;
}

template <class Visit>
void for_each_batch(ExpectedStore& expected, Visit visit) {
  for (auto& [name, topic] : expected) {
    for (auto& [writer, batches] : topic.batches) {
      for (auto& [number, batch] : batches) visit(batch);
    }
  }
}

}  // namespace

void begin_sync(ExpectedStore& expected, const std::string& caller) {
  for_each_batch(expected, [&](ExpectedBatch& batch) {
    if (batch.offset && !batch.synced) batch.syncing = caller;
  });
}

void end_sync(ExpectedStore& expected, const std::string& caller) {
  for_each_batch(expected, [&](ExpectedBatch& batch) {
    if (batch.syncing == caller) batch.synced = true;
  });
}

void ExpectedTopic::ask(const store::Retention& retention) {
  retentions.push_back(retention);
  if (retention.records > 0) least_records = std::min(least_records.value_or(UINT64_MAX), retention.records);
  if (retention.bytes > 0) least_bytes = std::min(least_bytes.value_or(UINT64_MAX), retention.bytes);
}

void ExpectedCursor::ask(std::uint64_t position) {
  least = std::min(least, position);
  most = std::max(most, position);
}

std::expected<FoundStore, std::string> find_store(store::Store& store, const ExpectedStore& expected) {
  FoundStore found;
  for (const std::string& name : store.topics()) {
    const auto known = expected.find(name);
    if (known == expected.end()) return std::unexpected("topic " + name + " was never made");
    auto topic = find_topic(store.find_topic(name).value(), known->second);
    if (!topic) return std::unexpected("topic " + name + ": " + topic.error());
    found[name] = *std::move(topic);
  }
  return found;
}

bool same_later(const FoundStore& before, const FoundStore& after) {
  return std::ranges::equal(before, after, [](const auto& first, const auto& second) {
    const FoundTopic& was = first.second;
    const FoundTopic& is = second.second;
    if (is.start < was.start || is.start > was.start + was.values.size()) return false;
    if (is.start > was.start && was.retention == store::Retention{}) return false;
    return first.first == second.first && is.retention == was.retention && is.cursors == was.cursors &&
           std::ranges::equal(is.values, std::span(was.values).subspan(is.start - was.start));
  });
}

std::string compare(const FoundStore& found, const ExpectedStore& expected) {
  for (const auto& [name, topic] : expected) {
    const auto there = found.find(name);
    if (there == found.end()) {
      if (topic.must_be) return "topic " + name + " is gone";
      continue;
    }
    if (!topic.may_be) return "topic " + name + " was removed and is there";
    if (std::string wrong = TopicCheck(there->second, topic).run(); !wrong.empty())
      return "topic " + name + ": " + wrong;
  }
  return {};
}

}  // namespace walrus::test
