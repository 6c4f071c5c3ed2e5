// Asks for an end of segments that this node leads and must not go on with: it was restarted, its disk failed, or no
// quorum answers. The replica that is named as recoverer finds the end (controller/takeover.h).
//
// The request is a compare-and-set (BeginSeal): asked twice, or beside the controller, it does no harm. One is under
// way for a topic at a time; who still needs it asks again. Loop thread only.
#pragma once

#include <memory>
#include <set>

#include "metadata/metadata_client.h"

namespace walrus::broker {

class SealRequests {
 public:
  SealRequests(metadata::MetadataClient& metadata, NodeId self) : metadata_(metadata), self_(self) {}
  ~SealRequests() { *alive_ = false; }
  SealRequests(const SealRequests&) = delete;
  SealRequests& operator=(const SealRequests&) = delete;

  enum class Recoverer {
    kSelf,     ///< this node's replica is sound
    kAnother,  ///< one that is up; nothing is asked while there is none
  };
  /// The segment is led by this node.
  void ask(TopicId topic, Epoch epoch, Recoverer recoverer, std::string_view why);

 private:
  metadata::MetadataClient& metadata_;
  const NodeId self_;
  std::set<TopicId> under_way_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace walrus::broker
