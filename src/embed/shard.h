// A thread with a loop, a store of its own and the topics that were dealt to it; where records come in from all
// threads.
//
// Happy path: constructed, open()ed and start()ed by the engine; threads append(); the loop takes what has gathered
// whenever the log can start a write. close() writes what is there, then the loop ends.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "embed/answer.h"
#include "embed/caller_wait.h"
#include "embed/inbox.h"
#include "embed/topic_log.h"
#include "io/asio_loop.h"
#include "storage/shard_store.h"

namespace walrus::embed {

struct ShardOptions {
  std::string directory;
  std::uint32_t number = 0;
  std::size_t staging_bytes = 0;
  std::uint64_t segment_bytes = 0;
  std::uint64_t segment_records = 0;
  storage::EngineOptions engine;
};

class Shard {
 public:
  explicit Shard(const ShardOptions& options);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  Status open(io::Disk& disk, std::function<void(std::vector<catalog::Record>, io::Done)> record);
  void start();

  // Any thread.
  /// Blocks until the records are durable, or staged under a weaker policy.
  Result<Offset> append(const std::shared_ptr<TopicLog>& topic, std::span<const NewRecord> records);
  void append(const std::shared_ptr<TopicLog>& topic, std::span<const NewRecord> records, OffsetDone done);
  /// Runs `call(callback)` on the loop and waits for its answer.
  template <class T, class Call>
  Result<T> ask(Call call) {
    Answer<T> answer;
    loop_.post([call = std::move(call), callback = answer.callback()]() mutable { call(std::move(callback)); });
    return answer.wait();
  }
  /// Everything appended before is durable.
  Status sync();
  /// No append from now on.
  void stop_appends() { inbox_.close(); }
  /// Writes everything and closes the store. The loop goes on until stop().
  Status close();
  void stop();
  bool running() const { return thread_.joinable(); }
  Inbox& inbox() { return inbox_; }

  // Loop thread, or before start().
  io::AsioLoop& loop() { return loop_; }
  storage::ShardStore& store() { return *store_; }
  TopicHome& home() { return *home_; }
  /// Takes what has gathered now, whether or not the log is busy.
  void take_now();
  /// Runs `task` when what append() has returned for is there to be seen.
  void when_seen(TopicLog& topic, io::Task task) {
    if (!topic.waits()) take_now();
    topic.when_appended(std::move(task));
  }
  /// After stop(), before the disk goes.
  void destroy_store();

 private:
  void tell(Inbox::Tell tell);
  void take_when_writable();
  void take_soon();
  void sync_log(io::Done done);

  const ShardOptions options_;
  io::AsioLoop loop_;
  Inbox inbox_;
  CallerWait waits_;
  std::unique_ptr<storage::ShardStore> store_;
  std::unique_ptr<TopicHome> home_;
  std::thread thread_;
  io::Timer soon_;
  bool awaiting_slot_ = false;
};

}  // namespace walrus::embed
