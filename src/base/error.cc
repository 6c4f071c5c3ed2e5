#include "base/error.h"

namespace walrus {

std::string_view error_text(ErrorCode code) {
  switch (code) {
#define WALRUS_ERROR_TEXT(name, number, text) \
  case ErrorCode::name:                       \
    return text;
    WALRUS_ERRORS(WALRUS_ERROR_TEXT)
#undef WALRUS_ERROR_TEXT
  }
  return "unknown error";
}

ErrorCode error_from_number(std::uint16_t number) {
  switch (number) {
#define WALRUS_ERROR_NUMBER(name, number, text) \
  case number:                                  \
    return ErrorCode::name;
    WALRUS_ERRORS(WALRUS_ERROR_NUMBER)
#undef WALRUS_ERROR_NUMBER
    default:
      return ErrorCode::kIo;
  }
}

std::string Error::message() const {
  std::string text(error_text(code));
  if (!detail.empty()) text.append(": ").append(detail);
  return text;
}

}  // namespace walrus
