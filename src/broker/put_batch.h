// Records of one topic that go to its leader together, and who waits for them.
//
// A batch that was answered goes back to the pool of its shard, with the memory of its lists: in a steady flow a batch
// costs the bytes of its records and nothing else. The pool is bounded. Loop thread only.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/topic_requests.h"
#include "broker/write_terms.h"

namespace walrus::broker {

struct PutBatch {
  /// Never null. A leader on this node takes the string or copies a short one, a message to another shares it.
  std::shared_ptr<std::string> bytes = std::make_shared<std::string>();
  WriteTerms terms = {};
  std::vector<Waiter> waiters;  ///< by record; or one, for all records
  io::TimePoint deadline = {};
  std::uint64_t number = 0;  ///< in the order of arrival at its queue
  bool in_doubt = false;     ///< an earlier try may have been carried out
};

using PutBatchPtr = std::unique_ptr<PutBatch>;

class PutBatchPool {
 public:
  /// An empty one.
  PutBatchPtr take() {
    if (idle_.empty()) return std::make_unique<PutBatch>();
    PutBatchPtr batch = std::move(idle_.back());
    idle_.pop_back();
    return batch;
  }

  void give_back(PutBatchPtr batch) {
    if (idle_.size() == kMaxIdle || batch->waiters.capacity() > kMaxKeptWaiters) return;
    batch->waiters.clear();
    if (batch->bytes.use_count() > 1) {
      batch->bytes = std::make_shared<std::string>();  // a message may still be on its way
    } else if (batch->bytes->capacity() > limits::kCopiedBatchBytes) {
      std::string().swap(*batch->bytes);
    }
    batch->terms = {};
    batch->in_doubt = false;
    idle_.push_back(std::move(batch));
  }

 private:
  static constexpr std::size_t kMaxIdle = 1024;
  static constexpr std::size_t kMaxKeptWaiters = 2048;
  std::vector<PutBatchPtr> idle_;
};

}  // namespace walrus::broker
