# shellcheck shell=bash
# ./dev test [regex] [ctest arguments…]

# run_ctest <preset> [ctest arguments…]; ctest's own closing lines end the output.
run_ctest() {
  local preset=$1 dir
  shift
  dir=$(build_dir "$preset")
  say "testing $preset (details: $dir/Testing/Temporary/LastTest.log)"
  ctest --test-dir "$dir" --output-on-failure --no-tests=error --parallel "${WALRUS_TEST_JOBS:-$JOBS}" "$@" || {
    hint "again, only what failed:  ctest --test-dir $dir --rerun-failed --output-on-failure"
    fail "tests of $preset failed"
  }
}

dev_test() {
  build release
  local filter=()
  if [ $# -gt 0 ]; then
    filter=(--tests-regex "$1")
    shift
  fi
  run_ctest release "${filter[@]}" "$@"
}
