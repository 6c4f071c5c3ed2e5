// The file `identity` in a node's directory (docs/format/identity.md): who this node is. The disk id is made with the
// directory and never changes; the cluster id is added once, when the node has founded or joined a cluster.
//
// Failure: kCorrupt for a damaged file, and for a directory that holds data but no identity: what it promised as whom
// is not known any more. kIdentityRefused when the file says another node id. Blocking; any one thread.
#pragma once

#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "io/file.h"

namespace walrus::server {

struct Identity {
  NodeId node_id;
  Uuid disk_id;
  Uuid cluster_id;  ///< nil until the node is part of a cluster
};

/// Reads the identity in `directory`; in an empty one makes it, with `fresh_disk_id`, and stores it.
Result<Identity> open_identity(io::Disk& disk, const std::string& directory, NodeId node_id, const Uuid& fresh_disk_id);

Status store_identity(io::Disk& disk, const std::string& directory, const Identity& identity);

/// The text of the file, and back.
std::string format_identity(const Identity& identity);
Result<Identity> parse_identity(const std::string& text);

}  // namespace walrus::server
