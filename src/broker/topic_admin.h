// What TOPICS, DESCRIBE, ALTER, TRIM, DELETE and RECOVER mean: the topics of the cluster as the metadata has them, and
// what an operator wants of them. Any node can be asked.
//
// Failure: the errors of the metadata; kTopicNotFound after a barrier has made sure. Loop thread only.
#pragma once

#include <functional>
#include <string>

#include "metadata/metadata_client.h"
#include "protocol/text.h"

namespace walrus::broker {

class TopicAdmin {
 public:
  /// An empty text is a plain OK.
  using Done = std::move_only_function<void(Result<std::string>)>;

  /// `metadata` outlives the object.
  explicit TopicAdmin(metadata::MetadataClient& metadata) : metadata_(metadata) {}

  static bool is_ours(protocol::Verb verb);
  void carry_out(const protocol::Request& request, Done done);

 private:
  /// The views of the request that outlive it.
  struct Asked {
    protocol::Verb verb;
    std::string topic;
    std::string after;  // of TOPICS
    protocol::Arguments arguments;
  };
  void on_current(Asked asked, Done done);
  void change(Asked asked, const metadata::TopicInfo& topic, unsigned attempt, Done done);
  void on_changed(Asked asked, unsigned attempt, const Status& outcome, Done done);

  metadata::MetadataClient& metadata_;
};

/// What `options` says, into the fields of CreateTopic and SetTopicOptions.
metadata::TopicSettings settings_from(const protocol::TopicOptions& options);

/// The JSON of TOPICS: at most `max` topics with names behind `after`, in the order of their names.
std::string topics_json(const metadata::View& view, std::string_view after, std::uint32_t max);

/// The JSON of DESCRIBE.
std::string topic_json(const metadata::View& view, const metadata::TopicInfo& topic);

}  // namespace walrus::broker
