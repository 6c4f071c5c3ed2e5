# shellcheck shell=bash
# ./dev lint [file…]: layers, sizes, links; then clang-tidy over everything, or over the given files only.

# tidy_files <preset> product|tests: the sources that it compiles, our own ones only; headers are checked through them.
tidy_files() {
  python3 - "$(build_dir "$1")" "$2" <<'PY'
import json, pathlib, sys
here, build = pathlib.Path.cwd(), pathlib.Path(sys.argv[1]).resolve()
for entry in json.load(open(build / "compile_commands.json")):
    path = pathlib.Path(entry["directory"], entry["file"]).resolve()
    joined = build in path.parents and path.name.startswith("unity_")
    ours = here in path.parents and build not in path.parents
    part = path.relative_to(build if joined else here).parts[0] if joined or ours else None
    if part is not None and (part == "tests") == (sys.argv[2] == "tests"):
        print(path)
PY
}

# tidy <preset> <files…>
tidy() {
  local preset=$1 log checks=
  shift
  # A joined source includes others on purpose.
  [ "$preset" = lint ] || checks=--checks=-bugprone-suspicious-include
  log=$(build_dir "$preset")/clang-tidy.log
  if ! printf '%s\n' "$@" | xargs -P "$JOBS" -n 1 clang-tidy-19 -p "$(build_dir "$preset")" --config-file="$ROOT/.clang-tidy" --quiet $checks >"$log" 2>&1; then
    grep -vE 'warnings generated|Processing file' "$log" | head -n 100 >&2
    fail "clang-tidy found something" "all of it: $log" "the checks and their limits: .clang-tidy"
  fi
  say "clang-tidy: $# sources are clean"
}

# tidy_ready <preset>: generated headers have to exist before a file that includes them can be checked.
tidy_ready() {
  # shellcheck disable=SC2086
  configure "$1" ${WALRUS_CMAKE_FLAGS:-}
  build "$1" walrus_peer_proto walrus_metadata_proto
}

# Most of the time goes into the headers of the system: the product's sources are read a dozen at a time, joined as by
# CMAKE_UNITY_BUILD. Single files, and those of the tests, are read alone and without precompiled headers; only there is
# a file found that does not name what it uses. The gate leaves out the tests (WALRUS_TIDY_SCOPE=product).
tidy_all() {
  local sources
  tidy_ready lint-joined
  mapfile -t sources < <(tidy_files lint-joined product)
  [ ${#sources[@]} -gt 0 ] || fail "lint: no files to check"
  tidy lint-joined "${sources[@]}"
  [ "${WALRUS_TIDY_SCOPE:-}" != product ] || return 0
  tidy_ready lint
  mapfile -t sources < <(tidy_files lint tests)
  tidy lint "${sources[@]}"
}

lint_text() {
  local failed=0 check
  for check in "lint_layers --self-test" lint_layers lint_sizes lint_links; do
    # shellcheck disable=SC2086  # a command with its argument
    "$ROOT"/tools/$check || failed=1
  done
  [ $failed -eq 0 ] || fail "lint: see the lines above" "the rules: docs/ARCHITECTURE.md, CONTRIBUTING.md"
}

dev_lint() {
  lint_text
  [ $# -gt 0 ] || { tidy_all; return; }
  tidy_ready lint
  tidy lint "$@"
}
