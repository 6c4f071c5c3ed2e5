#include "bench/load_run.h"

#include <fmt/core.h>

#include <cstdio>
#include <fstream>

#include "base/assert.h"
#include "bench/chart_files.h"
#include "bench/commands.h"
#include "bench/live_line.h"

namespace walrus::bench {
namespace {

/// Nothing, or the exit status.
std::optional<int> prepare_with(const std::string& what, const LoadCommand& command, const Codec& codec,
                                RequestKind kind, std::uint64_t requests) {
  LoadPlan plan;
  plan.endpoints = command.plan.endpoints;
  plan.connections = kind == RequestKind::kRegister ? 1 : 16;
  plan.depth = 64;
  plan.topics = command.plan.topics;
  plan.write = kind;
  plan.requests = requests;
  plan.duration = std::chrono::hours(24);
  const auto result = run_shown(what, plan, codec);
  if (!result) return static_cast<int>(ExitCode::kEnvironment);
  for (const auto& [text, times] : result->errors) {
    fmt::print(stderr, "walrus-bench: {} topics: {} x {}\n", what, grouped(static_cast<double>(times)), text);
  }
  return result->errors.empty() ? std::nullopt : std::optional(kErrorsHappened);
}

}  // namespace

int unreachable(std::string_view text) {
  fmt::print(stderr, "walrus-bench: {}. Is the server running?\n", text);
  return static_cast<int>(ExitCode::kEnvironment);
}

std::vector<std::string> topics_of(const LoadCommand& command) {
  std::vector<std::string> topics;
  topics.reserve(command.plan.topics);
  for (std::size_t i = 0; i < command.plan.topics; ++i) topics.push_back(fmt::format("{}-{}", command.topic_prefix, i));
  return topics;
}

std::string payload_of(std::size_t bytes) {
  std::string payload(bytes, 'x');
  std::uint32_t state = 1;
  for (char& c : payload) {
    state = state * 1'664'525 + 1'013'904'223;
    c = static_cast<char>('a' + (state >> 24) % 26);
  }
  return payload;
}

std::unique_ptr<Codec> codec_of(const LoadCommand& command) {
  return make_codec(command.peer, {.topics = topics_of(command),
                                   .payload = payload_of(command.record_bytes),
                                   .records = command.prefill / command.plan.topics,
                                   .register_options = command.register_options});
}

std::optional<int> prepare(const LoadCommand& command, const Codec& codec) {
  if (codec.supports(RequestKind::kRegister)) {
    const auto status = prepare_with("registering", command, codec, RequestKind::kRegister, command.plan.topics);
    if (status) return status;
  }
  if (command.prefill == 0) return std::nullopt;
  return prepare_with("filling", command, codec, RequestKind::kPut, command.prefill);
}

std::optional<LoadResult> run_shown(const std::string& what, const LoadPlan& plan, const Codec& codec) {
  LiveLine line(what);
  auto result = run_load(plan, codec, [&](const LoadStatus& status) { line.show(status); });
  if (result) return std::move(*result);
  unreachable(result.error().text);
  return std::nullopt;
}

void print_result(const LoadCommand& command, const LoadResult& result) {
  const LoadTitle title{.workload = command.workload,
                        .peer = command.peer,
                        .address = command.address,
                        .record_bytes = command.record_bytes,
                        .plan = command.plan};
  switch (command.format) {
    case Format::kTable:
      fmt::print("{}", load_table(title, result));
      break;
    case Format::kJson:
      fmt::print("{}", load_json(title, result));
      break;
    case Format::kCsv:
      fmt::print("{}{}", load_csv_header(), load_csv_row(title, result));
      break;
  }
  if (command.plot.empty()) return;
  std::ofstream file(command.plot);
  if (!(file << load_chart(title, result) << std::flush)) {
    fmt::print(stderr, "walrus-bench: cannot write {}\n", command.plot);
  }
}

int status_of(const LoadResult& result) {
  return result.errors.empty() && result.unanswered == 0 && result.unsent == 0 ? 0 : kErrorsHappened;
}

int run(const LoadCommand& command) {
  const auto codec = codec_of(command);
  if (const auto status = prepare(command, *codec)) return *status;
  const auto result = run_shown(command.workload, command.plan, *codec);
  if (!result) return static_cast<int>(ExitCode::kEnvironment);
  print_result(command, *result);
  return status_of(*result);
}

}  // namespace walrus::bench
