// What a call to the embedded store comes to: a value, or an Error. Errors are values; no call throws, except for want
// of memory (std::bad_alloc). Stands on the standard library alone.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace walrus::store {

/// What a program can decide by. Numbers never change their meaning; new ones may come.
enum class ErrorCode : std::uint8_t {
  kInvalidArgument = 1,  ///< an option, name or size that cannot be; nothing was done
  kNotFound = 2,         ///< no such topic or cursor, or the topic was removed
  kOutOfRange = 3,       ///< an offset before the start of the topic or behind its end
  kTooLarge = 4,         ///< a record or batch beyond kMaxBatchBytes; nothing was done
  kConflict = 5,         ///< the directory is open already, here or in another process; the text says where
  kClosed = 6,           ///< the store was closed; nothing was done
  kDiskFull = 7,         ///< not appended; works again by itself once there is space
  kIo = 8,               ///< the disk has failed. Of an append: whether it is there after a restart is unknown
  kCorrupt = 9,          ///< stored bytes are damaged; the text says which file and where
  kUnavailable = 10,     ///< not done now, try again: too much is waiting for the disk
  kUnsupported = 11,     ///< stored by a version or codec that this one does not know
};

/// The code's fixed text, such as "disk full".
std::string_view error_text(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kIo;
  std::string detail;  ///< what happened where; may be empty

  /// "text" or "text: detail", one line for people.
  std::string message() const;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

}  // namespace walrus::store
