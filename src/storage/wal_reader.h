// The reading side of a write-ahead log: finds the groups that count, tells a torn tail from rot, hands over the
// entries.
//
// survey() reads the live files and lists every undamaged group in them. plan() decides, on the headers alone:
//   - groups follow one another by number and by the CRC chain; a restart group voids those since the failed write;
//   - where one is missing and no surviving group says that it was durable, the log ends: a write that a crash
//     interrupted, never acknowledged. What stands behind it was in flight as well, and is cut.
//   - where one is missing although a surviving group says that it was durable, it is rot: damage is reported, and the
//     log goes on behind it.
// replay() reads the chosen groups once more and passes their entries on, in order.
//
// Nothing is written. Blocking; any thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "io/file.h"
#include "storage/wal_format.h"

namespace walrus::storage::wal {

/// A group whose bytes are undamaged, and where it is.
struct GroupPlace {
  GroupHeader header;
  std::size_t file_index = 0;  ///< in Survey::files
  std::uint64_t position = 0;
};

struct Survey {
  struct File {
    std::string path;
    std::uint64_t number = 0;  ///< 0: holds no group of this log
    std::uint64_t size = 0;
  };
  Checkpoint checkpoint;
  std::vector<File> files;
  std::vector<GroupPlace> groups;   ///< those in live files, by file number and position
  std::vector<std::string> damage;  ///< a checkpoint that cannot be read
};

struct Damage {
  std::string path;  ///< of the file that should hold it; empty when that is missing
  std::uint64_t position = 0;
  std::uint64_t first_group = 0;
  std::uint64_t last_group = 0;
};

struct Plan {
  std::vector<GroupPlace> replay;
  std::vector<Damage> damage;
  std::uint64_t torn_bytes = 0;  ///< of undamaged groups behind the torn one
  /// The log that follows must start behind everything seen here.
  std::uint64_t next_file = 1;
  std::uint64_t next_group = 1;
};

Result<Survey> survey(io::Disk& disk, const std::string& directory);
Plan plan(const Survey& survey);

using EntrySink = std::function<Status(const EntryView&)>;
Status replay(io::Disk& disk, const Survey& survey, const Plan& plan, const EntrySink& sink);

/// kConflict when a file holds a group that the checkpoint does not cover: recovery has not run.
Status expect_empty(io::Disk& disk, const std::string& directory, const Checkpoint& checkpoint);

}  // namespace walrus::storage::wal
