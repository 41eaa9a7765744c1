"""Scratch servers that fetch what they read: nothing stays mounted, damage is named, who may not mount is told; and what it saves."""

import os
import signal
import subprocess
import time

import pytest

from harness.cluster import wait_until
from harness.on_demand import filler, mounted, nothing_is_left

from test_drill import guards_of, processes_in
from test_undo import content, mistake

# Of the measured cluster. A soak takes 6 GiB.
MIB = int(os.environ.get("WALKBACK_ON_DEMAND_MIB", 1024))


@pytest.fixture
def shop(production, wb):
    production.sql("CREATE TABLE payments (id int PRIMARY KEY, v text)")
    production.sql("INSERT INTO payments SELECT g, repeat(md5(g::text), 10) FROM generate_series(1, 20000) g")
    wb.backup()
    production.xid = mistake(production, "DELETE FROM payments")
    production.archive_everything()
    return production


def test_who_may_not_mount_fetches_everything_and_is_told(shop, wb, place):
    """In a user namespace the set-user-id bit of fusermount3 is worth nothing."""
    command = ["unshare", "--user", "--map-current-user", *wb.command("undo", "--xid", shop.xid, "--apply")]
    if subprocess.run(command[:3] + ["true"]).returncode != 0:
        pytest.skip("no user namespaces here")
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **wb.environment})
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stderr.splitlines() if "the whole backup is fetched, not only what is read of it: " in line]
    assert "fuse" in line
    assert '"on_demand": false' in done.stdout
    assert shop.value("SELECT count(*) FROM payments") == 20000
    nothing_is_left(place)


def at_work(place):
    """Processes of scratch servers."""
    return [process for root in place.glob("undo-*") for process in processes_in(root)]


def undoing(wb, place, xid):
    """An undo whose scratch server is up: its files are mounted."""
    process = wb.start("undo", "--xid", xid)
    wait_until(lambda: mounted(place) and at_work(place), lambda: f"its server: {process.poll()}", timeout_s=120)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_nothing_stays_mounted(shop, wb, place, fuse, number):
    process = undoing(wb, place, shop.xid)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    nothing_is_left(place)


def test_killed_nothing_stays_mounted(shop, wb, place, fuse):
    process = undoing(wb, place, shop.xid)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_until(lambda: not mounted(place) and not list(place.glob("undo-*")), lambda: f"nothing to be left: {mounted(place)}", 20)
    assert not at_work(place)


def test_killed_with_its_guard_the_next_one_cleans_up(shop, wb, place, fuse):
    process = undoing(wb, place, shop.xid)
    [guard] = guards_of(process)
    os.kill(int(guard), signal.SIGKILL)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    [left] = place.glob("undo-*")
    assert mounted(place)
    outcome = wb.run("undo", "--xid", shop.xid)
    assert outcome.status == 0, outcome.describe()
    assert f"removed {left}" in outcome.stderr, outcome.describe()
    nothing_is_left(place)
    assert not at_work(place)


def test_what_is_damaged_in_the_repository_is_named(shop, wb, place, fuse):
    for pack in wb.packs():
        pack.chmod(0o600)
        with open(pack, "r+b") as file:
            size = pack.stat().st_size
            # In every frame, wherever it lies.
            for at in range(20, size, 4096):
                file.seek(at)
                byte = file.read(1)
                file.seek(at)
                file.write(bytes([byte[0] ^ 0x40]))
    refusal = wb.refused("undo", "--xid", shop.xid, "--apply")
    assert refusal.kind == "corrupt", refusal
    refusal.says("pack ", "is damaged")
    nothing_is_left(place)
    assert shop.value("SELECT count(*) FROM payments") == 0


def test_what_is_fetched_follows_the_table(make_cluster, make_walkback, place, fuse):
    """The measured promise: beside a full recovery of the same cluster, in one run."""
    production = make_cluster("pg", wal_level="minimal", max_wal_senders="0", max_wal_size="2GB", shared_buffers="128MB").start()
    filler(production, MIB)
    table_mib = max(8, MIB * 100 // 6144)
    rows = table_mib * 4096
    production.sql("CREATE TABLE payments (id int PRIMARY KEY, v text, n int DEFAULT 0) WITH (fillfactor = 90)")
    production.sql(f"INSERT INTO payments SELECT g, {' || '.join(f'md5((g * {i})::text)' for i in (1, 7, 13, 17, 19, 23))} FROM generate_series(1, {rows}) g")
    production.configure(wal_level="replica", max_wal_senders="10")
    wb = make_walkback().protect(production)
    wb.backup()
    start = production.lsn()
    since = lambda: int(production.value(f"SELECT pg_current_wal_lsn() - '{start}'")) >> 20  # noqa: E731
    part = 0
    while since() < max(8, MIB * 128 // 6144) - 1:
        production.sql(f"UPDATE payments SET n = n + 1 WHERE id % 50 = {part % 50}")
        part += 1
    before = content(production, "payments")
    xid = mistake(production, "DELETE FROM payments WHERE id % 10 = 0")
    wal_mib = since()
    production.archive_everything()

    os.sync()  # what the backup left to be written is in nobody's way
    began = time.monotonic()
    outcome = wb.run("undo", "--xid", xid, "--output", place / "rows.sql")
    undo_s = time.monotonic() - began
    print(outcome.stderr)  # how long each step took
    assert outcome.status == 0, outcome.describe()
    fetched = outcome.json["undo"]["fetched"]
    nothing_is_left(place)
    os.sync()
    began = time.monotonic()
    copy = wb.recover("--before-xid", xid, into=place / "copy")
    recover_s = time.monotonic() - began
    print(copy.report["timings"])
    try:
        assert content(copy, "payments") == before
    finally:
        copy.stop("immediate")
    production.sql((place / "rows.sql").read_text())
    assert content(production, "payments") == before
    print(
        f"measured: cluster {MIB} MiB, table {table_mib} MiB, WAL {wal_mib} MiB: rows in hand after {undo_s:.1f} s, a full recovery"
        f" {recover_s:.1f} s ({recover_s / undo_s:.1f} times); fetched {fetched['bytes'] >> 20} of {fetched['of_bytes'] >> 20} MiB"
        f" (1/{fetched['of_bytes'] / fetched['bytes']:.0f})"
    )
    assert fetched["on_demand"] and fetched["bytes"] * 10 <= fetched["of_bytes"], fetched
    # What does not shrink with the cluster, starting servers above all, is a larger part of a small one's.
    assert undo_s <= recover_s / (5 if MIB >= 6144 else 1), (undo_s, recover_s)
