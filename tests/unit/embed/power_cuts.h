// Power cuts for the embedded store: a scripted program (PowerCutScript) runs on a real disk that is recorded, is
// closed and opened again in between, and for chosen changes of the disk a store is opened on what a power cut just
// before that change could have left, by each crash model.
//
// What must hold of every such image: it opens without damage; what was acknowledged by then is there, with its offset
// and bytes (of topics with a weaker Fsync: what was when sync() was called, and it has returned); what is there was
// asked for, in order, offsets dense, batches whole; topics, trims and cursors stand between what was told and what was
// asked for; every topic takes appends; and a second opening finds the same.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace walrus::test {

struct PowerCutOptions {
  std::uint64_t seed = 1;
  std::size_t steps = 100;         ///< of each of the two threads; half as many after each reopening
  std::uint64_t every = 1;         ///< look at each nth change only
  std::uint64_t nested_every = 0;  ///< and, for each nth image, cut again at each change of its opening; 0: never
  bool planted_ack_before_sync = false;
};

struct PowerCutResult {
  std::uint64_t changes = 0;
  std::uint64_t points = 0;             ///< changes looked at
  std::uint64_t images = 0;             ///< power cuts tried, those inside an opening included
  std::uint64_t nested = 0;             ///< the latter
  std::vector<std::string> errors;      ///< of the program
  std::vector<std::string> violations;  ///< at most a few
};

PowerCutResult enumerate_power_cuts(const PowerCutOptions& options);

}  // namespace walrus::test
