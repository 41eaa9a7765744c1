# Configuring and building, one directory a preset: build/dev, build/release, build/fuzz.

# A second checkout finds what the first one compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros

# Configures once; ninja itself notices later changes of the CMake files.
configure() {
  [ -f "build/$1/build.ninja" ] || cmake --preset "$1" >"$(build_log "$1")" 2>&1 || {
    cat "build/$1.log"
    return 1
  }
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
