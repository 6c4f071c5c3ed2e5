# shellcheck shell=bash
# ./dev lint [file…]: layers, sizes, links; then clang-tidy over everything, or over the given files only.

# The sources that the release build compiles, our own ones only; headers are checked through them. They are read
# without precompiled headers, so a file that does not name what it uses is found here. The gate leaves out
# the tests (WALRUS_TIDY_SCOPE=product): they are as many files again, and ./dev lint checks them at the desk.
tidy_files() {
  python3 - "$(build_dir lint)/compile_commands.json" <<'PY'
import json, os, pathlib, sys
here = pathlib.Path.cwd()
product = os.environ.get("WALRUS_TIDY_SCOPE") == "product"
for entry in json.load(open(sys.argv[1])):
    path = pathlib.Path(entry["directory"], entry["file"]).resolve()
    if here not in path.parents or path.name.endswith(".pb.cc"):
        continue
    if not (product and here / "tests" in path.parents):
        print(path.relative_to(here))
PY
}

tidy() {
  local log
  log=$(build_dir lint)/clang-tidy.log
  if ! printf '%s\n' "$@" | xargs -P "$JOBS" -n 4 clang-tidy-19 -p "$(build_dir lint)" --quiet >"$log" 2>&1; then
    grep -vE 'warnings generated|Processing file' "$log" | head -n 100 >&2
    fail "clang-tidy found something" "all of it: $log" "the checks and their limits: .clang-tidy"
  fi
  say "clang-tidy: $# files are clean"
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
  # Generated headers have to exist before a file that includes them can be checked.
  # shellcheck disable=SC2086
  configure lint ${WALRUS_CMAKE_FLAGS:-}
  build lint walrus_peer_proto walrus_metadata_proto
  local files=("$@")
  if [ ${#files[@]} -eq 0 ]; then mapfile -t files < <(tidy_files); fi
  [ ${#files[@]} -gt 0 ] || fail "lint: no files to check"
  tidy "${files[@]}"
}
