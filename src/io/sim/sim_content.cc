#include "io/sim/sim_content.h"

#include <algorithm>
#include <cstring>

namespace walrus::io {

std::size_t SimContent::read(std::uint64_t position, char* into, std::size_t count) const {
  if (position >= size_) return 0;
  count = std::min<std::uint64_t>(count, size_ - position);
  for (std::size_t done = 0; done < count;) {
    const std::uint64_t at = position + done;
    const std::size_t offset = at % kPageBytes;
    const std::size_t part = std::min(count - done, kPageBytes - offset);
    const auto page = pages_.find(at / kPageBytes);
    if (page == pages_.end()) {
      std::memset(into + done, 0, part);
    } else {
      std::memcpy(into + done, page->second->data() + offset, part);
    }
    done += part;
  }
  return count;
}

void SimContent::write(std::uint64_t position, std::string_view bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const std::uint64_t at = position + done;
    const std::size_t offset = at % kPageBytes;
    const std::size_t part = std::min(bytes.size() - done, kPageBytes - offset);
    std::memcpy(writable(at / kPageBytes).data() + offset, bytes.data() + done, part);
    done += part;
  }
  if (!bytes.empty()) size_ = std::max(size_, position + bytes.size());
}

void SimContent::zero(std::uint64_t position, std::uint64_t count) {
  const std::uint64_t end = position + count;
  // Only pages that are there need work: the rest is zero already.
  for (auto page = pages_.lower_bound(position / kPageBytes); page != pages_.end();) {
    const std::uint64_t start = page->first * kPageBytes;
    if (start >= end) break;
    const std::uint64_t from = std::max(position, start);
    const std::uint64_t to = std::min(end, start + kPageBytes);
    if (to - from == kPageBytes) {
      page = pages_.erase(page);
      continue;
    }
    std::memset(writable(page->first).data() + (from - start), 0, to - from);
    ++page;
  }
  if (count > 0) size_ = std::max(size_, end);
}

void SimContent::truncate(std::uint64_t size) {
  if (size < size_) zero(size, size_ - size);
  size_ = size;
}

SimContent::Page& SimContent::writable(std::uint64_t number) {
  std::shared_ptr<Page>& page = pages_[number];
  if (!page) {
    page = std::make_shared<Page>(kPageBytes, '\0');
  } else if (page.use_count() > 1) {
    page = std::make_shared<Page>(*page);
  }
  return *page;
}

}  // namespace walrus::io
