#include "tests/chaos/checker.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <utility>

namespace walrus::chaos {
namespace {

constexpr std::size_t kMostOfAKind = 5;
constexpr std::uint64_t kNowhere = std::numeric_limits<std::uint64_t>::max();

/// Collects sentences, the first few of each kind.
class Complaints {
 public:
  explicit Complaints(TopicVerdict& verdict) : verdict_(verdict) {}
  ~Complaints() {
    for (const auto& [kind, count] : counts_) {
      if (count > kMostOfAKind) verdict_.violations.push_back(fmt::format("{}: {} in all", kind, count));
    }
  }
  Complaints(const Complaints&) = delete;
  Complaints& operator=(const Complaints&) = delete;

  void add(const std::string& kind, const std::string& what) {
    if (++counts_[kind] <= kMostOfAKind) verdict_.violations.push_back(kind + ": " + what);
  }

 private:
  TopicVerdict& verdict_;
  std::map<std::string, std::size_t> counts_;
};

/// Where each record that was sent stands in the log.
class Places {
 public:
  Places(const std::vector<RecordId>& log, const TopicHistory& history, Complaints& complaints) {
    for (const ProducerLog* producer : history.producers) {
      producers_[producer->producer] = producer;
      places_[producer->producer].assign(producer->puts.size(), kNowhere);
    }
    for (std::uint64_t offset = 0; offset < log.size(); ++offset) {
      const RecordId id = log[offset];
      if (put(id) == nullptr) {
        complaints.add("invented", fmt::format("{} at offset {} was never sent", name_of(id), offset));
        continue;
      }
      std::uint64_t& place = places_[id.producer][id.number];
      if (place != kNowhere) {
        complaints.add("I10", fmt::format("{} is there twice, at {} and {}", name_of(id), place, offset));
      }
      place = offset;
    }
  }

  const Put* put(RecordId id) const {
    const auto found = producers_.find(id.producer);
    if (found == producers_.end() || id.number >= found->second->puts.size()) return nullptr;
    return &found->second->puts[id.number];
  }
  std::uint64_t of(RecordId id) const { return put(id) == nullptr ? kNowhere : places_.at(id.producer)[id.number]; }

 private:
  std::map<std::uint32_t, const ProducerLog*> producers_;
  std::map<std::uint32_t, std::vector<std::uint64_t>> places_;
};

void check_outcomes(const TopicHistory& history, const Places& places, Complaints& complaints) {
  for (const ProducerLog* producer : history.producers) {
    for (std::uint32_t number = 0; number < producer->puts.size(); ++number) {
      const RecordId id{producer->producer, number};
      const bool there = places.of(id) != kNowhere;
      const Outcome outcome = producer->puts[number].outcome;
      if (outcome == Outcome::kDone && !there) complaints.add("I1", name_of(id) + " was acknowledged and is lost");
      const auto told = producer->puts[number].offset;
      if (there && told && *told != places.of(id)) {
        complaints.add("I4",
                       fmt::format("{} was acknowledged at {} and stands at {}", name_of(id), *told, places.of(id)));
      }
      if (outcome == Outcome::kRefused && there) complaints.add("refusal", name_of(id) + " was refused and is there");
    }
  }
}

/// From the back: nothing may have been sent after something behind it was acknowledged.
void check_order(const std::vector<RecordId>& log, const Places& places, Complaints& complaints) {
  auto acknowledged = Clock::time_point::max();
  RecordId by;
  for (std::uint64_t offset = log.size(); offset-- > 0;) {
    const Put* put = places.put(log[offset]);
    if (put == nullptr) continue;
    if (put->started > acknowledged) {
      complaints.add("order", fmt::format("{} at offset {} was sent after {}, which stands behind it, was acknowledged",
                                          name_of(log[offset]), offset, name_of(by)));
    }
    if (put->outcome == Outcome::kDone && put->ended < acknowledged) {
      acknowledged = put->ended;
      by = log[offset];
    }
  }
}

class Deliveries {
 public:
  Deliveries(const std::vector<RecordId>& log, const TopicHistory& history, const Places& places, TopicVerdict& verdict,
             Complaints& complaints)
      : log_(log), history_(history), places_(places), verdict_(verdict), complaints_(complaints) {
    first_.assign(log.size(), std::nullopt);
  }

  void check() {
    for (const ConsumerLog* consumer : history_.consumers) {
      for (const Get& get : consumer->gets) note(get);
    }
    if (history_.drained) check_none_skipped();
    check_empties();
  }

 private:
  void note(const Get& get) {
    if (get.outcome == Outcome::kUnknown) ++lost_gets_;
    if (get.outcome != Outcome::kDone) return;
    if (!get.known_bytes) return complaints_.add("I4", "a GET brought bytes that nobody has sent");
    const std::uint64_t offset = places_.of(get.record);
    if (offset == kNowhere) return complaints_.add("I4", name_of(get.record) + " was delivered and is not there");
    if (first_[offset]) ++verdict_.delivered_again;
    if (!first_[offset] || get.started < *first_[offset]) first_[offset] = get.started;
  }

  /// A GET that was lost may have taken its record; no other record may be missing.
  void check_none_skipped() {
    std::uint64_t missing = 0;
    std::uint64_t example = 0;
    for (std::uint64_t offset = 0; offset < log_.size(); ++offset) {
      if (first_[offset]) continue;
      ++missing;
      example = offset;
    }
    verdict_.never_delivered = missing;
    if (missing > lost_gets_) {
      complaints_.add("I11", fmt::format("{} records were never delivered, such as {} at offset {}, but only {} GETs "
                                         "were lost",
                                         missing, name_of(log_[example]), example, lost_gets_));
    }
  }

  /// EMPTY promises that everything acknowledged before it was asked has been handed out before it was said.
  void check_empties() {
    std::vector<std::pair<Clock::time_point, Clock::time_point>> empties;  // asked, said
    for (const ConsumerLog* consumer : history_.consumers) {
      for (const Get& get : consumer->gets) {
        if (get.outcome == Outcome::kEmpty) empties.emplace_back(get.started, get.ended);
      }
    }
    std::ranges::sort(empties);
    std::uint64_t late = 0;
    std::uint64_t example = 0;
    for (std::uint64_t offset = 0; offset < log_.size(); ++offset) {
      const Put* put = places_.put(log_[offset]);
      if (put == nullptr || put->outcome != Outcome::kDone || !first_[offset]) continue;
      const auto asked = std::ranges::lower_bound(empties, std::pair(put->ended, Clock::time_point::min()));
      if (asked == empties.end() || asked->second >= *first_[offset]) continue;
      ++late;
      example = offset;
    }
    // A crash may give a record again whose first delivery was lost on the way to the client.
    if (late > lost_gets_) {
      complaints_.add("EMPTY", fmt::format("said {} times too early, such as before {} at offset {}; {} GETs were lost",
                                           late, name_of(log_[example]), example, lost_gets_));
    }
  }

  const std::vector<RecordId>& log_;
  const TopicHistory& history_;
  const Places& places_;
  TopicVerdict& verdict_;
  Complaints& complaints_;
  std::vector<std::optional<Clock::time_point>> first_;  // when the GET that brought it first was sent
  std::uint64_t lost_gets_ = 0;
};

void compare(const SegmentLayout& segment, const ReplicaCopy& a, const ReplicaCopy& b, Complaints& complaints) {
  std::size_t common = std::min(a.records.size(), b.records.size());
  if (segment.sealed) common = std::min<std::size_t>(common, segment.entries);
  const auto [left, right] =
      std::mismatch(a.records.begin(), a.records.begin() + static_cast<std::ptrdiff_t>(common), b.records.begin());
  const auto same = static_cast<std::size_t>(left - a.records.begin());
  if (same == common) return;
  complaints.add("I4", fmt::format("segment {} offset {}: {} on node {}, {} on node {}", segment.id,
                                   segment.base + same, name_of(*left), a.node, name_of(*right), b.node));
}

}  // namespace

std::vector<RecordId> check_copies(const SegmentLayout& segment, const std::vector<ReplicaCopy>& copies,
                                   const TopicHistory& history, TopicVerdict& verdict) {
  Complaints complaints(verdict);
  const ReplicaCopy* best = nullptr;
  std::vector<std::uint64_t> ends;
  for (const ReplicaCopy& copy : copies) {
    if (!copy.trouble.empty()) complaints.add("damage", copy.trouble);
    const bool listed = std::ranges::find(segment.replicas, copy.node) != segment.replicas.end();
    if (!listed) {
      ++verdict.unlisted;
      continue;
    }
    if (segment.sealed && copy.end() != segment.end()) {
      complaints.add("I8", fmt::format("node {} holds segment {} up to {}; its end is {}", copy.node, segment.id,
                                       copy.end(), segment.end()));
    }
    ends.push_back(copy.end());
    if (best == nullptr || copy.records.size() > best->records.size()) best = &copy;
  }
  if (best == nullptr) {
    complaints.add("I8", fmt::format("no replica of segment {} was read", segment.id));
    return {};
  }
  for (const ReplicaCopy& copy : copies) compare(segment, *best, copy, complaints);
  std::vector<RecordId> content = best->records;
  if (segment.sealed && content.size() > segment.entries) content.resize(segment.entries);

  // Of an open segment a quorum of replicas must have whatever was acknowledged.
  std::ranges::sort(ends, std::greater());
  const std::size_t quorum = segment.replicas.size() / 2 + 1;
  const std::uint64_t commit = ends.size() < quorum ? segment.base : ends[quorum - 1];
  for (std::uint64_t offset = commit; !segment.sealed && offset < segment.base + content.size(); ++offset) {
    const RecordId id = content[offset - segment.base];
    const auto producer = std::ranges::find(history.producers, id.producer, &ProducerLog::producer);
    if (producer == history.producers.end() || id.number >= (*producer)->puts.size()) continue;
    if ((*producer)->puts[id.number].outcome == Outcome::kDone) {
      complaints.add("I1", fmt::format("{} at offset {} was acknowledged and is on no quorum", name_of(id), offset));
    }
  }
  return content;
}

void check_history(const std::vector<RecordId>& log, const TopicHistory& history, TopicVerdict& verdict) {
  Complaints complaints(verdict);
  const Places places(log, history, complaints);
  check_outcomes(history, places, complaints);
  check_order(log, places, complaints);
  Deliveries(log, history, places, verdict, complaints).check();
}

TopicVerdict check_topic(const TopicLayout& layout, const std::map<std::uint64_t, std::filesystem::path>& folders,
                         const TopicHistory& history) {
  TopicVerdict verdict;
  std::size_t widest = 0;
  for (const SegmentLayout& segment : layout.segments) widest = std::max(widest, segment.replicas.size());
  std::vector<RecordId> log;
  for (const SegmentLayout& segment : layout.segments) {
    if (segment.base != log.size()) {
      verdict.violations.push_back(
          fmt::format("I6: segment {} begins at {}, behind {} records", segment.id, segment.base, log.size()));
      return verdict;
    }
    if (segment.replicas.size() < widest) ++verdict.thin_segments;
    std::vector<ReplicaCopy> copies;
    for (const auto& [node, folder] : folders) {
      copies.push_back(read_replica(node, folder, layout.topic_id, segment.id, segment.base));
      const bool listed = std::ranges::find(segment.replicas, node) != segment.replicas.end();
      if (!listed && copies.back().records.empty() && copies.back().trouble.empty()) copies.pop_back();
    }
    verdict.copies += copies.size();
    const auto content = check_copies(segment, copies, history, verdict);
    log.insert(log.end(), content.begin(), content.end());
  }
  check_history(log, history, verdict);
  verdict.log = std::move(log);
  return verdict;
}

}  // namespace walrus::chaos
