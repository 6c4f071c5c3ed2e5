// The metadata state machine under any sequence of commands: the input is a list of
// commands, each with a length byte pair in front. Every invariant holds after every command; a snapshot restores to
// the same bytes. The input is also taken as a snapshot.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "base/bytes.h"
#include "metadata/cluster_state.h"

namespace metadata = walrus::metadata;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  metadata::ClusterState from_snapshot;
  if (from_snapshot.restore(input)) WALRUS_ASSERT(from_snapshot.broken_invariant().empty());

  metadata::ClusterState state;
  metadata::Version index = 0;
  while (input.size() >= 2) {
    const std::size_t length =
        std::min<std::size_t>(walrus::load_little<std::uint16_t>(input.data()), input.size() - 2);
    metadata::Command command;
    if (command.ParseFromArray(input.data() + 2, static_cast<int>(length))) (void)state.apply(++index, command);
    input.remove_prefix(2 + length);
    const std::string broken = state.broken_invariant();
    WALRUS_ASSERT(broken.empty(), broken);
  }
  metadata::ClusterState restored;
  const std::string snapshot = state.snapshot();
  WALRUS_ASSERT(restored.restore(snapshot).has_value());
  WALRUS_ASSERT(restored.snapshot() == snapshot);
  return 0;
}
