#include "cli/produce.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <poll.h>
#include <span>
#include <system_error>
#include <unistd.h>

#include "cli/console.h"
#include "cli/line_reader.h"
#include "cli/stop_signal.h"

namespace walrus::cli {
namespace {

constexpr std::size_t kMaxUnsentBytes = 1024 * 1024;

struct Line {
  std::uint64_t number = 0;
  std::size_t bytes = 0;
};

class Producer {
 public:
  Producer(client::Connection& connection, const ProduceOptions& options)
      : connection_(connection),
        options_(options),
        input_(STDIN_FILENO, connection.max_payload_bytes(options.topic)),
        progress_(options.style) {
    struct stat status{};
    if (::fstat(STDIN_FILENO, &status) == 0 && S_ISREG(status.st_mode)) {
      input_bytes_ = static_cast<std::uint64_t>(status.st_size);
    }
  }

  ExitStatus run() {
    for (;;) {
      queue_lines();
      if (in_flight_.empty() && !may_read()) break;
      if (!take_answers()) break;
      progress_.update(acknowledged_, bytes_, input_bytes_);
      wait();
    }
    progress_.clear();
    print_summary();
    return status_;
  }

 private:
  bool window_open() const {
    return in_flight_.size() < options_.depth && connection_.unsent_bytes() < kMaxUnsentBytes;
  }
  /// Neither failed, stopped, nor at the end.
  bool may_read() const { return !failed_ && !stop_.requested() && input_.wants_input(); }

  void queue_lines() {
    while (!failed_ && !stop_.requested() && window_open()) {
      const auto line = input_.next();
      if (!line) break;
      if (line->empty()) {
        ++empty_lines_;
        continue;
      }
      if (const auto queued = connection_.enqueue_put(options_.topic, *line); !queued) {
        fail({.kind = queued.error().kind,
              .text = fmt::format("line {}: {}", input_.line_number(), queued.error().text)});
        return;
      }
      in_flight_.push_back({input_.line_number(), line->size()});
    }
    if (input_.too_long()) {
      fail({.kind = client::ErrorKind::kInvalidRequest,
            .text = fmt::format("line {} is longer than the {} bytes that fit a frame", input_.line_number(),
                                with_commas(connection_.max_payload_bytes(options_.topic)))});
      note_unacknowledged(input_.line_number());
    }
  }

  /// False when the connection is gone.
  bool take_answers() {
    while (!in_flight_.empty()) {
      const auto reply = connection_.take_reply();
      if (!reply) {
        unknown_ = reply.error().unanswered.unknown;
        not_sent_ = reply.error().unanswered.not_sent;
        note_unacknowledged(in_flight_.front().number);
        fail(reply.error());
        return false;
      }
      if (!*reply) return true;
      take_answer(**reply);
    }
    return true;
  }

  void take_answer(const client::Reply& reply) {
    const Line line = in_flight_.front();
    in_flight_.pop_front();
    if (reply.kind == client::Reply::Kind::kOk) {
      ++acknowledged_;
      bytes_ += line.bytes;
      return;
    }
    note_unacknowledged(line.number);
    const bool unknown = reply.payload.starts_with("outcome unknown");
    ++(unknown ? unknown_ : refused_);
    const std::string_view text = reply.kind == client::Reply::Kind::kError ? reply.payload : reply.text;
    fail({.kind = unknown ? client::ErrorKind::kOutcomeUnknown : client::ErrorKind::kServer,
          .text = fmt::format("{} (line {})", text, line.number)});
  }

  /// Until an answer, input that there is room for, or a signal.
  void wait() {
    std::array<int, 2> also{};
    std::size_t count = 0;
    if (!stop_.requested()) also[count++] = stop_.descriptor();
    const bool reading = may_read() && window_open();
    if (reading) also[count++] = input_.descriptor();
    if (in_flight_.empty() && !reading) return;
    connection_.wait_ready(std::span(also).first(count));
    pollfd input{input_.descriptor(), POLLIN, 0};
    if (!reading || ::poll(&input, 1, 0) <= 0) return;
    if (const int error = input_.fill(); error != 0) {
      fail({.kind = client::ErrorKind::kInvalidRequest,
            .text = "cannot read stdin: " + std::generic_category().message(error)});
    }
  }

  void fail(const client::Error& error) {
    if (failed_) return;
    failed_ = true;
    error_ = error.text;
    progress_.clear();
    // The summary says more about the records of a broken connection than the usual advice.
    const bool broken = error.unanswered.unknown + error.unanswered.not_sent > 0;
    if (broken && error.kind != client::ErrorKind::kCannotConnect) {
      print_error(error.text);
      status_ = exit_status_of(error);
    } else {
      status_ = report(error, RequestKind::kWrite, options_.topic);
    }
  }

  void note_unacknowledged(std::uint64_t line) {
    if (!first_unacknowledged_) first_unacknowledged_ = line;
  }

  void print_summary();
  nlohmann::ordered_json summary_json() const;

  client::Connection& connection_;
  const ProduceOptions& options_;
  LineReader input_;
  StopSignal stop_;
  Progress progress_;
  std::uint64_t input_bytes_ = 0;  // 0: not known

  std::deque<Line> in_flight_;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t bytes_ = 0;  // of acknowledged records
  std::uint64_t empty_lines_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t unknown_ = 0;
  std::uint64_t not_sent_ = 0;
  std::optional<std::uint64_t> first_unacknowledged_;
  bool failed_ = false;
  std::string error_;
  ExitStatus status_ = ExitStatus::kOk;
};

void Producer::print_summary() {
  const bool complete = !failed_ && !stop_.requested();
  if (stop_.requested() && !failed_) {
    status_ = ExitStatus::kInterrupted;
    note_unacknowledged(input_.line_number() + 1);
  }
  switch (progress_.style()) {
    case Progress::Style::kQuiet:
      return;
    case Progress::Style::kJson:
      fmt::print(stderr, "{}\n", summary_json().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
      return;
    case Progress::Style::kPlain:
      break;
  }
  fmt::print(stderr, "{}\n", rate_text(acknowledged_, bytes_, progress_.seconds()));
  if (empty_lines_ > 0) {
    fmt::print(stderr, "{} empty line{} skipped: a record needs at least one byte\n", with_commas(empty_lines_),
               empty_lines_ == 1 ? " was" : "s were");
  }
  if (complete) return;
  fmt::print(stderr, "acknowledged {}, refused {}, outcome unknown {}, read but not sent {}\n",
             with_commas(acknowledged_), with_commas(refused_), with_commas(unknown_), with_commas(not_sent_));
  if (first_unacknowledged_) {
    fmt::print(stderr, "the first line without an acknowledgement is line {}\n", with_commas(*first_unacknowledged_));
  }
}

nlohmann::ordered_json Producer::summary_json() const {
  const double seconds = progress_.seconds();
  nlohmann::ordered_json json = {{"records", acknowledged_},
                                 {"bytes", bytes_},
                                 {"seconds", seconds},
                                 {"records_per_second", static_cast<double>(acknowledged_) / std::max(seconds, 1e-6)},
                                 {"empty_lines_skipped", empty_lines_},
                                 {"refused", refused_},
                                 {"outcome_unknown", unknown_},
                                 {"not_sent", not_sent_},
                                 {"first_unacknowledged_line", nullptr},
                                 {"interrupted", stop_.requested()},
                                 {"error", nullptr}};
  if (first_unacknowledged_) json["first_unacknowledged_line"] = *first_unacknowledged_;
  if (failed_) json["error"] = error_;
  return json;
}

}  // namespace

ExitStatus run_produce(client::Connection& connection, const ProduceOptions& options) {
  if (options.register_topic) {
    const auto registered = connection.register_topic(options.topic);
    if (!registered) return report(registered.error(), RequestKind::kOther, options.topic);
  }
  return Producer(connection, options).run();
}

}  // namespace walrus::cli
