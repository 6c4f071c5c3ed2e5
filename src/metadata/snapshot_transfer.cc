#include "metadata/snapshot_transfer.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"

namespace walrus::metadata {

void SnapshotSender::send(NodeId to, RaftMessage whole) {
  log::info("raft: sending a snapshot up to entry {} ({} bytes) to node {}", whole.index, whole.data_size, to);
  if (!transfers_->emplace(to, std::move(whole)).second) return;
  send_part(transport_, transfers_, to);
}

void SnapshotSender::send_part(io::Transport& transport, const std::shared_ptr<Transfers>& transfers, NodeId to) {
  const RaftMessage& whole = transfers->at(to);
  RaftMessage part = whole;
  const std::size_t size = std::min<std::size_t>(limits::kRaftMessageBytes, whole.data_size - whole.data_offset);
  part.data = whole.data.slice(whole.data_offset, size);
  std::weak_ptr<Transfers> alive = transfers;
  transport.call(to, encode_message(part), limits::kCallTimeout,
                 [&transport, alive, to, size](Result<io::Message> reply) {
                   const auto current = alive.lock();
                   if (!current) return;
                   const auto transfer = current->find(to);
                   if (transfer == current->end()) return;
                   RaftMessage& sent = transfer->second;
                   sent.data_offset += size;
                   if (!reply)
                     log::info("raft: the snapshot for node {} did not arrive: {}", to, reply.error().message());
                   if (!reply || sent.data_offset >= sent.data_size) {
                     current->erase(transfer);
                   } else {
                     send_part(transport, current, to);
                   }
                 });
}

Result<std::optional<RaftMessage>> SnapshotReceiver::take(RaftMessage part) {
  if (part.data_offset == 0) unfinished_ = Unfinished{part.from, part.index, part.index_term, {}};
  const bool follows = unfinished_ && unfinished_->from == part.from && unfinished_->index == part.index &&
                       unfinished_->index_term == part.index_term && unfinished_->data.size() == part.data_offset;
  if (!follows) return fail(ErrorCode::kGap, "not the part of the snapshot that must follow");
  unfinished_->data.append(part.data.view());
  if (unfinished_->data.size() < part.data_size) return std::nullopt;
  part.data_offset = 0;
  part.data = SharedBytes(std::move(unfinished_->data));
  unfinished_.reset();
  return part;
}

}  // namespace walrus::metadata
