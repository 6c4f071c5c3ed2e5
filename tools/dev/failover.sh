# shellcheck shell=bash
# ./dev failover [args…]: how long writers wait when the leader of their segment is lost (walrus-failover --help).

dev_failover() {
  build release walrusd walrus-cli walrus-failover
  local program
  program=$(find "$(build_dir release)" -type f -name walrus-failover -perm -u+x | head -n 1)
  "$program" --folder "$BUILD_ROOT" "$@"
}
