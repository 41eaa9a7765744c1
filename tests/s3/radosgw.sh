#!/bin/bash
# A real S3 server for tests: Ceph's RADOS gateway with its monitor and storage daemons, on loopback, up in a few seconds.
#
#   tests/s3/radosgw.sh start DIR    prints the endpoint; DIR/env holds what a client needs, to be sourced
#   tests/s3/radosgw.sh stop DIR     ends the daemons, by their pids
#
# Environment: OSDS=3 COPIES=2 STORE=bluestore  a distributed one, whose daemons may be killed (default: 1 1 memstore)
#              TLS=1                            https, with a fresh certificate of its own: DIR/tls.crt
#              OWNER=PID                        stop, and remove DIR, once this process is gone
# Packages: ceph-mon ceph-osd radosgw (Ceph 16.2 in Debian 12). Nothing outside DIR is read or written.
set -euo pipefail

action=${1:?start or stop} dir=${2:?directory}
osds=${OSDS:-1} copies=${COPIES:-1} store=${STORE:-memstore}
access_key=walkbacktestkey00001 secret_key=walkbacktestsecret0000000000000000000001

fail() { echo "error: $1" >&2; tail -n 20 "$dir"/log/*.log >&2 || true; exit 1; }

# wait_for SECONDS COMMAND…
wait_for() {
  local tries=$(($1 * 10))
  shift
  while ! "$@" >/dev/null 2>&1; do
    [ $((tries--)) -gt 0 ] || fail "gave up waiting for: $*"
    sleep 0.1
  done
}

# Gateway first: it hangs when what it stands on goes before it.
stop() {
  local file pid
  for file in "$dir"/run/client.rgw.pid "$dir"/run/osd.*.pid "$dir"/run/mon.a.pid; do
    [ -s "$file" ] || continue
    pid=$(cat "$file")
    rm -f "$file"
    grep -q "$dir/ceph.conf" "/proc/$pid/cmdline" 2>/dev/null || continue # the number is somebody else's by now
    kill "$pid" 2>/dev/null || continue
    for _ in {1..30}; do
      [ -d "/proc/$pid" ] || break
      sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
  done
}

free_port() {
  local port
  while :; do
    port=$((RANDOM % 20000 + 20000))
    ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  done
  echo "$port"
}

make_certificate() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$dir/tls.key" -out "$dir/tls.crt" >/dev/null 2>&1
}

# Fast to start, content with one copy, and closed to everyone but this host.
#  - Without authentication radosgw needs ms_mon_client_mode = crc: its default waits for a secret for ever.
#  - Each of its five pools costs a round of Paxos: the intervals make those rounds short.
#  - One deletion of a batch at a time: Ceph 16.2 deletes 16 side by side and, one run in twenty, crashes where they
#    meet (RGWDeleteMultiObj::handle_individual_object, an unlocked map of attributes).
#  - Without tcp_nodelay each small answer waits 40 ms for an acknowledgement.
write_configuration() {
  cat >"$dir/ceph.conf" <<CONF
[global]
fsid = $fsid
mon_initial_members = a
mon_host = [v2:127.0.0.1:$mon_port/0]
public_network = 127.0.0.0/8
cluster_network = 127.0.0.0/8
ms_bind_msgr1 = false
ms_bind_ipv6 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
run_dir = $dir/run
admin_socket = $dir/run/\$name.asok
pid_file = $dir/run/\$name.pid
log_file = $dir/log/\$name.log
crash_dir = $dir/log
osd_pool_default_size = $copies
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
mon_data_avail_crit = 0
mon_data_avail_warn = 0
mon_osd_nearfull_ratio = 0.99
mon_osd_backfillfull_ratio = 0.99
mon_osd_full_ratio = 0.99
[mon.a]
mon_data = $dir/mon.a
[osd]
osd_data = $dir/osd.\$id
osd_objectstore = $store
memstore_device_bytes = 8589934592
bluestore_block_size = 21474836480
bluestore_block_create = true
osd_memory_target = 1073741824
osd_class_load_list = *
osd_class_default_list = *
[client.rgw]
rgw_frontends = beast $listen tcp_nodelay=1
rgw_data = $dir/rgw
rgw_dns_name = localhost
rgw_enable_usage_log = false
rgw_run_sync_thread = false
rgw_multi_obj_del_max_aio = 1
ms_mon_client_mode = crc
CONF
}

start_monitor() {
  monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon_port/0]" "$dir/monmap" >/dev/null
  ceph-mon -c "$dir/ceph.conf" -i a --mkfs --monmap "$dir/monmap" >/dev/null
  ceph-mon -c "$dir/ceph.conf" -i a
  wait_for 20 ceph -c "$dir/ceph.conf" --connect-timeout 5 mon stat
}

start_storage() {
  local i uuid
  for ((i = 0; i < osds; i++)); do
    mkdir -p "$dir/osd.$i"
    uuid=$(cat /proc/sys/kernel/random/uuid)
    ceph -c "$dir/ceph.conf" osd new "$uuid" "$i" >/dev/null
    ceph-osd -c "$dir/ceph.conf" -i "$i" --mkfs --osd-uuid "$uuid" >/dev/null 2>&1
    ceph-osd -c "$dir/ceph.conf" -i "$i" >/dev/null 2>&1
  done
  wait_for 60 bash -c "ceph -c '$dir/ceph.conf' osd stat | grep -q '$osds up'"
}

start_gateway() {
  radosgw -c "$dir/ceph.conf" -n client.rgw
  wait_for 60 curl -ks -o /dev/null "$endpoint/"
  radosgw-admin -c "$dir/ceph.conf" user create --uid=test --display-name=test \
    --access-key="$access_key" --secret-key="$secret_key" >/dev/null 2>&1 || fail "the test user could not be made"
}

# In a session of its own, without our output: nobody waits for it.
watch_owner() {
  setsid bash -c "while [ -d /proc/$OWNER ]; do sleep 0.5; done; '$(readlink -f "$0")' stop '$dir'; rm -rf '$dir'" \
    >/dev/null 2>&1 </dev/null &
}

start() {
  mkdir -p "$dir"/{run,log,mon.a,rgw}
  dir=$(readlink -f "$dir")
  fsid=$(cat /proc/sys/kernel/random/uuid) port=$(free_port) mon_port=$(free_port)
  endpoint=http://127.0.0.1:$port listen=endpoint=127.0.0.1:$port
  if [ "${TLS:-0}" = 1 ]; then
    make_certificate
    endpoint=https://127.0.0.1:$port
    listen="ssl_endpoint=127.0.0.1:$port ssl_certificate=$dir/tls.crt ssl_private_key=$dir/tls.key"
  fi
  [ -z "${OWNER:-}" ] || watch_owner
  write_configuration
  start_monitor
  start_storage
  start_gateway
  cat >"$dir/env" <<ENV
export S3_ENDPOINT=$endpoint
export S3_CA_FILE=$([ "${TLS:-0}" = 1 ] && echo "$dir/tls.crt")
export AWS_ACCESS_KEY_ID=$access_key
export AWS_SECRET_ACCESS_KEY=$secret_key
export AWS_DEFAULT_REGION=us-east-1
ENV
  echo "$endpoint"
}

case $action in
  start) start ;;
  stop) dir=$(readlink -f "$dir"); stop ;;
  *) echo "usage: $0 start|stop DIR" >&2; exit 2 ;;
esac
