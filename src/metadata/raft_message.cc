#include "metadata/raft_message.h"

#include <algorithm>
#include <limits>

#include "base/limits.h"
#include "io/message.h"
#include "metadata/raft_log_format.h"
#include "peer.pb.h"

namespace walrus::metadata {
namespace {

using Type = RaftMessage::Type;

std::unexpected<Error> bad(const char* what) { return fail(ErrorCode::kCorrupt, std::string("raft message: ") + what); }

Status read_entries(const peer::Raft& header, std::string_view body, RaftMessage& into) {
  const int count = header.entry_terms_size();
  if (header.entry_types_size() != count || header.entry_sizes_size() != count) return bad("entry counts");
  std::uint64_t term = std::max<std::uint64_t>(into.index_term, 1);
  for (int i = 0; i < count; ++i) {
    const std::uint32_t size = header.entry_sizes(i);
    if (size > body.size() || size % 8 != 0 || size > raft_log_format::kMaxPayloadBytes) return bad("entry size");
    if (header.entry_terms(i) < term || header.entry_terms(i) > into.term) return bad("entry term");
    term = header.entry_terms(i);
    RaftEntry entry{.term = term, .type = EntryType::kCommand, .payload = std::string(body.substr(0, size))};
    body.remove_prefix(size);
    switch (header.entry_types(i)) {
      case static_cast<std::uint32_t>(EntryType::kCommand):
        WALRUS_TRY(command_of_payload(entry.payload));
        break;
      case static_cast<std::uint32_t>(EntryType::kBarrier):
        entry.type = EntryType::kBarrier;
        break;
      case static_cast<std::uint32_t>(EntryType::kChange):
        WALRUS_TRY(decode_members(entry.payload));
        entry.type = EntryType::kChange;
        break;
      default:
        return bad("entry type");
    }
    into.entries.push_back(std::move(entry));
  }
  return body.empty() ? Status{} : bad("bytes behind the entries");
}

Status read_append_entries(const peer::Raft& header, std::string_view body, RaftMessage& into) {
  if ((into.index == 0) != (into.index_term == 0)) return bad("previous entry");
  if (into.index_term > into.term) return bad("previous term");
  if (into.index > std::numeric_limits<std::uint64_t>::max() / 2) return bad("index");
  return read_entries(header, body, into);
}

Status read_install_snapshot(const peer::Raft& header, RaftMessage& into) {
  if (into.index == 0 || into.index_term == 0 || into.index_term > into.term) return bad("snapshot position");
  into.members_index = header.members_index();
  if (into.members_index > into.index) return bad("members index");
  WALRUS_ASSIGN(into.members, decode_members(header.members()));
  into.data_offset = header.data_offset();
  into.data_size = header.data_size();
  if (into.data_size > limits::kMaxRaftSnapshotBytes || into.data_offset > into.data_size ||
      into.data.size() > into.data_size - into.data_offset) {
    return bad("snapshot size");
  }
  return {};
}

/// The message that carries only `count` of the entries, from the one at `first` on.
RaftMessage part_of(const RaftMessage& whole, std::size_t first, std::size_t count) {
  RaftMessage part{.type = whole.type, .from = whole.from, .to = whole.to, .term = whole.term, .commit = whole.commit};
  part.index = whole.index + first;
  part.index_term = first == 0 ? whole.index_term : whole.entries[first - 1].term;
  const auto begin = whole.entries.begin() + static_cast<std::ptrdiff_t>(first);
  part.entries.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
  return part;
}

/// Cuts before each entry for which `begins_part(index in the message)` holds.
template <class Predicate>
std::vector<RaftMessage> split(RaftMessage message, Predicate begins_part) {
  std::vector<RaftMessage> parts;
  std::size_t first = 0;
  for (std::size_t i = 1; i < message.entries.size(); ++i) {
    if (!begins_part(i)) continue;
    parts.push_back(part_of(message, first, i - first));
    first = i;
  }
  if (first == 0) {
    parts.push_back(std::move(message));  // the common case, uncut and not copied
  } else {
    parts.push_back(part_of(message, first, message.entries.size() - first));
  }
  return parts;
}

}  // namespace

io::Message encode_message(const RaftMessage& message) {
  peer::Raft header;
  header.set_from(message.from.value());
  header.set_to(message.to.value());
  header.set_type(static_cast<std::uint32_t>(message.type));
  header.set_term(message.term);
  header.set_index(message.index);
  header.set_index_term(message.index_term);
  header.set_commit(message.commit);
  header.set_rejected(message.rejected);
  header.set_granted(message.granted);
  header.set_pre_vote(message.pre_vote);
  header.set_disrupt_leader(message.disrupt_leader);
  if (message.type == Type::kInstallSnapshot) {
    header.set_members_index(message.members_index);
    header.set_members(encode_members(message.members));
    header.set_data_offset(message.data_offset);
    header.set_data_size(message.data_size);
    return io::make_message(peer::RAFT, header, message.data);
  }
  std::string body;
  for (const RaftEntry& entry : message.entries) {
    header.add_entry_terms(entry.term);
    header.add_entry_types(static_cast<std::uint32_t>(entry.type));
    header.add_entry_sizes(static_cast<std::uint32_t>(entry.payload.size()));
    body.append(entry.payload);
  }
  return io::make_message(peer::RAFT, header, SharedBytes(std::move(body)));
}

Result<RaftMessage> decode_message(const io::Message& message) {
  WALRUS_ASSIGN(const peer::Raft header, io::parse_header<peer::Raft>(message, peer::RAFT));
  if (header.from() == 0 || header.to() == 0 || header.term() == 0) return bad("from, to or term");
  if (header.type() < static_cast<std::uint32_t>(Type::kAppendEntries) ||
      header.type() > static_cast<std::uint32_t>(Type::kTimeoutNow)) {
    return fail(ErrorCode::kUnsupported, "raft message: type");
  }
  RaftMessage read;
  read.type = static_cast<Type>(header.type());
  read.from = RaftId(header.from());
  read.to = RaftId(header.to());
  read.term = header.term();
  read.index = header.index();
  read.index_term = header.index_term();
  read.commit = header.commit();
  read.rejected = header.rejected();
  read.granted = header.granted();
  read.pre_vote = header.pre_vote();
  read.disrupt_leader = header.disrupt_leader();
  if (read.type == Type::kAppendEntries) {
    WALRUS_TRY(read_append_entries(header, message.body.view(), read));
  } else if (read.type == Type::kInstallSnapshot) {
    read.data = message.body;
    WALRUS_TRY(read_install_snapshot(header, read));
  } else if (!message.body.empty() || header.entry_terms_size() > 0) {
    return bad("a body where none belongs");
  }
  return read;
}

RaftMessage without_committed(RaftMessage message, std::uint64_t own_commit, std::uint64_t commit_term) {
  if (message.index >= own_commit) return message;
  const std::size_t known = std::min<std::size_t>(own_commit - message.index, message.entries.size());
  message.entries.erase(message.entries.begin(), message.entries.begin() + static_cast<std::ptrdiff_t>(known));
  message.index = own_commit;
  message.index_term = commit_term;
  return message;
}

std::vector<RaftMessage> split_at_membership(RaftMessage message) {
  std::vector<bool> is_change;
  is_change.reserve(message.entries.size());
  for (const RaftEntry& entry : message.entries) is_change.push_back(entry.type == EntryType::kChange);
  return split(std::move(message), [&](std::size_t i) { return is_change[i]; });
}

std::uint64_t limited_commit(const RaftMessage& message, std::uint64_t own_commit) {
  return std::min(message.commit, std::max(own_commit, message.index + message.entries.size()));
}

bool is_overtaken_refusal(const RaftMessage& message, std::uint64_t own_term, std::uint64_t match_index) {
  return message.type == Type::kAppendEntriesResult && message.term <= own_term && message.rejected > 0 &&
         message.rejected <= match_index;
}

std::vector<RaftMessage> split_by_size(RaftMessage message) {
  std::vector<std::size_t> sizes;
  sizes.reserve(message.entries.size());
  for (const RaftEntry& entry : message.entries) sizes.push_back(entry.payload.size());
  std::size_t bytes = sizes.empty() ? 0 : sizes.front();
  return split(std::move(message), [&](std::size_t i) {
    const bool full = bytes + sizes[i] > limits::kRaftMessageBytes;
    bytes = full ? sizes[i] : bytes + sizes[i];
    return full;
  });
}

}  // namespace walrus::metadata
