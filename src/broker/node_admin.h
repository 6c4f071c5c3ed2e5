// What NODES, DRAIN and REMOVE mean: the nodes of the cluster as the metadata has them, and what an operator wants of
// them. Any node can be asked.
//
// Failure: the errors of the metadata; kNotFound for a node that is not there, kUnavailable with the reason when a
// node cannot be drained or removed now. Loop thread only.
#pragma once

#include <functional>
#include <string>

#include "metadata/metadata_client.h"
#include "protocol/text.h"

namespace walrus::broker {

class NodeAdmin {
 public:
  /// An empty text is a plain OK.
  using Done = std::move_only_function<void(Result<std::string>)>;

  /// `metadata` outlives the object.
  explicit NodeAdmin(metadata::MetadataClient& metadata) : metadata_(metadata) {}

  static bool is_ours(protocol::Verb verb);
  void carry_out(const protocol::Request& request, Done done);

 private:
  void list(Done done);
  void change(const protocol::Request& request, Done done);
  void propose(metadata::Command command, Done done);

  metadata::MetadataClient& metadata_;
};

/// The JSON of NODES.
std::string nodes_json(const metadata::View& view);

}  // namespace walrus::broker
