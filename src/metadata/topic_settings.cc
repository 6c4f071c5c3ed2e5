#include "metadata/topic_settings.h"

namespace walrus::metadata {

namespace {

Result<std::optional<SyncPolicy>> read_fsync(const TopicSettings& settings) {
  const std::chrono::milliseconds interval(settings.fsync_interval_ms());
  switch (settings.fsync()) {
    case TopicSettings::NODE_DEFAULT:
      return std::nullopt;
    case TopicSettings::ALWAYS:
      return SyncPolicy{};
    case TopicSettings::INTERVAL:
      if (interval.count() == 0) return fail(ErrorCode::kInvalidArgument, "an fsync interval of 0 ms");
      return SyncPolicy{.kind = SyncPolicy::Kind::kInterval, .interval = interval};
    case TopicSettings::NEVER:
      return SyncPolicy{.kind = SyncPolicy::Kind::kNever};
    default:
      return fail(ErrorCode::kInvalidArgument, "fsync policy");
  }
}

TopicSettings::Fsync fsync_number(SyncPolicy::Kind kind) {
  switch (kind) {
    case SyncPolicy::Kind::kAlways:
      return TopicSettings::ALWAYS;
    case SyncPolicy::Kind::kInterval:
      return TopicSettings::INTERVAL;
    case SyncPolicy::Kind::kNever:
      return TopicSettings::NEVER;
  }
  return TopicSettings::ALWAYS;
}

}  // namespace

Status apply_settings(const TopicSettings& settings, TopicOptions& options) {
  if (settings.has_fsync()) {
    WALRUS_ASSIGN(options.fsync, read_fsync(settings));
  }
  if (settings.has_retention_ms()) options.retention_ms = settings.retention_ms();
  if (settings.has_retention_bytes()) options.retention_bytes = settings.retention_bytes();
  if (settings.has_retention_records()) options.retention_records = settings.retention_records();
  if (settings.has_max_bytes_per_second()) options.max_bytes_per_second = settings.max_bytes_per_second();
  return {};
}

TopicSettings to_settings(const TopicOptions& options) {
  TopicSettings settings;
  settings.set_fsync(options.fsync ? fsync_number(options.fsync->kind) : TopicSettings::NODE_DEFAULT);
  if (options.fsync && options.fsync->kind == SyncPolicy::Kind::kInterval) {
    settings.set_fsync_interval_ms(static_cast<std::uint32_t>(options.fsync->interval.count()));
  }
  settings.set_retention_ms(options.retention_ms);
  settings.set_retention_bytes(options.retention_bytes);
  settings.set_retention_records(options.retention_records);
  settings.set_max_bytes_per_second(options.max_bytes_per_second);
  return settings;
}

}  // namespace walrus::metadata
