#!/bin/bash
# Object storage beyond what every test run does.
#
#   tests/s3/soak.sh swift PROGRAM        the suites against OpenStack Swift, the second dialect
#   tests/s3/soak.sh kill-osd PROGRAM     three storage daemons, two copies; one is killed (-9) under load, and comes back
#   tests/s3/soak.sh faults PROGRAM       Ceph's gateway behind 10 seeds of a bad network, the WALKBACK_SEED'th ten of them
#
# PROGRAM is walkback_s3_test. Packages: radosgw.sh and swift.sh say which.
set -euo pipefail

part=${1:?swift, kill-osd or faults} program=$(readlink -f "${2:?walkback_s3_test}")
here=$(dirname "$(readlink -f "$0")")
dir=$(mktemp -d /tmp/wb-s3-XXXXXX)

end() { "$here/$server.sh" stop "$dir" || true; rm -rf "$dir"; }
begin() {
  server=$1
  trap end EXIT
  "$here/$server.sh" start "$dir" >/dev/null
  source "$dir/env"
}

case $part in
  swift)
    begin swift
    "$program" --gtest_filter='ServerTest.*'
    ;;
  faults)
    begin radosgw
    WALKBACK_FIRST_SEED=$((10 * ${WALKBACK_SEED:-1} - 9)) WALKBACK_SEEDS=10 "$program" --gtest_filter='ServerTest.PassesItOnABadNetwork'
    ;;
  kill-osd)
    OSDS=3 COPIES=2 STORE=bluestore begin radosgw
    seconds=${SECONDS_OF_LOAD:-60}
    WALKBACK_LOAD_SECONDS=$seconds "$program" --gtest_filter='ServerTest.EveryAcknowledgedObjectIsThere' &
    load=$!
    sleep $((seconds / 3))
    victim=$(cat "$dir/run/osd.1.pid")
    kill -9 "$victim"
    echo "killed osd.1 (pid $victim)"
    sleep $((seconds / 3))
    ceph-osd -c "$dir/ceph.conf" -i 1 >/dev/null 2>&1
    wait "$load"
    ;;
  *) echo "usage: $0 swift|kill-osd|faults PROGRAM" >&2; exit 2 ;;
esac
