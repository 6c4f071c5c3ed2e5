#include "tests/harness/numbered_writer.h"

#include <stdexcept>

namespace walrus::test {

void NumberedWriter::run() {
  try {
    Connection connection(port_);
    while (!stopped_ || acknowledged_ < sent_) {
      std::string bytes;
      while (!stopped_ && sent_ - acknowledged_ < depth_) {
        bytes += frame("PUT " + topic_ + " " + std::to_string(sent_));
        ++sent_;
      }
      connection.send_bytes(bytes);
      if (acknowledged_ == sent_) return;
      const auto reply = connection.receive_unless_closed();
      if (!reply) return;
      if (*reply != "OK") {
        refusal_ = *reply;
        return;
      }
      ++acknowledged_;
    }
  } catch (const std::system_error&) {  // the node is gone: as expected of a writer that is there to see it killed
  }
}

std::string judge(const std::vector<std::string>& payloads, std::uint64_t first, std::uint64_t acknowledged,
                  std::uint64_t sent) {
  std::uint64_t next = first;
  for (const std::string& payload : payloads) {
    if (payload != std::to_string(next)) {
      return "expected record " + std::to_string(next) + ", got " + payload.substr(0, 40);
    }
    ++next;
  }
  if (next < acknowledged) {
    return "record " + std::to_string(next) + " is lost; all below " + std::to_string(acknowledged) +
           " were acknowledged";
  }
  if (next > sent) return "record " + std::to_string(next - 1) + " was never sent";
  return {};
}

}  // namespace walrus::test
