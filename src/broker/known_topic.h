// What the metadata knows of one topic, for who asks at every request: it is looked up again only when there is a new
// view. Loop thread only.
#pragma once

#include <limits>
#include <string>
#include <utility>

#include "metadata/metadata_client.h"

namespace walrus::broker {

class KnownTopic {
 public:
  KnownTopic(metadata::MetadataClient& metadata, std::string name) : metadata_(metadata), name_(std::move(name)) {}

  /// Null when the view has no such topic.
  const metadata::TopicPtr& find() {
    const metadata::ViewPtr view = metadata_.view();
    if (std::exchange(version_, view->version()) != view->version()) found_ = view->find_topic(name_);
    return found_;
  }

 private:
  metadata::MetadataClient& metadata_;
  const std::string name_;
  metadata::Version version_ = std::numeric_limits<metadata::Version>::max();
  metadata::TopicPtr found_;
};

}  // namespace walrus::broker
