// TopicOptions as they stand in commands and snapshots. Pure; any thread.
#pragma once

#include "base/result.h"
#include "metadata.pb.h"
#include "metadata/view.h"

namespace walrus::metadata {

/// What `settings` says, over `options`. kInvalidArgument when it makes no sense; `options` are then untouched.
Status apply_settings(const TopicSettings& settings, TopicOptions& options);

/// All of `options`, so that applied to anything they give the same again.
TopicSettings to_settings(const TopicOptions& options);

}  // namespace walrus::metadata
