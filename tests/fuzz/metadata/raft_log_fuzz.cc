// Recovery of a Raft log file. The first byte chooses: any bytes as a file, or a file that was written properly and
// then damaged as the rest of the input says. Recovery never invents an entry; damage inside the last append alone is a
// torn tail and costs nothing else.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "metadata/raft_log_format.h"

namespace metadata = walrus::metadata;
namespace format = walrus::metadata::raft_log_format;

namespace {

std::uint8_t take(std::string_view& from) {
  if (from.empty()) return 0;
  const auto byte = static_cast<std::uint8_t>(from.front());
  from.remove_prefix(1);
  return byte;
}

void check_any_bytes(const std::string& file) {
  const auto header = format::decode_header(file);
  const format::FileHeader used = header.value_or(format::FileHeader{});
  const auto content = format::read_last_file(used, file);
  if (content) {
    WALRUS_ASSERT(content->end >= format::kHeaderBytes && content->end <= std::max(file.size(), format::kHeaderBytes));
    for (const metadata::RaftEntry& entry : content->entries) WALRUS_ASSERT(entry.payload.size() % 8 == 0);
  }
  (void)format::read_full_file(used, file, used.first_index + 3);
}

void check_damaged(std::string_view script) {
  const format::FileHeader header{.sequence = 1, .first_index = 1u + take(script), .salt = 77, .restarts = false};
  std::string file = format::encode_header(header);
  std::vector<metadata::RaftEntry> written;
  std::size_t last_append_at = file.size();
  std::size_t before_last_append = 0;
  const unsigned appends = take(script) % 8;
  for (unsigned append = 1; append <= appends; ++append) {
    std::vector<metadata::RaftEntry> entries;
    const unsigned count = 1 + take(script) % 4;
    for (unsigned i = 0; i < count; ++i) {
      const std::size_t units = take(script) % 20;
      entries.push_back({append, metadata::EntryType::kCommand, std::string(8 * units, static_cast<char>('a' + i))});
    }
    last_append_at = file.size();
    before_last_append = written.size();
    file += format::encode_append(header, append, header.first_index + written.size(), entries);
    written.insert(written.end(), entries.begin(), entries.end());
  }
  const std::size_t end = file.size();
  file.append(256, '\0');
  bool only_last_append = true;
  bool any = false;
  while (script.size() >= 3) {
    const std::size_t at =
        format::kHeaderBytes + (take(script) * 256u + take(script)) % (file.size() - format::kHeaderBytes);
    const auto flip = static_cast<char>(take(script));
    if (flip == 0 || at >= end) continue;
    file[at] = static_cast<char>(file[at] ^ flip);
    any = true;
    if (at < last_append_at) only_last_append = false;
  }
  const auto content = format::read_last_file(header, file);
  if (only_last_append) {
    WALRUS_ASSERT(content.has_value());
    WALRUS_ASSERT(content->entries.size() >= before_last_append);
    if (!any) WALRUS_ASSERT(content->entries == written && !content->torn);
  }
  if (!content) return;
  WALRUS_ASSERT(content->entries.size() <= written.size());
  WALRUS_ASSERT(std::equal(content->entries.begin(), content->entries.end(), written.begin()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (take(input) % 2 == 0) {
    check_any_bytes(std::string(input));
  } else {
    check_damaged(input);
  }
  return 0;
}
