// Load on a server: connections × depth requests in flight, driven by few epoll threads so that the client costs
// little, and what came of it.
//
// Closed loop: every answer is followed at once by the next request, and a latency runs from its own sending. Open loop
// (rate > 0): requests are due at fixed times whatever the answers do, and a latency runs from the time a request was
// due, so that a stall shows in every request that it delayed (no coordinated omission). What was due within the
// measured time is counted even if it is answered, or sent, only after it; what is still missing kDrainTime later is
// counted as unanswered or unsent, never dropped.
//
// Failure: an ERR is counted by its text. A connection that breaks is counted and not replaced.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bench/codec.h"
#include "bench/histogram.h"
#include "walrus/client/endpoint.h"

namespace walrus::bench {

inline constexpr auto kDrainTime = std::chrono::seconds(10);
inline constexpr auto kSeriesInterval = std::chrono::milliseconds(100);

struct LoadPlan {
  std::vector<client::Endpoint> endpoints;  ///< connections are spread over them
  std::size_t connections = 64;
  std::size_t depth = 1;
  std::size_t threads = 1;
  std::size_t topics = 1;
  double get_share = 0;  ///< of the requests; the rest are `write`
  RequestKind write = RequestKind::kPut;
  double rate = 0;                          ///< requests per second altogether; 0: closed loop
  std::uint64_t requests = 0;               ///< end after so many; 0: at the end of the time
  const std::atomic<bool>* stop = nullptr;  ///< set by another thread: the time is up
  std::chrono::nanoseconds warmup{0};
  std::chrono::nanoseconds duration{std::chrono::seconds(5)};
};

struct LoadResult {
  double seconds = 0;            ///< measured, without the warm-up
  std::uint64_t done = 0;        ///< answers in that time: OK to a PUT, a record to a GET
  std::uint64_t empty = 0;       ///< GETs that found nothing
  std::uint64_t failed = 0;      ///< sum of `errors`, over the whole run
  std::uint64_t unanswered = 0;  ///< sent, no answer by the end
  std::uint64_t unsent = 0;      ///< open loop: due, never sent
  bool drained = false;          ///< only GETs, and all topics ran empty: ended early
  std::size_t broken_connections = 0;
  Histogram latency;
  std::vector<std::uint64_t> series;  ///< `done` per kSeriesInterval
  std::map<std::string, std::uint64_t> errors;
  double client_cpu_seconds = 0;  ///< user and system, of the measured time and the drain
};

/// So many answers more, so long after the measured time began.
void count_done(LoadResult& result, std::chrono::nanoseconds since_begin, std::uint64_t count = 1);
/// One error more; of different texts a bounded number is kept, each cut at a bound.
void count_error(LoadResult& result, std::string_view text);
/// Adds what another thread, or another part of a run, has counted; not its seconds, nor `drained`.
void merge(LoadResult& into, const LoadResult& from);

// Of every run: how long a connection may take, how often to look whether all is done, and how often to say how far.
inline constexpr auto kConnectTimeout = std::chrono::seconds(5);
inline constexpr auto kLookInterval = std::chrono::milliseconds(5);
inline constexpr auto kStatusInterval = std::chrono::milliseconds(250);

/// What a live line shows.
struct LoadStatus {
  double seconds = 0;  ///< since the start, with the warm-up
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
};

/// Runs the plan. `on_status` is called a few times a second on the calling thread. The error is kCannotConnect.
client::Result<LoadResult> run_load(const LoadPlan& plan, const Codec& codec,
                                    const std::function<void(const LoadStatus&)>& on_status);

}  // namespace walrus::bench
