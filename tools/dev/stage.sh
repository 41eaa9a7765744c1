# A place where the postgres user can work. The checkout may be unreadable to it (under /root, say), and
# PostgreSQL does not run as root: so what end-to-end tests and the demo need is copied under /tmp.

# Sets $stage, and cleans up when ./dev ends.
make_stage() {
  stage=$(mktemp -d /tmp/wb-XXXXXX)
  trap leave_stage EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  mkdir "$stage/run" "$stage/small"
  cp -L build/release/walkback "$stage/walkback"
  # For the comparison with pg_waldump; the demo does without.
  if [ -e build/release/src/wal/wal_dump ]; then cp build/release/src/wal/wal_dump "$stage/"; fi
  cp -r tests "$stage/tests"
  # Whose lines are run as they stand, and what they read.
  mkdir -p "$stage/docs" "$stage/src/catalog" "$stage/src/repo"
  cp docs/by-hand.md docs/how-to.md docs/metrics.md "$stage/docs/"
  cp src/catalog/manifest.proto "$stage/src/catalog/"
  cp src/repo/page_map.proto "$stage/src/repo/"
  cp -r contrib "$stage/contrib"
  if [ -d build/prometheus ]; then cp -r build/prometheus/usr/bin "$stage/prometheus"; fi
  find "$stage/tests" -name __pycache__ -prune -exec rm -rf {} +
  mount_small_disk
  mount_memory
  open_fuse
  if [ "$(id -u)" -eq 0 ]; then chown -R postgres: "$stage"; fi
  chmod -R u+rwX,go+rX "$stage"
}

# A disk of 40 MiB, for the tests of a full one. Where mounting is not allowed they say so and are skipped.
mount_small_disk() {
  small_disk=
  [ "$(id -u)" -eq 0 ] || return 0
  if mount -t tmpfs -o size=40m,mode=0777 walkback-small "$stage/small" 2>/dev/null; then
    small_disk=$stage/small
  fi
}

# A disk in memory, for histories that lay down thousands of files and remove them, over and over: ext4 looks for inodes
# that were not just freed, and takes five times as long. Below run/, where servers that were left are looked for. Where
# mounting is not allowed they use the disk.
mount_memory() {
  memory=
  [ "$(id -u)" -eq 0 ] || return 0
  mkdir "$stage/run/m"
  if mount -t tmpfs -o size=8g,mode=0777 walkback-memory "$stage/run/m" 2>/dev/null; then
    memory=$stage/run/m
  fi
}

# As udev makes it: every user may open it. Without it scratch servers fetch whole backups, and the tests of what they
# fetch on demand say so and are skipped.
open_fuse() {
  [ "$(id -u)" -eq 0 ] || return 0
  [ ! -c /dev/fuse ] || chmod 0666 /dev/fuse 2>/dev/null || true
}

# In the stage, as a user PostgreSQL accepts, with a clean environment.
in_stage() {
  local drop=() passed_on=() name
  for name in $(compgen -e WALKBACK_); do passed_on+=("$name=${!name}"); done
  [ "$(id -u)" -ne 0 ] || drop=(runuser -u postgres --)
  (
    cd "$stage"
    exec "${drop[@]}" env -i PATH="$PATH" HOME="$stage" LC_ALL=C.UTF-8 TMPDIR="$stage/run" \
      PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$stage/tests" \
      WALKBACK_BINARY="$stage/walkback" WALKBACK_RUN_DIR="$stage/run" WALKBACK_SMALL_DISK="$small_disk" \
      WALKBACK_MEMORY="$memory" \
      WALKBACK_WAL_DUMP="$stage/wal_dump" WALKBACK_PROMETHEUS="$stage/prometheus" \
      "${passed_on[@]}" "$@"
  )
}

leave_stage() {
  local status=$?
  trap - EXIT
  end_servers
  unmount_fuse
  if [ -n "$small_disk" ]; then umount -l "$small_disk" || true; fi
  if [ -n "$memory" ]; then umount -l "$memory" || true; fi
  if [ -n "${keep_stage:-}" ]; then
    say "kept: $stage"
  else
    rm -rf "$stage"
  fi
  exit "$status"
}

# What a killed test left mounted.
unmount_fuse() {
  local point
  [ "$(id -u)" -eq 0 ] || return 0
  while read -r point; do umount -l "$point" || true; done < <(awk -v stage="$stage/" '$3 == "fuse.walkback" && index($2, stage) == 1 { print $2 }' /proc/mounts)
}

# Ends the servers whose data directories lie in the stage: those that a killed test left.
end_servers() {
  local file pid
  [ -z "${keep_servers:-}" ] || return 0
  while read -r file; do
    pid=$(head -n 1 "$file")
    [ "$(readlink -f "/proc/$pid/cwd" 2>/dev/null)" = "$(dirname "$file")" ] && kill -QUIT "$pid" 2>/dev/null || true
  done < <(find "$stage/run" -name postmaster.pid 2>/dev/null)
}
