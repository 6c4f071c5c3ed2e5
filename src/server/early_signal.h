// SIGINT and SIGTERM before there is a node that could stop by them: they are kept until it is there, so that being
// asked to stop during a start is a clean stop, too. Main thread.
#pragma once

namespace walrus::server {

/// First thing in main().
void keep_early_signals();
/// The one that has come since, before somebody else took over; 0 when none has.
int early_signal();

}  // namespace walrus::server
