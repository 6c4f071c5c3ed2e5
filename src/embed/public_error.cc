#include "embed/public_error.h"

namespace walrus::embed {
namespace {

store::ErrorCode code_of(ErrorCode code) {
  using Public = store::ErrorCode;
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kInvalidTopicName:
      return Public::kInvalidArgument;
    case ErrorCode::kNotFound:
    case ErrorCode::kTopicNotFound:
      return Public::kNotFound;
    case ErrorCode::kOffsetOutOfRange:
      return Public::kOutOfRange;
    case ErrorCode::kTooLarge:
      return Public::kTooLarge;
    case ErrorCode::kLocked:
      return Public::kConflict;
    case ErrorCode::kShuttingDown:
      return Public::kClosed;
    case ErrorCode::kDiskFull:
      return Public::kDiskFull;
    case ErrorCode::kCorrupt:
      return Public::kCorrupt;
    case ErrorCode::kUnavailable:
    case ErrorCode::kOverloaded:
      return Public::kUnavailable;
    case ErrorCode::kUnsupported:
      return Public::kUnsupported;
    default:
      return Public::kIo;
  }
}

}  // namespace

store::Error to_public(Error error) {
  const store::ErrorCode code = code_of(error.code);
  // Where the engine's own text says more than the code that is left of it, the text is kept.
  const bool vague = code == store::ErrorCode::kIo && error.code != ErrorCode::kIo;
  return {code, vague ? error.message() : std::move(error.detail)};
}

}  // namespace walrus::embed

namespace walrus::store {

std::string_view error_text(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid argument";
    case ErrorCode::kNotFound:
      return "not found";
    case ErrorCode::kOutOfRange:
      return "offset out of range";
    case ErrorCode::kTooLarge:
      return "too large";
    case ErrorCode::kConflict:
      return "open already";
    case ErrorCode::kClosed:
      return "the store is closed";
    case ErrorCode::kDiskFull:
      return "disk full";
    case ErrorCode::kIo:
      return "I/O error";
    case ErrorCode::kCorrupt:
      return "corrupt data";
    case ErrorCode::kUnavailable:
      return "unavailable, try again";
    case ErrorCode::kUnsupported:
      return "not supported";
  }
  return "unknown error";
}

std::string Error::message() const {
  std::string text(error_text(code));
  if (!detail.empty()) text.append(": ").append(detail);
  return text;
}

}  // namespace walrus::store
