# ./dev bench: what bench/ measures, as ratios of one run.
run_bench() {
  setup test bench
  build_release
  bench/against_pgbackrest "$@"
}
