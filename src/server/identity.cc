#include "server/identity.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <utility>

#include "base/crc32c.h"

namespace walrus::server {
namespace {

constexpr const char* kFileName = "/identity";
constexpr std::string_view kFirstLine = "walrus identity 1\n";
constexpr std::string_view kChecksumWord = "crc32c ";

std::string checksum_line(std::string_view text) { return fmt::format("{}{:08x}\n", kChecksumWord, crc32c(text)); }

std::unexpected<Error> corrupt(const std::string& what) { return fail(ErrorCode::kCorrupt, "identity file: " + what); }

/// "name value" of the next line.
Result<std::string> take_field(std::istringstream& lines, const std::string& name) {
  std::string word;
  std::string value;
  if (!(lines >> word >> value) || word != name) return corrupt("no " + name);
  return value;
}

/// Names that a node's directory holds before it has an identity.
bool holds_data(const std::vector<std::string>& names) {
  return std::ranges::any_of(
      names, [](const std::string& name) { return name == "raft" || name == "topics" || name.starts_with("shard_"); });
}

}  // namespace

std::string format_identity(const Identity& identity) {
  std::string text(kFirstLine);
  text += fmt::format("node {}\ndisk {}\n", identity.node_id, identity.disk_id);
  if (!identity.cluster_id.is_nil()) text += fmt::format("cluster {}\n", identity.cluster_id);
  return text + checksum_line(text);
}

Result<Identity> parse_identity(const std::string& text) {
  if (!text.starts_with("walrus identity ")) return corrupt("it is something else");
  if (!text.starts_with(kFirstLine)) return fail(ErrorCode::kUnsupported, "identity file: written by a newer version");
  const auto checksum = text.rfind(kChecksumWord);
  if (checksum == std::string::npos || text.substr(checksum) != checksum_line(text.substr(0, checksum))) {
    return corrupt("its checksum does not match");
  }
  std::istringstream lines(text.substr(kFirstLine.size(), checksum - kFirstLine.size()));
  Identity identity;
  WALRUS_ASSIGN(const std::string node, take_field(lines, "node"));
  WALRUS_ASSIGN(const std::string disk, take_field(lines, "disk"));
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(node.data(), node.data() + node.size(), number);
  if (error != std::errc{} || end != node.data() + node.size()) return corrupt("the node id is no number");
  identity.node_id = NodeId(number);
  WALRUS_ASSIGN(identity.disk_id, Uuid::parse(disk));
  if (lines >> std::ws; !lines.eof()) {
    WALRUS_ASSIGN(const std::string cluster, take_field(lines, "cluster"));
    WALRUS_ASSIGN(identity.cluster_id, Uuid::parse(cluster));
  }
  return identity;
}

Status store_identity(io::Disk& disk, const std::string& directory, const Identity& identity) {
  return disk.replace_file(directory + kFileName, format_identity(identity));
}

Result<Identity> open_identity(io::Disk& disk, const std::string& directory, NodeId node_id,
                               const Uuid& fresh_disk_id) {
  const auto text = disk.read_file(directory + kFileName);
  if (!text && text.error().code != ErrorCode::kNotFound) return fail(text.error());
  if (text) {
    WALRUS_ASSIGN(const Identity identity, parse_identity(*text));
    if (identity.node_id != node_id) {
      return fail(ErrorCode::kIdentityRefused,
                  fmt::format("{} is the directory of node {}, not of node {}", directory, identity.node_id, node_id));
    }
    return identity;
  }
  WALRUS_ASSIGN(const auto names, disk.list(directory));
  if (holds_data(names)) {
    return fail(ErrorCode::kCorrupt, directory + " holds data, but its identity file is missing");
  }
  const Identity identity{.node_id = node_id, .disk_id = fresh_disk_id, .cluster_id = {}};
  WALRUS_TRY(store_identity(disk, directory, identity));
  return identity;
}

}  // namespace walrus::server
