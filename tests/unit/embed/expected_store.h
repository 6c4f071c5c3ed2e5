// What a store must hold after a power cut, from what its user asked for and was told until then; and whether it does.
//
// Built by the notes of a recording, in their order. A value begins with the words "<batch> <n> ", by which a record is
// found again; batches of one writer into one topic are numbered without gaps, in the order in which they were asked
// for.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "walrus/store.h"

namespace walrus::test {

struct ExpectedBatch {
  std::vector<std::string> values;
  std::optional<std::uint64_t> offset{};  ///< told
  bool synced = false;                    ///< told before a call of sync() that has returned
  std::string syncing{};                  ///< told before one that has not: its caller
};

/// Between what is told and what is asked for, both ends included.
struct ExpectedCursor {
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  bool may_be_new = false;   ///< its removal was asked for: made again, it stands at the start
  bool must_be_new = false;  ///< and told

  void ask(std::uint64_t position);
  void tell(std::uint64_t position) { least = most = position; }
};

/// One life of a topic, from its creation to its removal.
struct ExpectedTopic {
  bool must_be = false;
  bool may_be = true;
  bool weak = false;               ///< what is told may be lost until it is synced, the newest first
  std::uint64_t trimmed = 0;       ///< told
  std::uint64_t trimmed_most = 0;  ///< asked for
  /// The one told and those asked for since, and the least that any was to keep, in its own measure.
  std::vector<store::Retention> retentions{{}};
  std::optional<std::uint64_t> least_records{};
  std::optional<std::uint64_t> least_bytes{};
  std::map<std::string, std::map<std::uint64_t, ExpectedBatch>> batches{};  ///< by writer and number; asked for
  std::map<std::string, ExpectedCursor> cursors{};                          ///< told that they are there

  void ask(const store::Retention& retention);
  void tell(const store::Retention& retention) { retentions = {retention}; }
};

using ExpectedStore = std::map<std::string, ExpectedTopic>;

/// `caller` calls sync(), and it returns.
void begin_sync(ExpectedStore& expected, const std::string& caller);
void end_sync(ExpectedStore& expected, const std::string& caller);

/// What a store holds of a topic.
struct FoundTopic {
  std::uint64_t start = 0;
  std::uint64_t bytes = 0;
  store::Retention retention{};
  std::vector<std::string> values{};
  std::map<std::string, std::uint64_t> cursors{};
};
using FoundStore = std::map<std::string, FoundTopic>;

/// What was found, or what is wrong, in a sentence.
std::expected<FoundStore, std::string> find_store(store::Store& store, const ExpectedStore& expected);
/// Empty when nothing is wrong.
std::string compare(const FoundStore& found, const ExpectedStore& expected);
/// Whether nothing has changed, but for what retention may have taken.
bool same_later(const FoundStore& before, const FoundStore& after);

}  // namespace walrus::test
