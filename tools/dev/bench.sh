# shellcheck shell=bash
# ./dev bench [arguments of walrus-bench…]. `engine` and `restart` measure the storage engine alone, beside the build. A workload
# without --addr gets a fresh node of its own, whose data lies beside the build (a disk, not a tmpfs) and is removed
# afterwards. What is no workload: `budget` counts what a request costs and compares it with tests/budget/budget.txt;
# `cluster` prints what three nodes take, as a table; `compare` sets walrusd beside its peers and the machine's limits,
# `curves` shows how cost grows, `flame` where a node's time goes: they write into docs/.

program() { find "$(build_dir release)" -type f -name "$1" -perm -u+x | head -n 1; }

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
  local port=$1
  while answers "$port"; do port=$((port + 1)); done
  printf '%s' "$port"
}

start_bench_node() {
  BENCH_DATA=$(mktemp -d "$BUILD_ROOT/bench.XXXXXX")
  BENCH_PORT=$(free_port 9391)
  say "starting a node on 127.0.0.1:$BENCH_PORT, data in $BENCH_DATA"
  # shellcheck disable=SC2094  # the node and its stderr both append to the log
  "$(program walrusd)" --data-dir "$BENCH_DATA" --client-port "$BENCH_PORT" --raft-port "$(free_port 6391)" \
    --log-file "$BENCH_DATA/node.log" </dev/null >/dev/null 2>>"$BENCH_DATA/node.log" &
  BENCH_NODE=$!
  trap stop_bench_node EXIT
  local deadline=$((SECONDS + 30))
  until answers "$BENCH_PORT"; do
    kill -0 "$BENCH_NODE" 2>/dev/null || fail "the node has ended: $(tail -n 3 "$BENCH_DATA/node.log")"
    [ $SECONDS -lt $deadline ] || fail "the node does not answer" "its log: $BENCH_DATA/node.log"
    sleep 0.05
  done
}

stop_bench_node() {
  kill -TERM "$BENCH_NODE" 2>/dev/null || true
  wait "$BENCH_NODE" || true
  rm -r "$BENCH_DATA"
}

# A workload against a server, with no server named.
needs_node() {
  local argument
  case ${1:-} in
    '' | -* | raw-sync | echo-server | engine | restart | chart) return 1 ;;
  esac
  for argument in "$@"; do
    case $argument in --addr | --addr=* | -h | --help) return 1 ;; esac
  done
}

# What does not depend on how busy the machine is: the gate runs it, too.
bench_budget() {
  build release walrus-budget
  "$(program walrus-budget)" --budget "$ROOT/tests/budget/budget.txt" --dir "$BUILD_ROOT" "$@"
}

bench_cluster() {
  build release walrusd walrus-cli walrus-bench
  "$ROOT/tools/dev/bench_cluster.py" "$@" --directory "$BUILD_ROOT" \
    --programs "$(program walrusd)" "$(program walrus-cli)" "$(program walrus-bench)"
}

# bench_script <name> [arguments…]
bench_script() {
  local name=$1
  shift
  local each programs=(walrusd walrus-bench) paths=()
  if [ "$name" = curves ]; then programs+=(metadata_benchmark); fi
  build release "${programs[@]}"
  for each in "${programs[@]}"; do paths+=("$(program "$each")"); done
  "$ROOT/tools/dev/bench_$name.py" "$@" --directory "$BUILD_ROOT" --programs "${paths[@]}"
}

dev_bench() {
  case ${1:-} in
    compare | curves | flame)
      bench_script "$@"
      return
      ;;
    budget)
      shift
      bench_budget "$@"
      return
      ;;
    cluster)
      shift
      bench_cluster "$@"
      return
      ;;
  esac
  build release walrusd walrus-bench
  if needs_node "$@"; then
    start_bench_node
    set -- "$@" --addr "127.0.0.1:$BENCH_PORT"
  fi
  # A disk, not a tmpfs, unless told otherwise.
  if [[ "${1:-}" = engine || "${1:-}" = restart ]] && [[ " $* " != *" --dir"* ]]; then set -- "$@" --dir "$BUILD_ROOT"; fi
  "$(program walrus-bench)" "${@:---help}"
}
