#include "cli/produce.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <poll.h>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "cli/console.h"
#include "cli/line_reader.h"
#include "cli/stop_signal.h"
#include "walrus/client/producer.h"

namespace walrus::cli {
namespace {

constexpr std::size_t kMaxBufferedBytes = 4 * 1024 * 1024;

/// What became of the records so far. `done` of the client's producer runs on its own thread, hence the mutex.
class Tally {
 public:
  struct Counts {
    std::uint64_t acknowledged = 0;
    std::uint64_t bytes = 0;  // of acknowledged records
    std::uint64_t refused = 0;
    std::uint64_t unknown = 0;
    std::uint64_t not_sent = 0;
    std::optional<std::uint64_t> first_unacknowledged;  // line
    std::optional<client::Error> failure;               // the first
  };

  Tally() : failed_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Tally() { ::close(failed_); }
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;

  /// Readable once something has failed.
  int failed_descriptor() const { return failed_; }

  void stored(std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    ++counts_.acknowledged;
    counts_.bytes += bytes;
  }

  void failed(std::uint64_t line, client::Error error) {
    const std::scoped_lock lock(mutex_);
    ++count_of(error.kind);
    counts_.first_unacknowledged = std::min(line, counts_.first_unacknowledged.value_or(line));
    fail(std::move(error));
  }

  void fail_reading(client::Error error) {
    const std::scoped_lock lock(mutex_);
    fail(std::move(error));
  }

  Counts counts() const {
    const std::scoped_lock lock(mutex_);
    return counts_;
  }

 private:
  std::uint64_t& count_of(client::ErrorKind kind) {
    switch (kind) {
      case client::ErrorKind::kOutcomeUnknown:
        return counts_.unknown;
      case client::ErrorKind::kCannotConnect:
      case client::ErrorKind::kNotSent:
      case client::ErrorKind::kOverloaded:
      case client::ErrorKind::kClosed:
        return counts_.not_sent;
      default:
        return counts_.refused;
    }
  }

  void fail(client::Error error) {
    if (counts_.failure) return;
    counts_.failure = std::move(error);
    ::eventfd_write(failed_, 1);
  }

  const int failed_;
  mutable std::mutex mutex_;
  Counts counts_;
};

client::ProducerOptions producer_options(const client::Options& connection) {
  return {.endpoints = connection.endpoints,
          .max_buffered_bytes = kMaxBufferedBytes,
          .delivery_timeout = connection.reply_timeout,
          .connect_timeout = connection.connect_timeout,
          .reply_timeout = connection.reply_timeout,
          .max_frame_bytes = connection.max_frame_bytes};
}

class LineProducer {
 public:
  LineProducer(const client::Options& connection, std::size_t max_line_bytes, const ProduceOptions& options)
      : options_(options),
        max_line_bytes_(max_line_bytes),
        input_(STDIN_FILENO, max_line_bytes),
        progress_(options.style),
        producer_(producer_options(connection)) {
    struct stat status{};
    if (::fstat(STDIN_FILENO, &status) == 0 && S_ISREG(status.st_mode)) {
      input_bytes_ = static_cast<std::uint64_t>(status.st_size);
    }
  }

  ExitStatus run() {
    for (;;) {
      send_lines();
      const Tally::Counts counts = tally_.counts();
      if (counts.failure || stop_.requested() || !input_.wants_input()) break;
      progress_.update(counts.acknowledged, counts.bytes, input_bytes_);
      wait_for_input();
    }
    (void)producer_.flush();  // what failed is in the tally
    progress_.clear();
    return finish(tally_.counts());
  }

 private:
  void send_lines() {
    while (!stop_.requested()) {
      const auto line = input_.next();
      if (!line) break;
      if (line->empty()) {
        ++empty_lines_;
      } else {
        send(*line);
      }
    }
    if (!input_.too_long()) return;
    tally_.failed(input_.line_number(),
                  {.kind = client::ErrorKind::kInvalidRequest,
                   .text = fmt::format("line {} is longer than the {} bytes that fit a frame (--max-frame-bytes)",
                                       with_commas(input_.line_number()), with_commas(max_line_bytes_))});
  }

  void send(std::string_view line) {
    client::ProducerRecord record{.value = line};
    const auto end_of_key = options_.key_separator.empty() ? line.npos : line.find(options_.key_separator);
    if (end_of_key != line.npos) {
      record.key = line.substr(0, end_of_key);
      record.value = line.substr(end_of_key + options_.key_separator.size());
    }
    const std::uint64_t number = input_.line_number();
    producer_.send(options_.topic, record, [this, number, bytes = line.size()](const auto& offset) {
      if (offset) {
        tally_.stored(bytes);
      } else {
        tally_.failed(number,
                      {.kind = offset.error().kind, .text = fmt::format("{} (line {})", offset.error().text, number)});
      }
    });
  }

  /// Until there is input, a failure or a signal.
  void wait_for_input() {
    std::array<pollfd, 3> waiting{pollfd{input_.descriptor(), POLLIN, 0}, pollfd{tally_.failed_descriptor(), POLLIN, 0},
                                  pollfd{stop_.descriptor(), POLLIN, 0}};
    if (::poll(waiting.data(), waiting.size(), -1) <= 0 || waiting[0].revents == 0) return;
    if (const int error = input_.fill(); error != 0) {
      tally_.fail_reading({.kind = client::ErrorKind::kInvalidRequest,
                           .text = "cannot read stdin: " + std::generic_category().message(error)});
    }
  }

  ExitStatus finish(Tally::Counts counts);
  void print_summary(const Tally::Counts& counts, bool complete) const;
  nlohmann::ordered_json summary_json(const Tally::Counts& counts) const;

  const ProduceOptions& options_;
  const std::size_t max_line_bytes_;
  LineReader input_;
  StopSignal stop_;
  Progress progress_;
  std::uint64_t input_bytes_ = 0;  // 0: not known
  std::uint64_t empty_lines_ = 0;
  Tally tally_;
  client::Producer producer_;  // last: its thread ends first
};

ExitStatus LineProducer::finish(Tally::Counts counts) {
  ExitStatus status = ExitStatus::kOk;
  if (counts.failure) {
    status = report(*counts.failure, RequestKind::kWrite, options_.topic);
    // "Nothing was carried out" is not true of what came before the failure.
    if (status == ExitStatus::kUnreachable && counts.acknowledged > 0) status = ExitStatus::kRefused;
  } else if (stop_.requested()) {
    status = ExitStatus::kInterrupted;
    counts.first_unacknowledged = input_.line_number() + 1;
  }
  switch (progress_.style()) {
    case Progress::Style::kQuiet:
      break;
    case Progress::Style::kJson:
      fmt::print(stderr, "{}\n", summary_json(counts).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
      break;
    case Progress::Style::kPlain:
      print_summary(counts, status == ExitStatus::kOk);
      break;
  }
  return status;
}

void LineProducer::print_summary(const Tally::Counts& counts, bool complete) const {
  fmt::print(stderr, "{}\n", rate_text(counts.acknowledged, counts.bytes, progress_.seconds()));
  if (empty_lines_ > 0) {
    fmt::print(stderr, "{} empty line{} skipped: a record needs at least one byte\n", with_commas(empty_lines_),
               empty_lines_ == 1 ? " was" : "s were");
  }
  if (complete) return;
  fmt::print(stderr, "acknowledged {}, refused {}, outcome unknown {}, read but not sent {}\n",
             with_commas(counts.acknowledged), with_commas(counts.refused), with_commas(counts.unknown),
             with_commas(counts.not_sent));
  if (counts.first_unacknowledged) {
    fmt::print(stderr, "the first line without an acknowledgement is line {}\n",
               with_commas(*counts.first_unacknowledged));
  }
}

nlohmann::ordered_json LineProducer::summary_json(const Tally::Counts& counts) const {
  const double seconds = progress_.seconds();
  nlohmann::ordered_json json = {
      {"records", counts.acknowledged},
      {"bytes", counts.bytes},
      {"seconds", seconds},
      {"records_per_second", static_cast<double>(counts.acknowledged) / std::max(seconds, 1e-6)},
      {"empty_lines_skipped", empty_lines_},
      {"refused", counts.refused},
      {"outcome_unknown", counts.unknown},
      {"not_sent", counts.not_sent},
      {"first_unacknowledged_line", nullptr},
      {"interrupted", stop_.requested()},
      {"error", nullptr}};
  if (counts.first_unacknowledged) json["first_unacknowledged_line"] = *counts.first_unacknowledged;
  if (counts.failure) json["error"] = counts.failure->text;
  return json;
}

}  // namespace

ExitStatus run_produce(const client::Options& connection, const ProduceOptions& options) {
  client::Connection admin(connection);
  if (options.register_topic) {
    const auto registered = admin.register_topic(options.topic);
    if (!registered) return report(registered.error(), RequestKind::kOther, options.topic);
  }
  return LineProducer(connection, admin.max_payload_bytes(options.topic), options).run();
}

}  // namespace walrus::cli
