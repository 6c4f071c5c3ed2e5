// An open file of a SimDisk. See sim_disk.h. After a crash every call is answered with kIo.
#pragma once

#include <memory>
#include <string>

#include "io/sim/sim_disk.h"

namespace walrus::io {

class SimFile final : public File {
 public:
  SimFile(SimDisk& disk, std::string path, std::shared_ptr<SimInode> inode, OpenOptions options, Loop* loop);
  ~SimFile() override;

  Result<std::size_t> read(std::uint64_t position, char* into, std::size_t size) override;
  Status write(std::uint64_t position, std::string_view bytes) override;
  Status sync() override;
  Status truncate(std::uint64_t size) override;
  Result<std::uint64_t> size() override;
  Status prewrite(std::uint64_t size) override;

  void async_write(std::uint64_t position, std::string_view bytes, Done done) override;
  void async_read(std::uint64_t position, char* into, std::size_t size, ReadDone done) override;
  void async_sync(Done done) override;

 private:
  /// What completions share with the file.
  struct State {
    std::shared_ptr<SimInode> inode;
    std::shared_ptr<SimDiskLife> life;
    bool closed = false;
  };

  Status usable() const;
  Status writable() const;
  /// Does a write as far as faults and space let it; `sequence` is that of the change.
  Status start_write(std::uint64_t position, std::string_view bytes, std::uint64_t& sequence);
  void check_alignment(std::uint64_t position, const char* memory, std::size_t size) const;

  /// Runs `finish` on the file's loop, unless the life of the disk has ended by then.
  static void finish_on(Loop& loop, const std::shared_ptr<State>& state, Task finish);

  SimDisk& disk_;
  const std::string path_;
  const OpenOptions options_;
  Loop* const loop_;
  const std::shared_ptr<State> state_;
};

}  // namespace walrus::io
