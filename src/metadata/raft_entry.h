// Entries of the Raft log and the members of the Raft group, in our own types: libraft's header is seen by
// raft_node.cc alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace walrus::metadata {

/// Numbers as in libraft and on disk.
enum class EntryType : std::uint8_t { kCommand = 1, kBarrier = 2, kChange = 3 };

struct RaftEntry {
  std::uint64_t term = 0;
  EntryType type = EntryType::kCommand;
  std::string payload;  ///< a multiple of 8 bytes, as libraft wants it

  friend bool operator==(const RaftEntry&, const RaftEntry&) = default;
};

/// A command as the payload of an entry: its length (u32 little-endian), its bytes, zeros up to a multiple of 8.
std::string payload_of_command(std::string_view command);
/// The reverse; kCorrupt when the length lies.
Result<std::string_view> command_of_payload(std::string_view payload);

/// Numbers as in libraft: a standby has the log and no vote, a spare has nothing.
enum class MemberRole : std::uint8_t { kStandby = 0, kVoter = 1, kSpare = 2 };

struct Member {
  RaftId raft_id;
  NodeId node_id;
  std::string address;  ///< host:port at the time of joining; the node table knows better once it is there
  MemberRole role = MemberRole::kVoter;

  friend bool operator==(const Member&, const Member&) = default;
};
using Members = std::vector<Member>;

const Member* find_member(const Members& members, RaftId id);
std::size_t count_voters(const Members& members);

/// The payload of a membership entry, byte for byte as libraft encodes it; libraft's address is "<node id>@<address>".
std::string encode_members(const Members& members);
/// Checks everything that libraft takes on trust; kCorrupt otherwise. At least one member.
Result<Members> decode_members(std::string_view payload);

}  // namespace walrus::metadata
