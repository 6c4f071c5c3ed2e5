#include "broker/waiting_readers.h"

#include <iterator>
#include <utility>

namespace walrus::broker {

void WaitingReaders::add(const ReadSpan& span, Readers::Reader reader) {
  List& list = by_span_[span];
  list.push_back({.waiter = std::move(reader.waiter), .deadline = {}});
  list.back().deadline = by_deadline_.emplace(reader.wait_until, Place{span, std::prev(list.end())});
}

WaitingReaders::BySpan::iterator WaitingReaders::take(BySpan::iterator at, std::vector<Readers>& taken) {
  Readers& group = taken.emplace_back(Readers{.span = at->first, .readers = {}});
  group.readers.reserve(at->second.size());
  for (Parked& parked : at->second) {
    group.readers.push_back({.waiter = std::move(parked.waiter), .wait_until = parked.deadline->first});
    by_deadline_.erase(parked.deadline);
  }
  return by_span_.erase(at);
}

std::vector<Readers> WaitingReaders::take_below(Offset end) {
  std::vector<Readers> taken;
  auto at = by_span_.begin();
  while (at != by_span_.end() && at->first.from < end) at = take(at, taken);
  return taken;
}

std::vector<Readers> WaitingReaders::take_expired(io::TimePoint now) {
  std::map<ReadSpan, Readers> groups;
  while (!by_deadline_.empty() && by_deadline_.begin()->first <= now) {
    const auto due = by_deadline_.begin();
    const auto list = by_span_.find(due->second.span);
    Readers& group =
        groups.try_emplace(due->second.span, Readers{.span = due->second.span, .readers = {}}).first->second;
    group.readers.push_back({.waiter = std::move(due->second.parked->waiter), .wait_until = due->first});
    list->second.erase(due->second.parked);
    if (list->second.empty()) by_span_.erase(list);
    by_deadline_.erase(due);
  }
  std::vector<Readers> taken;
  taken.reserve(groups.size());
  for (auto& [span, group] : groups) taken.push_back(std::move(group));
  return taken;
}

std::vector<Readers> WaitingReaders::take_all() {
  std::vector<Readers> taken;
  for (auto at = by_span_.begin(); at != by_span_.end();) at = take(at, taken);
  return taken;
}

}  // namespace walrus::broker
