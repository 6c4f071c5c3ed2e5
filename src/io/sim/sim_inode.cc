#include "io/sim/sim_inode.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "base/assert.h"

namespace walrus::io {
namespace {

constexpr std::uint64_t kSectorBytes = 4096;
constexpr std::uint64_t kTearBytes = 512;

}  // namespace

void SimInode::Change::apply(SimContent& content) const { apply_prefix(content, size); }

void SimInode::Change::apply_prefix(SimContent& content, std::uint64_t count) const {
  switch (kind) {
    case Kind::kWrite:
      return content.write(position, std::string_view(*bytes).substr(0, count));
    case Kind::kZeros:
      return content.zero(position, count);
    case Kind::kTruncate:
      return content.truncate(position);
  }
}

bool SimInode::Change::overlaps(const Change& other) const {
  if (kind == Kind::kTruncate || other.kind == Kind::kTruncate) return true;
  return position < other.position + other.size && other.position < position + size;
}

std::uint64_t SimInode::last_pending_write() const {
  for (auto change = pending_.rbegin(); change != pending_.rend(); ++change) {
    if (change->kind != Change::Kind::kTruncate) return change->sequence;
  }
  return 0;
}

void SimInode::write(std::uint64_t sequence, std::uint64_t position, std::string_view bytes, bool direct) {
  add({Change::Kind::kWrite, sequence, position, bytes.size(), direct, std::make_shared<const std::string>(bytes)});
}

void SimInode::write_zeros(std::uint64_t sequence, std::uint64_t position, std::uint64_t count) {
  add({Change::Kind::kZeros, sequence, position, count, false, nullptr});
}

void SimInode::truncate(std::uint64_t sequence, std::uint64_t size) {
  add({Change::Kind::kTruncate, sequence, size, 0, false, nullptr});
}

void SimInode::add(Change change) {
  WALRUS_ASSERT(pending_.empty() || pending_.back().sequence < change.sequence);
  change.apply(visible_);
  pending_.push_back(std::move(change));
}

void SimInode::commit(std::uint64_t sequence) {
  const auto found = std::ranges::find(pending_, sequence, &Change::sequence);
  if (found == pending_.end()) return;  // an overlapping one that completed earlier took it along
  // From young to old, so that what a taken change overlaps is taken too.
  std::set<std::uint64_t> taken;
  for (auto change = std::make_reverse_iterator(found + 1); change != pending_.rend(); ++change) {
    const auto overlaps_taken = [&](const Change& other) {
      return taken.contains(other.sequence) && other.overlaps(*change);
    };
    if (taken.empty() || std::ranges::any_of(pending_, overlaps_taken)) taken.insert(change->sequence);
  }
  std::erase_if(pending_, [&](const Change& change) {
    if (!taken.contains(change.sequence)) return false;
    change.apply(durable_);
    return true;
  });
}

void SimInode::commit_buffered(std::uint64_t sequence) {
  std::erase_if(pending_, [&](const Change& change) {
    if (change.direct || change.sequence > sequence) return false;
    change.apply(durable_);
    return true;
  });
}

void SimInode::forget_buffered(std::uint64_t sequence) {
  std::erase_if(pending_, [&](const Change& change) { return !change.direct && change.sequence <= sequence; });
}

SimContent SimInode::surviving(CrashModel model, std::uint64_t last_write, Random& random) const {
  SimContent content = durable_;
  if (model == CrashModel::kLoseUnsynced) return content;
  for (const Change& change : pending_) {
    if (model == CrashModel::kTearLastWrite) {
      const bool torn = change.sequence == last_write;
      change.apply_prefix(content, torn ? random.below(change.size / kTearBytes + 1) * kTearBytes : change.size);
    } else if (model == CrashModel::kKeepRandomWrites || change.kind != Change::Kind::kWrite) {
      if (random.chance(0.5)) change.apply(content);
    } else {
      const std::string_view bytes = *change.bytes;
      for (std::uint64_t done = 0; done < bytes.size();) {
        const std::uint64_t to_boundary = kSectorBytes - (change.position + done) % kSectorBytes;
        const std::string_view sector = bytes.substr(done, to_boundary);
        if (random.chance(0.5)) content.write(change.position + done, sector);
        done += sector.size();
      }
    }
  }
  return content;
}

void SimInode::flip(std::uint64_t position, std::uint8_t mask) {
  for (SimContent* content : {&visible_, &durable_}) {
    char byte = 0;
    if (content->read(position, &byte, 1) == 0) continue;
    byte = static_cast<char>(static_cast<std::uint8_t>(byte) ^ mask);
    content->write(position, std::string_view(&byte, 1));
  }
}

}  // namespace walrus::io
