#include "broker/seal_requests.h"

#include <optional>

#include "base/log.h"
#include "metadata/sealing.h"

namespace walrus::broker {

void SealRequests::ask(TopicId topic, Epoch epoch, Recoverer recoverer, std::string_view why) {
  const metadata::ViewPtr view = metadata_.view();
  const metadata::TopicPtr info = view->find_topic(topic);
  if (!info || info->last().epoch != epoch || info->last().state != metadata::SegmentState::kOpen) return;
  const std::optional<NodeId> named =
      recoverer == Recoverer::kSelf ? self_ : metadata::choose_recoverer(*view, info->last());
  if (!named || !under_way_.insert(topic).second) return;
  log::info("topic {} segment {}: {}; node {} is to find its end", info->name, info->last().id, why, *named);
  metadata_.propose(metadata::begin_seal(*info, *named),
                    [this, alive = alive_, topic](const Result<metadata::Applied>&) {
                      if (*alive) under_way_.erase(topic);
                    });
}

}  // namespace walrus::broker
