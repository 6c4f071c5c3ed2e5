#include "base/standard_streams.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace walrus {

ClosedStreams open_closed_streams() {
  // In this order: an open() takes the lowest number that is free.
  const auto closed = [](int descriptor, int flags) {
    if (::fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) return false;
    (void)::open("/dev/null", flags);
    return true;
  };
  ClosedStreams were;
  were.input = closed(STDIN_FILENO, O_WRONLY);
  were.output = closed(STDOUT_FILENO, O_RDWR);
  were.error = closed(STDERR_FILENO, O_RDWR);
  return were;
}

}  // namespace walrus
