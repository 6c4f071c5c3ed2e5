# shellcheck shell=bash
# ./dev ci: everything that must hold before a change lands. Stops at the first step that fails.

ci_release() {
  build release
  run_ctest release
}

# ci_sanitized <preset> <target> [ctest arguments…]. Left to the release build: tests labelled `slow`, which wait for
# clocks and repeat loops, the second run of process tests, with one shard, which is two without half of the threads, two
# stories of simulated clusters that take minutes here, and what CMakeLists.txt leaves out: benchmarks, chaos, examples.
ci_sanitized() {
  local preset=$1 target=$2
  shift 2
  build "$preset" "$target"
  ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 \
    UBSAN_OPTIONS=print_stacktrace=1 \
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 \
    ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19 \
    TSAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19 \
    run_ctest "$preset" --label-exclude slow --exclude-regex '^shards1\.|Scenarios\.IsSurvived/F(16|23)' "$@"
}

dev_ci() {
  # shellcheck source=/dev/null
  for part in format lint test sim chaos bench; do source "$ROOT/tools/dev/$part.sh"; done
  export WALRUS_CMAKE_FLAGS=-DWALRUS_WERROR=ON WALRUS_TIDY_SCOPE=product
  local started=$SECONDS
  step "1/9 format" dev_format --check
  step "2/9 lint" dev_lint
  step "3/9 release build with -Werror, all tests" ci_release
  step "4/9 what a request costs" dev_bench budget
  step "5/9 planted bugs that the simulator must find" dev_sim --planted-bugs
  step "6/9 200 seeds of simulated clusters" dev_sim --all-cores 200 --time 10
  step "7/9 three minutes of real nodes under real faults" dev_chaos --minutes 3
  step "8/9 ASan and UBSan" ci_sanitized asan all
  step "9/9 TSan where threads meet" ci_sanitized tsan tests_threads --label-regex threads
  say "ci passed in $((SECONDS - started)) s"
}
