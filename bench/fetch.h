// Consumers that read batches as fast as they can, each on a thread and a connection of its own, one request after the
// other; every record is looked at.
//
// From the start: a consumer that comes to the end starts again, until the time is up; or, with `once`, stops. From the
// end: it waits for what others write.
//
// What comes of it is told as that of a load: `done` are records, latencies those of whole fetches. A consumer whose
// connection breaks, or who is answered with an error, ends; both are counted.
#pragma once

#include <functional>
#include <memory>

#include "bench/fetch_codec.h"
#include "bench/load.h"

namespace walrus::bench {

struct FetchPlan {
  std::vector<client::Endpoint> endpoints;  ///< consumers are spread over them
  std::size_t consumers = 1;
  bool once = false;      ///< to the end, not until the time is up
  bool from_end = false;  ///< where their codecs start; then coming to an end is no reason to start again
  std::chrono::nanoseconds warmup{0};
  std::chrono::nanoseconds duration{std::chrono::seconds(5)};
  /// The consumer's, by number.
  std::function<std::unique_ptr<FetchCodec>(std::size_t consumer)> codec;
};

struct FetchResult {
  LoadResult load;
  std::uint64_t bytes = 0;  ///< of the values of the records
};

/// `on_status` as for run_load(). The error is kCannotConnect.
client::Result<FetchResult> run_fetch(const FetchPlan& plan, const std::function<void(const LoadStatus&)>& on_status);

}  // namespace walrus::bench
