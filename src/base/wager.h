// Whether to do again what paid off lately, and costs something when it does not. After a few losses the answer is no,
// but for a try now and then.
//
// One thread at a time.
#pragma once

#include <algorithm>
#include <cstdint>

namespace walrus {

class Wager {
 public:
  bool worth_it() {
    if (credit_ > 0) return true;
    if (++passed_ < pause_) return false;
    passed_ = 0;
    return true;
  }
  void won() {
    credit_ = std::min(credit_ + 1, kMostCredit);
    if (credit_ == kMostCredit) pause_ = kFirstPause;
  }
  void lost() {
    if (credit_ == 0) pause_ = std::min(pause_ * 2, kLongestPause);
    credit_ = std::max(credit_ - kPriceOfLoss, 0);
  }

 private:
  static constexpr int kMostCredit = 16;
  static constexpr int kPriceOfLoss = 4;
  static constexpr std::uint32_t kFirstPause = 16;  ///< chances passed by before one is tried
  static constexpr std::uint32_t kLongestPause = 4096;
  int credit_ = kPriceOfLoss;
  std::uint32_t passed_ = 0;
  std::uint32_t pause_ = kFirstPause;
};

}  // namespace walrus
