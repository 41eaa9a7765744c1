# Installing what is missing, from Debian only. Does nothing, and needs no network, when all is there.

# The plain packages of tools/packages.txt, and those of the groups named.
packages() {
  awk -v groups=" $* " '{ sub(/#.*/, "") } NF == 0 { next }
    $1 !~ /:$/ { print $1; next } { group = substr($1, 1, length($1) - 1) }
    index(groups, " " group " ") { print $2 }' tools/packages.txt
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing_packages() {
  local package
  for package in $(packages "$@"); do
    is_installed "$package" || echo "$package"
  done
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "installing packages needs root, and there is no sudo here" "as root: apt-get install $*"
  fi
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 -qq -y "$@" </dev/null
}

# Debian makes and starts a cluster "main" when a server package is installed. We need none, so that is
# switched off while we install; clusters that exist are not touched.
readonly kNoClusterFile=/etc/postgresql-common/createcluster.d/walkback-dev.conf
forbid_main_cluster() {
  as_root mkdir -p "${kNoClusterFile%/*}"
  echo "create_main_cluster = false" | as_root tee "$kNoClusterFile" >/dev/null
}
allow_main_cluster() { as_root rm -f "$kNoClusterFile"; }

setup() {
  local missing log
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  say "installing" $missing
  log=$(mktemp /tmp/walkback-setup-XXXXXX.log)
  apt_get update >"$log" 2>&1 || { cat "$log"; die "apt-get update failed" "the lines above say why"; }
  forbid_main_cluster
  if ! apt_get install --no-install-recommends $missing >"$log" 2>&1; then
    allow_main_cluster
    cat "$log"
    die "apt-get install failed" "the lines above say why"
  fi
  allow_main_cluster
  rm -f "$log"
}

# Prometheus and promtool, in build/prometheus/usr/bin. Unpacked, not installed: the package is a service that
# listens to everybody, and starts with the machine.
unpack_prometheus() {
  [ ! -x build/prometheus/usr/bin/promtool ] || return 0
  say "unpacking prometheus"
  mkdir -p build/prometheus
  (
    cd build/prometheus
    apt-get -qq download prometheus 2>/dev/null || { apt_get update >/dev/null && apt-get -qq download prometheus 2>/dev/null; } ||
      die "apt-get download prometheus failed" "./dev test needs it, to read what \`walkback metrics\` says"
    dpkg -x prometheus_*.deb .
    rm prometheus_*.deb
  )
}
