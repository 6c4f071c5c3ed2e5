// Stores for tests: small segments, so that a few records reach the seams.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/harness/temp_dir.h"
#include "walrus/store.h"

namespace walrus::test {

inline store::Options small_options(const TempDir& directory) {
  store::Options options;
  options.directory = (directory / "data").string();
  options.segment_bytes = 64 << 10;
  return options;
}

/// Opens or fails the test.
inline store::Store open_store(const store::Options& options) {
  auto opened = store::Store::open(options);
  if (!opened) throw std::runtime_error(opened.error().message());
  return *std::move(opened);
}

inline store::Topic topic_of(store::Store& store, std::string_view name) {
  auto topic = store.topic(name);
  if (!topic) throw std::runtime_error(topic.error().message());
  return *std::move(topic);
}

/// All records' values from `offset` to the end, which must have dense offsets.
inline std::vector<std::string> values_from(const store::Topic& topic, std::uint64_t offset) {
  std::vector<std::string> values;
  auto reader = topic.reader(offset, 32 << 10);
  while (true) {
    const auto records = reader.next();
    if (!records) throw std::runtime_error(records.error().message());
    if (records->empty()) return values;
    for (const store::RecordView& record : *records) {
      EXPECT_EQ(record.offset, offset + values.size());
      values.emplace_back(record.value);
    }
  }
}

/// The text of an error, or "ok".
template <class T>
std::string outcome(const store::Result<T>& result) {
  return result ? "ok" : result.error().message();
}

}  // namespace walrus::test
