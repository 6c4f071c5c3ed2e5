// A file of promises with arbitrary content, for the node and for a shard; the first byte says where the one ends, in
// sixteenths. When its lowest bit is set they get right CRCs. Recovery must end, a second one must find no damage any
// more, and what was lost must stay lost.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/crc32c.h"
#include "sim_node.h"
#include "storage/layout.h"
#include "storage/promise_table.h"

namespace storage = walrus::storage;

namespace {

void reseal(std::string& file) {
  if (file.size() < 4) return;
  const auto crc = walrus::crc32c(std::string_view(file).substr(0, file.size() - 4));
  walrus::store_little<std::uint32_t>(file.data() + file.size() - 4, crc);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = bytes.size() * (data[0] >> 4) / 15;
  std::string node_file(bytes.substr(0, cut));
  std::string shard_file(bytes.substr(cut));
  if ((data[0] & 1) != 0) {
    reseal(node_file);
    reseal(shard_file);
  }
  if (const auto table = storage::PromiseTable::decode(node_file)) {
    WALRUS_ASSERT(storage::PromiseTable::decode(table->encode()) == *table);
  }
  storage::fuzz::SimNode node;
  node.put(storage::layout::wal_slot(storage::layout::wal_directory(storage::fuzz::kNode, 0), 1), {});
  node.put(storage::layout::node_promises(storage::fuzz::kNode), node_file);
  if (!shard_file.empty()) node.put(storage::layout::shard_promises(storage::fuzz::kNode, 0), shard_file);
  const auto first = storage::recover(node.disk(), storage::fuzz::kNode);
  if (!first) return 0;  // of another version
  const auto again = storage::recover(node.disk(), storage::fuzz::kNode);
  WALRUS_ASSERT(again && again->damage.empty() && again->promises_lost == first->promises_lost);
  WALRUS_ASSERT(first->damage.empty() || first->promises_lost);
  node.read_everything();
  return 0;
}
