#include "broker/message_address.h"

#include "peer.pb.h"

namespace walrus::broker {

namespace {

template <class Header>
Result<MessageAddress> address_in(const io::Message& message) {
  WALRUS_ASSIGN(const auto header, io::parse_header<Header>(message, message.type));
  return MessageAddress{TopicId(header.topic_id()), header.version()};
}

}  // namespace

Result<MessageAddress> address_of(const io::Message& message) {
  switch (message.type) {
    case peer::APPEND:
      return address_in<peer::Append>(message);
    case peer::TAKE:
      return address_in<peer::Take>(message);
    case peer::FETCH:
      return address_in<peer::Fetch>(message);
    case peer::STATE:
      return address_in<peer::State>(message);
    case peer::WATCH:
      return address_in<peer::Watch>(message);
    case peer::GROUP:
      return address_in<peer::Group>(message);
    case peer::LOCATE:
      return address_in<peer::Locate>(message);
    case peer::SETTLE:
      return address_in<peer::Settle>(message);
    case peer::REPLICATE:
      return address_in<peer::Replicate>(message);
    case peer::FENCE:
      return address_in<peer::Fence>(message);
    case peer::COPY:
      return address_in<peer::Copy>(message);
    default:
      return fail(ErrorCode::kCorrupt, "a message that no shard answers");
  }
}

}  // namespace walrus::broker
