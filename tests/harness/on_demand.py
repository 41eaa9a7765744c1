"""What scratch servers that fetch on demand need of this host, and what they must not leave."""

import os
import shutil
import socket
import subprocess
import tempfile


def why_not():
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "no /dev/fuse that this user may open: modprobe fuse, or start the container with --device /dev/fuse"
    if not shutil.which("fusermount3"):
        return "no fusermount3: apt-get install fuse3"
    # What libfuse does: fusermount3 mounts, and passes the device back.
    ours, theirs = socket.socketpair()
    with ours, theirs, tempfile.TemporaryDirectory() as directory:
        trial = subprocess.run(
            ["fusermount3", "--", directory], pass_fds=[theirs.fileno()], capture_output=True, text=True, timeout=30,
            env={**os.environ, "_FUSE_COMMFD": str(theirs.fileno())},
        )  # fmt: skip
        if trial.returncode == 0:
            subprocess.run(["fusermount3", "-u", "-z", "--", directory], check=True, timeout=30)
    return None if trial.returncode == 0 else trial.stderr.strip()


def mounted(place):
    with open("/proc/mounts") as table:
        return [line.split()[1] for line in table if line.split()[2] == "fuse.walkback" and line.split()[1].startswith(str(place))]


def nothing_is_left(place):
    assert mounted(place) == []
    assert not list(place.glob("undo-*")) and not list(place.glob("rescue-*"))


def filler(cluster, mib, name="filler"):
    """About this much, in tables of 32 MiB that do not compress well."""
    tables = max(1, mib // 32)
    with cluster.session() as cursor:
        cursor.execute(
            f"CREATE TABLE {name}_1 AS SELECT g AS id, md5(g::text) || md5((g * 7)::text) || md5((g * 13)::text) AS v"
            " FROM generate_series(1, 248000) g"
        )
        for number in range(2, tables + 1):
            cursor.execute(f"CREATE TABLE {name}_{number} AS SELECT * FROM {name}_1")
