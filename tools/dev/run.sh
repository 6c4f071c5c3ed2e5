# shellcheck shell=bash
# ./dev run: three nodes on 127.0.0.1, a shell on the first. Data stays; the next run resumes on it.

RUN_DATA=${WALRUS_RUN_DATA:-$ROOT/data}
CLIENT_PORT=${WALRUS_RUN_CLIENT_PORT:-9091}
RAFT_PORT=${WALRUS_RUN_RAFT_PORT:-6001}
NODES=(1 2 3)
STARTED=()  # process ids, in the order of NODES

client_port() { printf '%s' $((CLIENT_PORT + $1 - 1)); }
raft_port() { printf '%s' $((RAFT_PORT + $1 - 1)); }
node_log() { printf '%s' "$RUN_DATA/node_$1.log"; }

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

check_ports() {
  local node port
  for node in "${NODES[@]}"; do
    for port in "$(client_port "$node")" "$(raft_port "$node")"; do
      ! answers "$port" || fail "port $port is in use, and node $node needs it" \
        "another ./dev run? stop it first (who it is: ss -ltnp 'sport = :$port')" \
        "or choose other ports: WALRUS_RUN_CLIENT_PORT=19091 WALRUS_RUN_RAFT_PORT=16001 ./dev run"
    done
  done
}

start_node() {
  local node=$1 join=()
  [ "$node" = 1 ] || join=(--join "127.0.0.1:$(raft_port 1)")
  # shellcheck disable=SC2094  # the node and its stderr both append to the log
  # A session of its own: Ctrl-C in the shell is for the shell, the nodes are stopped by us.
  setsid "$WALRUSD" --node-id "$node" --data-dir "$RUN_DATA" \
    --client-port "$(client_port "$node")" --raft-port "$(raft_port "$node")" \
    --log-file "$(node_log "$node")" "${join[@]}" </dev/null >>"$(node_log "$node")" 2>&1 &
  STARTED+=($!)
}

# Ends ./dev run with the last words of the node that is gone.
report_dead_node() {
  local node=$1
  hint "the end of $(node_log "$node"):"
  tail -n 10 "$(node_log "$node")" | sed 's/^/    | /' >&2
  fail "node $node has ended by itself"
}

check_alive() {
  local i
  for i in "${!STARTED[@]}"; do
    kill -0 "${STARTED[$i]}" 2>/dev/null || report_dead_node "${NODES[$i]}"
  done
}

# A node that counts all nodes as voters and knows the leader.
formed() {
  local metrics
  metrics=$("$WALRUS_CLI" --addr "127.0.0.1:$(client_port "$1")" metrics 2>/dev/null) || return 1
  grep -Eq "\"cluster_size\": *${#NODES[@]}\b" <<<"$metrics" &&
    grep -Eq "\"voters\": *${#NODES[@]}\b" <<<"$metrics" && grep -Eq '"leader_id": *[1-9]' <<<"$metrics"
}

wait_until_formed() {
  local node deadline=$((SECONDS + 60))
  for node in "${NODES[@]}"; do
    until formed "$node"; do
      check_alive
      [ $SECONDS -lt $deadline ] || fail "the cluster has not formed within a minute" "logs: $RUN_DATA/node_*.log"
      sleep 0.05
    done
  done
}

stop_nodes() {
  [ ${#STARTED[@]} -gt 0 ] || return 0
  trap '' INT TERM HUP
  say "stopping the nodes"
  local pid deadline=$((SECONDS + 20))
  kill -TERM "${STARTED[@]}" 2>/dev/null || true
  for pid in "${STARTED[@]}"; do
    while kill -0 "$pid" 2>/dev/null; do
      if [ $SECONDS -ge $deadline ]; then
        hint "process $pid does not stop; killing it"
        kill -KILL "$pid" 2>/dev/null || true
        break
      fi
      sleep 0.05
    done
  done
  STARTED=()
  say "stopped; the data is in $RUN_DATA"
}

describe() {
  say "three nodes are up"
  local i
  for i in "${!NODES[@]}"; do
    hint "node ${NODES[$i]}: clients 127.0.0.1:$(client_port "${NODES[$i]}"), raft 127.0.0.1:$(raft_port "${NODES[$i]}"), pid ${STARTED[$i]}, log $(node_log "${NODES[$i]}")"
  done
  hint "data:    $RUN_DATA/node_*" \
    "talk:    $WALRUS_CLI --addr 127.0.0.1:$(client_port 1)" \
    "try:     REGISTER logs, PUT logs \"hello\", GET logs, STATE logs, METRICS"
}

stay() {
  say "Ctrl-C stops the nodes"
  trap 'exit 0' INT TERM HUP
  while :; do
    wait -n "${STARTED[@]}" || true
    check_alive
  done
}

# Started in the background of a script, SIGINT is ignored, and a shell cannot undo that for itself.
listen_to_interrupts() {
  if [ "$(trap -p INT)" = "trap -- '' SIGINT" ]; then exec env --default-signal=INT "$ROOT/dev" run; fi
}

dev_run() {
  listen_to_interrupts
  check_ports
  build release walrusd walrus-cli
  WALRUSD=$(find "$(build_dir release)" -type f -name walrusd -perm -u+x | head -n 1)
  WALRUS_CLI=$(find "$(build_dir release)" -type f -name walrus-cli -perm -u+x | head -n 1)
  mkdir -p "$RUN_DATA" || fail "cannot create $RUN_DATA"
  trap stop_nodes EXIT
  trap 'exit 130' INT TERM HUP
  local node
  for node in "${NODES[@]}"; do start_node "$node"; done
  wait_until_formed
  describe
  if [ -t 0 ] && [ -t 1 ]; then
    trap '' INT  # the shell's
    (trap - INT && exec "$WALRUS_CLI" --addr "127.0.0.1:$(client_port 1)") || true
  else
    stay
  fi
}
