#include "metadata/raft_vote.h"

#include "base/bytes.h"
#include "base/crc32c.h"

namespace walrus::metadata {
namespace {

constexpr std::string_view kVoteMagic = "WALVOTE1";
constexpr std::size_t kBytes = 8 + 8 + 8 + 4;

std::string path_in(const std::string& directory) { return directory + "/vote"; }

}  // namespace

std::string encode_vote(const RaftVote& vote) {
  std::string file(kVoteMagic);
  append_little(file, vote.term);
  append_little(file, vote.voted_for.value());
  append_little(file, crc32c(file));
  return file;
}

Result<RaftVote> decode_vote(std::string_view file) {
  if (file.size() != kBytes || !file.starts_with(kVoteMagic)) return fail(ErrorCode::kCorrupt, "not a vote file");
  const auto crc = load_little<std::uint32_t>(file.data() + kBytes - 4);
  if (crc32c(file.substr(0, kBytes - 4)) != crc) return fail(ErrorCode::kCorrupt, "checksum at 24");
  return RaftVote{.term = load_little<std::uint64_t>(file.data() + 8),
                  .voted_for = RaftId(load_little<std::uint64_t>(file.data() + 16))};
}

Result<std::optional<RaftVote>> load_vote(io::Disk& disk, const std::string& directory) {
  const std::string path = path_in(directory);
  WALRUS_ASSIGN(const bool there, disk.exists(path));
  if (!there) return std::nullopt;
  WALRUS_ASSIGN(const std::string file, disk.read_file(path));
  auto vote = decode_vote(file);
  if (!vote) return fail(vote.error().code, path + ": " + vote.error().detail);
  return *vote;
}

Status save_vote(io::Disk& disk, const std::string& directory, const RaftVote& vote) {
  return disk.replace_file(path_in(directory), encode_vote(vote));
}

}  // namespace walrus::metadata
