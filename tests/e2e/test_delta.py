"""recover --delta: onto a stopped directory of the same cluster comes what an empty directory would get, and nothing
that only that directory had is lost."""

import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from test_incremental import OF_THE_RESTORE, different_files, fill, unlogged_becomes_logged

from harness.cluster import BINARIES, Cluster, free_port, is_alive, wait_until
from harness.history import SEGMENT_BYTES, History, rows_of
from harness.trees import snapshot

HISTORIES = int(os.environ.get("WALKBACK_DELTA_HISTORIES", "2"))
MOMENTS = int(os.environ.get("WALKBACK_MOMENTS", "4"))
TARGETS = 4


def copy_of(directory, into):
    subprocess.run(["cp", "-a", directory, into], check=True)
    return into


def laid_down(wb, into, *target):
    """As `recover` leaves it before any replay."""
    wb.done("recover", *target, "--no-start", "--into", into)
    return into


def delta(wb, into, *target, port=None):
    return wb.done("recover", *target, "--delta", "--no-start", "--into", into, "--port", port or free_port())


def differences(ordinary, by_delta, report):
    """But for what the directory's owner had put there."""
    alone = tuple(report["delta"]["left_alone"])
    return [line for line in different_files(ordinary, by_delta) if not line.startswith(alone)] if alone else different_files(
        ordinary, by_delta)  # fmt: skip


def pg_wal_files(pgdata):
    return {path.name: path.read_bytes() for path in (pgdata / "pg_wal").iterdir() if path.is_file()}


@pytest.fixture
def production(make_cluster):
    return make_cluster("pg", wal_keep_size="4GB", max_prepared_transactions=5).start()


@pytest.fixture
def changed(production, wb):
    """A backup, and a server that went on from it and was stopped."""
    fill(production)
    production.sql("CREATE TABLE untouched AS SELECT g AS id, repeat(md5(g::text), 8) FROM generate_series(1, 50000) g")
    wb.backup()
    production.sql("UPDATE payments SET note = 'after the backup' WHERE id % 50 = 0")
    production.sql("CREATE TABLE later AS SELECT g AS id FROM generate_series(1, 1000) g")
    production.archive_everything()
    production.stop()
    return production


# What comes out


@pytest.mark.parametrize("number", range(HISTORIES))
def test_any_directory_of_a_random_history_becomes_any_target(make_cluster, make_walkback, place, seed, number):
    chance = random.Random(f"{seed}/{number}")
    production = make_cluster("pg", f"--wal-segsize={SEGMENT_BYTES >> 20}", wal_keep_size="4GB", min_wal_size="2MB").start()
    history = History(place, make_walkback().protect(production), chance)
    history.make(production)
    directories = [cluster.pgdata for cluster, _ in history.servers.values()] + [base.directory for base in history.bases]
    reached = 0
    for step, target in enumerate(history.targets(TARGETS)):
        story = "\n".join([f"seed {seed}, {target}, after:", *history.log])
        if history.wb.run("plan", *target.arguments()).status != 0:
            continue
        reached += 1
        there = chance.choice(directories)
        onto = copy_of(there, place / f"onto{step}")
        ordinary = laid_down(history.wb, place / f"ordinary{step}", *target.arguments())
        report = delta(history.wb, onto, *target.arguments())
        wrong = differences(ordinary, onto, report)
        assert not wrong, f"{story}\nonto {there}: {wrong}"
        copy = Cluster(onto, port=report["port"], sockets=report["socket_directory"]).start()
        wait_until(lambda copy=copy: not copy.value("SELECT pg_is_in_recovery()"), "the copy to be opened")
        assert not target.difference(rows_of(copy)), f"{story}\nonto {there}: {target.difference(rows_of(copy))}"
        copy.stop()
    assert reached or HISTORIES < 2


def test_a_server_that_was_killed_leaves_a_directory_to_go_on_from(production, wb, place, chance):
    fill(production)
    wb.backup()
    production.sql("UPDATE payments SET note = 'committed' WHERE id % 7 = 0")
    point = production.value("SELECT pg_create_restore_point('here')")
    assert point
    production.archive_everything()
    with production.session(autocommit=False) as cursor:
        cursor.execute("UPDATE payments SET note = 'never' WHERE id % 5 = 0")
        unlogged_becomes_logged(production)
        production.crash()
    for target in (["--name", "here"], ["--immediate"], ["--latest"]):
        onto = copy_of(production.pgdata, place / f"onto-{target[0][2:]}")
        # And what a torn write leaves.
        files = [path for path in (onto / "base").rglob("*") if path.is_file() and path.stat().st_size > 16384]
        for path in chance.sample(files, 5):
            with open(path, "r+b") as file:
                file.seek(8192 + 4096)
                file.write(os.urandom(4096))
        ordinary = laid_down(wb, place / f"ordinary-{target[0][2:]}", *target)
        report = delta(wb, onto, *target)
        assert not (wrong := differences(ordinary, onto, report)), wrong
    copy = wb.recover("--name", "here", into=copy_of(production.pgdata, place / "onto"), delta=True)
    assert copy.value("SELECT count(*) FROM payments WHERE note = 'committed'") == 20_000 // 7
    assert copy.value("SELECT count(*) FROM payments WHERE note = 'never'") == 0


def test_only_what_differs_is_fetched(changed, wb, place):
    full = wb.backups()[-1]
    onto = copy_of(changed.pgdata, place / "onto")
    before = {path: path.stat().st_mtime_ns for path in (onto / "base").rglob("*") if path.is_file()}
    said = delta(wb, onto, "--immediate")["delta"]
    assert said["bytes_right"] > full["bytes_raw"] * 0.8
    assert said["bytes_written"] < full["bytes_raw"] * 0.2
    assert said["bytes_right"] + said["bytes_written"] == full["bytes_raw"]
    assert 0 < said["bytes_fetched"] < full["bytes_stored"] * 0.5
    rewritten = [path for path, at in before.items() if path.exists() and path.stat().st_mtime_ns != at]
    assert 0 < len(rewritten) < len(before) / 4
    again = delta(wb, onto, "--immediate")["delta"]
    assert again["bytes_written"] < 100_000, "but for the settings"


def test_an_empty_directory_gets_everything(changed, wb, place):
    report = delta(wb, place / "new", "--immediate")
    assert report["delta"] is None
    assert not different_files(laid_down(wb, place / "ordinary", "--immediate"), place / "new")


# What only the directory has


@pytest.fixture
def never_archived(production, wb):
    """A primary whose archiver failed before it died: its last WAL is in its pg_wal alone."""
    fill(production)
    wb.backup()
    production.sql("INSERT INTO payments SELECT g, 1, 'archived' FROM generate_series(30001, 30100) g")
    production.archive_everything()
    production.sql("ALTER SYSTEM SET archive_command = '/bin/false'")
    production.sql("SELECT pg_reload_conf()")
    wait_until(lambda: production.value("SHOW archive_command") == "/bin/false", "the setting")
    lost = []
    for number in range(3):
        production.sql("INSERT INTO payments SELECT g, 1, 'lost' FROM generate_series(%s, %s) g", 40000 + number * 100, 40099 + number * 100)
        lost.append(production.switch_wal())
    production.sql("INSERT INTO payments VALUES (50000, 1, 'in the last segment')")
    lost.append(production.value("SELECT pg_walfile_name(pg_current_wal_insert_lsn())"))
    production.crash()
    production.lost = lost
    return production


def test_wal_that_is_not_in_the_archive_is_kept(never_archived, wb):
    production, pgdata = never_archived, never_archived.pgdata
    wal = pg_wal_files(pgdata)
    assert wal.keys() > set(production.lost)
    planned = wb.done("recover", "--latest", "--delta", "--dry-run", "--into", pgdata)["delta"]
    assert planned["kept_wal"] == production.lost
    said = delta(wb, pgdata, "--latest")["delta"]
    kept = Path(said["kept_directory"])
    assert kept.parent == pgdata.parent / "pg.kept"
    assert said["kept_wal"] == production.lost
    assert {path.name: path.read_bytes() for path in (kept / "pg_wal").iterdir()} == {name: wal[name] for name in production.lost}
    assert not pg_wal_files(pgdata), "the rest is in the archive"
    assert (kept / "configuration/postgresql.conf").exists()
    (kept / "global").mkdir()
    shutil.copy(kept / "pg_control", kept / "global/pg_control")
    control = subprocess.run([BINARIES / "pg_controldata", kept], capture_output=True, text=True)
    assert "in production" in control.stdout, control


def test_commits_that_only_this_directory_has_are_told_and_archived_by_the_printed_line(never_archived, wb, place):
    production, pgdata = never_archived, never_archived.pgdata
    planned = wb.run("recover", "--latest", "--delta", "--dry-run", "--into", pgdata, as_json=False).stdout
    assert "given up" in planned and "in WAL of this directory alone" in planned and "set aside" in planned, planned
    assert "kept in" not in planned, "kept are the commits"
    said = wb.run("recover", "--latest", "--delta", "--no-start", "--into", pgdata, as_json=False).stdout
    told = re.search(r"has (\d+) commits that neither this copy nor the\s+archive has", said)
    assert told and int(told[1]) >= 4, said
    line = next(line for line in said.splitlines() if line.strip().startswith("for name in"))
    assert all(name in line for name in production.lost)
    subprocess.run(["bash", "-ec", line], check=True, cwd=place)
    assert all(wb.stored_segment(name) for name in production.lost)
    # The last segment ends where the server died, and no further.
    end = wb.refused("recover", "--latest", "--delta", "--no-start", "--into", pgdata).hint.split("--lsn ")[1]
    again = delta(wb, pgdata, "--lsn", end)["delta"]
    assert again["kept_commits"] == {"count": 0, "first": None}
    copy = wb.recover("--lsn", end, into=place / "copy")
    assert copy.sql("SELECT count(*) FROM payments WHERE id = 50000") == [(1,)]
    remove = next(line for line in said.splitlines() if line.strip().startswith("rm -r"))
    subprocess.run(["bash", "-ec", remove], check=True, cwd=place)


def test_a_segment_of_other_bytes_than_the_archives_is_kept(changed, wb):
    """As a former primary has it that went on after another took over its names."""
    archived = sorted(name for name in pg_wal_files(changed.pgdata) if len(name) == 24 and wb.stored_segment(name))
    other = changed.pgdata / "pg_wal" / archived[-1]
    content = bytearray(other.read_bytes())
    content[-100] ^= 1
    other.write_bytes(content)
    said = delta(wb, changed.pgdata, "--immediate")["delta"]
    assert archived[-1] in said["kept_wal"]
    assert (Path(said["kept_directory"]) / "pg_wal" / archived[-1]).read_bytes() == content


def test_the_owners_files_stay_and_the_plan_names_everything(changed, wb, place):
    onto = copy_of(changed.pgdata, place / "onto")
    (onto / "notes.txt").write_text("mine")
    (onto / "certificates").mkdir()
    (onto / "certificates/server.key").write_text("mine")
    (onto / "base/5/16384.old").write_text("mine")
    with open(onto / "postgresql.conf", "a") as conf:
        conf.write("work_mem = '9MB'\n")
    mine = (onto / "postgresql.conf").read_bytes()
    stray = onto / "base/5/999999"
    stray.write_bytes(bytes(8192))
    (onto / "pg_replslot/forgotten").mkdir(exist_ok=True)
    (onto / "pg_replslot/forgotten/state").write_bytes(b"x")
    before = snapshot(onto)
    planned = wb.done("recover", "--immediate", "--delta", "--dry-run", "--into", onto)
    assert snapshot(onto) == before and not (place / "onto.kept").exists(), "a dry run wrote"
    removed = planned["delta"]["removed"]
    assert {"base/5/999999", "pg_replslot/forgotten/state", "pg_replslot/forgotten"} <= set(removed)
    assert removed.index("pg_replslot/forgotten/state") < removed.index("pg_replslot/forgotten")
    assert {"notes.txt", "certificates", "base/5/16384.old"} <= set(planned["delta"]["left_alone"])
    said = delta(wb, onto, "--immediate")["delta"]
    assert {key: said[key] for key in ("removed", "left_alone", "kept_wal")} == {
        key: planned["delta"][key] for key in ("removed", "left_alone", "kept_wal")}  # fmt: skip
    after = snapshot(onto)
    assert not stray.exists() and not (onto / "pg_replslot/forgotten").exists()
    for name in ("notes.txt", "certificates/server.key", "base/5/16384.old"):
        assert after[name] == before[name]
    gone = before.keys() - after.keys()
    moved = {f"pg_wal/{name}" for name in said["kept_wal"]}
    assert gone <= set(removed) | moved, "named before it went"
    assert (Path(said["kept_directory"]) / "configuration/postgresql.conf").read_bytes() == mine
    assert "work_mem = '9MB'" not in (onto / "postgresql.conf").read_text()


def test_a_person_sees_what_a_delta_does(changed, wb, place):
    onto = copy_of(changed.pgdata, place / "onto")
    shown = wb.run("recover", "--immediate", "--delta", "--dry-run", "--into", onto, as_json=False)
    for word in ("pages that are right are not fetched", "removed", "set aside", f"{onto}.kept/"):
        assert word in shown.stdout, shown.stdout
    done = wb.run("recover", "--immediate", "--delta", "--no-start", "--into", onto, as_json=False)
    assert "were right already" in done.stdout and f"{onto}.kept/" in done.stdout, done.describe()


# Where things lie elsewhere


def test_pg_wal_on_another_disk_stays_there(never_archived, wb, place):
    production = never_archived
    elsewhere = place / "wal-disk"
    shutil.move(production.pgdata / "pg_wal", elsewhere)
    (production.pgdata / "pg_wal").symlink_to(elsewhere)
    said = delta(wb, production.pgdata, "--latest")["delta"]
    assert (production.pgdata / "pg_wal").is_symlink() and (production.pgdata / "pg_wal").resolve() == elsewhere
    assert said["kept_wal"] == production.lost
    assert not [path for path in elsewhere.iterdir() if path.is_file()]
    assert not different_files(laid_down(wb, place / "ordinary", "--latest"), production.pgdata)


def make_tablespace(cluster, name):
    location = cluster.pgdata.parent / name
    location.mkdir()
    cluster.sql(f"CREATE TABLESPACE {name} LOCATION '{location}'")
    cluster.sql(f"CREATE TABLE in_{name} TABLESPACE {name} AS SELECT g AS id, md5(g::text) FROM generate_series(1, 20000) g")
    return location


def test_tablespaces_stay_where_they_are(production, wb, place):
    kept, dropped = make_tablespace(production, "kept"), make_tablespace(production, "dropped")
    wb.backup()
    production.sql("UPDATE in_kept SET md5 = 'changed' WHERE id % 100 = 0")
    production.sql("DROP TABLE in_dropped")
    production.sql("DROP TABLESPACE dropped")
    new = make_tablespace(production, "new")
    (new / "mine.txt").write_text("not PostgreSQL's")
    production.archive_everything()
    production.stop()
    # Replay makes the new one where it was, and what lies there of its later life must not come through.
    planned = wb.done("recover", "--latest", "--delta", "--dry-run", "--into", production.pgdata)
    assert any(name.startswith("pg_tblspc/") and name.count("/") == 4 for name in planned["delta"]["removed"])
    copy = wb.recover("--latest", into=production.pgdata, delta=True)
    assert copy.value("SELECT count(*) FROM in_new") == 20_000
    assert copy.value("SELECT count(*) FROM in_kept WHERE md5 = 'changed'") == 200
    copy.stop()
    links = {os.readlink(link) for link in (production.pgdata / "pg_tblspc").iterdir()}
    assert {str(kept), str(new)} <= links
    # And back to the backup, which knows nothing of it.
    report = delta(wb, production.pgdata, "--immediate")
    assert not (wrong := differences(laid_down(wb, place / "ordinary", "--immediate"), production.pgdata, report)), wrong
    now = {os.readlink(link) for link in (production.pgdata / "pg_tblspc").iterdir()}
    assert str(kept) in now and str(new) not in now
    assert [path.name for path in new.iterdir()] == ["mine.txt"], "its files are of no backup"
    assert not list(dropped.iterdir()), "what comes back of that one lies beside the directory"


def test_a_hard_linked_copy_takes_nothing_with_it(changed, wb, place):
    """`cp -al`, pg_upgrade --link and many a file-level backup: two directories, one file."""
    subprocess.run(["cp", "-al", changed.pgdata, place / "onto"], check=True)
    before = snapshot(changed.pgdata)
    report = delta(wb, place / "onto", "--immediate")
    assert snapshot(changed.pgdata) == before
    ordinary = laid_down(wb, place / "ordinary", "--immediate")
    assert not differences(ordinary, place / "onto", report)


# Killed on the way


def start_fails(pgdata):
    """No server comes up on it; nothing is changed by trying."""
    done = subprocess.run([BINARIES / "postgres", "-D", pgdata, "-c", "listen_addresses=", "-c", f"unix_socket_directories={pgdata}"],
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    return done.returncode != 0 and ("pg_control" in done.stderr or "could not find the database system" in done.stderr)


def test_a_killed_delta_starts_no_server_and_is_gone_on_with(changed, wb, place, chance):
    ordinary = laid_down(wb, place / "ordinary", "--immediate")
    whole_s = wb.timed("recover", "--immediate", "--delta", "--no-start", "--into", copy_of(changed.pgdata, place / "first"))
    unfinished = 0
    for number in range(MOMENTS):
        onto = copy_of(changed.pgdata, place / f"onto{number}")
        wal = pg_wal_files(onto)
        for _ in range(2):
            wb.killed("recover", "--immediate", "--delta", "--no-start", "--into", onto,
                      after_s=whole_s * 1.1 * (number + chance.random()) / MOMENTS)  # fmt: skip
        mark, control = onto / "walkback.unfinished.conf", onto / "global/pg_control"
        if mark.exists() and not control.exists():
            unfinished += 1
            assert start_fails(onto)
            wb.refused("recover", "--immediate", "--no-start", "--into", onto).says("unfinished", "--delta")
        report = delta(wb, onto, "--immediate")
        assert not mark.exists()
        assert not (wrong := differences(ordinary, onto, report)), wrong
        kept = {path.name: path.read_bytes() for path in (place / f"onto{number}.kept").rglob("pg_wal/*")}
        if len(list((place / f"onto{number}.kept").iterdir())) == 1:
            assert kept.keys() == {*report["delta"]["kept_before"], *report["delta"]["kept_wal"]}
        assert kept.items() <= wal.items() and all(wb.stored_segment(name) or not name.isalnum() for name in wal.keys() - kept.keys()
                                                   if not is_recycled(wal[name], name))  # fmt: skip
    print(f"measured: {unfinished} of {MOMENTS} were ended half-way")


def is_recycled(content, name):
    """Its first page says another place than its name, or nothing."""
    if len(name) != 24:
        return False
    address = int.from_bytes(content[8:16], "little")
    return address != (int(name[8:16], 16) << 32) + int(name[16:24], 16) * len(content)


def test_a_killed_recovery_into_an_empty_directory_is_gone_on_with(changed, wb, place):
    wb.done("recover", "--immediate", "--no-start", "--into", place / "first")
    mark = place / "half/walkback.unfinished.conf"
    for _ in range(20):
        process = wb.start("recover", "--immediate", "--no-start", "--into", place / "half")
        while process.poll() is None and not mark.exists():
            time.sleep(0.001)
        process.kill()
        process.communicate()
        if mark.exists():
            break
        shutil.rmtree(place / "half", ignore_errors=True)
    assert mark.exists(), "it was quicker each time"
    report = delta(wb, place / "half", "--immediate")
    assert report["delta"]["unfinished"]
    assert not differences(place / "first", place / "half", report)


# Refusals: nothing is written


def refused_untouched(wb, into, *words, place=None):
    before = snapshot(place or into)
    refusal = wb.refused("recover", "--latest", "--delta", "--no-start", "--into", into).says(*words)
    assert snapshot(place or into) == before, "it wrote before it refused"
    return refusal


def test_a_running_server_is_refused(changed, wb):
    changed.start()
    wb.refused("recover", "--latest", "--delta", "--no-start", "--into", changed.pgdata).says("running server")
    assert changed.value("SELECT count(*) FROM later") == 1000
    assert (changed.pgdata / "global/pg_control").exists()


def test_a_backend_that_outlived_its_postmaster_is_refused(changed, wb):
    changed.start()
    with changed.session() as cursor:
        backend = cursor.connection.get_backend_pid()
        os.kill(backend, signal.SIGSTOP)
        try:
            postmaster = changed.pid()
            os.kill(postmaster, signal.SIGKILL)
            wait_until(lambda: not Path(f"/proc/{postmaster}").exists(), "the postmaster to be gone")
            wb.refused("recover", "--latest", "--delta", "--no-start", "--into", changed.pgdata).says("processes of a server")
            assert (changed.pgdata / "global/pg_control").exists()
        finally:
            os.kill(backend, signal.SIGKILL)
            wait_until(lambda: not is_alive(backend), "the backend to be gone")
    delta(wb, changed.pgdata, "--latest")


def test_another_cluster_is_refused(changed, wb, make_cluster):
    other = make_cluster("other").start()
    other.stop()
    refused_untouched(wb, other.pgdata, "another cluster", "system identifier")


def test_a_directory_that_is_no_data_directory_is_refused(changed, wb, place):
    (place / "files").mkdir()
    (place / "files/precious").write_text("mine")
    refused_untouched(wb, place / "files", "no data directory")
    (place / "half/base").mkdir(parents=True)
    (place / "half/PG_VERSION").write_text("15\n")
    refused_untouched(wb, place / "half", "no data directory")


def test_a_copy_whose_tablespaces_are_the_live_clusters_is_refused(production, wb, place):
    make_tablespace(production, "shared")
    wb.backup()
    production.archive_everything()
    production.stop()
    copy_of(production.pgdata, place / "onto")
    # Whether it runs or not: the configuration names it.
    refused_untouched(wb, place / "onto", "the tablespace", "of the live cluster", place=place)
    # And any that runs, whatever the configuration names.
    (place / "nobody").mkdir()
    wb.config.write_text(wb.config.read_text().replace(f'"{production.pgdata}"', f'"{place / "nobody"}"'))
    production.start()
    wb.refused("recover", "--latest", "--delta", "--no-start", "--into", place / "onto").says("running cluster")
    assert production.value("SELECT count(*) FROM in_shared") == 20_000


def test_a_running_standby_is_refused_and_a_stopped_one_is_not(production, wb, place):
    fill(production)
    wb.backup()
    subprocess.run([BINARIES / "pg_basebackup", "-D", place / "standby", "-R", "-X", "stream", "-c", "fast", "-d", production.conninfo],
                   check=True, capture_output=True, timeout=120)  # fmt: skip
    standby = Cluster(place / "standby")
    standby.sockets.mkdir()
    standby.configure(port=standby.port, unix_socket_directories=standby.sockets, archive_mode="off")
    standby.start()
    production.sql("UPDATE payments SET note = 'later' WHERE id % 10 = 0")
    production.archive_everything()
    wb.refused("recover", "--latest", "--delta", "--no-start", "--into", standby.pgdata).says("running server")
    # A copy of the primary is made right while the standby runs, and neither of the two notices.
    assert standby.value("SELECT pg_is_in_recovery()")
    standby.stop()
    report = delta(wb, standby.pgdata, "--latest")
    assert not differences(laid_down(wb, place / "ordinary", "--latest"), standby.pgdata, report)
    assert not (standby.pgdata / "standby.signal").exists()
    assert production.value("SELECT count(*) FROM payments") == 20_000


def test_the_kept_directory_must_be_possible(changed, wb, place):
    (place / "locked").mkdir()
    onto = copy_of(changed.pgdata, place / "locked/onto")
    (place / "locked").chmod(0o500)
    try:
        if os.access(place / "locked", os.W_OK):
            pytest.skip("root may write anywhere")
        refused_untouched(wb, onto, "onto.kept", "install -d")
        (place / "locked").chmod(0o700)
        (place / "locked/onto.kept").mkdir()
        (place / "locked").chmod(0o500)
        delta(wb, onto, "--immediate")
    finally:
        (place / "locked").chmod(0o700)


def test_nothing_of_the_restore_is_compared_that_should_be():
    """The exceptions of the comparison above are those of an ordinary restore, and no others."""
    assert OF_THE_RESTORE == {
        "global/pg_control", "backup_label", "walkback.copy.conf", "postgresql.auto.conf", "postgresql.conf", "recovery.signal"}  # fmt: skip
