#include "bench/command_line.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <cmath>
#include <cstdio>
#include <optional>

#include "base/assert.h"
#include "base/limits.h"

namespace walrus::bench {
namespace {

constexpr std::uint64_t kDefaultPrefill = 200'000;
constexpr std::size_t kDefaultProduceDepth = 20'000;
constexpr std::uint64_t kDefaultCommitPrefill = 1'000'000;  // more than a group moves in a run
constexpr std::size_t kDefaultManyTopics = 1'000;
constexpr std::uint64_t kDefaultFetchPrefill = 2'000'000;
constexpr double kDefaultBacklogGigabytes = 1;
constexpr std::size_t kDefaultBacklogWriters = 16;
constexpr double kDefaultRollsRate = 20'000;
constexpr std::uint32_t kFetchWaitMs = 1'000;
constexpr double kDefaultWarmup = 1;
constexpr double kNoEnd = 86'400;  // seconds; a run that ends after a number of requests

/// The values as CLI11 stores them, before they mean anything.
struct Arguments {
  LoadCommand load;
  RawSyncCommand raw_sync;
  EchoCommand echo;
  EngineCommand engine;
  RestartCommand restart;
  FetchCommand fetch;
  RollsCommand rolls;
  ChartCommand chart;
  double engine_duration = 3;
  double gigabytes = kDefaultBacklogGigabytes;
  double restart_gigabytes = 10;
  double round_gigabytes = 1;
  std::string from = "start";
  std::string form = "batches";
  std::string listen = "127.0.0.1:0";
  double duration = 5;
  std::optional<double> warmup;
  double get_share = 0.5;
  std::size_t file_mib = 64;
  bool json = false;
  bool csv = false;
};

std::chrono::nanoseconds nanoseconds_of(double seconds) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::llround(seconds * 1e9)));
}

void add_load_options(CLI::App& command, Arguments& arguments) {
  LoadCommand& load = arguments.load;
  command.add_option("--addr", load.address, "HOST:PORT; several with commas: connections are spread over them")
      ->capture_default_str();
  command.add_option("--connections,-c", load.plan.connections)->check(CLI::Range(1, 60'000))->capture_default_str();
  command.add_option("--depth,-d", load.plan.depth, "requests in flight on each connection")
      ->check(CLI::Range(std::size_t{1}, limits::kMaxPipelinedRequests))
      ->capture_default_str();
  command.add_option("--size,-s", load.record_bytes, "bytes of a record")
      ->check(CLI::Range(std::size_t{1}, limits::kMaxSkippedFrameBytes))
      ->capture_default_str();
  command.add_option("--topics,-t", load.plan.topics, "requests go to them in turn")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command.add_option("--topic-prefix", load.topic_prefix, "topics are PREFIX-0, PREFIX-1, ...")->capture_default_str();
  auto* duration = command.add_option("--duration", arguments.duration, "measured seconds")
                       ->check(CLI::Range(0.01, kNoEnd))
                       ->capture_default_str();
  command.add_option("--warmup", arguments.warmup, "seconds before that, not measured; 1 unless given")
      ->check(CLI::Range(0.0, 3'600.0));
  command.add_option("--requests", load.plan.requests, "end after so many requests instead; no warm-up")
      ->check(CLI::PositiveNumber)
      ->excludes(duration);
  command.add_option("--rate", load.plan.rate, "requests per second, open loop: latency counts from the time due")
      ->check(CLI::Range(0.1, 1e8));
  command.add_option("--threads", load.plan.threads, "threads of this client")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command.add_option("--peer", load.peer, "the kind of server; redis: XADD to a stream; nats: JetStream, file storage")
      ->check(CLI::IsMember({"walrus", "redis", "nats"}))
      ->capture_default_str();
  command.add_option("--register", load.register_options,
                     "options of new topics, as in 'replicas=1 segment_entries=N'");
  command.add_option("--plot", load.plot, "an SVG file: throughput over time, latency by percentile");
}

void add_formats(CLI::App& command, Arguments& arguments) {
  auto* json = command.add_flag("--json", arguments.json, "the result as one line of JSON");
  command.add_flag("--csv", arguments.csv, "the result as a CSV header and row")->excludes(json);
}

void add_load_commands(CLI::App& app, Arguments& arguments) {
  const auto add = [&](const char* name, const char* description, auto prepare) {
    auto* command = app.add_subcommand(name, description);
    command->callback([&arguments, name, prepare] {
      arguments.load.workload = name;
      prepare(arguments.load);
    });
    add_load_options(*command, arguments);
    add_formats(*command, arguments);
    return command;
  };
  const auto add_prefill = [&](CLI::App& command) {
    command.add_option("--prefill", arguments.load.prefill, "records written before the run, not measured");
  };
  add("put", "append records", [](LoadCommand&) {});
  auto* get = add("get", "take records; the topics are filled before", [](LoadCommand& load) {
    load.plan.get_share = 1;
    if (load.prefill == 0) load.prefill = kDefaultPrefill;
  });
  get->get_option("--warmup")->description("seconds before that, not measured; 0 unless given");
  add_prefill(*get);
  auto* mixed =
      add("mixed", "append and take", [&arguments](LoadCommand& load) { load.plan.get_share = arguments.get_share; });
  mixed->add_option("--get-share", arguments.get_share, "share of the requests that take")
      ->check(CLI::Range(0.0, 0.99))
      ->capture_default_str();
  add_prefill(*mixed);
  auto* commit =
      add("commit", "move groups, one of each connection; the topics are filled before", [](LoadCommand& load) {
        load.plan.write = RequestKind::kCommit;
        if (load.prefill == 0) load.prefill = kDefaultCommitPrefill;
      });
  add_prefill(*commit);
  add("many-topics", "append to 1,000 topics in turn, unless --topics says otherwise", [](LoadCommand& load) {
    if (load.plan.topics == 1) load.plan.topics = kDefaultManyTopics;
  });
}

void add_produce_command(CLI::App& app, Arguments& arguments) {
  auto* produce = app.add_subcommand("produce", "append records through the client library: batches, exactly once");
  produce->callback([&arguments] { arguments.load.workload = "produce"; });
  add_load_options(*produce, arguments);
  add_formats(*produce, arguments);
  produce->get_option("--connections")->description("producers, each with two threads; 1 unless given");
  produce->get_option("--depth")->description("records under way of each producer; 20000 unless given");
}

void add_fetch_options(CLI::App& command, Arguments& arguments) {
  FetchCommand& fetch = arguments.fetch;
  command.add_option("--bytes", fetch.options.bytes, "of a reply, about")
      ->check(CLI::Range(std::size_t{1}, std::size_t{4} * limits::kMiB))
      ->capture_default_str();
  command.add_option("--form", arguments.form, "of the records in a reply: batches, as they are stored, or records")
      ->check(CLI::IsMember({"batches", "records"}))
      ->capture_default_str();
  command.add_option("--writers", fetch.writers, "connections that write meanwhile, each --depth deep");
  command
      .add_option("--write-rate", fetch.write_rate,
                  "records per second of all writers; as fast as it goes unless given")
      ->check(CLI::Range(0.1, 1e8));
  command.get_option("--connections")->description("consumers, each on a thread of its own");
  command.get_option("--depth")->description("of the writers");
}

void add_read_commands(CLI::App& app, Arguments& arguments) {
  auto* fetch = app.add_subcommand("fetch", "consumers read batches; the topics are filled before");
  fetch->callback([&arguments] { arguments.load.workload = "fetch"; });
  add_load_options(*fetch, arguments);
  add_formats(*fetch, arguments);
  add_fetch_options(*fetch, arguments);
  fetch->add_option("--prefill", arguments.load.prefill, "records written before the run, not measured");
  fetch->add_option("--from", arguments.from, "start: again and again to the end; end: what --writers write meanwhile")
      ->check(CLI::IsMember({"start", "end"}))
      ->capture_default_str();
  auto* backlog = app.add_subcommand("backlog", "consumers read all that is there, once, while writers go on");
  backlog->callback([&arguments] {
    arguments.load.workload = "backlog";
    arguments.fetch.once = true;
  });
  add_load_options(*backlog, arguments);
  add_formats(*backlog, arguments);
  add_fetch_options(*backlog, arguments);
  backlog->add_option("--gb", arguments.gigabytes, "written before the run, in GB of payload")
      ->check(CLI::Range(0.001, 10'000.0))
      ->capture_default_str();
  auto* rolls = app.add_subcommand("rolls", "what the opening of new segments adds to the latency of PUTs");
  rolls->callback([&arguments] { arguments.load.workload = "rolls"; });
  add_load_options(*rolls, arguments);
  add_formats(*rolls, arguments);
  rolls->add_option("--segment-entries", arguments.rolls.segment_entries, "records after which a segment is full")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

void add_restart_command(CLI::App& app, Arguments& arguments) {
  RestartPlan& plan = arguments.restart.plan;
  auto* restart = app.add_subcommand(
      "restart", "how long the engine takes to open a directory after kill -9, and that nothing is missing; no server");
  restart->add_option("--dir", plan.directory, "where the data goes; a disk, not a tmpfs")->capture_default_str();
  restart->add_option("--gb", arguments.restart_gigabytes, "of records written before the first kill")
      ->check(CLI::Range(0.001, 10'000.0))
      ->capture_default_str();
  restart->add_option("--round-gb", arguments.round_gigabytes, "written between an opening and the next kill")
      ->check(CLI::Range(0.001, 10'000.0))
      ->capture_default_str();
  restart->add_option("--topics,-t", plan.topics)->check(CLI::Range(1, 100'000))->capture_default_str();
  restart->add_option("--size,-s", plan.record_bytes, "bytes of a record")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  restart->add_option("--rounds", plan.rounds, "kills and openings")->check(CLI::Range(1, 1000))->capture_default_str();
  restart->add_flag("!--never", plan.synced, "fsync policy never, in place of always");
  restart->add_flag("--json", arguments.json, "the result as one line of JSON");
}

void add_limit_commands(CLI::App& app, Arguments& arguments) {
  auto* raw = app.add_subcommand("raw-sync", "the disk alone: synced direct writes into a pre-written file");
  raw->add_option("--dir", arguments.raw_sync.plan.directory, "where the file is made")->capture_default_str();
  raw->add_option("--size,-s", arguments.raw_sync.plan.bytes, "bytes of a write, a multiple of 512")
      ->check(CLI::Range(512, 1024 * 1024))
      ->capture_default_str();
  raw->add_option("--depth,-d", arguments.raw_sync.plan.depth, "writes in flight")
      ->check(CLI::Range(1, 128))
      ->capture_default_str();
  raw->add_option("--file-mib", arguments.file_mib, "size of the file")
      ->check(CLI::Range(1, 4'096))
      ->capture_default_str();
  raw->add_option("--duration", arguments.duration, "seconds")->check(CLI::Range(0.01, kNoEnd))->capture_default_str();
  raw->add_flag("--json", arguments.json, "the result as one line of JSON");

  auto* engine = app.add_subcommand(
      "engine", "the storage engine as a library, beside the raw disk and RocksDB's write-ahead log; no server");
  engine->add_option("--dir", arguments.engine.plan.directory, "where the data goes; a disk, not a tmpfs")
      ->capture_default_str();
  engine->add_option("--duration", arguments.engine_duration, "seconds of each measurement")
      ->check(CLI::Range(0.01, kNoEnd))
      ->capture_default_str();
  engine->add_option("--rounds", arguments.engine.plan.rounds, "of everything; the result is the median")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  engine->add_option("--only", arguments.engine.plan.only, "workloads, with commas between them; all unless given")
      ->check(CLI::IsMember(engine_workloads()))
      ->delimiter(',');
  engine->add_option("--shards", arguments.engine.plan.shards)->check(CLI::Range(1, 8))->capture_default_str();
  engine->add_flag("!--no-io-uring", arguments.engine.plan.io_uring, "write files by threads");
  engine->add_flag("--json", arguments.json, "the result as one line of JSON");

  add_restart_command(app, arguments);

  auto* chart = app.add_subcommand("chart", "draws what stands as JSON on stdin (bench/chart_files.h) as SVG");
  chart->add_option("--out", arguments.chart.out, "a file in place of stdout");

  auto* echo = app.add_subcommand("echo-server", "the network alone: answers OK to every frame, until it is stopped");
  echo->add_option("--listen", arguments.listen, "IP:PORT; port 0 picks a free one")->capture_default_str();
}

LoadCommand finished_load(const Arguments& arguments) {
  LoadCommand load = arguments.load;
  const bool counted = load.plan.requests > 0;
  load.plan.duration = nanoseconds_of(counted ? kNoEnd : arguments.duration);
  // Records that a warm-up takes are not there to be measured.
  const double usual_warmup = load.workload == "get" ? 0 : kDefaultWarmup;
  load.plan.warmup = nanoseconds_of(counted ? 0 : arguments.warmup.value_or(usual_warmup));
  load.plan.threads = std::min(load.plan.threads, load.plan.connections);
  load.format = arguments.json ? Format::kJson : arguments.csv ? Format::kCsv : Format::kTable;
  return load;
}

FetchCommand finished_fetch(const CLI::App& app, const Arguments& arguments, LoadCommand load) {
  FetchCommand fetch = arguments.fetch;
  const CLI::App& command = *app.get_subcommand(load.workload);
  fetch.options.as_batches = arguments.form == "batches";
  fetch.options.from_end = arguments.from == "end";
  fetch.options.wait_ms = fetch.options.from_end ? kFetchWaitMs : 0;
  if (command.count("--connections") == 0) load.plan.connections = 1;
  if (command.count("--depth") == 0) load.plan.depth = 16;
  if (fetch.once) {
    load.prefill = static_cast<std::uint64_t>(arguments.gigabytes * 1e9) / load.record_bytes;
    if (command.count("--writers") == 0) fetch.writers = kDefaultBacklogWriters;
  } else if (fetch.options.from_end) {
    if (command.count("--writers") == 0) fetch.writers = kDefaultBacklogWriters;
  } else if (load.prefill == 0) {
    load.prefill = kDefaultFetchPrefill;
  }
  fetch.load = std::move(load);
  return fetch;
}

/// What is still wrong with what CLI11 let pass; empty when nothing is.
std::string finish(const CLI::App& app, const Arguments& arguments, Command& command) {
  if (app.got_subcommand("echo-server")) {
    const auto colon = arguments.listen.rfind(':');
    EchoCommand echo;
    if (colon == std::string::npos || !CLI::detail::lexical_cast(arguments.listen.substr(colon + 1), echo.port)) {
      return fmt::format("--listen: '{}' is not IP:PORT", arguments.listen);
    }
    echo.host = arguments.listen.substr(0, colon);
    if (echo.host.starts_with('[') && echo.host.ends_with(']')) echo.host = echo.host.substr(1, echo.host.size() - 2);
    command = echo;
    return {};
  }
  if (app.got_subcommand("chart")) {
    command = arguments.chart;
    return {};
  }
  if (app.got_subcommand("raw-sync")) {
    RawSyncCommand raw = arguments.raw_sync;
    if (raw.plan.bytes % 512 != 0) return "--size: a direct write is a multiple of 512 bytes";
    raw.plan.file_bytes = arguments.file_mib * limits::kMiB;
    raw.plan.duration = nanoseconds_of(arguments.duration);
    if (arguments.json) raw.format = Format::kJson;
    command = raw;
    return {};
  }
  if (app.got_subcommand("engine")) {
    EngineCommand engine = arguments.engine;
    engine.plan.duration = nanoseconds_of(arguments.engine_duration);
    if (arguments.json) engine.format = Format::kJson;
    command = engine;
    return {};
  }
  if (app.got_subcommand("restart")) {
    RestartCommand restart = arguments.restart;
    restart.plan.bytes = static_cast<std::uint64_t>(arguments.restart_gigabytes * 1e9);
    restart.plan.bytes_per_round = static_cast<std::uint64_t>(arguments.round_gigabytes * 1e9);
    if (arguments.json) restart.format = Format::kJson;
    command = restart;
    return {};
  }
  LoadCommand load = finished_load(arguments);
  auto endpoints = client::parse_endpoints(load.address);
  if (!endpoints) return "--addr: " + endpoints.error().text;
  load.plan.endpoints = std::move(*endpoints);
  if (app.got_subcommand("fetch") || app.got_subcommand("backlog")) {
    if (load.peer == "nats") return "--peer nats: only put and many-topics";
    command = finished_fetch(app, arguments, std::move(load));
    return {};
  }
  if (app.got_subcommand("produce")) {
    if (load.peer != "walrus" || load.plan.rate != 0 || load.plan.requests != 0) {
      return "produce: no --peer, --rate or --requests";
    }
    const CLI::App& options = *app.get_subcommand("produce");
    if (options.count("--connections") == 0) load.plan.connections = 1;
    if (options.count("--depth") == 0) load.plan.depth = kDefaultProduceDepth;
    command = ProduceCommand{.load = std::move(load)};
    return {};
  }
  if (app.got_subcommand("rolls")) {
    if (load.peer != "walrus") return "rolls are walrusd's";
    RollsCommand rolls = arguments.rolls;
    rolls.load = std::move(load);
    if (rolls.load.plan.rate == 0) rolls.load.plan.rate = kDefaultRollsRate;
    command = rolls;
    return {};
  }
  if (load.peer != "walrus" && load.plan.get_share > 0) return "--peer " + load.peer + ": only put and many-topics";
  command = load;
  return {};
}

}  // namespace

std::variant<Command, int> parse_command_line(int argc, const char* const* argv) {
  Arguments arguments;
  CLI::App app{"Measures a Walrus cluster, and what the machine under it allows at most.", "walrus-bench"};
  app.set_version_flag("--version", "walrus-bench " WALRUS_VERSION);
  app.require_subcommand(1);
  add_load_commands(app, arguments);
  add_produce_command(app, arguments);
  add_read_commands(app, arguments);
  add_limit_commands(app, arguments);
  const auto mistake = [](std::string_view text) {
    fmt::print(stderr, "walrus-bench: {}. See walrus-bench --help.\n", text);
    return static_cast<int>(ExitCode::kUsage);
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() == 0 ? app.exit(error) : mistake(error.what());
  }
  Command command;
  const std::string wrong = finish(app, arguments, command);
  if (!wrong.empty()) return mistake(wrong);
  return command;
}

}  // namespace walrus::bench
