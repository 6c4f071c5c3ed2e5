// The commands of ClusterState about idempotent producers, and their part of a snapshot.
#include <utility>

#include "base/assert.h"
#include "base/limits.h"
#include "metadata/cluster_state.h"

namespace walrus::metadata {

Status ClusterState::register_producer(Version index, const RegisterProducer& command) {
  if (command.name().empty() || command.name().size() > limits::kMaxProducerNameBytes || command.instance() == 0) {
    return fail(ErrorCode::kInvalidArgument, "producer");
  }
  const ProducerPtr before = draft_.find_producer(command.name());
  if (before != nullptr && before->instance == command.instance()) return {};
  ProducerInfo producer{
      .id = ProducerId(index), .name = command.name(), .epoch = 0, .instance = command.instance(), .registered = index};
  if (before != nullptr) {
    if (before->epoch < kMaxProducerEpoch) {
      producer.id = before->id;
      producer.epoch = static_cast<std::uint16_t>(before->epoch + 1);
    }
    drop_producer(*before);
  } else if (producers_.size() >= limits::kMaxProducers) {
    drop_producer(ProducerInfo(*producers_.begin()->second));
  }
  put_producer(std::make_shared<const ProducerInfo>(std::move(producer)));
  return {};
}

void ClusterState::put_producer(ProducerPtr producer) {
  producers_[producer->registered] = producer;
  ids_for_writing(View::bucket_of(producer->id)).producers[producer->id] = producer;
  bucket_for_writing(producer->name).producers[producer->name] = std::move(producer);
}

void ClusterState::drop_producer(const ProducerInfo& producer) {
  producers_.erase(producer.registered);
  ids_for_writing(View::bucket_of(producer.id)).producers.erase(producer.id);
  bucket_for_writing(producer.name).producers.erase(producer.name);
}

Status ClusterState::restore_producers(const Snapshot& from) {
  for (const Snapshot::Producer& read : from.producers()) {
    const ProducerId id(read.id());
    const bool makes_sense = read.epoch() <= kMaxProducerEpoch && read.registered() <= from.version() &&
                             read.id() <= read.registered() && !read.name().empty() && read.instance() != 0;
    if (!makes_sense || draft_.find_producer(id) != nullptr || draft_.find_producer(read.name()) != nullptr ||
        producers_.contains(read.registered())) {
      return fail(ErrorCode::kCorrupt, "snapshot: a producer");
    }
    put_producer(std::make_shared<const ProducerInfo>(ProducerInfo{.id = id,
                                                                   .name = read.name(),
                                                                   .epoch = static_cast<std::uint16_t>(read.epoch()),
                                                                   .instance = read.instance(),
                                                                   .registered = read.registered()}));
  }
  return {};
}

}  // namespace walrus::metadata
