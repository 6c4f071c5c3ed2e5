#include "cli/reading.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "cli/console.h"
#include "cli/one_off.h"
#include "cli/record_output.h"
#include "cli/stop_signal.h"
#include "protocol/record.h"

namespace walrus::cli {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::uint64_t kRecordsAtATime = 1'000;
constexpr int kWaitMs = 1'000;  // at the server; a signal is seen at the latest then
constexpr auto kPauseAfterBreak = std::chrono::milliseconds(200);

/// "<first> <count> <next> <end>\n" and the records.
struct Page {
  std::uint64_t first = 0, count = 0, next = 0, end = 0;
  std::string_view records;
};

client::Result<Page> parse_page(std::string_view reply) {
  const auto malformed = [] {
    return std::unexpected(client::Error{.kind = client::ErrorKind::kProtocol, .text = "malformed reply to a read"});
  };
  const auto line = reply.find('\n');
  if (line == std::string_view::npos) return malformed();
  Page page;
  const char* at = reply.data();
  const char* const end = at + line;
  for (std::uint64_t* number : {&page.first, &page.count, &page.next, &page.end}) {
    const auto [behind, error] = std::from_chars(at, end, *number);
    if (error != std::errc()) return malformed();
    at = behind < end ? behind + 1 : behind;
  }
  page.records = reply.substr(line + 1);
  return page;
}

std::string json_of(const protocol::Record& record) {
  OrderedJson json = {{"offset", record.place ? record.place->offset.value() : 0},
                      {"timestamp_ms", record.place ? record.place->timestamp_ms : 0}};
  if (record.key) json["key"] = *record.key;
  for (const protocol::RecordHeader& header : record.headers) json["headers"][std::string(header.name)] = header.value;
  json["value"] = record.value;
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

class Reading {
 public:
  Reading(client::Connection& connection, const ReadingOptions& options) : connection_(connection), options_(options) {}

  ExitStatus tail() {
    if (options_.from.empty()) {
      const auto end = page("FETCH " + options_.topic + " latest");
      const auto start = end ? page("FETCH " + options_.topic + " earliest max=1 bytes=1") : end;
      if (!start) return report(start.error(), RequestKind::kRead, options_.topic);
      const std::uint64_t wanted = end->end - std::min(end->end, options_.last);
      next_ = std::max(wanted, start->first);
      place_ = std::to_string(next_);
      if (!options_.follow) stop_at_ = end->end;
    } else {
      place_ = options_.from;
    }
    return run([this] { return fmt::format("FETCH {} {} max={}{}", options_.topic, place_, wanted(), wait()); },
               [this](const Page& got) {
                 next_ = got.next;
                 place_ = std::to_string(next_);
                 return true;
               });
  }

  ExitStatus consume() {
    const std::string names = options_.topic + " " + options_.group;
    if (!options_.from.empty()) {
      const auto sought = ask(connection_, "SEEK " + names + " " + options_.from);
      if (!sought) return report(sought.error(), RequestKind::kOther, options_.topic);
    }
    return run([this, names] { return fmt::format("READ {} max={} commit=none{}", names, wanted(), wait()); },
               [this, names](const Page& got) {
                 const auto committed = ask(connection_, fmt::format("COMMIT {} {}", names, got.next));
                 if (!committed) error_ = committed.error();
                 return committed.has_value();
               });
  }

 private:
  /// The page's records are valid until the next question.
  client::Result<Page> page(const std::string& request) {
    auto reply = ask(connection_, request);
    if (!reply) return std::unexpected(reply.error());
    reply_ = std::move(*reply);
    return parse_page(reply_);
  }

  std::uint64_t left() const {
    const std::uint64_t wanted = options_.max ? *options_.max - written_ : kRecordsAtATime;
    return stop_at_ ? std::min(wanted, *stop_at_ - std::min(*stop_at_, next_)) : wanted;
  }
  std::uint64_t wanted() const { return std::min(left(), kRecordsAtATime); }
  std::string wait() const { return options_.follow ? fmt::format(" wait={}", kWaitMs) : std::string(); }

  template <class Request, class Written>
  ExitStatus run(Request request, Written written) {
    while (!stop_.requested() && left() > 0) {
      const auto got = page(request());
      if (!got) {
        if (!may_go_on(got.error())) return report(got.error(), RequestKind::kRead, options_.topic);
        continue;
      }
      broken_ = false;
      reached_ = true;
      if (got->count == 0 && !options_.follow) break;
      if (got->count == 0) continue;
      if (!write(*got)) return ExitStatus::kRefused;
      while (!written(*got)) {
        if (stop_.requested() || !may_go_on(error_)) return report(error_, RequestKind::kOther, options_.topic);
      }
    }
    return stop_.requested() && !options_.follow ? ExitStatus::kInterrupted : ExitStatus::kOk;
  }

  bool may_go_on(const client::Error& error) {
    const bool server = error.kind == client::ErrorKind::kServer;
    if (!options_.follow || !reached_ || (server && !client::is_transient(error.text))) return false;
    if (!std::exchange(broken_, true)) print_error(error.text + "; trying again");
    stop_.wait_for(kPauseAfterBreak);
    return true;
  }

  bool write(const Page& got) {
    std::string_view rest = got.records;
    while (!rest.empty()) {
      const auto record = protocol::take_record(rest);
      if (!record) {
        print_error("malformed record from the server");
        return false;
      }
      options_.json ? output_.add(json_of(*record)) : output_.add(record->value);
      ++written_;
    }
    output_.flush();
    if (output_.error() != 0 && output_.error() != EPIPE) {
      print_error("cannot write to stdout: " + std::generic_category().message(output_.error()));
    }
    return output_.error() == 0;
  }

  client::Connection& connection_;
  const ReadingOptions& options_;
  StopSignal stop_;
  RecordOutput output_;
  std::string place_;
  std::string reply_;
  client::Error error_{};
  std::uint64_t written_ = 0;
  std::uint64_t next_ = 0;                // of tail: what comes next, where it is known
  std::optional<std::uint64_t> stop_at_;  // the end of the topic when tail began
  bool reached_ = false;                  // a page has come
  bool broken_ = false;
};

}  // namespace

ExitStatus run_tail(client::Connection& connection, const ReadingOptions& options) {
  return Reading(connection, options).tail();
}

ExitStatus run_group_consume(client::Connection& connection, const ReadingOptions& options) {
  return Reading(connection, options).consume();
}

}  // namespace walrus::cli
