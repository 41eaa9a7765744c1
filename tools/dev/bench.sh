# ./dev bench [PART] [OPTION…]: what bench/ measures, as ratios of one run. PART is the name of one of its scripts.
run_bench() {
  local part
  setup test bench
  build_release
  case ${1:-} in
    against_pgbackrest | incremental | delta_restore)
      part=$1
      shift
      "bench/$part" "$@"
      ;;
    *) bench/against_pgbackrest "$@" && bench/incremental "$@" && bench/delta_restore "$@" ;;
  esac
}
