# shellcheck shell=bash
# ./dev sim [args…]: whole clusters on virtual time, 200 seeds unless the arguments say otherwise (walrus-sim --help).
# ./dev sim --crash-points [args…]: the storage engine, power cut at every change it makes to its disk (walrus-crash-points
# --help).

dev_sim() {
  local program=walrus-sim
  if [ "${1:-}" = --crash-points ]; then
    program=walrus-crash-points
    shift
  elif [ $# -eq 0 ]; then
    set -- --seeds 200
  fi
  build release "$program"
  "$(find "$(build_dir release)" -type f -name "$program" -perm -u+x | head -n 1)" "$@"
}
