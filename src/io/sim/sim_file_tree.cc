#include "io/sim/sim_file_tree.h"

#include <algorithm>
#include <functional>

namespace walrus::io {
namespace {

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const auto part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return parts;
}

}  // namespace

SimFileTree::SimFileTree() : root_(std::make_shared<Node>()) {}

Result<SimFileTree::NodePtr> SimFileTree::find(const std::string& path) const {
  NodePtr node = root_;
  for (const std::string& part : split(path)) {
    if (node->file) return fail(ErrorCode::kIo, path + ": Not a directory");
    const auto entry = node->entries.find(part);
    if (entry == node->entries.end()) return fail(ErrorCode::kNotFound, path);
    node = entry->second;
  }
  return node;
}

Result<SimFileTree::Place> SimFileTree::find_place(const std::string& path) const {
  auto parts = split(path);
  if (parts.empty()) return fail(ErrorCode::kInvalidArgument, "the root has no name");
  Place place{root_, parts.back()};
  parts.pop_back();
  for (const std::string& part : parts) {
    const auto entry = place.parent->entries.find(part);
    if (entry == place.parent->entries.end()) return fail(ErrorCode::kNotFound, path);
    place.parent = entry->second;
    if (place.parent->file) return fail(ErrorCode::kIo, path + ": Not a directory");
  }
  return place;
}

Result<std::shared_ptr<SimInode>> SimFileTree::find_file(const std::string& path) const {
  WALRUS_ASSIGN(const NodePtr node, find(path));
  if (!node->file) return fail(ErrorCode::kIo, path + ": Is a directory");
  return node->file;
}

Result<std::shared_ptr<SimInode>> SimFileTree::create_file(const std::string& path) {
  WALRUS_ASSIGN(const Place place, find_place(path));
  if (place.parent->entries.contains(place.name)) return fail(ErrorCode::kExists, path);
  auto node = std::make_shared<Node>();
  node->file = std::make_shared<SimInode>(++inodes_);
  change({{place.parent, place.name, node}});
  return node->file;
}

Status SimFileTree::make_directories(const std::string& path) {
  NodePtr node = root_;
  for (const std::string& part : split(path)) {
    if (node->file) return fail(ErrorCode::kIo, path + ": Not a directory");
    const auto entry = node->entries.find(part);
    const NodePtr next = entry == node->entries.end() ? std::make_shared<Node>() : entry->second;
    if (entry == node->entries.end()) change({{node, part, next}});
    node = next;
  }
  if (node->file) return fail(ErrorCode::kExists, path + " is a file");
  return {};
}

Status SimFileTree::rename(const std::string& from, const std::string& to) {
  WALRUS_ASSIGN(const Place source, find_place(from));
  WALRUS_ASSIGN(const Place target, find_place(to));
  const auto entry = source.parent->entries.find(source.name);
  if (entry == source.parent->entries.end()) return fail(ErrorCode::kNotFound, from);
  const NodePtr node = entry->second;
  const auto replaced = target.parent->entries.find(target.name);
  if (replaced != target.parent->entries.end()) {
    if (replaced->second == node) return {};
    if (!replaced->second->file || !node->file) return fail(ErrorCode::kExists, to);
  }
  change({{source.parent, source.name, nullptr}, {target.parent, target.name, node}});
  return {};
}

Status SimFileTree::remove(const std::string& path) {
  WALRUS_ASSIGN(const Place place, find_place(path));
  const auto entry = place.parent->entries.find(place.name);
  if (entry == place.parent->entries.end()) return fail(ErrorCode::kNotFound, path);
  if (!entry->second->entries.empty()) return fail(ErrorCode::kIo, path + ": Directory not empty");
  change({{place.parent, place.name, nullptr}});
  return {};
}

Result<std::vector<std::string>> SimFileTree::list(const std::string& path) const {
  WALRUS_ASSIGN(const NodePtr node, find(path));
  if (node->file) return fail(ErrorCode::kIo, path + ": Not a directory");
  std::vector<std::string> names;
  for (const auto& [name, entry] : node->entries) names.push_back(name);
  return names;
}

bool SimFileTree::exists(const std::string& path) const { return find(path).has_value(); }

std::uint64_t SimFileTree::used_bytes() const {
  const std::function<std::uint64_t(const Node&)> used = [&](const Node& node) {
    std::uint64_t sum = node.file ? node.file->visible().size() : 0;
    for (const auto& [name, entry] : node.entries) sum += used(*entry);
    return sum;
  };
  return used(*root_);
}

void SimFileTree::change(std::vector<Entry> entries) {
  for (const Entry& entry : entries) entry.apply(entry.directory->entries);
  pending_.push_back({next_sequence(), std::move(entries)});
}

Status SimFileTree::sync_directory(const std::string& path) {
  WALRUS_ASSIGN(const NodePtr node, find(path));
  if (node->file) return fail(ErrorCode::kIo, path + ": Not a directory");
  std::vector<bool> chosen(pending_.size());
  // From young to old, so that what a chosen change depends on is chosen too.
  for (std::size_t i = pending_.size(); i-- > 0;) {
    chosen[i] = pending_[i].touches(node);
    for (std::size_t later = i + 1; later < pending_.size() && !chosen[i]; ++later) {
      chosen[i] = chosen[later] && pending_[later].depends_on(pending_[i]);
    }
  }
  commit(chosen);
  return {};
}

void SimFileTree::commit(const std::vector<bool>& chosen) {
  std::vector<EntryChange> rest;
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    if (chosen[i]) {
      for (const Entry& entry : pending_[i].entries) entry.apply(entry.directory->durable_entries);
    } else {
      rest.push_back(std::move(pending_[i]));
    }
  }
  pending_ = std::move(rest);
}

bool SimFileTree::EntryChange::touches(const NodePtr& directory) const {
  return std::ranges::any_of(entries, [&](const Entry& entry) { return entry.directory == directory; });
}

bool SimFileTree::EntryChange::depends_on(const EntryChange& earlier) const {
  for (const Entry& mine : entries) {
    for (const Entry& other : earlier.entries) {
      if (mine.directory == other.directory && mine.name == other.name) return true;
      if (mine.target && mine.target == other.target) return true;
    }
  }
  return false;
}

/// One power cut: which entries each directory is left with, and what is copied from there.
struct SimFileTree::Survival {
  CrashModel model;
  Random& random;
  std::map<const Node*, Entries> entries{};  ///< of directories where a change was kept; looked up, never iterated
  std::uint64_t last_write = 0;
  std::uint64_t inodes = 0;

  const Entries& entries_of(const Node& node) const {
    const auto found = entries.find(&node);
    return found == entries.end() ? node.durable_entries : found->second;
  }
  void find_last_write(const Node& node) {
    if (node.file) last_write = std::max(last_write, node.file->last_pending_write());
    for (const auto& [name, entry] : entries_of(node)) find_last_write(*entry);
  }
  NodePtr copy(const Node& node) {
    auto made = std::make_shared<Node>();
    if (node.file) {
      made->file = std::make_shared<SimInode>(++inodes, node.file->surviving(model, last_write, random));
    }
    for (const auto& [name, entry] : entries_of(node)) made->entries[name] = copy(*entry);
    made->durable_entries = made->entries;
    return made;
  }
};

SimFileTree SimFileTree::surviving(CrashModel model, Random& random) const {
  Survival survival{.model = model, .random = random};
  std::vector<bool> kept(pending_.size());
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    if (model == CrashModel::kLoseUnsynced) break;
    kept[i] = model == CrashModel::kTearLastWrite || random.chance(0.5);
    for (std::size_t earlier = 0; earlier < i; ++earlier) {
      if (!kept[earlier] && pending_[i].depends_on(pending_[earlier])) kept[i] = false;
    }
    if (!kept[i]) continue;
    for (const Entry& entry : pending_[i].entries) {
      entry.apply(survival.entries.try_emplace(entry.directory.get(), entry.directory->durable_entries).first->second);
    }
  }
  survival.find_last_write(*root_);
  SimFileTree after;
  after.root_ = survival.copy(*root_);
  after.inodes_ = survival.inodes;
  return after;
}

void SimFileTree::Entry::apply(Entries& to) const {
  if (target) {
    to[name] = target;
  } else {
    to.erase(name);
  }
}

}  // namespace walrus::io
