#include "broker/topic_admin.h"

#include <utility>

#include "base/sync_policy.h"
#include "metadata/sealing.h"

namespace walrus::broker {

namespace {

using protocol::Verb;

/// An ALTER that lost against another one is worked out again so often.
constexpr unsigned kMostAttempts = 5;

metadata::Command command_for(const metadata::TopicInfo& topic, const protocol::TopicOptions& options) {
  metadata::Command command;
  metadata::SetTopicOptions& set = *command.mutable_set_topic_options();
  set.set_topic_id(topic.id.value());
  set.set_expected_version(topic.options_version);
  *set.mutable_settings() = settings_from(options);
  if (options.segment_entries) set.set_segment_entries(*options.segment_entries);
  if (options.replicas) set.set_replicas(*options.replicas);
  return command;
}

}  // namespace

metadata::TopicSettings settings_from(const protocol::TopicOptions& options) {
  using Settings = metadata::TopicSettings;
  Settings settings;
  if (options.fsync && !options.fsync->policy) settings.set_fsync(Settings::NODE_DEFAULT);
  if (options.fsync && options.fsync->policy) {
    const SyncPolicy policy = *options.fsync->policy;
    if (policy.kind == SyncPolicy::Kind::kInterval) {
      settings.set_fsync(Settings::INTERVAL);
      settings.set_fsync_interval_ms(static_cast<std::uint32_t>(policy.interval.count()));
    } else {
      settings.set_fsync(policy.always() ? Settings::ALWAYS : Settings::NEVER);
    }
  }
  if (options.retention_ms) settings.set_retention_ms(*options.retention_ms);
  if (options.retention_bytes) settings.set_retention_bytes(*options.retention_bytes);
  if (options.retention_records) settings.set_retention_records(*options.retention_records);
  if (options.max_bytes_per_second) settings.set_max_bytes_per_second(*options.max_bytes_per_second);
  return settings;
}

bool TopicAdmin::is_ours(Verb verb) {
  return verb == Verb::kTopics || verb == Verb::kDescribe || verb == Verb::kAlter || verb == Verb::kTrim ||
         verb == Verb::kDelete || verb == Verb::kRecover;
}

void TopicAdmin::carry_out(const protocol::Request& request, Done done) {
  if (metadata_.view()->version() == 0) return done(fail(ErrorCode::kRaftNotInitialized));
  Asked asked{.verb = request.verb,
              .topic = std::string(request.topic),
              .after = std::string(request.name),
              .arguments = request.arguments};
  metadata_.barrier([this, asked = std::move(asked), done = std::move(done)](const Status& current) mutable {
    if (!current) return done(fail(current.error()));
    on_current(std::move(asked), std::move(done));
  });
}

void TopicAdmin::on_current(Asked asked, Done done) {
  const metadata::ViewPtr view = metadata_.view();
  if (asked.verb == Verb::kTopics) {
    return done(topics_json(*view, asked.after, std::get<protocol::TopicPage>(asked.arguments).max));
  }
  const metadata::TopicPtr topic = view->find_topic(asked.topic);
  if (!topic) return done(fail(ErrorCode::kTopicNotFound));
  if (asked.verb == Verb::kDescribe) return done(topic_json(*view, *topic));
  change(std::move(asked), *topic, 1, std::move(done));
}

void TopicAdmin::change(Asked asked, const metadata::TopicInfo& topic, unsigned attempt, Done done) {
  metadata::Command command;
  if (asked.verb == Verb::kAlter) {
    command = command_for(topic, std::get<protocol::TopicOptions>(asked.arguments));
  } else if (asked.verb == Verb::kTrim) {
    command.mutable_trim_topic()->set_topic_id(topic.id.value());
    command.mutable_trim_topic()->set_before(std::get<protocol::TrimOptions>(asked.arguments).before.value());
  } else if (asked.verb == Verb::kRecover) {
    command = metadata::begin_seal_losing_data(*metadata_.view(), topic);
  } else {
    command.mutable_delete_topic()->set_topic_id(topic.id.value());
  }
  metadata_.propose(std::move(command), [this, asked = std::move(asked), attempt,
                                         done = std::move(done)](const Result<metadata::Applied>& applied) mutable {
    on_changed(std::move(asked), attempt, metadata::outcome_of(applied), std::move(done));
  });
}

void TopicAdmin::on_changed(Asked asked, unsigned attempt, const Status& outcome, Done done) {
  const metadata::TopicPtr topic = metadata_.view()->find_topic(asked.topic);
  if (!outcome) {
    const bool compares = asked.verb == Verb::kAlter || asked.verb == Verb::kRecover;
    const bool raced = compares && outcome.error().code == ErrorCode::kConflict;
    if (!raced || attempt == kMostAttempts || !topic) return done(fail(outcome.error()));
    return change(std::move(asked), *topic, attempt + 1, std::move(done));
  }
  if (asked.verb != Verb::kTrim) return done(std::string());
  if (!topic) return done(fail(ErrorCode::kTopicNotFound));
  done(std::to_string(topic->start().value()));
}

}  // namespace walrus::broker
