// The vote file, snapshot files and the members in an entry: what decodes encodes to the same bytes. Files are taken
// with their own checksum and, so that the inside is reached too, once more with a correct one.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "metadata/raft_snapshot.h"
#include "metadata/raft_vote.h"

namespace metadata = walrus::metadata;

namespace {

void check(const std::string& file) {
  if (const auto vote = metadata::decode_vote(file)) WALRUS_ASSERT(metadata::encode_vote(*vote) == file);
  if (const auto snapshot = metadata::decode_snapshot(file)) {
    const auto again = metadata::decode_snapshot(metadata::encode_snapshot(*snapshot));
    WALRUS_ASSERT(again && *again == *snapshot);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string file(reinterpret_cast<const char*>(data), size);
  if (const auto members = metadata::decode_members(file)) {
    const auto again = metadata::decode_members(metadata::encode_members(*members));
    WALRUS_ASSERT(again && *again == *members);
  }
  if (const auto command = metadata::command_of_payload(file)) WALRUS_ASSERT(command->size() + 4 <= file.size());
  check(file);
  if (file.size() < 4) return 0;
  walrus::store_little(file.data() + file.size() - 4,
                       walrus::crc32c(std::string_view(file).substr(0, file.size() - 4)));
  check(file);
  return 0;
}
