# shellcheck shell=bash
# ./dev sim [regex]: the tests that run whole nodes, or whole rooms, on the simulator.

dev_sim() {
  # shellcheck source=/dev/null
  source "$ROOT/tools/dev/test.sh"
  build release
  run_ctest release --label-regex sim "$@"
}
