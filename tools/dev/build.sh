# shellcheck shell=bash
# Configures and builds a preset below $WALRUS_BUILD_DIR.

BUILD_ROOT=${WALRUS_BUILD_DIR:-$ROOT/build}
JOBS=${WALRUS_JOBS:-$(nproc)}

build_dir() { printf '%s/%s\n' "$BUILD_ROOT" "$1"; }

# configure <preset> [-D…]: only when something about the configuration itself has changed; CMake's own files are
# watched by ninja.
configure() {
  local preset=$1 dir stamp wish launcher=
  shift
  dir=$(build_dir "$preset")
  stamp=$dir/dev.configured
  # What ccache has to overlook for precompiled headers: that they may hold __TIME__, and their own macros.
  ! command -v ccache >/dev/null || launcher='env;CCACHE_SLOPPINESS=pch_defines,time_macros;ccache'
  wish="$preset $launcher $* $(cksum <CMakePresets.json)"
  if [ -f "$dir/build.ninja" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wish" ]; then return; fi
  mkdir -p "$dir"
  say "configuring $preset in $dir"
  if ! WALRUS_COMPILER_LAUNCHER=$launcher cmake --preset "$preset" -B "$dir" "$@" >"$dir/configure.log" 2>&1; then
    tail -n 30 "$dir/configure.log" >&2
    fail "configuring $preset failed" "the whole log: $dir/configure.log" "./dev clean starts afresh"
  fi
  printf '%s' "$wish" >"$stamp"
}

# build_with <preset> "<-D…>" [target…]
build_with() {
  local preset=$1 definitions=$2 dir started=$SECONDS
  shift 2
  dir=$(build_dir "$preset")
  # shellcheck disable=SC2086  # definitions are words
  configure "$preset" $definitions
  say "building $preset in $dir (${*:-everything}, $JOBS jobs)"
  local quiet=()
  [ -t 1 ] || quiet=(--quiet)  # without a terminal only warnings and errors are worth lines
  ninja -C "$dir" -j "$JOBS" "${quiet[@]}" "$@" >&2 ||
    fail "the build of $preset failed" "the compiler's words stand above; compile commands: $dir/compile_commands.json"
  say "built $preset: $((SECONDS - started)) s"
}

build() {
  local preset=$1
  shift
  build_with "$preset" "${WALRUS_CMAKE_FLAGS:-}" "$@"
}

clean() {
  local preset
  for preset in release lint lint-joined asan tsan fuzz; do
    [ ! -d "$(build_dir "$preset")" ] || rm -r "$(build_dir "$preset")"
  done
  say "removed the builds in $BUILD_ROOT (data in ./data is left alone)"
}
