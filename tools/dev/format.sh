# shellcheck shell=bash
# ./dev format [--check]: all C++ of the repository, by .clang-format.

cxx_files() { git ls-files --cached --others --exclude-standard -- '*.h' '*.cc'; }

dev_format() {
  local mode=(-i)
  if [ "${1:-}" = --check ]; then mode=(--dry-run -Werror); fi
  cxx_files | xargs -r -P "$JOBS" -n 20 clang-format-19 "${mode[@]}" ||
    fail "not formatted as .clang-format says" "./dev format puts it right"
  say "format: $(cxx_files | wc -l) files are in order"
}
