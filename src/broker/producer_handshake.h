// What PRODUCER means: an instance of an idempotent producer gets the id of its name and an epoch of its own, through
// Raft, so that two instances never share one and the older is refused from then on. Loop thread only.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "io/loop.h"
#include "metadata/metadata_client.h"

namespace walrus::broker {

/// `done` gets "<id>:<epoch>", the front of what the instance sends with each write. kProducerFenced when another
/// instance of the name came in between; the errors of a proposal. Asking again after an unknown outcome is safe.
void shake_hands(metadata::MetadataClient& metadata, io::Loop& loop, std::string_view name,
                 std::move_only_function<void(Result<std::string>)> done);

}  // namespace walrus::broker
