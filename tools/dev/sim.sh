# shellcheck shell=bash
# ./dev sim [args…]: whole clusters on virtual time, 200 seeds unless the arguments say otherwise (walrus-sim --help).

dev_sim() {
  build release walrus-sim
  local sim
  sim=$(find "$(build_dir release)" -type f -name walrus-sim -perm -u+x | head -n 1)
  [ $# -gt 0 ] || set -- --seeds 200
  "$sim" "$@"
}
