// Bytes on their way to one socket: text that is gathered in one buffer, and between it shared bytes that are sent from
// where they lie.
//
// Happy path: append() what is to be sent, write what pieces() names with one system call, drop() what the socket took.
// A queue without shared bytes is one string and costs no more than that. Memory: the text keeps its capacity until
// release(); shared bytes are let go as soon as they are dropped.
//
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace walrus::net {

class OutputQueue {
 public:
  /// Text is appended to what this returns, before the next call of anything else here.
  std::string& text() { return text_; }
  void append(SharedBytes bytes);

  bool empty() const { return size() == 0; }
  /// Bytes not dropped yet.
  std::size_t size() const { return text_.size() - text_dropped_ + shared_bytes_; }
  /// What is next to be sent, in order: at most kMostPieces runs of bytes, valid until the queue changes.
  std::span<const std::string_view> pieces();
  /// The first `count` bytes were sent.
  void drop(std::size_t count);
  void clear();

  std::size_t allocated_bytes() const;
  /// Frees what an empty queue keeps.
  void release();

  static constexpr std::size_t kMostPieces = 64;

 private:
  struct Shared {
    std::uint64_t behind;  // bytes of text before it, since the beginning
    SharedBytes bytes;
  };
  std::uint64_t text_position() const { return text_erased_ + text_dropped_; }
  void drop_text(std::size_t count);

  std::string text_;  // dropped up to text_dropped_
  std::size_t text_dropped_ = 0;
  std::uint64_t text_erased_ = 0;  // bytes of text that have left text_
  std::vector<Shared> shared_;     // dropped up to shared_dropped_
  std::size_t shared_dropped_ = 0;
  std::size_t shared_bytes_ = 0;  // of those left
  std::vector<std::string_view> pieces_;
};

}  // namespace walrus::net
