#include "metadata/raft_entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/limits.h"

namespace walrus::metadata {
namespace {

constexpr char kMembersFormat = 1;

void pad_to_8(std::string& bytes) { bytes.resize((bytes.size() + 7) / 8 * 8, '\0'); }

Result<Member> take_member(std::string_view& from) {
  constexpr std::size_t kIdBytes = sizeof(std::uint64_t);
  if (from.size() < kIdBytes) return fail(ErrorCode::kCorrupt, "members: cut off");
  Member member;
  member.raft_id = RaftId(load_little<std::uint64_t>(from.data()));
  from.remove_prefix(kIdBytes);
  const auto end = from.find('\0');
  if (end == std::string_view::npos || end + 2 > from.size()) return fail(ErrorCode::kCorrupt, "members: cut off");
  const std::string_view text = from.substr(0, end);
  const auto role = static_cast<std::uint8_t>(from[end + 1]);
  from.remove_prefix(end + 2);

  std::uint64_t node = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), node);
  if (error != std::errc{} || stop == text.data() + text.size() || *stop != '@' || node == 0) {
    return fail(ErrorCode::kCorrupt, "members: address");
  }
  if (member.raft_id == RaftId()) return fail(ErrorCode::kCorrupt, "members: Raft id 0");
  if (role > static_cast<std::uint8_t>(MemberRole::kSpare)) return fail(ErrorCode::kCorrupt, "members: role");
  member.node_id = NodeId(node);
  member.address = text.substr(static_cast<std::size_t>(stop - text.data()) + 1);
  member.role = static_cast<MemberRole>(role);
  return member;
}

}  // namespace

std::string payload_of_command(std::string_view command) {
  std::string payload;
  payload.reserve(command.size() + 12);
  append_little(payload, static_cast<std::uint32_t>(command.size()));
  payload.append(command);
  pad_to_8(payload);
  return payload;
}

Result<std::string_view> command_of_payload(std::string_view payload) {
  constexpr std::size_t kPrefix = sizeof(std::uint32_t);
  if (payload.size() < kPrefix) return fail(ErrorCode::kCorrupt, "entry: no length");
  const auto size = load_little<std::uint32_t>(payload.data());
  if (size > payload.size() - kPrefix) return fail(ErrorCode::kCorrupt, "entry: length");
  return payload.substr(kPrefix, size);
}

const Member* find_member(const Members& members, RaftId id) {
  const auto found = std::ranges::find(members, id, &Member::raft_id);
  return found == members.end() ? nullptr : &*found;
}

std::size_t count_voters(const Members& members) {
  return static_cast<std::size_t>(std::ranges::count(members, MemberRole::kVoter, &Member::role));
}

std::string encode_members(const Members& members) {
  std::string payload(1, kMembersFormat);
  append_little<std::uint64_t>(payload, members.size());
  for (const Member& member : members) {
    append_little(payload, member.raft_id.value());
    payload.append(fmt::format("{}@{}", member.node_id, member.address)).push_back('\0');
    payload.push_back(static_cast<char>(member.role));
  }
  pad_to_8(payload);
  return payload;
}

Result<Members> decode_members(std::string_view payload) {
  constexpr std::size_t kHeader = 1 + sizeof(std::uint64_t);
  if (payload.size() < kHeader || payload.size() % 8 != 0 || payload[0] != kMembersFormat) {
    return fail(ErrorCode::kCorrupt, "members: header");
  }
  const auto count = load_little<std::uint64_t>(payload.data() + 1);
  if (count == 0 || count > limits::kMaxNodes) return fail(ErrorCode::kCorrupt, "members: count");
  payload.remove_prefix(kHeader);
  Members members;
  for (std::uint64_t i = 0; i < count; ++i) {
    WALRUS_ASSIGN(Member member, take_member(payload));
    const auto same = [&](const Member& other) {
      return other.raft_id == member.raft_id ||
             (other.node_id == member.node_id && other.address == member.address);  // libraft wants unique addresses
    };
    if (std::ranges::any_of(members, same)) return fail(ErrorCode::kCorrupt, "members: one of them twice");
    members.push_back(std::move(member));
  }
  return members;
}

}  // namespace walrus::metadata
