# shellcheck shell=bash
# ./dev sim [args…]: whole clusters on virtual time (walrus-sim --help); without arguments 200 seeds, on all cores.
# ./dev sim --all-cores N [args…]: N seeds, on all cores.
# ./dev sim --crash-points [args…]: the storage engine, power cut at every change it makes to its disk (walrus-crash-points
# --help); without arguments a program on the embedded store as well, which takes longer (WALRUS_POWER_CUT_RUNS=n: n of them).
# ./dev sim --planted-bugs: with the bugs of base/planted_bug.h built in, one at a time; fails when one of them is not
# found within 200 seeds.

# sim_on_all_cores <program> <seeds> [arguments…]: each core has seeds of its own. Red when one of them is.
sim_on_all_cores() {
  local program=$1 seeds=$2 cores job pids=() status=0
  shift 2
  cores=$(nproc)
  local each=$(((seeds + cores - 1) / cores))
  for ((job = 0; job < cores; ++job)); do
    "$program" --seed $((1 + job * each)) --seeds "$each" "$@" &
    pids+=($!)
  done
  for job in "${pids[@]}"; do wait "$job" || status=1; done
  return $status
}

# The program of tests/unit/embed/power_cuts.h, with the power cut at every change.
cut_embedded_store() {
  build release embed_power_cut_test
  say "power cuts of the embedded store, at every change: about ten minutes for each program"
  WALRUS_POWER_CUT_RUNS=${WALRUS_POWER_CUT_RUNS:-1} "$(build_dir release)/tests/unit/embed/embed_power_cut_test" \
    --gtest_filter='*NothingThatWasAcknowledged*'
}

dev_sim() {
  local program=walrus-sim embedded=no
  if [ "${1:-}" = --planted-bugs ]; then
    program=walrus-sim-planted
    shift
    [ $# -gt 0 ] || set -- --seeds 200 --hunt all
  fi
  if [ "${1:-}" = --crash-points ]; then
    program=walrus-crash-points
    shift
    [ $# -gt 0 ] || embedded=yes
  elif [ "$program" = walrus-sim ] && [ $# -eq 0 ]; then
    set -- --all-cores 200
  fi
  build release "$program"
  program=$(find "$(build_dir release)" -type f -name "$program" -perm -u+x | head -n 1)
  if [ "${1:-}" = --all-cores ]; then
    sim_on_all_cores "$program" "${@:2}"
  else
    "$program" "$@"
  fi
  [ $embedded = no ] || cut_embedded_store
}
