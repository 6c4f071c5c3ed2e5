#include "broker/topic_producers.h"

#include <utility>

#include "base/assert.h"
#include "base/log.h"

namespace walrus::broker {

Result<std::optional<Offset>> TopicProducers::check(const ProducerStamp& stamp, std::uint32_t records) {
  const metadata::ProducerPtr known = metadata_.view()->find_producer(stamp.id);
  if (known == nullptr || known->epoch < stamp.epoch) return fail(ErrorCode::kUnknownProducer);
  if (known->epoch > stamp.epoch) return fail(ErrorCode::kProducerFenced);
  if (!table_) {
    read_history();
    if (!table_) return fail(ErrorCode::kUnavailable, "what its producers wrote is being read");
  }
  return table_->check(stamp, records, known->registered);
}

void TopicProducers::note(const ProducerStamp& stamp, std::uint32_t records, Offset first) {
  WALRUS_ASSERT(table_, "check() comes first");
  const metadata::ProducerPtr known = metadata_.view()->find_producer(stamp.id);
  WALRUS_ASSERT(known != nullptr, "check() comes first");
  table_->note(stamp, records, first, known->registered);
}

void TopicProducers::read_history() {
  if (reading_) return;
  const metadata::TopicPtr topic = metadata_.view()->find_topic(topic_);
  if (!topic) return;
  reading_ = true;
  auto read_open = [this, alive = std::weak_ptr(alive_)](Offset from, storage::BatchesDone done) {
    if (alive.expired()) return done(fail(ErrorCode::kNotLeader));
    read_open_(from, std::move(done));
  };
  const auto history = std::make_shared<ProducerHistory>(reader_, metadata_, topic, open_end_, std::move(read_open));
  history->read([this, alive = std::weak_ptr(alive_), name = topic->name](Result<ProducerTable> table) {
    if (alive.expired()) return;
    reading_ = false;
    if (table) {
      table_ = std::move(*table);
    } else {
      log::warn("topic {}: what its producers wrote cannot be read: {}", name, table.error().message());
    }
  });
}

}  // namespace walrus::broker
