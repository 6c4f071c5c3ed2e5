// What a client wants of a group of readers, and what comes of it, on the way between the node it talks to and the
// leader of the topic's open segment. Pure; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "io/loop.h"
#include "io/transport.h"
#include "protocol/queue_requests.h"
#include "storage/segment.h"

namespace walrus::peer {
class Group;
}

namespace walrus::broker {

struct GroupCall {
  /// Numbers travel between nodes.
  enum class Verb : std::uint8_t {
    kRead = 1,
    kCommit = 2,
    kSeek = 3,
    kForget = 4,
    kList = 5,
    kQueue = 6,
    kLease = 7,
    kAck = 8,
    kNack = 9,
    kExtend = 10,
  };
  Verb verb = Verb::kList;
  std::string group;
  Offset offset;                        ///< COMMIT, SEEK
  std::uint32_t records = 0;            ///< READ: at most
  std::uint32_t bytes = 0;              ///< likewise
  bool advance = true;                  ///< READ: the group moves on by what is read
  std::chrono::milliseconds wait = {};  ///< READ, LEASE: for something to read
  protocol::QueueArguments queue = {};  ///< of the verbs of work queues
};

struct GroupAnswer {
  Offset first;                           ///< of READ; of COMMIT and SEEK where the group stands
  Offset next;                            ///< READ: behind the last record
  Offset end;                             ///< READ: of the topic, at that moment
  storage::Batches batches;               ///< READ: with these records
  std::string json;                       ///< LIST
  std::vector<std::uint32_t> tries = {};  ///< LEASE: of each record, with this one
};
using GroupDone = std::move_only_function<void(Result<GroupAnswer>)>;

/// In GROUP and GROUP_REPLY messages; the address of the topic is the caller's to set. kCorrupt when malformed.
void write_call(const GroupCall& call, peer::Group& to);
Result<GroupCall> read_call(const peer::Group& from);
io::Message group_reply(const GroupAnswer& answer);
Result<GroupAnswer> group_answer_from(const io::Message& message);

}  // namespace walrus::broker
