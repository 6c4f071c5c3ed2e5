#include "tests/chaos/failover_trial.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>

#include "tests/chaos/checker.h"
#include "tests/chaos/faulty_cluster.h"

namespace walrus::chaos {

using namespace std::chrono_literals;

namespace {

constexpr auto kWarmUp = 1s;
constexpr auto kLoadAfterwards = 1s;
const std::string kTopic = "logs";

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

class Trials {
 public:
  explicit Trials(const TrialOptions& options)
      : options_(options),
        cluster_({.folder = options.folder,
                  .nodes = options.nodes,
                  .seed = 1,
                  .flags = {"--replication-factor", "3", "--max-segment-entries",
                            std::to_string(options.segment_entries), "--monitor-check-ms", "200"}}) {}

  TrialReport run() {
    cluster_.start();
    std::string reply;
    if (!test::eventually([&] { return (reply = cluster_.node(1).request("REGISTER " + kTopic)) == "OK"; })) {
      throw std::runtime_error("REGISTER: " + reply);
    }
    for (std::size_t i = 0; i < options_.trials; ++i) {
      one_trial();
      if (!options_.verbose) continue;
      const Trial& trial = report_.trials.back();
      fmt::print("trial {}: {:.3f} s, then {:.3f} s; {} unknown, {} refused\n", i + 1, trial.longest_pause,
                 trial.second_pause, trial.unknown, trial.refused);
      std::fflush(stdout);
    }
    judge();
    return std::move(report_);
  }

 private:
  /// The leader of the open segment, once that has a replica on every node (as far as it wants).
  std::uint64_t wait_for_all_replicas() {
    std::uint64_t leader = 0;
    const std::size_t wanted = std::min<std::size_t>(options_.nodes, 3);
    const bool whole = test::eventually([&] {
      try {
        if (!cluster_.formed()) return false;
        const auto last = cluster_.node(1).state(kTopic).at("segments").back();
        leader = last.at("leader_node");
        return last.at("replicas").size() == wanted && !last.at("sealed").get<bool>();
      } catch (const std::runtime_error&) {
        return false;
      }
    });
    if (!whole) throw std::runtime_error("the open segment does not get all its replicas");
    return leader;
  }

  void one_trial() {
    wait_for_all_replicas();
    // As many writers on each node as are wanted on those that stay.
    const std::size_t on_each = options_.writers / (options_.nodes - 1);
    std::map<std::uint64_t, std::vector<Producer*>> by_node;
    const std::size_t first = producers_.size();
    for (const std::uint64_t id : cluster_.ids()) {
      ports_.push_back(std::make_unique<Ports>());
      ports_.back()->set({cluster_.node(id).client_port()});
      for (std::size_t i = 0; i < on_each; ++i) {
        producers_.push_back(std::make_unique<Producer>(*ports_.back(), static_cast<std::uint32_t>(producers_.size()),
                                                        kTopic, ClientOptions{.seed = producers_.size(), .depth = 1}));
        by_node[id].push_back(producers_.back().get());
      }
    }
    std::this_thread::sleep_for(kWarmUp);
    const std::uint64_t victim = wait_for_all_replicas();
    const auto lost_at = Clock::now();
    take_away(victim);
    by_node.erase(victim);
    wait_for_progress(by_node, lost_at);
    for (std::size_t i = first; i < producers_.size(); ++i) producers_[i]->stop();
    for (auto& [id, producers] : by_node) {
      for (Producer* producer : producers) producer->join();
    }
    report_.trials.push_back(measure(by_node, lost_at));
    bring_back(victim);
    for (std::size_t i = first; i < producers_.size(); ++i) producers_[i]->join();
  }

  void take_away(std::uint64_t victim) {
    if (options_.loss == Loss::kFreeze) return cluster_.pause(victim);
    cluster_.kill_hard(victim);
    if (options_.loss == Loss::kWipe) cluster_.wipe(victim);
  }

  void bring_back(std::uint64_t victim) {
    if (options_.loss == Loss::kFreeze) return cluster_.resume(victim);
    cluster_.start(victim);
  }

  /// Until each has heard OK after the loss, and for a while longer.
  void wait_for_progress(const std::map<std::uint64_t, std::vector<Producer*>>& by_node, Clock::time_point lost_at) {
    const bool all = test::eventually([&] {
      return std::ranges::all_of(by_node, [&](const auto& node) {
        return std::ranges::all_of(node.second, [&](const Producer* p) { return p->last_progress() > lost_at + 10ms; });
      });
    });
    if (!all) report_.violations.push_back("a writer on a healthy node never got on");
    std::this_thread::sleep_until(std::max(Clock::now() + kLoadAfterwards, lost_at + options_.away));
  }

  Trial measure(const std::map<std::uint64_t, std::vector<Producer*>>& by_node, Clock::time_point lost_at) {
    Trial trial;
    for (const auto& [id, producers] : by_node) {
      for (const Producer* producer : producers) {
        std::vector<double> pauses;
        auto last = Clock::time_point::max();
        for (const Put& put : producer->log().puts) {
          if (put.outcome == Outcome::kUnknown) ++trial.unknown;
          if (put.outcome == Outcome::kRefused) ++trial.refused;
          if (put.outcome != Outcome::kDone) continue;
          if (last < put.ended && put.ended > lost_at) pauses.push_back(seconds(put.ended - last));
          last = put.ended;
        }
        std::ranges::sort(pauses, std::greater());
        if (!pauses.empty()) trial.longest_pause = std::max(trial.longest_pause, pauses[0]);
        if (pauses.size() > 1) trial.second_pause = std::max(trial.second_pause, pauses[1]);
      }
    }
    return trial;
  }

  void judge() {
    wait_for_all_replicas();
    const TopicLayout layout = parse_layout(cluster_.node(1).state(kTopic));
    if (const std::string wrong = cluster_.stop_all(); !wrong.empty()) report_.violations.push_back(wrong);
    TopicHistory history{.producers = {}, .consumers = {}, .drained = false};
    for (const auto& producer : producers_) {
      history.producers.push_back(&producer->log());
      report_.acknowledged += producer->acknowledged();
    }
    std::map<std::uint64_t, std::filesystem::path> folders;
    for (const std::uint64_t id : cluster_.ids()) folders[id] = cluster_.folder_of(id);
    const TopicVerdict verdict = check_topic(layout, folders, history);
    report_.violations.insert(report_.violations.end(), verdict.violations.begin(), verdict.violations.end());
  }

  const TrialOptions options_;
  FaultyCluster cluster_;
  std::vector<std::unique_ptr<Ports>> ports_;  // one node each
  std::vector<std::unique_ptr<Producer>> producers_;
  TrialReport report_;
};

}  // namespace

TrialReport run_trials(const TrialOptions& options) { return Trials(options).run(); }

}  // namespace walrus::chaos
