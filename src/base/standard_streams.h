// The three descriptors that every program is started with, or should be: whoever closes one (`>&-`) gives its number
// to the next file or socket, and what is printed goes there.
//
// First thing in main(), on the only thread.
#pragma once

namespace walrus {

struct ClosedStreams {
  bool input = false;
  bool output = false;
  bool error = false;
};

/// Opens /dev/null in place of those that are closed, and tells which were. Reads of such an input fail (EBADF), what
/// is written to such an output is gone.
ClosedStreams open_closed_streams();

}  // namespace walrus
