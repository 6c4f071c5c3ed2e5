#include "tests/budget/counting.h"

#include <cerrno>
#include <cstddef>
#include <utility>

#include "tests/budget/syscalls.h"

namespace {
bool counting = false;
std::uint64_t count = 0;

[[maybe_unused]] void note_allocation() {
  if (counting) ++count;
}
}  // namespace

// With names of their own in the symbol table, so that callgrind finds them.
extern "C" __attribute__((noinline)) void walrus_budget_counted(const std::function<void()>& body) { body(); }
extern "C" __attribute__((noinline)) void walrus_budget_aside(const std::function<void()>& body) { body(); }

namespace walrus::budget {

void counted(const std::function<void()>& body) {
  counting = true;
  count_syscalls(true);
  walrus_budget_counted(body);
  count_syscalls(false);
  counting = false;
}

void aside(const std::function<void()>& body) {
  if (!std::exchange(counting, false)) return body();
  walrus_budget_aside(body);
  counting = true;
}

std::uint64_t allocations() { return count; }

std::vector<std::string> toggles() { return {"walrus_budget_counted", "walrus_budget_aside"}; }

}  // namespace walrus::budget

#if defined(__GLIBC__) && !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)

extern "C" {

// The names under which glibc exports its own; see "Replacing malloc" in its manual.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t items, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

[[gnu::visibility("default")]] void* malloc(std::size_t size) {
  note_allocation();
  return __libc_malloc(size);
}

[[gnu::visibility("default")]] void* calloc(std::size_t items, std::size_t size) {
  note_allocation();
  return __libc_calloc(items, size);
}

[[gnu::visibility("default")]] void* realloc(void* memory, std::size_t size) {
  note_allocation();
  return __libc_realloc(memory, size);
}

[[gnu::visibility("default")]] void* aligned_alloc(std::size_t alignment, std::size_t size) {
  note_allocation();
  return __libc_memalign(alignment, size);
}

[[gnu::visibility("default")]] int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  note_allocation();
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}

}  // extern "C"

#endif
