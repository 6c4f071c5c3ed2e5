# shellcheck shell=bash
# ./dev bench [arguments of walrus-bench…]

dev_bench() {
  build release walrusd walrus-bench
  local program
  program=$(find "$(build_dir release)" -type f -name walrus-bench -perm -u+x | head -n 1)
  WALRUSD=$(find "$(build_dir release)" -type f -name walrusd -perm -u+x | head -n 1) "$program" "$@"
}
