#include "cli/consume.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <system_error>

#include "cli/console.h"
#include "cli/record_output.h"
#include "cli/stop_signal.h"
#include "client/answer.h"

namespace walrus::cli {
namespace {

constexpr auto kFirstPause = std::chrono::milliseconds(10);
constexpr auto kLongestPause = std::chrono::milliseconds(200);

class Consumer {
 public:
  Consumer(client::Connection& connection, const ConsumeOptions& options)
      : connection_(connection),
        options_(options),
        wanted_(options.max.value_or(std::numeric_limits<std::uint64_t>::max())),
        progress_(options.style) {}

  ExitStatus run() {
    while (!finished()) {
      output_.flush();  // before more is taken: a reader that has gone costs no more than a window
      ask();
      collect();
      if (at_end_ && !finished()) pause();
    }
    output_.flush();
    progress_.clear();
    if (output_.error() != 0) note_output_failure();
    if (status_ == ExitStatus::kOk && unknown_ > 0) status_ = ExitStatus::kOutcomeUnknown;
    const bool done = options_.follow || taken_ == wanted_ || at_end_;
    if (status_ == ExitStatus::kOk && stop_.requested() && !done) status_ = ExitStatus::kInterrupted;
    print_summary();
    return status_;
  }

 private:
  bool stopping() const { return failed_ || stop_.requested() || output_.error() != 0; }
  bool finished() const {
    if (connection_.in_flight() > 0) return false;
    return stopping() || taken_ == wanted_ || (at_end_ && !options_.follow);
  }

  /// GETs for records that are still wanted, as many as the window allows.
  void ask() {
    if (stopping() || (at_end_ && connection_.in_flight() > 0)) return;
    at_end_ = false;
    while (connection_.in_flight() < std::min<std::uint64_t>(window_, wanted_ - taken_)) {
      if (const auto queued = connection_.enqueue_get(options_.topic); !queued) return fail(queued.error());
    }
  }

  /// Takes every answer that is here; when there is none, waits for one.
  void collect() {
    bool waited = false;
    while (connection_.in_flight() > 0) {
      const auto reply = connection_.take_reply();
      if (!reply) return lose_connection(reply.error());
      if (*reply) {
        take(**reply);
        continue;
      }
      if (waited) return;
      progress_.update(output_.written(), output_.written_bytes());
      const std::array<int, 1> stop = {stop_.descriptor()};
      connection_.wait_ready(std::span(stop).first(stop_.requested() ? 0 : 1));
      waited = true;
    }
  }

  void take(const client::Reply& reply) {
    answered_ = true;
    if (reply.kind == client::Reply::Kind::kEmpty) {
      at_end_ = true;
      window_ = 1;
    } else if (reply.kind == client::Reply::Kind::kPayload) {
      ++taken_;
      output_.add(reply.payload);
      pause_ = kFirstPause;
      disturbed_ = false;
      window_ = std::min(window_ + 1, options_.depth);
    } else if (options_.follow && client::is_transient(reply.payload)) {
      at_end_ = true;
      window_ = 1;
    } else {
      const client::Error error = client::server_error(reply);
      if (error.kind == client::ErrorKind::kOutcomeUnknown) ++unknown_;
      fail(error);
    }
  }

  void lose_connection(const client::Error& error) {
    unknown_ += error.unanswered.unknown;
    if (!options_.follow || !answered_ || error.kind == client::ErrorKind::kProtocol) return fail(error);
    if (!disturbed_ && !stop_.requested()) {
      progress_.clear();
      print_error(error.text + "; connecting again");
    }
    disturbed_ = at_end_ = true;
    window_ = 1;
  }

  void pause() {
    if (connection_.in_flight() > 0) return;
    output_.flush();
    progress_.update(output_.written(), output_.written_bytes());
    stop_.wait_for(pause_);
    pause_ = std::min(pause_ * 2, kLongestPause);
  }

  void fail(const client::Error& error) {
    if (failed_) return;
    failed_ = true;
    error_ = error.text;
    output_.flush();
    progress_.clear();
    status_ = report(error, RequestKind::kRead, options_.topic);
  }

  void note_output_failure();
  void print_summary() const;

  client::Connection& connection_;
  const ConsumeOptions& options_;
  const std::uint64_t wanted_;
  StopSignal stop_;
  Progress progress_;
  RecordOutput output_;

  std::uint64_t taken_ = 0;    // records that came; ≤ wanted_
  std::uint64_t unknown_ = 0;  // GETs without an answer
  std::size_t window_ = 1;     // GETs that may be in flight
  bool at_end_ = false;        // EMPTY, or something like it, since the last question
  bool answered_ = false;      // by anyone, ever
  bool disturbed_ = false;     // a break was reported and nothing came since
  std::chrono::milliseconds pause_ = kFirstPause;
  bool failed_ = false;
  std::string error_;
  ExitStatus status_ = ExitStatus::kOk;
};

void Consumer::note_output_failure() {
  if (!failed_ && output_.error() != EPIPE) {
    error_ = "cannot write to stdout: " + std::generic_category().message(output_.error());
    print_error(error_);
  }
  if (status_ == ExitStatus::kOk && (output_.lost() > 0 || output_.error() != EPIPE)) status_ = ExitStatus::kRefused;
}

void Consumer::print_summary() const {
  const double seconds = progress_.seconds();
  switch (progress_.style()) {
    case Progress::Style::kQuiet:
      break;
    case Progress::Style::kJson: {
      const nlohmann::ordered_json json = {
          {"records", output_.written()},
          {"bytes", output_.written_bytes()},
          {"seconds", seconds},
          {"records_per_second", static_cast<double>(output_.written()) / std::max(seconds, 1e-6)},
          {"taken_not_written", output_.lost()},
          {"outcome_unknown", unknown_},
          {"interrupted", stop_.requested()},
          {"error", error_.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(error_)}};
      fmt::print(stderr, "{}\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
      return;
    }
    case Progress::Style::kPlain:
      fmt::print(stderr, "{}\n", rate_text(output_.written(), output_.written_bytes(), seconds));
      break;
  }
  if (output_.lost() > 0) {
    fmt::print(
        stderr,
        "{} records were taken from the topic but could not be written (use --max to take no more than are read)\n",
        with_commas(output_.lost()));
  }
  if (unknown_ > 0) {
    fmt::print(stderr, "{} requests have an unknown outcome: up to as many records were taken without reaching you\n",
               with_commas(unknown_));
  }
}

}  // namespace

ExitStatus run_consume(client::Connection& connection, const ConsumeOptions& options) {
  return Consumer(connection, options).run();
}

}  // namespace walrus::cli
