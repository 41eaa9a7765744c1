"""A backup of a server that does not hold still."""

import shutil
import struct
import subprocess
import threading

import psycopg2
import pytest

from harness.cluster import Cluster, wait_until
from harness.ledger import Ledger, difference, state_of


def test_a_page_that_fails_its_checksum_is_reported_and_recorded(production, wb, place):
    production.sql("CREATE TABLE notes AS SELECT g, md5(g::text) FROM generate_series(1, 5000) g")
    production.sql("CHECKPOINT")
    file = production.value("SELECT pg_relation_filepath('notes')")
    production.stop()
    with open(production.pgdata / file, "r+b") as relation:
        relation.seek(3 * 8192 + 5000)
        byte = relation.read(1)
        relation.seek(3 * 8192 + 5000)
        relation.write(bytes([byte[0] ^ 1]))
    production.start()

    outcome = wb.run("backup")

    assert outcome.status == 4, outcome.describe()
    assert outcome.json["bad_pages"] == [{"file": file, "block": 3}]
    assert "error: " in outcome.stderr and file in outcome.stderr
    [listed] = wb.backups()
    assert listed["id"] == outcome.json["backup"]["id"]


def test_a_page_from_the_future_is_damage_and_not_mended_by_replay(production, wb):
    """Its LSN lies behind the backup's start, and behind its stop as well: no WAL holds an image of it."""
    production.sql("CREATE TABLE notes AS SELECT g, md5(g::text) FROM generate_series(1, 5000) g")
    production.sql("CHECKPOINT")
    file = production.value("SELECT pg_relation_filepath('notes')")
    in_a_gigabyte = int(production.value("SELECT pg_current_wal_lsn() - '0/0'")) + (1 << 30)
    production.stop()
    with open(production.pgdata / file, "r+b") as relation:
        relation.seek(3 * 8192)
        relation.write(struct.pack("<II", in_a_gigabyte >> 32, in_a_gigabyte & 0xFFFFFFFF))
    production.start()

    outcome = wb.run("backup")

    assert outcome.status == 4, outcome.describe()
    assert outcome.json["bad_pages"] == [{"file": file, "block": 3}]
    assert wb.backups()[0]["bad_page_count"] == 1


def test_a_database_behind_a_link_is_no_backup_without_it(production, wb, place):
    production.sql("CREATE DATABASE moved")
    oid = production.value("SELECT oid FROM pg_database WHERE datname = 'moved'")
    production.stop()
    shutil.move(production.pgdata / f"base/{oid}", place / "moved")
    (production.pgdata / f"base/{oid}").symlink_to(place / "moved")
    production.start()
    before = wb.store.snapshot()

    refusal = wb.refused("backup")

    assert refusal.kind == "unsupported"
    refusal.says(f"base/{oid}", place / "moved", "tablespace")
    assert {name for name in wb.store.snapshot() if "/packs/" in name} == {name for name in before if "/packs/" in name}
    assert wb.backups() == []


@pytest.mark.parametrize("what", ["manifest", "summary"])
def test_a_damaged_backup_does_not_stand_before_an_older_one(production, wb, place, what):
    production.sql("CREATE TABLE notes AS SELECT 1 AS id")
    older = wb.backup()
    production.sql("INSERT INTO notes VALUES (2)")
    newer = wb.backup()
    production.archive_everything()
    [damaged] = [manifest for manifest in wb.manifests() if manifest.parent.name == newer["id"]]
    if what == "summary":
        damaged = damaged.parent / "summary.json"
    damaged.chmod(0o600)
    damaged.write_bytes(damaged.read_bytes()[:-1])

    plan = wb.run("plan", "--latest")
    copy = wb.recover("--latest", into=place / "copy")

    assert plan.json["plan"]["backup"]["id"] == copy.report["backup"] == older["id"]
    assert "warning: " in plan.stderr and newer["id"] in plan.stderr
    assert len(plan.json["plan"]["unreadable"]) == 1
    assert copy.table("notes") == [(1,), (2,)]


def test_files_that_come_go_grow_and_shrink_while_they_are_read(production, wb, place, seed):
    ledger = Ledger(production, seed).prepare(rows=20000).start()
    stop = threading.Event()
    rounds = []

    def churn():
        with production.session() as cursor:
            while not stop.is_set():
                number = len(rounds)
                cursor.execute(f"CREATE TABLE passing{number} AS SELECT g, md5(g::text) FROM generate_series(1, 3000) g")
                try:
                    cursor.execute("VACUUM FULL sessions" if number % 5 == 0 else "VACUUM payments")
                except psycopg2.errors.DeadlockDetected:
                    pass  # it met the workload's TRUNCATE
                cursor.execute(f"DROP TABLE IF EXISTS passing{max(number - 3, 0)}")
                rounds.append(number)

    churner = threading.Thread(target=churn)
    churner.start()
    try:
        for _ in range(3):
            before = len(rounds)
            wb.backup()
            wait_until(lambda: len(rounds) > before + 1, "files to come and go")
    finally:
        stop.set()
        churner.join()
        ledger.stop()
    production.archive_everything()
    ledger.read_wal()

    copy = wb.recover("--latest", into=place / "copy")

    assert not difference(ledger.latest_state(), state_of(copy))
    assert copy.sql("SELECT relname FROM pg_class WHERE relname LIKE 'passing%' ORDER BY 1") == production.sql(
        "SELECT relname FROM pg_class WHERE relname LIKE 'passing%' ORDER BY 1"
    )


def test_a_backup_without_a_working_archive_fails_and_is_not_listed(production, wb):
    production.sql("ALTER SYSTEM SET archive_command = '/bin/false'")
    production.sql("SELECT pg_reload_conf()")
    production.sql("CREATE TABLE notes AS SELECT 1")

    wb.refused("backup", environment={"WALKBACK_ARCHIVE_TIMEOUT_S": "3"})

    assert wb.backups() == []


def test_a_backup_that_was_interrupted_leaves_the_server_as_it_was(production, wb):
    process = wb.start("backup")
    try:
        process.wait(timeout=0.15)
    except subprocess.TimeoutExpired:
        process.terminate()
    process.communicate(timeout=30)
    assert process.returncode in (0, 130)
    wb.backup()


def test_a_clone_that_archives_under_the_same_name_gets_no_backup(production, wb, place, make_cluster):
    """Same system identifier, same cluster name, other WAL: a backup that took the other's WAL for its own would mix them."""
    production.sql("CREATE TABLE notes (id int)")
    wb.backup()
    production.stop()
    shutil.copytree(production.pgdata, place / "clone", symlinks=True)
    production.start()
    clone = Cluster(place / "clone")
    clone.sockets.mkdir()
    clone.configure(port=clone.port, unix_socket_directories=clone.sockets)
    clone.start()
    production.sql("INSERT INTO notes SELECT generate_series(1, 10000)")
    production.archive_everything()
    clone.sql("INSERT INTO notes SELECT generate_series(1, 20000)")
    of_the_clone = {"WALKBACK_POSTGRESQL_PGDATA": str(clone.pgdata), "WALKBACK_POSTGRESQL_CONNINFO": clone.conninfo}
    known = wb.backups()

    wb.refused("backup", environment={**of_the_clone, "WALKBACK_ARCHIVE_TIMEOUT_S": "5"})

    assert wb.backups() == known
    assert wb.recover("--latest", into=place / "copy").value("SELECT count(*) FROM notes") == 10000


def test_damage_behind_the_target_is_nothing_to_the_recovery(production, wb, place):
    """recovery_prefetch of 15 and later looks far ahead of what is replayed."""
    production.sql("CREATE TABLE notes (id int)")
    wb.backup()
    segments = []
    for step in range(6):
        production.sql(f"INSERT INTO notes VALUES ({step})")
        production.sql(f"SELECT pg_create_restore_point('step_{step}')")
        segments.append(production.value("SELECT pg_walfile_name(pg_current_wal_lsn())"))
        production.archive_everything()
    for path in wb.repository.glob(f"clusters/*/*/wal/*/*/{segments[3]}.zst*"):
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-40])
    copy = wb.recover("--name", "step_2", into=place / "copy")
    assert copy.table("notes") == [(0,), (1,), (2,)]
    assert wb.run("recover", "--name", "step_4", "--into", place / "none").status != 0
