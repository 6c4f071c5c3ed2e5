#include "broker/producer_handshake.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace walrus::broker {

void shake_hands(metadata::MetadataClient& metadata, io::Loop& loop, std::string_view name,
                 std::move_only_function<void(Result<std::string>)> done) {
  const std::uint64_t instance = std::max<std::uint64_t>(1, loop.random());
  metadata::Command command;
  command.mutable_register_producer()->set_name(std::string(name));
  command.mutable_register_producer()->set_instance(instance);
  auto on_applied = [&metadata, instance, name = std::string(name),
                     done = std::move(done)](Result<metadata::Applied> applied) mutable {
    if (const Status outcome = metadata::outcome_of(applied); !outcome) return done(fail(outcome.error()));
    const metadata::ProducerPtr producer = metadata.view()->find_producer(name);
    if (!producer || producer->instance != instance) return done(fail(ErrorCode::kProducerFenced));
    done(fmt::format("{}:{}", producer->id, producer->epoch));
  };
  metadata.propose(std::move(command), std::move(on_applied));
}

}  // namespace walrus::broker
