# Configuring and building, one directory a preset: build/dev, build/release, build/fuzz.

# A second checkout finds what the first one compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros

# Configures once, and again when the presets changed; ninja itself notices later changes of the CMake files.
configure() {
  local configured_by=build/$1/configured-by.json
  ! cmp -s CMakePresets.json "$configured_by" || return 0
  rm -f "build/$1/CMakeCache.txt"
  cmake --preset "$1" >"$(build_log "$1")" 2>&1 || {
    cat "build/$1.log"
    return 1
  }
  cp CMakePresets.json "$configured_by"
}

build_log() { mkdir -p build && echo "build/$1.log"; }

# build_preset PRESET [TARGET…]: quiet unless it fails.
build_preset() {
  local preset=$1 started=$SECONDS
  shift
  configure "$preset" || return 1
  say "building $preset"
  if ! ninja -C "build/$preset" "$@" >"$(build_log "$preset")" 2>&1; then
    grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking|Running)|^ninja: Entering' "build/$preset.log" | tail -n 60
    return 1
  fi
  say "built $preset in $((SECONDS - started)) s"
}

# The program, at build/release/walkback.
build_release() { build_preset release walkback; }

# Our sources, as a person wrote them.
sources() { find src bench tests -name '*.h' -o -name '*.cc' | sort; }
