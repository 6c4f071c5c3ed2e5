// How a MetadataClient of any loop reaches the service of its node, and how views come back: by post() between loops.
// Whichever of the two ends first, the other finds out here.
#pragma once

#include <memory>

#include "io/loop.h"
#include "metadata/metadata_client.h"
#include "metadata/view_feed.h"

namespace walrus::metadata {

/// A client's half on another loop. All but `loop` is touched on that loop only.
struct RemoteFeed {
  explicit RemoteFeed(io::Loop& of) : loop(of), feed(of) {}
  io::Loop& loop;
  ViewFeed feed;
};

/// The service, as its clients see it; called on its loop.
class ProposalTarget {
 public:
  virtual ~ProposalTarget() = default;
  virtual void propose(const Command& command, ProposeDone done) = 0;
  virtual void barrier(io::Done done) = 0;
  /// From now on every new view is posted there, the current one at once.
  virtual void attach(std::shared_ptr<RemoteFeed> feed) = 0;
  virtual void detach(const std::shared_ptr<RemoteFeed>& feed) = 0;
};

struct ServiceLink {
  explicit ServiceLink(io::Loop& of) : loop(of) {}
  io::Loop& loop;                    ///< the service's
  ProposalTarget* target = nullptr;  ///< on that loop only; null when the service has stopped
};

/// The client of the service's own loop.
std::unique_ptr<MetadataClient> make_own_client(ProposalTarget& target, ViewFeed& feed);
/// A client for `loop`. Called on the service's loop, or while no other thread runs yet.
std::unique_ptr<MetadataClient> make_remote_client(std::shared_ptr<ServiceLink> link, io::Loop& loop);

}  // namespace walrus::metadata
