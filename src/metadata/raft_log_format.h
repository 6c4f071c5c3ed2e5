// How the Raft log lies in its files (docs/format/raft.md is the twin of this header): a header, then records, then the
// zeros that the file was pre-written with. Pure functions over bytes.
//
// A record knows the append that wrote it: `append` counts the appends of its file from 1, `behind` says how many
// records of the same append follow. An append is synced before the next one begins. So a bad record is a torn tail if
// nothing of a later append follows it; with a valid record of a later append behind it, it was synced once, and is
// damage.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "metadata/raft_entry.h"

namespace walrus::metadata::raft_log_format {

inline constexpr std::size_t kHeaderBytes = 64;
inline constexpr std::size_t kRecordHeaderBytes = 40;
inline constexpr std::size_t kMaxPayloadBytes = 16u << 20;

struct FileHeader {
  std::uint64_t sequence = 0;     ///< number of the file, without gaps
  std::uint64_t first_index = 1;  ///< entries from here on in earlier files are void
  std::uint32_t salt = 0;         ///< start of every record's checksum
  bool restarts = false;          ///< earlier files are void altogether (a snapshot took their place)

  friend bool operator==(const FileHeader&, const FileHeader&) = default;
};

std::string encode_header(const FileHeader& header);
Result<FileHeader> decode_header(std::string_view file);

/// One append as it goes to the file: a record per entry.
std::string encode_append(const FileHeader& file, std::uint64_t append, std::uint64_t first_index,
                          std::span<const RaftEntry> entries);

struct FileContent {
  std::vector<RaftEntry> entries;  ///< from the header's first index on
  std::uint64_t appends = 0;       ///< complete ones
  std::uint64_t end = 0;           ///< position behind the last entry taken
  bool torn = false;               ///< something unfinished lies behind `end`
};

/// Reads the last file of a log. kCorrupt, naming the position, for damage that a torn tail cannot explain.
Result<FileContent> read_last_file(const FileHeader& header, std::string_view file);

/// Reads a file that others follow: all entries below `end_index` must be there, what comes behind them is void.
Result<FileContent> read_full_file(const FileHeader& header, std::string_view file, std::uint64_t end_index);

}  // namespace walrus::metadata::raft_log_format
