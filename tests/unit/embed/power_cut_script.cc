#include "tests/unit/embed/power_cut_script.h"

#include <fmt/core.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace walrus::test {
namespace {

struct ScriptTopic {
  const char* name;
  store::Fsync fsync;
};
constexpr ScriptTopic kTopics[] = {{"orders", store::Fsync::kAlways},         {"events", store::Fsync::kAlways},
                                   {"measurements", store::Fsync::kInterval}, {"traces", store::Fsync::kNever},
                                   {"kept by w0", store::Fsync::kAlways},     {"kept by w1", store::Fsync::kAlways}};

std::vector<store::Record> records_of(const std::vector<std::string>& values) {
  std::vector<store::Record> records;
  for (const std::string& value : values) records.push_back({.value = value});
  return records;
}

}  // namespace

ScriptWriter::ScriptWriter(std::string name, std::uint64_t seed, Recording& recording, ExpectedStore& expected)
    : name_(std::move(name)), random_(seed), recording_(recording), expected_(expected) {}

template <class Change>
void ScriptWriter::note(const std::string& topic, Change change) {
  recording_.note([&expected = expected_, topic, change = std::move(change)] { change(expected[topic]); });
}

template <class T>
bool ScriptWriter::worked(const store::Result<T>& result, const char* what) {
  if (!result) errors_.push_back(fmt::format("{}: {}", what, result.error().message()));
  return result.has_value();
}

void ScriptWriter::run(store::Store& store, std::size_t steps) {
  for (std::size_t i = 0; i < steps && errors_.empty(); ++i) step(store);
  for (auto left = unanswered_.load(); left > 0; left = unanswered_.load()) unanswered_.wait(left);
  if (async_failed_) errors_.push_back("append_async");
}

void ScriptWriter::step(store::Store& store) {
  const std::uint64_t choice = random_.below(100);
  if (choice < 12) return churn(store);
  if (choice < 16) return sync(store);
  if (choice < 19) return set_retention(store);
  auto found = store.find_topic(kTopics[random_.below(std::size(kTopics))].name);
  if (!worked(found, "find_topic")) return;
  store::Topic& topic = *found;
  if (choice < 41) return append(topic, 1);
  if (choice < 55) return append(topic, 2 + random_.below(6));
  if (choice < 67) return append_async(topic);
  if (choice < 78) return take(topic);
  if (choice < 82) return take_batch(topic);
  if (choice < 86) return seek(topic);
  if (choice < 89) return remove_cursor(topic);
  if (choice < 95) return trim(topic);
  worked(topic.seal(), "seal");
}

std::vector<std::string> ScriptWriter::make_batch(const std::string& topic, std::size_t records) {
  const std::uint64_t number = topics_[topic].batches++;
  std::vector<std::string> values;
  for (std::size_t i = 0; i < records; ++i) {
    values.push_back(fmt::format("{} {} {} of {} in {} ({}) ", name_, number, i, records, topic, lives_));
    values.back().append(random_.chance(0.1) ? random_.below(9000) : random_.below(200), 'x');
  }
  note(topic, [writer = name_, number, values](ExpectedTopic& expected) {
    expected.batches[writer].emplace(number, ExpectedBatch{.values = values});
  });
  return values;
}

void ScriptWriter::append(store::Topic topic, std::size_t records) {
  Known& known = topics_[topic.name()];
  const std::uint64_t number = known.batches;
  const std::vector<std::string> values = make_batch(topic.name(), records);
  const auto offset = topic.append_batch(records_of(values));
  if (!worked(offset, "append_batch")) return;
  note(topic.name(), [writer = name_, number, offset = *offset](ExpectedTopic& expected) {
    expected.batches[writer].at(number).offset = offset;
  });
  known.end = *offset + records;
}

void ScriptWriter::append_async(store::Topic topic) {
  for (std::uint64_t more = 1 + random_.below(4); more > 0; --more) {
    const std::uint64_t number = topics_[topic.name()].batches;
    const std::vector<std::string> values = make_batch(topic.name(), 1 + random_.below(3));
    ++unanswered_;
    topic.append_async(records_of(values), [this, number, name = topic.name()](store::Result<std::uint64_t> offset) {
      if (!offset) async_failed_ = true;
      note(name, [writer = name_, number, offset](ExpectedTopic& expected) {
        if (offset) expected.batches[writer].at(number).offset = *offset;
      });
      --unanswered_;
      unanswered_.notify_all();
    });
  }
}

store::Result<store::Cursor> ScriptWriter::cursor(store::Topic& topic) {
  auto made = topic.cursor(name_);
  if (!made) return made;
  // Known from the first time on, wherever it stood then.
  note(topic.name(), [name = name_, position = made->position()](ExpectedTopic& expected) {
    auto& cursor =
        expected.cursors.try_emplace(name, ExpectedCursor{.least = position, .most = position}).first->second;
    if (cursor.must_be_new) cursor = {.least = position, .most = position};
  });
  return made;
}

void ScriptWriter::take(store::Topic topic) {
  auto mine = cursor(topic);
  if (!worked(mine, "cursor")) return;
  note(topic.name(),
       [name = name_, next = mine->position() + 1](ExpectedTopic& expected) { expected.cursors.at(name).ask(next); });
  const auto record = mine->next();
  if (!worked(record, "next") || !*record) return;
  note(topic.name(), [name = name_, next = (*record)->offset() + 1](ExpectedTopic& expected) {
    expected.cursors.at(name).tell(next);
  });
}

void ScriptWriter::take_batch(store::Topic topic) {
  auto mine = cursor(topic);
  if (!worked(mine, "cursor")) return;
  note(topic.name(), [name = name_](ExpectedTopic& expected) { expected.cursors.at(name).ask(UINT64_MAX); });
  const auto records = mine->next_batch(1 + random_.below(2000));
  if (!worked(records, "next_batch") || records->empty()) return;
  note(topic.name(),
       [name = name_, next = records->end_offset()](ExpectedTopic& expected) { expected.cursors.at(name).tell(next); });
}

void ScriptWriter::seek(store::Topic topic) {
  auto mine = cursor(topic);
  const auto stats = topic.stats();
  if (!worked(mine, "cursor") || !worked(stats, "stats")) return;
  const std::uint64_t to = random_.between(stats->start, stats->end);
  note(topic.name(), [name = name_, to](ExpectedTopic& expected) { expected.cursors.at(name).ask(to); });
  const auto done = mine->seek(to);
  // The other thread may have trimmed the topic meanwhile.
  if (!done && done.error().code == store::ErrorCode::kOutOfRange) return;
  if (!worked(done, "seek")) return;
  note(topic.name(), [name = name_, to](ExpectedTopic& expected) { expected.cursors.at(name).tell(to); });
}

void ScriptWriter::remove_cursor(store::Topic topic) {
  const auto mine = cursor(topic);
  if (!worked(mine, "cursor")) return;
  note(topic.name(), [name = name_](ExpectedTopic& expected) { expected.cursors.at(name).may_be_new = true; });
  if (!worked(topic.remove_cursor(name_), "remove_cursor")) return;
  note(topic.name(), [name = name_](ExpectedTopic& expected) { expected.cursors.at(name).must_be_new = true; });
}

void ScriptWriter::trim(store::Topic topic) {
  const std::uint64_t end = topics_[topic.name()].end;
  const std::uint64_t to = end - std::min(end, random_.below(30));
  note(topic.name(), [to](ExpectedTopic& expected) { expected.trimmed_most = std::max(expected.trimmed_most, to); });
  if (!worked(topic.trim(to), "trim")) return;
  note(topic.name(), [to](ExpectedTopic& expected) { expected.trimmed = std::max(expected.trimmed, to); });
}

/// Of a topic of which nobody else sets it.
void ScriptWriter::set_retention(store::Store& store) {
  auto topic = store.find_topic("kept by " + name_);
  if (!worked(topic, "find_topic")) return;
  store::Retention retention;
  const std::uint64_t bound = random_.below(3);
  if (bound == 1) retention.records = 1 + random_.below(20);
  if (bound == 2) retention.bytes = 1 + random_.below(16 << 10);
  note(topic->name(), [retention](ExpectedTopic& expected) { expected.ask(retention); });
  if (!worked(topic->set_retention(retention), "set_retention")) return;
  note(topic->name(), [retention](ExpectedTopic& expected) { expected.tell(retention); });
}

/// With something that nothing else makes durable.
void ScriptWriter::sync(store::Store& store) {
  auto topic = store.find_topic("traces");
  if (!worked(topic, "find_topic")) return;
  append(*topic, 1);
  recording_.note([&expected = expected_, name = name_] { begin_sync(expected, name); });
  if (!worked(store.sync(), "sync")) return;
  recording_.note([&expected = expected_, name = name_] { end_sync(expected, name); });
}

/// The topic that comes and goes, and comes again under the same name.
void ScriptWriter::churn(store::Store& store) {
  const std::string name = "of " + name_;
  if (alive_ && random_.chance(0.4)) {
    note(name, [](ExpectedTopic& expected) { expected.must_be = false; });
    if (!worked(store.remove_topic(name), "remove_topic")) return;
    note(name, [](ExpectedTopic& expected) { expected.may_be = false; });
    alive_ = false;
    return;
  }
  if (!alive_) {
    ++lives_;
    topics_[name] = {};
    note(name, [](ExpectedTopic& expected) { expected = {}; });
  }
  auto topic = store.topic(name);
  if (!worked(topic, "topic")) return;
  if (!alive_) note(name, [](ExpectedTopic& expected) { expected.must_be = true; });
  alive_ = true;
  append(*topic, 1 + random_.below(3));
  take(*topic);
}

PowerCutScript::PowerCutScript(std::uint64_t seed, Recording& recording, ExpectedStore& expected)
    : recording_(recording),
      expected_(expected),
      writers_{ScriptWriter("w0", seed * 2, recording, expected),
               ScriptWriter("w1", seed * 2 + 1, recording, expected)} {}

void PowerCutScript::run(store::Store& store, std::size_t steps) {
  for (const auto& [name, fsync] : kTopics) {
    const bool weak = fsync != store::Fsync::kAlways;
    recording_.note([&expected = expected_, name, weak] { expected[name].weak = weak; });
    if (const auto topic = store.topic(name, {.fsync = fsync}); !topic) errors_.push_back(topic.error().message());
    recording_.note([&expected = expected_, name] { expected[name].must_be = true; });
  }
  std::vector<std::thread> threads;
  for (ScriptWriter& writer : writers_) threads.emplace_back([&] { writer.run(store, steps); });
  for (std::thread& thread : threads) thread.join();
}

std::vector<std::string> PowerCutScript::errors() const {
  std::vector<std::string> all = errors_;
  for (const ScriptWriter& writer : writers_) all.insert(all.end(), writer.errors().begin(), writer.errors().end());
  return all;
}

}  // namespace walrus::test
