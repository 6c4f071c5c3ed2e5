// The messages between Raft members in our own type, their bytes (peer.proto, Raft), and the guards that every
// received message passes before libraft sees it.
//
// decode_message() checks everything that libraft takes on trust (it asserts, or reads past the end of, what it does
// not expect): a message that decodes is one that a correct member could have sent. kCorrupt otherwise. Pure; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "io/transport.h"
#include "metadata/raft_entry.h"

namespace walrus::metadata {

struct RaftMessage {
  /// Numbers as in libraft.
  enum class Type : std::uint8_t {
    kAppendEntries = 1,
    kAppendEntriesResult = 2,
    kRequestVote = 3,
    kRequestVoteResult = 4,
    kInstallSnapshot = 5,
    kTimeoutNow = 6,
  };

  Type type = Type::kAppendEntries;
  RaftId from{};
  RaftId to{};
  std::uint64_t term = 0;
  /// AppendEntries: the entry before the first one (0, 0: there is none). AppendEntriesResult: the last entry held (no
  /// term). RequestVote, TimeoutNow: the sender's last entry. InstallSnapshot: the last entry in the snapshot.
  std::uint64_t index = 0;
  std::uint64_t index_term = 0;
  std::uint64_t commit = 0;          ///< AppendEntries: the leader's commit index
  std::uint64_t rejected = 0;        ///< AppendEntriesResult: the index that did not match, 0 when all is well
  bool granted = false;              ///< RequestVoteResult
  bool pre_vote = false;             ///< RequestVote and its result
  bool disrupt_leader = false;       ///< RequestVote: the leader asked for this election
  std::vector<RaftEntry> entries{};  ///< AppendEntries

  // InstallSnapshot; `data` is the part of the snapshot's data at `data_offset`.
  std::uint64_t members_index = 0;
  Members members{};
  std::uint64_t data_offset = 0;
  std::uint64_t data_size = 0;
  SharedBytes data{};
};

io::Message encode_message(const RaftMessage& message);
Result<RaftMessage> decode_message(const io::Message& message);

/// Guard G4, before the others. libraft does not understand an AppendEntries that begins before what it has compacted:
/// it refuses one that names a previous entry, so that the two sides never meet, and appends one from the very
/// beginning behind its last entry. What is committed here the leader has as well, so such a message is handed over
/// from `own_commit` on, which is of `commit_term`.
RaftMessage without_committed(RaftMessage message, std::uint64_t own_commit, std::uint64_t commit_term);

/// Guard G1. libraft files a membership entry that is not the first new one of an AppendEntries under a wrong index. So
/// such a message is handed over in pieces, each a message that the leader could have sent, with membership entries
/// only in front.
std::vector<RaftMessage> split_at_membership(RaftMessage message);

/// Guard G2. libraft's commit index goes back when an AppendEntries ends below it and tells a higher one. What this
/// answers is safe to hand over instead of `message.commit`.
std::uint64_t limited_commit(const RaftMessage& message, std::uint64_t own_commit);

/// Guard G5. A refusal that was overtaken by the acceptance of the same entry makes libraft's leader count more entries
/// as under way than there are, and send this member none any more. Such a message says nothing new: drop it.
/// One of a later term does, whatever it refuses: this leadership is over.
bool is_overtaken_refusal(const RaftMessage& message, std::uint64_t own_term, std::uint64_t match_index);

/// Entries as an AppendEntries behind `message`'s prefix, cut into messages of about limits::kRaftMessageBytes.
std::vector<RaftMessage> split_by_size(RaftMessage message);

}  // namespace walrus::metadata
