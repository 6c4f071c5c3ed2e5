#include "metadata/raft_node.h"

// libraft's header is C that is not quite valid C++: what it includes comes first, its static assertions (which define
// types inside sizeof) are taken out, and the rest is declared as C.
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#pragma push_macro("static_assert")
#undef static_assert
#define static_assert(...)
extern "C" {
#include <raft.h>
}
#pragma pop_macro("static_assert")

#include <fmt/format.h>

#include <cstring>

#include "base/assert.h"
#include "base/limits.h"

// Older ones commit entries of earlier terms by counting replicas, which loses acknowledged entries.
static_assert(RAFT_VERSION_NUMBER >= 2201);

namespace walrus::metadata {
namespace {

using Type = RaftMessage::Type;

static_assert(static_cast<int>(EntryType::kCommand) == RAFT_COMMAND);
static_assert(static_cast<int>(EntryType::kBarrier) == RAFT_BARRIER);
static_assert(static_cast<int>(EntryType::kChange) == RAFT_CHANGE);
static_assert(static_cast<int>(MemberRole::kStandby) == RAFT_STANDBY);
static_assert(static_cast<int>(MemberRole::kVoter) == RAFT_VOTER);
static_assert(static_cast<int>(MemberRole::kSpare) == RAFT_SPARE);
static_assert(static_cast<int>(Type::kAppendEntries) == RAFT_APPEND_ENTRIES);
static_assert(static_cast<int>(Type::kTimeoutNow) == RAFT_TIMEOUT_NOW);

constexpr unsigned char kVoteMessagesVersion = 2;  // those that know pre-votes
constexpr unsigned short kMuchCapacity = 65535;    // libraft's own watch over disk space stays out of play
constexpr std::chrono::seconds kInstallTimeout{30};

raft_time to_raft_time(io::TimePoint time) {
  return static_cast<raft_time>(std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
}

template <class T>
T* allocate(std::size_t count) {
  void* memory = raft_calloc(count, sizeof(T));
  WALRUS_ASSERT(memory != nullptr);
  return static_cast<T*>(memory);
}

std::string address_text(const Member& member) { return fmt::format("{}@{}", member.node_id, member.address); }

/// In memory of libraft; whoever gets it owns it.
raft_configuration to_configuration(const Members& members) {
  raft_configuration configuration;
  raft_configuration_init(&configuration);
  for (const Member& member : members) {
    const int error = raft_configuration_add(&configuration, member.raft_id.value(), address_text(member).c_str(),
                                             static_cast<int>(member.role));
    WALRUS_ASSERT(error == 0, "members are checked where they are decoded");
  }
  return configuration;
}

/// Our entries as libraft sees them. It looks into the payload of membership entries only, so those alone are copied;
/// one allocation (the batch) holds them all.
class EntryArray {
 public:
  template <class Entries>
  explicit EntryArray(const Entries& entries) : count_(entries.size()) {
    if (count_ == 0) return;
    std::size_t bytes = sizeof(std::uint64_t);
    for (const RaftEntry& entry : entries) bytes += entry.type == EntryType::kChange ? entry.payload.size() : 0;
    batch_ = allocate<char>(bytes);
    array_ = allocate<raft_entry>(count_);
    std::size_t used = sizeof(std::uint64_t);
    std::size_t i = 0;
    for (const RaftEntry& entry : entries) {
      raft_entry& to = array_[i++];
      to.term = entry.term;
      to.type = static_cast<raft_entry_type>(entry.type);
      to.buf = {.base = batch_, .len = sizeof(std::uint64_t)};
      to.batch = batch_;
      if (entry.type != EntryType::kChange) continue;
      to.buf = {.base = batch_ + used, .len = entry.payload.size()};
      std::memcpy(to.buf.base, entry.payload.data(), entry.payload.size());
      used += entry.payload.size();
    }
  }
  EntryArray(const EntryArray&) = delete;
  EntryArray& operator=(const EntryArray&) = delete;
  ~EntryArray() {
    raft_free(array_);
    raft_free(batch_);
  }

  raft_entry* data() { return array_; }
  unsigned size() const { return static_cast<unsigned>(count_); }
  bool contains(const raft_entry* entry) const { return entry >= array_ && entry < array_ + count_; }
  /// libraft has freed it.
  void release_batch() { batch_ = nullptr; }

 private:
  std::size_t count_;
  raft_entry* array_ = nullptr;
  char* batch_ = nullptr;
};

/// `sender` and `array` must outlive it; the configuration and the stand-in data of a snapshot go to libraft.
raft_message to_libraft(const RaftMessage& message, EntryArray& array, const char* sender) {
  raft_message to{};
  to.type = static_cast<raft_message_type>(message.type);
  to.server_id = message.from.value();
  to.server_address = sender;
  switch (message.type) {
    case Type::kAppendEntries:
      to.append_entries = {.version = 0,
                           .term = message.term,
                           .prev_log_index = message.index,
                           .prev_log_term = message.index_term,
                           .leader_commit = message.commit,
                           .entries = array.data(),
                           .n_entries = array.size()};
      break;
    case Type::kAppendEntriesResult:
      to.append_entries_result = {.version = kVoteMessagesVersion,
                                  .term = message.term,
                                  .rejected = message.rejected,
                                  .last_log_index = message.index,
                                  .features = 1,
                                  .capacity = kMuchCapacity};
      break;
    case Type::kRequestVote:
      to.request_vote = {.version = kVoteMessagesVersion,
                         .term = message.term,
                         .candidate_id = message.from.value(),
                         .last_log_index = message.index,
                         .last_log_term = message.index_term,
                         .disrupt_leader = message.disrupt_leader,
                         .pre_vote = message.pre_vote};
      break;
    case Type::kRequestVoteResult:
      to.request_vote_result = {.version = kVoteMessagesVersion,
                                .term = message.term,
                                .vote_granted = message.granted,
                                .pre_vote = message.pre_vote,
                                .features = 1,
                                .capacity = kMuchCapacity};
      break;
    case Type::kInstallSnapshot:
      to.install_snapshot.term = message.term;
      to.install_snapshot.last_index = message.index;
      to.install_snapshot.last_term = message.index_term;
      to.install_snapshot.conf_index = message.members_index;
      to.install_snapshot.conf = to_configuration(message.members);
      to.install_snapshot.data = {.base = allocate<char>(8), .len = 8};  // the real data stays with us
      break;
    case Type::kTimeoutNow:
      to.timeout_now = {
          .version = 0, .term = message.term, .last_log_index = message.index, .last_log_term = message.index_term};
      break;
  }
  return to;
}

}  // namespace

struct RaftNode::Core {
  Core(RaftId id, RaftTiming timing, std::uint64_t seed) : address(fmt::format("{}", id)) {
    WALRUS_ASSERT(raft_init(&raft, nullptr, nullptr, id.value(), address.c_str()) == 0);
    raft_seed(&raft, static_cast<unsigned>(seed ^ (seed >> 32)));
    raft_set_election_timeout(&raft, static_cast<unsigned>(timing.election_timeout.count()));
    raft_set_heartbeat_timeout(&raft, static_cast<unsigned>(timing.heartbeat.count()));
    raft_set_install_snapshot_timeout(&raft, static_cast<unsigned>(std::chrono::milliseconds(kInstallTimeout).count()));
    raft_set_pre_vote(&raft, true);
    raft_set_max_inflight_entries(&raft, limits::kRaftInflightEntries);
  }
  ~Core() { raft_close(&raft, nullptr); }

  /// `given` are our entries behind `array`, which the event hands to libraft.
  Result<RaftUpdate> step(io::TimePoint now, raft_event& event, std::vector<RaftEntry> given = {},
                          EntryArray* array = nullptr);
  RaftUpdate read(raft_update& update, std::vector<RaftEntry> given, EntryArray* array);
  RaftMessage read_message(const raft_message& message) const;

  struct raft raft{};
  std::string address;
};

Result<RaftUpdate> RaftNode::Core::step(io::TimePoint now, raft_event& event, std::vector<RaftEntry> given,
                                        EntryArray* array) {
  event.time = to_raft_time(now);
  event.capacity = kMuchCapacity;
  raft_update update{};
  const int error = raft_step(&raft, &event, &update);
  switch (error) {
    case 0:
      return read(update, std::move(given), array);
    case RAFT_NOTLEADER:
    case RAFT_NOTFOUND:
    case RAFT_BADID:
      return fail(ErrorCode::kNotLeader, raft_strerror(error));
    case RAFT_CANTCHANGE:
      return fail(ErrorCode::kConflict, "another membership change is under way");
    default:
      return fail(ErrorCode::kCorrupt, fmt::format("raft: {}: {}", raft_strerror(error), raft_errmsg(&raft)));
  }
}

RaftUpdate RaftNode::Core::read(raft_update& update, std::vector<RaftEntry> given, EntryArray* array) {
  RaftUpdate result;
  if ((update.flags & (RAFT_UPDATE_CURRENT_TERM)) != 0 || (update.flags & (RAFT_UPDATE_VOTED_FOR)) != 0) {
    result.vote = RaftVote{.term = raft_current_term(&raft), .voted_for = RaftId(raft_voted_for(&raft))};
  }
  if ((update.flags & (RAFT_UPDATE_ENTRIES)) != 0) {
    result.first_index = update.entries.index;
    if (array != nullptr && array->contains(update.entries.batch)) {
      const auto skipped = update.entries.batch - array->data();  // those that the log has already
      result.entries.assign(std::make_move_iterator(given.begin() + skipped), std::make_move_iterator(given.end()));
      WALRUS_ASSERT(result.entries.size() == update.entries.n);
    } else {
      // The first entry of a new leader's term, which libraft makes itself.
      WALRUS_ASSERT(update.entries.n == 1 && update.entries.batch->type == RAFT_BARRIER);
      result.entries.push_back({update.entries.batch->term, EntryType::kBarrier, std::string(8, '\0')});
      raft_free(update.entries.batch->batch);
    }
  }
  if ((update.flags & (RAFT_UPDATE_SNAPSHOT)) != 0) {
    raft_configuration_close(&update.snapshot.metadata.configuration);
    raft_free(update.snapshot.chunk.base);
    result.snapshot.emplace();  // receive() knows what is in it
  }
  if ((update.flags & (RAFT_UPDATE_MESSAGES)) != 0) {
    for (unsigned i = 0; i < update.messages.n; ++i) result.messages.push_back(read_message(update.messages.batch[i]));
  }
  return result;
}

RaftMessage RaftNode::Core::read_message(const raft_message& from) const {
  RaftMessage to{.type = static_cast<Type>(from.type), .from = RaftId(raft.id), .to = RaftId(from.server_id)};
  switch (from.type) {
    case RAFT_APPEND_ENTRIES:
      to.term = from.append_entries.term;
      to.index = from.append_entries.prev_log_index;
      to.index_term = from.append_entries.prev_log_term;
      to.commit = from.append_entries.leader_commit;
      to.entries.resize(from.append_entries.n_entries);
      break;
    case RAFT_APPEND_ENTRIES_RESULT:
      to.term = from.append_entries_result.term;
      to.index = from.append_entries_result.last_log_index;
      to.rejected = from.append_entries_result.rejected;
      break;
    case RAFT_REQUEST_VOTE:
      to.term = from.request_vote.term;
      to.index = from.request_vote.last_log_index;
      to.index_term = from.request_vote.last_log_term;
      to.disrupt_leader = from.request_vote.disrupt_leader;
      to.pre_vote = from.request_vote.pre_vote;
      break;
    case RAFT_REQUEST_VOTE_RESULT:
      to.term = from.request_vote_result.term;
      to.granted = from.request_vote_result.vote_granted;
      to.pre_vote = from.request_vote_result.pre_vote;
      break;
    case RAFT_INSTALL_SNAPSHOT:
      to.term = from.install_snapshot.term;
      to.index = from.install_snapshot.last_index;
      to.index_term = from.install_snapshot.last_term;
      break;
    case RAFT_TIMEOUT_NOW:
      to.term = from.timeout_now.term;
      to.index = from.timeout_now.last_log_index;
      to.index_term = from.timeout_now.last_log_term;
      break;
  }
  return to;
}

RaftNode::RaftNode(RaftId id, RaftTiming timing, std::uint64_t seed)
    : core_(std::make_unique<Core>(id, timing, seed)) {}
RaftNode::~RaftNode() = default;
RaftNode::RaftNode(RaftNode&&) noexcept = default;
RaftNode& RaftNode::operator=(RaftNode&&) noexcept = default;

Result<RaftUpdate> RaftNode::start(io::TimePoint now, const RaftVote& vote, const RaftSnapshot* snapshot,
                                   std::uint64_t first_index, const std::deque<RaftEntry>& entries) {
  raft_snapshot_metadata metadata{};
  if (snapshot != nullptr) {
    metadata = {.index = snapshot->index,
                .term = snapshot->term,
                .configuration = to_configuration(snapshot->members),  // libraft keeps it
                .configuration_index = snapshot->members_index};
  }
  EntryArray array(entries);
  raft_event event{};
  event.type = RAFT_START;
  event.start.term = vote.term;
  event.start.voted_for = vote.voted_for.value();
  event.start.metadata = snapshot != nullptr ? &metadata : nullptr;
  event.start.start_index = first_index;
  event.start.entries = array.data();
  event.start.n_entries = array.size();
  return core_->step(now, event);
}

Result<RaftUpdate> RaftNode::receive(io::TimePoint now, RaftMessage message) {
  EntryArray array(message.entries);
  const std::string sender = fmt::format("{}", message.from);
  raft_message converted = to_libraft(message, array, sender.c_str());
  raft_event event{};
  event.type = RAFT_RECEIVE;
  event.receive.message = &converted;
  auto update = core_->step(now, event, std::move(message.entries), &array);
  // Entries that are not to be persisted (known, refused) were freed by libraft together with their batch.
  if (!update || update->entries.empty()) array.release_batch();
  if (update && update->snapshot) update->snapshot = std::move(message);
  return update;
}

Result<RaftUpdate> RaftNode::timeout(io::TimePoint now) {
  raft_event event{};
  event.type = RAFT_TIMEOUT;
  return core_->step(now, event);
}

Result<RaftUpdate> RaftNode::persisted_entries(io::TimePoint now, std::uint64_t last_index) {
  raft_event event{};
  event.type = RAFT_PERSISTED_ENTRIES;
  event.persisted_entries.index = last_index;
  return core_->step(now, event);
}

Result<RaftUpdate> RaftNode::persisted_snapshot(io::TimePoint now, const RaftMessage& snapshot) {
  raft_event event{};
  event.type = RAFT_PERSISTED_SNAPSHOT;
  event.persisted_snapshot.metadata = {.index = snapshot.index,
                                       .term = snapshot.index_term,
                                       .configuration = to_configuration(snapshot.members),
                                       .configuration_index = snapshot.members_index};
  event.persisted_snapshot.last = true;
  return core_->step(now, event);
}

Result<RaftUpdate> RaftNode::members_committed(io::TimePoint now, std::uint64_t index, const Members& members) {
  raft_event event{};
  event.type = RAFT_CONFIGURATION;
  event.configuration.index = index;
  event.configuration.conf = to_configuration(members);
  return core_->step(now, event);
}

Result<RaftUpdate> RaftNode::snapshot_taken(io::TimePoint now, const RaftSnapshot& snapshot, std::uint64_t trailing) {
  raft_event event{};
  event.type = RAFT_SNAPSHOT;
  event.snapshot.metadata = {.index = snapshot.index,
                             .term = snapshot.term,
                             .configuration = to_configuration(snapshot.members),
                             .configuration_index = snapshot.members_index};
  event.snapshot.trailing = static_cast<unsigned>(trailing);
  return core_->step(now, event);
}

Result<RaftUpdate> RaftNode::submit(io::TimePoint now, std::vector<RaftEntry> entries) {
  for (RaftEntry& entry : entries) {
    WALRUS_ASSERT(entry.type != EntryType::kChange || entries.size() == 1);
    entry.term = term();
  }
  EntryArray array(entries);
  raft_event event{};
  event.type = RAFT_SUBMIT;
  event.submit.entries = array.data();
  event.submit.n = array.size();
  return core_->step(now, event, std::move(entries), &array);
}

Result<RaftUpdate> RaftNode::transfer(io::TimePoint now, std::optional<RaftId> to) {
  raft_event event{};
  event.type = RAFT_TRANSFER;
  event.transfer.server_id = to.value_or(RaftId()).value();
  return core_->step(now, event);
}

RaftId RaftNode::id() const { return RaftId(core_->raft.id); }

RaftState RaftNode::state() const {
  switch (raft_state(&core_->raft)) {
    case RAFT_LEADER:
      return RaftState::kLeader;
    case RAFT_CANDIDATE:
      return RaftState::kCandidate;
    default:
      return RaftState::kFollower;
  }
}

std::uint64_t RaftNode::term() const { return raft_current_term(&core_->raft); }

RaftVote RaftNode::vote() const { return {.term = term(), .voted_for = RaftId(raft_voted_for(&core_->raft))}; }

std::uint64_t RaftNode::commit_index() const { return raft_commit_index(&core_->raft); }

std::uint64_t RaftNode::last_index() const { return raft_last_index(&core_->raft); }

std::optional<RaftId> RaftNode::leader() const {
  raft_id id = 0;
  const char* address = nullptr;
  raft_leader(&core_->raft, &id, &address);
  if (id == 0) return std::nullopt;
  return RaftId(id);
}

Members RaftNode::members() const {
  const raft_configuration& configuration = core_->raft.configuration;
  if (configuration.n == 0) return {};
  raft_buffer encoded{};
  WALRUS_ASSERT(raft_configuration_encode(&configuration, &encoded) == 0);
  auto members = decode_members({static_cast<const char*>(encoded.base), encoded.len});
  raft_free(encoded.base);
  WALRUS_ASSERT(members.has_value(), "members are checked where they are decoded");
  return std::move(*members);
}

std::optional<std::uint64_t> RaftNode::match_index(RaftId member) const {
  raft_index index = 0;
  if (raft_match_index(&core_->raft, member.value(), &index) != 0) return std::nullopt;
  return index;
}

io::TimePoint RaftNode::next_timeout() const {
  return io::TimePoint(std::chrono::milliseconds(raft_timeout(&core_->raft)));
}

}  // namespace walrus::metadata
