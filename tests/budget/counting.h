// What is counted is what happens inside of counted(), but for what happens inside of aside() in it. Allocations are
// counted here: counting.cc replaces malloc and its kin (glibc only) by ones that count and hand on. Instructions are
// counted by callgrind, which is told the names of the two functions (toggles()), and system calls by the tracer
// (syscalls.h). One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace walrus::budget {

void counted(const std::function<void()>& body);
/// Of the measuring itself: the memory that stands for a disk. To make a std::function of `body` must not allocate:
/// pass std::ref().
void aside(const std::function<void()>& body);

/// Inside of counted(), so far. Always 0 under sanitizers, which have a malloc of their own.
std::uint64_t allocations();

/// Functions that switch the count on and off again, or off and on, as --toggle-collect wants them.
std::vector<std::string> toggles();

}  // namespace walrus::budget
