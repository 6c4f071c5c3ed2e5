// How the data path and the controller see metadata: an immutable view, changes to it, proposals. One client per loop;
// loop thread only. The implementation reaches the node's MetadataService on its own loop by post().
#pragma once

#include <functional>

#include "base/result.h"
#include "io/file.h"
#include "io/loop.h"
#include "metadata.pb.h"
#include "metadata/view.h"

namespace walrus::metadata {

/// The command's place in the log and what the state machine said: kConflict when its compare-and-set lost,
/// kTopicNotFound, kInvalidArgument …; no error when it took effect (or had taken effect before: CreateTopic).
struct Applied {
  Version version = 0;
  Status status;
};
/// Whether a proposal took effect, with the error of either kind when it did not.
inline Status outcome_of(const Result<Applied>& applied) { return applied ? applied->status : fail(applied.error()); }

using ProposeDone = std::move_only_function<void(Result<Applied>)>;

class MetadataClient {
 public:
  virtual ~MetadataClient() = default;

  /// Never null; an empty view with version 0 until this node has heard from a Raft leader.
  virtual ViewPtr view() const = 0;

  /// Carries a command to the Raft leader, wherever it is. Done when it is applied *and* visible in view() here.
  /// Errors: kUnavailable (surely not carried out), kOutcomeUnknown (may be, or may become, applied; commands are
  /// compare-and-set or idempotent, so proposing the same one again is safe), kRaftNotInitialized.
  virtual void propose(Command command, ProposeDone done) = 0;

  /// Afterwards view() contains everything that any node had acknowledged before the call (a committed no-op; many
  /// callers share one). Same errors.
  virtual void barrier(io::Done done) = 0;

  /// Runs once view()->version() >= version, at once if it is already; kTimedOut after `timeout`.
  virtual void wait_for(Version version, io::Duration timeout, io::Done done) = 0;

  /// `changed` runs after each new view, as long as the subscription lives.
  using Subscription = std::shared_ptr<void>;
  [[nodiscard]] virtual Subscription subscribe(
      std::function<void(const ViewPtr& before, const ViewPtr& now)> changed) = 0;
};

}  // namespace walrus::metadata
