#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include <cmath>
#include <cstdint>

#include "base/limits.h"
#include "cli/completion.h"
#include "cli/console.h"

namespace walrus::cli {
namespace {

constexpr std::string_view kDescription =
    "Talks to a Walrus cluster; any node will do. Without a command it opens a shell.";
constexpr std::string_view kFooter =
    "Exit status: 0 done, 1 the server answered ERR or part of the work was not done, 2 usage,\n"
    "3 not reachable (nothing was carried out), 7 the outcome is unknown, 130 interrupted.";

/// For numbers without a sign: "-1" wraps to more.
CLI::Range from_one() { return {std::uint64_t{1}, std::uint64_t{INT64_MAX}}; }

/// The values as CLI11 stores them, before they mean anything.
struct Arguments {
  std::string addresses = "127.0.0.1:9091";
  double timeout_seconds = 15;
  std::size_t max_frame_bytes = limits::kMaxFrameBytes;
  std::vector<std::string> words;
  bool no_register = false;
  std::uint64_t max = 0;
  bool json = false;
  bool quiet = false;
};

void add_topic(CLI::App& command, CommandLine& line) {
  command.add_option("topic", line.topic, "the topic")->required();
}

void add_summary_flags(CLI::App& command, Arguments& arguments) {
  auto* json = command.add_flag("--json", arguments.json, "the summary on stderr as one line of JSON");
  command.add_flag("--quiet,-q", arguments.quiet, "no summary, no progress")->excludes(json);
}

void add_payload(CLI::App& command, Arguments& arguments) {
  command
      .add_option("payload", arguments.words,
                  "the record; several words are joined by one blank; - reads all of stdin; -- before a payload that "
                  "begins with a dash")
      ->required();
}

void add_write_commands(CLI::App& app, CommandLine& line, Arguments& arguments) {
  using Action = WriteOptions::Action;
  const auto add = [&](Action action, const char* name, const char* description) {
    auto* sub = app.add_subcommand(name, description);
    sub->callback([&line, action] {
      line.command = Command::kWrite;
      line.write.action = action;
    });
    add_topic(*sub, line);
    return sub;
  };
  add_payload(*add(Action::kAppend, "append", "append one record and print its offset"), arguments);
  auto* expect = add(Action::kExpect, "expect", "append one record if the topic ends at an offset, and print it");
  expect->add_option("offset", line.write.number, "where the topic is to end")->required();
  add_payload(*expect, arguments);
  auto* fence = add(Action::kFence, "fence", "refuse writes with a lower token from now on; print the topic's end");
  fence->add_option("token", line.write.number, "a number that only goes up")->required();
}

void add_one_off_commands(CLI::App& app, CommandLine& line, Arguments& arguments) {
  const auto add = [&](Command command, const char* name, const char* description) {
    auto* sub = app.add_subcommand(name, description);
    sub->callback([&line, command] { line.command = command; });
    return sub;
  };
  add(Command::kShell, "repl", "the shell (as without a command)");
  add_topic(*add(Command::kRegister, "register", "create a topic; fine when it exists"), line);
  auto* put = add(Command::kPut, "put", "append one record");
  add_topic(*put, line);
  add_payload(*put, arguments);
  add_topic(*add(Command::kGet, "get", "print the next record, or EMPTY; moves the cursor that all readers share"),
            line);
  add_topic(*add(Command::kState, "state", "print a topic's segments, counts and cursor as JSON"), line);
  add(Command::kMetrics, "metrics", "print the Raft state of the node as JSON");
}

void add_stream_commands(CLI::App& app, CommandLine& line, Arguments& arguments) {
  auto* produce = app.add_subcommand("produce", "append every line of stdin as a record");
  produce->callback([&line] { line.command = Command::kProduce; });
  add_topic(*produce, line);
  produce->add_flag("--no-register", arguments.no_register, "do not create the topic");
  produce->add_option("--key-separator", line.produce.key_separator,
                      "what stands before it in a line is the record's key; a line without it has none");
  add_summary_flags(*produce, arguments);

  auto* consume = app.add_subcommand("consume", "take records and write each with a newline to stdout, until EMPTY");
  consume->callback([&line] { line.command = Command::kConsume; });
  add_topic(*consume, line);
  consume->add_option("--max,-n", arguments.max, "take no more records than this")->check(from_one());
  consume->add_option("--group,-g", line.reading.group, "read as this group, and commit what was written");
  consume->add_option("--from", line.reading.from, "with --group: seek first: offset, earliest, latest, @milliseconds")
      ->needs("--group");
  consume->add_flag("--follow,-f", line.consume.follow, "wait for new records instead of ending");
  consume->add_option("--depth", line.consume.depth, "requests in flight at most")
      ->check(CLI::Range(std::size_t{1}, limits::kMaxPipelinedRequests))
      ->capture_default_str();
  add_summary_flags(*consume, arguments);
}

void add_tail(CLI::App& app, CommandLine& line, Arguments& arguments) {
  auto* tail = app.add_subcommand("tail", "write the last records of a topic to stdout; moves no cursor");
  tail->callback([&line] { line.command = Command::kTail; });
  add_topic(*tail, line);
  tail->add_option("--last,-n", line.reading.last, "so many records before the end")->capture_default_str();
  tail->add_option("--from", line.reading.from, "instead: offset, earliest, latest, @milliseconds");
  tail->add_option("--max", arguments.max, "no more records than this")->check(from_one());
  tail->add_flag("--follow,-f", line.consume.follow, "wait for new records instead of ending");
  tail->add_flag("--json", line.reading.json, "each record as a line of JSON: offset, timestamp, key, headers, value");
}

void add_groups(CLI::App& app, CommandLine& line) {
  auto* group = app.add_subcommand("group", "the groups of a topic's readers: list, describe, seek, delete");
  group->require_subcommand(1);
  group->ignore_case();
  using Action = GroupCommandOptions::Action;
  const auto add = [&](Action action, const char* name, const char* description) {
    auto* sub = group->add_subcommand(name, description);
    sub->callback([&line, action] {
      line.command = Command::kGroup;
      line.groups.action = action;
    });
    sub->add_option("topic", line.groups.topic, "the topic's name")->required();
    if (action != Action::kList) sub->add_option("group", line.groups.group, "the group's name")->required();
    return sub;
  };
  add(Action::kList, "list", "print where each group stands, and how far it lags")
      ->add_flag("--json", line.groups.json, "as one line of JSON");
  add(Action::kDescribe, "describe", "print where one group stands")
      ->add_flag("--json", line.groups.json, "as one line of JSON");
  add(Action::kSeek, "seek", "move a group, back as well")
      ->add_option("place", line.groups.place, "offset, earliest, latest, @milliseconds")
      ->required();
  add(Action::kDelete, "delete", "forget a group");
}

void add_inspect(CLI::App& app, CommandLine& line) {
  auto* inspect = app.add_subcommand("inspect", "show what lies in a data directory, offline, without changing it");
  inspect->callback([&line] { line.command = Command::kInspect; });
  inspect->add_option("directory", line.inspect.directory, "a --data-dir of walrusd, or a node_<id> in it")->required();
  inspect->add_flag("--verify", line.inspect.verify, "read everything and check every CRC");
  inspect->add_flag("--batches", line.inspect.batches, "list the batches of every segment");
  inspect->add_flag("--json", line.inspect.json, "as one JSON object");
}

void add_topics(CLI::App& app, CommandLine& line) {
  auto* topic =
      app.add_subcommand("topic", "the topics of the cluster: list, describe, create, alter, trim, delete, recover");
  topic->require_subcommand(1);
  topic->ignore_case();
  using Action = TopicCommandOptions::Action;
  const auto add = [&](Action action, const char* name, const char* description) {
    auto* sub = topic->add_subcommand(name, description);
    sub->callback([&line, action] {
      line.command = Command::kTopic;
      line.topics.action = action;
    });
    if (action != Action::kList) sub->add_option("topic", line.topics.topic, "the topic's name")->required();
    return sub;
  };
  const char* const options =
      "NAME=VALUE: replicas, segment_entries, fsync (always, interval:MS, never: the latter two may lose acknowledged "
      "records in a power cut; default: as the node), retention_ms, retention_bytes, "
      "retention_records, max_bytes_per_second (0: no bound)";
  add(Action::kList, "list", "print every topic")->add_flag("--json", line.topics.json, "as one line of JSON");
  add(Action::kDescribe, "describe", "print a topic's options and segments")
      ->add_flag("--json", line.topics.json, "as one line of JSON");
  add(Action::kCreate, "create", "create a topic; fine when it exists, its options stay then")
      ->add_option("options", line.topics.options, options);
  add(Action::kAlter, "alter", "change a topic's options")
      ->add_option("options", line.topics.options, options)
      ->required();
  add(Action::kTrim, "trim", "let the oldest whole segments go; prints the first offset that is kept")
      ->add_option("before", line.topics.before, "offset of the first record to keep")
      ->required();
  add(Action::kDelete, "delete", "delete a topic with all its records, for good")
      ->add_flag("--yes", line.topics.yes, "do not ask whether that is meant");
  add(Action::kRecover, "recover",
      "go on with a topic whose disks are gone for good: what only they had is given up, and told as lost")
      ->add_flag("--lose-data", line.topics.lose_data, "required: that is what it does")
      ->required();
}

void add_node(CLI::App& app, CommandLine& line) {
  auto* node = app.add_subcommand("node", "the nodes of the cluster: list, drain, remove");
  node->require_subcommand(1);
  node->ignore_case();
  const auto add = [&](NodeOptions::Action action, const char* name, const char* description) {
    auto* sub = node->add_subcommand(name, description);
    sub->callback([&line, action] {
      line.command = Command::kNode;
      line.node.action = action;
    });
    return sub;
  };
  add(NodeOptions::Action::kList, "list", "print what each node does and holds")
      ->add_flag("--json", line.node.json, "as one line of JSON");
  auto* drain = add(NodeOptions::Action::kDrain, "drain", "let a node hold nothing: what it has is copied elsewhere");
  drain->add_option("node", line.node.node, "the node's id")->required()->check(from_one());
  drain->add_flag("--cancel", line.node.cancel, "not any more");
  auto* remove = add(NodeOptions::Action::kRemove, "remove", "remove a node from the cluster, for good");
  remove->add_option("node", line.node.node, "the node's id")->required()->check(from_one());
  remove->add_flag("--lose-data", line.node.lose_data, "even when nobody else has what it holds");
}

void add_options(CLI::App& app, Arguments& arguments) {
  app.add_option("--addr", arguments.addresses, "HOST:PORT of a node; several with commas: tried in this order")
      ->envname("WALRUS_ADDR")
      ->capture_default_str();
  app.add_option("--timeout", arguments.timeout_seconds, "seconds to wait for an answer")
      ->check(CLI::Range(0.001, 86'400.0))
      ->capture_default_str();
  app.add_option("--max-frame-bytes", arguments.max_frame_bytes,
                 "longest request; the server is asked for more than 65536")
      ->check(CLI::Range(std::size_t{64}, limits::kMaxSkippedFrameBytes))
      ->capture_default_str();
  app.set_version_flag("--version", "walrus-cli " WALRUS_VERSION);
}

Progress::Style style_of(const Arguments& arguments) {
  if (arguments.quiet) return Progress::Style::kQuiet;
  return arguments.json ? Progress::Style::kJson : Progress::Style::kPlain;
}

client::Result<void> apply(const Arguments& arguments, CommandLine& line) {
  auto endpoints = client::parse_endpoints(arguments.addresses);
  if (!endpoints) return std::unexpected(std::move(endpoints.error()));
  line.connection.endpoints = std::move(*endpoints);
  line.connection.reply_timeout =
      std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(arguments.timeout_seconds * 1'000)));
  line.connection.max_frame_bytes = arguments.max_frame_bytes;
  line.payload = fmt::format("{}", fmt::join(arguments.words, " "));
  line.produce.topic = line.consume.topic = line.topic;
  line.produce.register_topic = !arguments.no_register;
  line.produce.style = line.consume.style = style_of(arguments);
  if (arguments.max > 0) line.consume.max = line.reading.max = arguments.max;
  line.reading.topic = line.topic;
  line.reading.follow = line.consume.follow;
  return {};
}

}  // namespace

std::variant<CommandLine, int> parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  Arguments arguments;
  CLI::App app{std::string(kDescription), "walrus-cli"};
  app.footer(std::string(kFooter));
  app.require_subcommand(0, 1);
  app.fallthrough();
  app.ignore_case();
  add_options(app, arguments);
  add_write_commands(app, line, arguments);
  add_one_off_commands(app, line, arguments);
  add_stream_commands(app, line, arguments);
  add_inspect(app, line);
  add_topics(app, line);
  add_groups(app, line);
  add_tail(app, line, arguments);
  add_node(app, line);
  std::string completion;
  app.add_subcommand("completion", "print what bash or zsh needs to complete this, or the manual page")
      ->add_option("for", completion, "bash, zsh or man")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "man"}));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    print_error(fmt::format("{}. See walrus-cli --help.", error.what()));
    return value_of(ExitStatus::kUsage);
  }
  if (!completion.empty()) {
    const std::string text = completion == "man"   ? manual_page(app)
                             : completion == "zsh" ? zsh_completion(app)
                                                   : bash_completion(app);
    return value_of(write_stdout(text) ? ExitStatus::kOk : ExitStatus::kRefused);
  }
  if (const auto applied = apply(arguments, line); !applied) {
    print_error(fmt::format("--addr: {}", applied.error().text));
    return value_of(ExitStatus::kUsage);
  }
  return line;
}

}  // namespace walrus::cli
