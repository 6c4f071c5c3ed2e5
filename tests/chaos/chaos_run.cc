#include "tests/chaos/chaos_run.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

#include "tests/chaos/checker.h"
#include "tests/chaos/clients.h"
#include "tests/chaos/disk_filler.h"
#include "tests/chaos/faulty_cluster.h"
#include "tests/chaos/group_clients.h"
#include "tests/chaos/idempotent_producer.h"
#include "tests/chaos/nemesis.h"

namespace walrus::chaos {

using namespace std::chrono_literals;

namespace {

constexpr auto kSettleTime = 60s;
constexpr std::uint32_t kIdempotent = 3;
constexpr std::uint64_t kSmallDiskBytes = 1024ULL * 1024 * 1024;

class Run {
 public:
  explicit Run(const RunOptions& options) : options_(options), small_disks_(make_small_disks()), cluster_(cluster()) {
    topics_.reserve(options_.topics);
    for (std::size_t i = 0; i < options_.topics; ++i) topics_.push_back(fmt::format("topic-{}", i));
  }
  ~Run() {
    for (auto& client : producers_) client->stop();
    for (auto& client : idempotent_) client->stop();
    for (auto& client : consumers_) client->stop();
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  RunReport run() {
    cluster_.start();
    for (const std::string& topic : topics_) register_topic(topic);
    start_clients();
    make_faults();
    settle();
    drain();
    std::vector<TopicLayout> layouts;
    for (const std::string& topic : topics_) layouts.push_back(layout_of(topic));
    if (const std::string wrong = cluster_.stop_all(); !wrong.empty()) complain("stop: " + wrong);
    for (const TopicLayout& layout : layouts) judge(layout);
    look_for_damage();
    count();
    return std::move(report_);
  }

 private:
  std::map<std::uint64_t, std::filesystem::path> make_small_disks() {
    std::map<std::uint64_t, std::filesystem::path> disks;
    for (std::uint64_t id = 2; options_.small_disks && id <= std::min<std::size_t>(options_.nodes, 3); ++id) {
      const auto folder = options_.folder / "data" / ("node_" + std::to_string(id));
      const std::string wrong = mount_small_disk(folder, kSmallDiskBytes);
      if (!wrong.empty()) {
        fmt::print("no disk will be full: {}\n", wrong);
        break;
      }
      std::filesystem::remove_all(folder / "lost+found");
      disks[id] = folder;
    }
    return disks;
  }

  FaultyClusterOptions cluster() const {
    return {.folder = options_.folder,
            .nodes = options_.nodes,
            .seed = options_.seed,
            .flags = {"--replication-factor", std::to_string(options_.replicas), "--max-segment-entries",
                      std::to_string(options_.segment_entries), "--monitor-check-ms", "500"}};
  }

  void complain(std::string what) { report_.violations.push_back(std::move(what)); }

  test::Node& any_node() { return cluster_.node(cluster_.ids().front()); }

  void register_topic(const std::string& topic) {
    std::string reply;
    if (!test::eventually([&] { return (reply = any_node().request("REGISTER " + topic)) == "OK"; })) {
      throw std::runtime_error("REGISTER " + topic + ": " + reply);
    }
  }

  void start_clients() {
    std::uint64_t seed = options_.seed * 1'000'003;
    for (std::uint32_t i = 0; i < options_.producers; ++i) {
      producers_.push_back(std::make_unique<Producer>(
          cluster_.ports(), i, topics_[i % topics_.size()],
          ClientOptions{.seed = ++seed, .depth = 1 + 4 * (i % 4), .per_second = options_.per_second}));
    }
    for (std::uint32_t i = 0; i < kIdempotent; ++i) {
      idempotent_.push_back(std::make_unique<IdempotentProducer>(
          cluster_.ports(), static_cast<std::uint32_t>(options_.producers) + i, topics_[i % topics_.size()],
          ClientOptions{.seed = ++seed, .depth = 4, .per_second = options_.per_second}));
    }
    groups_ = std::make_unique<GroupClients>(cluster_.ports(), topics_.front(), seed += 1'000);
    for (const std::string& topic : topics_) {
      for (int i = 0; i < 2; ++i) {
        consumers_.push_back(
            std::make_unique<Consumer>(cluster_.ports(), topic, ClientOptions{.seed = ++seed, .depth = 16}));
      }
    }
  }

  void make_faults() {
    Nemesis nemesis(cluster_, {.seed = options_.seed,
                               .at_a_time = 3,
                               .least_nodes = options_.nodes,
                               .most_nodes = options_.nodes + 2,
                               .verbose = options_.verbose,
                               .kinds = options_.kinds,
                               .topics = topics_,
                               .small_disks = small_disks_});
    const auto end = Clock::now() + options_.duration;
    while (Clock::now() < end) {
      nemesis.step();
      std::this_thread::sleep_for(20ms);
    }
    nemesis.heal();
    report_.faults = nemesis.told();
    report_.fault_counts = nemesis.counts();
    for (const std::string& violation : nemesis.violations()) complain(violation);
  }

  /// All faults are over: every producer must get on by itself.
  void settle() {
    const auto healed = Clock::now();
    if (!test::eventually([this] { return cluster_.formed(); }, kSettleTime)) complain("a node does not come back");
    const auto gets_on = [&](const auto& producer) { return producer->last_progress() > healed; };
    const bool alive = test::eventually(
        [&] { return std::ranges::all_of(producers_, gets_on) && std::ranges::all_of(idempotent_, gets_on); },
        kSettleTime);
    report_.settle_seconds = std::chrono::duration<double>(Clock::now() - healed).count();
    if (!alive) write_states();
    stop_producers(producers_, healed);
    stop_producers(idempotent_, healed);
    for (const auto& producer : idempotent_) {
      for (const std::string& violation : producer->violations()) complain(violation);
    }
  }

  template <class Producers>
  void stop_producers(Producers& producers, Clock::time_point healed) {
    for (auto& producer : producers) producer->stop();
    for (auto& producer : producers) {
      producer->join();
      if (producer->last_progress() > healed) continue;
      complain(fmt::format("L1: producer {} of {} gets no record in {} s after all faults are over",
                           producer->log().producer, producer->log().topic, kSettleTime.count()));
    }
  }

  /// For whoever has to find out why: what each node thinks of each topic, and of itself.
  void write_states() {
    std::ofstream file(options_.folder / "states.txt");
    for (const std::uint64_t id : cluster_.ids()) {
      const auto ask = [&](const std::string& text) {
        try {
          file << "node " << id << ", " << text << ": " << cluster_.node(id).request(text) << "\n";
        } catch (const std::runtime_error& error) {
          file << "node " << id << ", " << text << ": " << error.what() << "\n";
        }
      };
      ask("METRICS");
      for (const std::string& topic : topics_) ask("STATE " + topic);
    }
  }

  /// The consumers go on until each topic's cursor stands at the end.
  void drain() {
    drained_ = test::eventually(
        [this] {
          return std::ranges::all_of(topics_, [this](const std::string& topic) {
            try {
              const auto state = any_node().state(topic);
              return state.at("cursor_position") == state.at("total_entries");
            } catch (const std::runtime_error&) {
              return false;
            }
          });
        },
        kSettleTime);
    if (!drained_) complain("L1: the topics could not be drained after all faults were over");
    if (!groups_->finish(drained_ ? records_of(groups_->topic()) : 0, kSettleTime)) {
      complain("L1: the groups could not be drained after all faults were over");
    }
    if (!drained_) write_states();
    for (auto& consumer : consumers_) consumer->stop();
    for (auto& consumer : consumers_) consumer->join();
  }

  std::uint64_t records_of(const std::string& topic) {
    std::uint64_t records = 0;
    for (const SegmentLayout& segment : layout_of(topic).segments) records = segment.end();
    return records;
  }

  TopicLayout layout_of(const std::string& topic) {
    TopicLayout layout;
    std::string last;
    const bool known = test::eventually(
        [&] {
          try {
            layout = parse_layout(any_node().state(topic));
            return true;
          } catch (const std::runtime_error& error) {
            last = error.what();
            return false;
          }
        },
        kSettleTime);
    if (!known) complain("L1: STATE " + topic + " has no answer: " + last);
    return layout;
  }

  std::map<std::uint64_t, std::filesystem::path> folders() {
    std::map<std::uint64_t, std::filesystem::path> folders;
    for (const std::uint64_t id : cluster_.ids()) folders[id] = cluster_.folder_of(id);
    return folders;
  }

  void judge(const TopicLayout& layout) {
    if (layout.segments.empty()) return;
    TopicHistory history{.producers = {}, .consumers = {}, .drained = drained_};
    for (const auto& producer : producers_) {
      if (producer->log().topic == layout.name) history.producers.push_back(&producer->log());
    }
    for (const auto& producer : idempotent_) {
      if (producer->log().topic == layout.name) history.producers.push_back(&producer->log());
    }
    for (const auto& consumer : consumers_) {
      if (consumer->log().topic == layout.name) history.consumers.push_back(&consumer->log());
    }
    const TopicVerdict verdict = check_topic(layout, folders(), history);
    for (const std::string& violation : verdict.violations) complain(layout.name + ": " + violation);
    if (layout.name == groups_->topic()) {
      for (const std::string& violation : groups_->check(verdict.log)) complain(violation);
    }
    report_.numbers["segments"] += layout.segments.size();
    report_.numbers["records in the logs"] += verdict.log.size();
    report_.numbers["copies of segments read"] += verdict.copies;
    report_.numbers["copies without a place in the metadata"] += verdict.unlisted;
    report_.numbers["segments with fewer holders than wanted"] += verdict.thin_segments;
    report_.numbers["GET: delivered again"] += verdict.delivered_again;
    report_.numbers["GET: never delivered"] += verdict.never_delivered;
  }

  void look_for_damage() {
    for (const auto& [id, folder] : folders()) {
      if (const std::string damage = damage_in(folder); !damage.empty()) {
        complain(fmt::format("damage on node {}: {}", id, damage));
      }
    }
  }

  void count() {
    for (const auto& producer : producers_) {
      auto last = Clock::time_point::max();
      double longest = 0;
      for (const Put& put : producer->log().puts) {
        ++report_.numbers["PUT: sent"];
        if (put.outcome == Outcome::kDone) {
          ++report_.numbers["PUT: acknowledged"];
          if (last < put.ended) longest = std::max(longest, std::chrono::duration<double>(put.ended - last).count());
          last = put.ended;
        } else {
          ++report_.numbers[put.outcome == Outcome::kUnknown ? "PUT: outcome unknown" : "PUT: refused"];
        }
      }
      report_.longest_pauses.push_back(longest);
    }
    for (const auto& producer : idempotent_) {
      report_.numbers["MPUT: records sent"] += producer->log().puts.size();
      report_.numbers["MPUT: records acknowledged"] +=
          static_cast<std::uint64_t>(std::ranges::count(producer->log().puts, Outcome::kDone, &Put::outcome));
      report_.numbers["MPUT: tried again"] += producer->tried_again();
    }
    report_.numbers["group: committed"] = groups_->committed();
    report_.numbers["work queue: given"] = groups_->given();
    report_.numbers["work queue: done"] = groups_->done();
    static const char* const gets[] = {"GET: delivered", "GET: EMPTY", "GET: refused", "GET: outcome unknown"};
    for (const auto& consumer : consumers_) {
      for (const Get& get : consumer->log().gets) ++report_.numbers[gets[static_cast<std::size_t>(get.outcome)]];
    }
    for (const std::uint64_t id : cluster_.ids()) {
      report_.numbers["bits flipped between nodes"] += cluster_.proxy(id).bits_flipped();
      report_.numbers["connections reset between nodes"] += cluster_.proxy(id).resets();
    }
  }

  const RunOptions options_;
  const std::map<std::uint64_t, std::filesystem::path> small_disks_;
  FaultyCluster cluster_;
  std::vector<std::string> topics_;
  std::vector<std::unique_ptr<Producer>> producers_;
  std::vector<std::unique_ptr<IdempotentProducer>> idempotent_;
  std::vector<std::unique_ptr<Consumer>> consumers_;
  std::unique_ptr<GroupClients> groups_;
  bool drained_ = false;
  RunReport report_;
};

}  // namespace

RunReport run_chaos(const RunOptions& options) { return Run(options).run(); }

}  // namespace walrus::chaos
