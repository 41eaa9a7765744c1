# clang-tidy, remembering what was clean: a file is looked at again when it, a header or the checks change.

# Generated headers (Protocol Buffers) must exist before clang can read our sources.
build_generated() {
  local targets
  targets=$(ninja -C build/dev -t targets all | sed -n 's/^\(walkback_[a-z]*_proto\): .*/\1/p' | sort -u)
  [ -z "$targets" ] || build_preset dev $targets
}

tidy_stamp() {
  { cat .clang-tidy "$1"; find src -name '*.h' -o -name '*.proto' | sort | xargs cat; } | sha256sum | cut -c1-32
}

tidy_one() {
  local stamp
  stamp=build/tidy/$(tidy_stamp "$1")
  [ ! -e "$stamp" ] || return 0
  clang-tidy-14 --quiet --warnings-as-errors='*' -p build/dev "$1" 2>/dev/null || return 1
  touch "$stamp"
}

# run_tidy FILE…; the files that are not clean are named last.
run_tidy() {
  mkdir -p build/tidy
  export -f tidy_one tidy_stamp
  printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c 'tidy_one {} || { echo "not clean: {}"; exit 1; }'
}
