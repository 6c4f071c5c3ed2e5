// What the reading verbs carry behind the topic: a place in it, and how much is wanted (docs/protocol/text.md). Pure;
// any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

#include "base/ids.h"
#include "base/limits.h"
#include "base/result.h"

namespace walrus::protocol {

/// `<offset>`, `earliest`, `latest` or `@<timestamp in milliseconds>`.
struct Place {
  enum class Kind : std::uint8_t { kOffset, kEarliest, kLatest, kTime };
  Kind kind = Kind::kOffset;
  std::uint64_t value = 0;  ///< the offset, or the timestamp

  friend bool operator==(const Place&, const Place&) = default;
};

/// kInvalidArgument when `word` is none.
Result<Place> parse_place(std::string_view word);

/// How much one reply may hold; of both bounds the first that is met counts, but one record is given in any case.
struct ReadBounds {
  enum class Form : std::uint8_t { kRecords, kBatches };
  std::uint32_t records = limits::kMaxReadRecords;
  std::uint32_t bytes = limits::kReadBytes;
  Form form = Form::kRecords;

  friend auto operator<=>(const ReadBounds&, const ReadBounds&) = default;
};

/// FETCH
struct FetchArguments {
  Place from = {};
  ReadBounds bounds = {};
  std::uint32_t wait_ms = 0;  ///< at the end of the topic: how long to wait for more

  friend bool operator==(const FetchArguments&, const FetchArguments&) = default;
};

/// "<place> [max=] [bytes=] [wait=] [form=]"; kInvalidArgument with what is wrong.
Result<FetchArguments> parse_fetch_arguments(std::string_view text);

/// READ, COMMIT, SEEK and FORGET.
struct GroupArguments {
  Place place = {};        ///< COMMIT (an offset) and SEEK
  ReadBounds bounds = {};  ///< READ, as the rest
  std::uint32_t wait_ms = 0;
  bool advance = true;  ///< commit=auto: the group moves on by what is read

  friend bool operator==(const GroupArguments&, const GroupArguments&) = default;
};

/// "[max=] [bytes=] [wait=] [form=] [commit=auto|none]" behind the group of READ.
Result<GroupArguments> parse_read_arguments(std::string_view text);
/// "<offset>" behind the group of COMMIT, and "<place>" behind that of SEEK.
Result<GroupArguments> parse_commit_arguments(std::string_view text);
Result<GroupArguments> parse_seek_arguments(std::string_view text);

}  // namespace walrus::protocol
