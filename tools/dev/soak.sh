# ./dev soak: the full counts that the tests in ./dev test take a few of.
#
# A part is a list of seeds. A seed that passed is remembered under build/soak/PART for the release binary it
# passed with, so a soak that was stopped goes on where it was; it stops by itself where an hour would not do. The log of
# the last soak is docs/soak/PART.log.

#     name            seeds  what one seed is
soak_parts() {
  cat <<'PARTS'
ledger                4      one workload, 20 recoveries to random instants, each compared with the ledger
kill-backup           10     kill -9 of backup at 5 moments, then what is listed is restored
kill-wal-push         5      kill -9 of wal-push at 10 moments, then zstd -d and wal-get
kill-recover          10     kill -9 of recover at 5 moments, then PostgreSQL is asked to start on it
one-byte              10     one byte changed in a manifest, a pack, a segment: 20 of each
find                  1      accidents among 2,000,000 transactions in 300 segments, each found and recovered from
find-ddl              10     200 random transactions of schema changes, savepoints and rows: find says what each did, asked three ways
wal-decoder           1      2 GiB of WAL of pgbench and schema changes, record for record as pg_waldump reads it
wal-majors            1      2 GiB of WAL that PostgreSQL 13, 14, 16, 17 and 18 wrote, as those servers themselves read it
histories             10     20 random histories: a plan says yes exactly when a recovery succeeds
backup-histories      25     4 random histories of 10 to 40 incremental backups, each compared with the cluster of its moment and opened
undo                  1      200,000 rows of every type, updated and deleted without WHERE, back while others write
undo-on-demand        1      one table of a cluster of 6 GiB: its rows back beside a recovery of all of it, time and bytes
large-relation        1      a relation above 1 GiB
bad-network           10     10 networks on a bad day: pushes, backups and recoveries through each
s3-faults             10     the store's suite through 10 seeds of lost requests, lost answers and busy servers
s3-swift              1      the store's suites against OpenStack Swift, the second dialect
s3-kill-osd           1      Ceph with two copies on three disks: one is killed under load
throughput            1      a backup to a bucket beside one to a directory and the server's own rate, on a quiet machine
space                 1      a year of hourly incremental backups: packs and frames within their bounds
agent                 1      an hour of a real agent beside a real server, killed three times, nothing lost
ninety-days           25     two runs of ninety days of an unattended agent, faults included: every third hour a promised moment recovered and compared
scale                 1      2,000,000 relation files and 20 TB, generated: backups, a plan, a recovery in 512 MiB
power-cut             10     a power cut and a kill at every write of push, backup and recover, 5 seeds
fuzz                  1      a minute and a half of every fuzz target
fuzz-decoder          1      half an hour of the WAL decoder's
PARTS
}

e2e_soak() { in_stage "${@:2}" /usr/bin/python3 -m pytest -q -rP -p no:cacheprovider -x tests/e2e -k "$1"; }

# What would fill the memory that tests run in otherwise.
on_disk() { "$@" WALKBACK_MEMORY=; }

soak_seed() {
  local part=$1 seed=$2
  export WALKBACK_SEED=$seed
  case $part in
    ledger) e2e_soak test_recovery_to_random_instants WALKBACK_INSTANTS=20 ;;
    kill-backup) e2e_soak test_a_killed_backup WALKBACK_MOMENTS=5 ;;
    kill-wal-push) e2e_soak test_a_killed_wal_push WALKBACK_MOMENTS=5 ;;
    kill-recover) e2e_soak test_a_killed_recover WALKBACK_MOMENTS=5 ;;
    one-byte) e2e_soak test_one_byte_changed WALKBACK_CHANGES=20 ;;
    bad-network) e2e_soak test_what_is_acknowledged_is_there_and_right WALKBACK_NETWORKS=10 ;;
    find) on_disk e2e_soak test_accidents_among_many WALKBACK_FIND_TRANSACTIONS=2000000 ;;
    find-ddl) e2e_soak test_find_says_what_random WALKBACK_DDL_TRANSACTIONS=200 ;;
    wal-decoder) build_preset release wal_dump && cp build/release/src/wal/wal_dump "$stage/" && on_disk e2e_soak test_gigabytes_of WALKBACK_WAL_MIB=2048 ;;
    wal-majors) build_preset release wal_dump && cp build/release/src/wal/wal_dump "$stage/" && on_disk e2e_soak test_what_other_majors WALKBACK_MAJOR_WAL_MIB=410 ;;
    histories) e2e_soak test_a_plan_says_yes_exactly WALKBACK_HISTORIES=20 PYTEST_ADDOPTS="-n 2" ;;
    backup-histories) e2e_soak test_every_backup_of_a_random WALKBACK_CHANGE_HISTORIES=4 WALKBACK_CHANGE_ROUNDS=40 PYTEST_ADDOPTS="-n 2" ;;
    throughput) on_disk e2e_soak test_a_bucket_is_as_fast WALKBACK_THROUGHPUT_MIB=1024 ;;
    s3-*) soak_s3 "${part#s3-}" ;;
    undo) on_disk e2e_soak test_rows_of_every_type_come_back WALKBACK_UNDO_ROWS=200000 ;;
    undo-on-demand) on_disk e2e_soak test_what_is_fetched_follows_the_table WALKBACK_ON_DEMAND_MIB=6144 ;;
    large-relation) on_disk e2e_soak test_a_relation_above_one_gibibyte WALKBACK_LARGE=1 ;;
    space) soak_space ;;
    agent) e2e_soak test_killed_three_times WALKBACK_AGENT_SECONDS=3600 ;;
    ninety-days) soak_ninety_days ;;
    scale) soak_scale ;;
    power-cut) soak_power_cut ;;
    fuzz) soak_fuzz ;;
    fuzz-decoder) soak_fuzz_decoder ;;
  esac
}

soak_space() {
  build_preset release walkback_simulation_test &&
    WALKBACK_SPACE_DAYS=365 build/release/tests/simulation/walkback_simulation_test --gtest_filter='HourlyBackups.*'
}

# A run has one thread: two side by side.
soak_ninety_days() {
  build_preset release walkback_simulation_test || return 1
  local run runs=() failed=0
  for run in $((2 * WALKBACK_SEED - 1)) $((2 * WALKBACK_SEED)); do
    WALKBACK_FIRST_SEED=$run WALKBACK_SEEDS=1 WALKBACK_HOURS_BETWEEN_RECOVERIES=3 \
      build/release/tests/simulation/walkback_simulation_test --gtest_filter='NinetyDays.*' &
    runs+=($!)
  done
  for run in "${runs[@]}"; do wait "$run" || failed=1; done
  return $failed
}

soak_scale() {
  build_preset release walkback_scale_test &&
    WALKBACK_SCALE_FILES=2000000 WALKBACK_SCALE_SEGMENTS=18640 build/release/tests/scale/walkback_scale_test \
      --gtest_brief=1 --gtest_filter='*ALargeCluster*'
}

soak_power_cut() {
  build_preset release walkback_power_cut_test &&
    WALKBACK_FIRST_SEED=$((5 * WALKBACK_SEED - 4)) WALKBACK_SEEDS=5 \
      build/release/tests/power_cut/walkback_power_cut_test --gtest_brief=1
}

soak_s3() {
  build_preset release walkback_s3_test && tests/s3/soak.sh "$1" build/release/src/s3/walkback_s3_test
}

soak_fuzz() {
  source tools/dev/test.sh
  build_fuzz fuzz || return 1
  local target
  for target in $(fuzz_targets fuzz); do fuzz_one fuzz "$target" 90 || return 1; done
}

soak_fuzz_decoder() {
  source tools/dev/test.sh
  build_preset fuzz fuzz_record_reader && fuzz_one fuzz fuzz_record_reader 1800
}

# No seed is begun after as many seconds: the same command goes on from there.
soak_seconds=3000

run_soak() {
  local part=${1:-} seeds seed done_dir log measured failed=0 passed=0
  seeds=$(soak_parts | awk -v part="$part" '$1 == part { print $2 }')
  if [ -z "$seeds" ]; then
    echo "usage: ./dev soak PART [SEEDS]"
    echo
    echo "PART                  seeds  one seed is"
    soak_parts
    [ -z "$part" ] || exit 2
    return 0
  fi
  seeds=${2:-$seeds}
  setup test soak
  build_release
  make_stage
  done_dir=build/soak/$part/$(sha256sum build/release/walkback | cut -c1-16)
  log=docs/soak/$part.log
  mkdir -p "$done_dir" docs/soak
  {
    echo "soak $part: $(soak_parts | awk -v part="$part" '$1 == part { $1 = ""; $2 = ""; print }' | sed 's/^ *//')"
    echo "seeds 1 to $seeds, $(date -u +%Y-%m-%dT%H:%MZ), $(nproc) cores, commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
  } >"$log"
  for ((seed = 1; seed <= seeds; seed++)); do
    if [ -e "$done_dir/$seed" ]; then
      passed=$((passed + 1))
      cat "$done_dir/$seed" >>"$log"
      continue
    fi
    if [ "$SECONDS" -ge "$soak_seconds" ]; then
      echo "stopped after $SECONDS s, before seed $seed: ./dev soak $part goes on" | tee -a "$log"
      break
    fi
    local started=$SECONDS
    if soak_seed "$part" "$seed" >"$done_dir/running.log" 2>&1 </dev/null; then
      passed=$((passed + 1))
      measured=$(grep '^measured: ' "$done_dir/running.log" | tail -n 1 || true)
      echo "seed $seed: passed in $((SECONDS - started)) s (${measured:-$(tail -n 1 "$done_dir/running.log")})" | tee "$done_dir/$seed" | tee -a "$log"
    else
      failed=$((failed + 1))
      echo "seed $seed: FAILED in $((SECONDS - started)) s" | tee -a "$log"
      mv "$done_dir/running.log" "$done_dir/failed-$seed.log"
      tail -n 60 "$done_dir/failed-$seed.log" | tee -a "$log"
    fi
  done
  echo "$passed passed, $failed failed" | tee -a "$log"
  [ "$passed" -eq "$seeds" ]
}
