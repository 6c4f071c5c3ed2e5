# shellcheck shell=bash
# ./dev chaos [--minutes N] [args…]: real nodes under real faults (walrus-chaos --help); one minute unless told. Data lies
# beside the build (a disk, not a tmpfs); it is kept when something is wrong.

dev_chaos() {
  build release walrusd walrus-cli walrus-chaos
  local program arguments=()
  program=$(find "$(build_dir release)" -type f -name walrus-chaos -perm -u+x | head -n 1)
  while [ $# -gt 0 ]; do
    case $1 in
      --minutes)
        [ $# -gt 1 ] || fail "--minutes needs a number"
        arguments+=(--seconds $(($2 * 60)))
        shift
        ;;
      *) arguments+=("$1") ;;
    esac
    shift
  done
  "$program" --folder "$BUILD_ROOT" "${arguments[@]}"
}
