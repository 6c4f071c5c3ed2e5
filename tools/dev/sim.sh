# shellcheck shell=bash
# ./dev sim [args…]: whole clusters on virtual time, 200 seeds unless the arguments say otherwise (walrus-sim --help).
# ./dev sim --crash-points [args…]: the storage engine, power cut at every change it makes to its disk (walrus-crash-points
# --help).
# ./dev sim --planted-bugs: with the bugs of base/planted_bug.h built in, one at a time; fails when one of them is not
# found within 200 seeds.

dev_sim() {
  local program=walrus-sim
  if [ "${1:-}" = --planted-bugs ]; then
    program=walrus-sim-planted
    shift
    [ $# -gt 0 ] || set -- --seeds 200 --hunt all
  fi
  if [ "${1:-}" = --crash-points ]; then
    program=walrus-crash-points
    shift
  elif [ "$program" = walrus-sim ] && [ $# -eq 0 ]; then
    set -- --seeds 200
  fi
  build release "$program"
  "$(find "$(build_dir release)" -type f -name "$program" -perm -u+x | head -n 1)" "$@"
}
