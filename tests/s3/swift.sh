#!/bin/bash
# A second dialect of S3 for the soak: OpenStack Swift with its s3api, one device, on loopback.
#
#   tests/s3/swift.sh start DIR    prints the endpoint; DIR/env holds what a client needs, to be sourced
#   tests/s3/swift.sh stop DIR     ends the servers, by their pids
#
# What differs from Ceph's gateway: no conditional writes (501), DeleteObjects only with Content-MD5.
# Environment: OWNER=PID   stop, and remove DIR, once this process is gone
# Packages: swift-proxy swift-account swift-container swift-object memcached (Swift 2.30 in Debian 12).
set -euo pipefail

action=${1:?start or stop} dir=${2:?directory}

fail() { echo "error: $1" >&2; tail -n 20 "$dir"/log/*.log >&2 || true; exit 1; }

stop() {
  local file pid
  for file in "$dir"/run/*.pid; do
    [ -s "$file" ] || continue
    pid=$(cat "$file")
    rm -f "$file"
    # Swift's servers have our directory on their command line, memcached works in it; else the number is somebody else's by now.
    grep -qs "$dir/" "/proc/$pid/cmdline" || [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$dir" ] || continue
    pkill -P "$pid" 2>/dev/null || true # its workers
    kill "$pid" 2>/dev/null || true
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

# background NAME COMMAND…
background() {
  local name=$1
  shift
  (cd "$dir" && exec setsid "$@" >"log/$name.log" 2>&1 </dev/null) &
  echo $! >"$dir/run/$name.pid"
}

# One account, container or object server, and the ring that says it is alone.
start_storage() {
  local kind=$1 port
  port=$(free_port)
  cat >"$dir/etc/$kind.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $port
workers = 1
user = $(id -un)
swift_dir = $dir/etc
devices = $dir/devices
mount_check = false
log_name = $kind
log_level = WARNING
[pipeline:main]
pipeline = $kind-server
[app:$kind-server]
use = egg:swift#$kind
CONF
  swift-ring-builder "$dir/etc/$kind.builder" create 4 1 1 >/dev/null
  swift-ring-builder "$dir/etc/$kind.builder" add "r1z1-127.0.0.1:$port/d1" 1 >/dev/null
  swift-ring-builder "$dir/etc/$kind.builder" rebalance >/dev/null || true # it warns of one device
  background "$kind" "/usr/bin/swift-$kind-server" "$dir/etc/$kind.conf"
}

start_proxy() {
  cat >"$dir/etc/proxy.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $port
workers = 1
user = $(id -un)
swift_dir = $dir/etc
log_level = WARNING
[pipeline:main]
pipeline = catch_errors cache listing_formats bulk s3api tempauth slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$cache_port
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:symlink]
use = egg:swift#symlink
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
CONF
  background proxy /usr/bin/swift-proxy-server "$dir/etc/proxy.conf"
}

watch_owner() {
  setsid bash -c "while [ -d /proc/$OWNER ]; do sleep 0.5; done; '$(readlink -f "$0")' stop '$dir'; rm -rf '$dir'" \
    >/dev/null 2>&1 </dev/null &
}

start() {
  mkdir -p "$dir"/{etc,run,log,devices/d1}
  dir=$(readlink -f "$dir")
  export SWIFT_DIR=$dir/etc PATH=/usr/sbin:/usr/bin:/sbin:/bin
  port=$(free_port) cache_port=$(free_port)
  [ -z "${OWNER:-}" ] || watch_owner
  cat >"$dir/etc/swift.conf" <<CONF
[swift-hash]
swift_hash_path_suffix = walkback
swift_hash_path_prefix = test
[storage-policy:0]
name = Policy-0
default = yes
CONF
  background memcached memcached -u nobody -l 127.0.0.1 -p "$cache_port" -m 64
  start_storage account
  start_storage container
  start_storage object
  start_proxy
  for _ in {1..300}; do
    curl -s -o /dev/null "http://127.0.0.1:$port/" && break
    sleep 0.1
  done
  curl -s -o /dev/null "http://127.0.0.1:$port/" || fail "the proxy does not answer"
  cat >"$dir/env" <<ENV
export S3_ENDPOINT=http://127.0.0.1:$port
export S3_CA_FILE=
export AWS_ACCESS_KEY_ID=test:tester
export AWS_SECRET_ACCESS_KEY=testing
export AWS_DEFAULT_REGION=us-east-1
ENV
  echo "http://127.0.0.1:$port"
}

case $action in
  start) start ;;
  stop) dir=$(readlink -f "$dir"); stop ;;
  *) echo "usage: $0 start|stop DIR" >&2; exit 2 ;;
esac
