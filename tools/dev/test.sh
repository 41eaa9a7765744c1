# ./dev test: every test. The last line says how many passed and failed; nothing is counted twice or left out.

results=build/results # JUnit reports of GoogleTest and pytest, and one-line verdicts of the other checks

run_tests() {
  local phases=() pytest_options=()
  while [ $# -gt 0 ] && [[ $1 != -* ]]; do
    phases+=("$1")
    shift
  done
  pytest_options=("$@")
  [ ${#phases[@]} -gt 0 ] || phases=(layers format unit scale simulation e2e fuzz)
  # The same of the same commit; other seeds are what soak is for.
  export WALKBACK_SEED=${WALKBACK_SEED:-1}
  local phase started=$SECONDS
  setup test
  rm -rf "$results"
  mkdir -p "$results"
  say "seed $WALKBACK_SEED (WALKBACK_SEED=N ./dev test runs with another)"
  for phase in "${phases[@]}"; do
    declare -F "phase_$phase" >/dev/null || die "no phase '$phase'" "phases: layers format unit scale simulation e2e fuzz, and tidy when named"
    say "$phase"
    local phase_started=$SECONDS
    "phase_$phase" "${pytest_options[@]}" || true
    say "$phase took $((SECONDS - phase_started)) s"
  done
  say "seed $WALKBACK_SEED, $((SECONDS - started)) s in all"
  /usr/bin/python3 tools/tally "$results"
}

# verdict NAME COMMAND…: one test, which is that the command succeeds. Its output is shown when it does not.
verdict() {
  local name=$1 log
  shift
  log=$results/$name.log
  if "$@" >"$log" 2>&1 </dev/null; then
    echo passed >"$results/$name.verdict"
  else
    echo failed >"$results/$name.verdict"
    tail -n 60 "$log"
    echo "FAILED: $name"
    return 1
  fi
}

phase_layers() {
  verdict layers tools/check-layers
  /usr/bin/python3 -m pytest -q -p no:cacheprovider --junitxml="$results/tools.xml" tests/tools
}

phase_format() { verdict format bash -c 'source tools/dev/build.sh; sources | xargs clang-format-14 --dry-run -Werror'; }

# The modules' own tests, under AddressSanitizer and UndefinedBehaviorSanitizer.
phase_unit() {
  verdict build-dev build_preset dev || return 0
  # Some become another user, who may not write into the checkout.
  local reports
  reports=$(mktemp -d /tmp/wb-unit-XXXXXX)
  chmod 1777 "$reports"
  GTEST_OUTPUT="xml:$reports/" ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 \
    ctest --test-dir build/dev -j "$(nproc)" --output-on-failure --timeout 600 \
    --output-junit "$PWD/$results/ctest.junit" </dev/null >"$results/ctest.log" 2>&1 || true
  mkdir -p "$results/unit"
  mv "$reports"/*.xml "$results/unit/" || true
  rmdir "$reports"
  grep -vE '^ *(Start +|[0-9]+/[0-9]+ Test .* Passed)' "$results/ctest.log" | tail -n 80
}

# side_by_side COMMAND…: in the background, as soon as fewer run there than there are cores. `wait` waits for them all.
side_by_side() {
  while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n || true; done
  "$@" &
}

# release_program NAME PROGRAM [FILTER]: GoogleTest's program of tests/ in the release build. It writes its report at its
# end: one that died without is one failure.
release_program() {
  GTEST_OUTPUT="xml:$PWD/$results/$1.xml" "build/release/tests/$2" --gtest_brief=1 --gtest_filter="${3:-*}" </dev/null ||
    [ -e "$results/$1.xml" ] || echo failed >"$results/$1.verdict"
}

# Memory against the number of files and the size of the cluster: sanitizers have memory of their own.
phase_scale() {
  verdict build-scale build_preset release walkback_scale_test || return 0
  release_program scale scale/walkback_scale_test
}

# Months and power cuts that are not real, and take minutes with sanitizers: ninety days of an unattended agent, by seed;
# two months of hourly backups; a cut at each write.
phase_simulation() {
  verdict build-simulation build_preset release walkback_simulation_test walkback_power_cut_test || return 0
  local seed
  for seed in 1 2 3; do
    WALKBACK_FIRST_SEED=$seed WALKBACK_SEEDS=1 \
      side_by_side release_program "simulation-$seed" simulation/walkback_simulation_test 'NinetyDays.*'
  done
  side_by_side release_program power-cut power_cut/walkback_power_cut_test
  side_by_side release_program hourly-backups simulation/walkback_simulation_test 'HourlyBackups.*'
  wait || true
}

# When asked for by name: a bounded share of the sources, another one with every seed. `./dev tidy` looks at all of them.
phase_tidy() {
  source tools/dev/tidy.sh
  configure dev && build_generated || return 0
  verdict tidy run_tidy $(sources | grep '\.cc$' | shuf -n "${WALKBACK_TIDY_FILES:-12}" --random-source=<(yes "$WALKBACK_SEED"))
}

# The release binary and real servers.
phase_e2e() {
  verdict build-release build_preset release walkback wal_dump || return 0
  verdict prometheus unpack_prometheus || return 0
  (
    make_stage
    keep_stage=${WALKBACK_KEEP:-}
    in_stage /usr/bin/python3 -m pytest -q -p no:cacheprovider -n "${WALKBACK_JOBS:-3}" \
      --junitxml="$stage/e2e.xml" -rs --durations=8 tests/e2e "$@" || true
    cp "$stage/e2e.xml" "$results/e2e.xml" || echo failed >"$results/e2e.verdict"
  )
}

# A short while for each fuzz target: what a decoder does with hostile bytes. `./dev soak fuzz` takes longer.
phase_fuzz() {
  local target
  verdict build-fuzz build_fuzz dev || return 0
  # The decoder, which reads what a crash leaves, for a minute; first, so that the others run beside it.
  side_by_side verdict fuzz_record_reader fuzz_one dev fuzz_record_reader "${WALKBACK_FUZZ_SECONDS:-60}"
  for target in $(fuzz_targets dev | grep -v '^fuzz_record_reader$'); do
    side_by_side verdict "$target" fuzz_one dev "$target" "${WALKBACK_FUZZ_SECONDS:-8}"
  done
  wait || true
}

# The presets with fuzz targets: dev, and fuzz, whose optimized ones try more in the same time and take longer to build.
fuzz_targets() { ninja -C "build/$1" -t targets all | sed -n 's/^\(fuzz_[a-z0-9_]*\): phony$/\1/p' | sort -u; }

# A list that is empty would be everything.
build_fuzz() { configure "$1" && [ -n "$(fuzz_targets "$1")" ] && build_preset "$1" $(fuzz_targets "$1"); }

# Two pages in every sixteen of each segment that servers wrote, behind a byte that says which major's (fuzz_record_reader.cc).
decoder_seeds() {
  local seeds=build/seeds/fuzz_record_reader major packed segment=build/seeds/segment page
  [ ! -d "$seeds" ] || return 0
  rm -rf "$seeds.unfinished"
  mkdir -p "$seeds.unfinished"
  for major in 13 14 15 16 17 18; do
    for packed in src/wal/testdata/"$major"/0*.zst; do
      zstd -qdfc "$packed" >"$segment"
      for ((page = 1; (page + 2) * 8192 <= $(stat -c %s "$segment"); page += 16)); do
        # Behind a switch there are only zeros.
        [ "$(od -An -tu2 -j $((page * 8192)) -N 2 "$segment")" -ne 0 ] || break
        {
          printf "\\x0$((major - 13))"
          dd if="$segment" bs=8192 skip="$page" count=2 status=none
        } >"$seeds.unfinished/$major-$(basename "$packed" .zst)-$page"
      done
    done
  done
  rm -f "$segment"
  mv "$seeds.unfinished" "$seeds"
}

# What it found is kept in build/corpus/TARGET; src/MODULE/testdata/TARGET, and build/seeds/TARGET, hold what it starts from.
# fuzz_one PRESET TARGET SECONDS
fuzz_one() {
  local target=$2 seconds=$3 program
  program=$(find "build/$1" -name "$target" -type f -perm -u+x | head -n 1)
  mkdir -p "build/corpus/$target"
  [ "$target" != fuzz_record_reader ] || decoder_seeds
  "$program" -max_total_time="$seconds" -seed="$((WALKBACK_SEED % 2147483647 + 1))" -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="build/corpus/$target-" "build/corpus/$target" $(ls -d src/*/testdata/"$target" "build/seeds/$target" 2>/dev/null)
}
