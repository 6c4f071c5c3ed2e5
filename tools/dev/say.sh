# shellcheck shell=bash
# How ./dev talks: progress on stderr, so that stdout stays the output of what is run.

if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then
  BOLD=$'\e[1m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
  BOLD='' RED='' PLAIN=''
fi

say() { printf '%s\n' "${BOLD}==>${PLAIN} $*" >&2; }
hint() { printf '    %s\n' "$@" >&2; }

# fail <what went wrong> [what to do about it]…
fail() {
  printf '%s\n' "${RED}error:${PLAIN} $1" >&2
  shift
  [ $# -eq 0 ] || hint "$@"
  exit 1
}

# step <title> <command…>: runs it, says how long it took; its output is left alone.
step() {
  local title=$1 started=$SECONDS
  shift
  say "$title"
  "$@"
  say "$title: $((SECONDS - started)) s"
}
