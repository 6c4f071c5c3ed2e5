#include "cli/record_output.h"

#include <cerrno>
#include <unistd.h>

namespace walrus::cli {
namespace {

constexpr std::size_t kFlushBytes = 256 * 1024;

}  // namespace

void RecordOutput::add(std::string_view record) {
  ++added_;
  if (error_ != 0) return;
  buffer_.append(record).append(1, '\n');
  sizes_.push_back(record.size() + 1);
  if (buffer_.size() >= kFlushBytes) flush();
}

void RecordOutput::flush() {
  std::size_t done = 0;
  while (done < buffer_.size() && error_ == 0) {
    const ssize_t taken = ::write(STDOUT_FILENO, buffer_.data() + done, buffer_.size() - done);
    if (taken >= 0) {
      done += static_cast<std::size_t>(taken);
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
  for (std::size_t left = done; !sizes_.empty() && sizes_.front() <= left; sizes_.pop_front()) {
    left -= sizes_.front();
    ++written_;
    written_bytes_ += sizes_.front() - 1;
  }
  buffer_.clear();
  sizes_.clear();
}

}  // namespace walrus::cli
