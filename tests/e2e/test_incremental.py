"""An incremental backup holds what a full one of the same moment holds, whatever happened to the cluster before it."""

import hashlib
import itertools
import json
import os
import random
import re
import shutil
import struct
import subprocess
import threading
from pathlib import Path

import pytest

from harness.cluster import BINARIES, check_indexes, quoted, wait_until
from harness.contents import contents
from harness.passing_time import PassingTime
from harness.trees import files_below

PAGE = 8192
# What differs between any two restores.
OF_THE_RESTORE = {"global/pg_control", "backup_label", "walkback.copy.conf", "postgresql.auto.conf", "postgresql.conf", "recovery.signal"}


HISTORIES = int(os.environ.get("WALKBACK_CHANGE_HISTORIES", "3"))
ROUNDS = int(os.environ.get("WALKBACK_CHANGE_ROUNDS", "6"))
# Of a running server; none of it is part of a backup.
LEFT_OUT = re.compile(
    r"pg_wal/|pg_stat|pg_notify/|pg_subtrans/|pg_serial/|pg_snapshots/|pg_dynshmem/|pg_replslot/|log/"
    r"|postmaster\.|(.*/)?pg_internal\.init$|current_logfiles|.*pgsql_tmp"
)
numbers = itertools.count(1)


@pytest.fixture
def production(make_cluster):
    return make_cluster("pg", wal_keep_size="4GB", max_prepared_transactions=5).start()


def laid_down(wb, place, name, backup):
    """The files of the newest backup, as `recover` puts them there before any replay."""
    report = wb.done("recover", "--immediate", "--no-start", "--into", place / name)
    assert report["backup"] == backup["id"]
    return Path(report["data_directory"])


def different_files(one, other):
    """Names of files that are not the same in both, with the first pages that differ."""
    ours, theirs = files_below(one), files_below(other)
    found = [f"{name}: only in one" for name in sorted(ours.keys() ^ theirs.keys()) if name not in OF_THE_RESTORE]
    for name in sorted(ours.keys() & theirs.keys() - OF_THE_RESTORE):
        a, b = ours[name].read_bytes(), theirs[name].read_bytes()
        if a != b:
            pages = [at // PAGE for at in range(0, max(len(a), len(b)), PAGE) if a[at : at + PAGE] != b[at : at + PAGE]]
            found.append(f"{name}: {len(a)} and {len(b)} bytes, pages {pages[:8]}")
    return found


def check_against_full(wb, place, name, kind="incremental"):
    incremental = wb.done("backup")
    assert incremental["backup"]["type"] == kind, incremental
    one = laid_down(wb, place, f"{name}i", incremental["backup"])
    full = wb.backup("--full")
    other = laid_down(wb, place, f"{name}f", full)
    assert not different_files(one, other), f"{name}: {different_files(one, other)}"
    return incremental


def fill(cluster, table="payments", rows=20_000):
    cluster.sql(f"CREATE TABLE {table} (id int PRIMARY KEY, customer int, note text)")
    cluster.sql(f"INSERT INTO {table} SELECT g, g % 97, repeat(md5(g::text), 3) FROM generate_series(1, {rows}) g")
    # It has its visibility and free space maps from now on.
    cluster.sql(f"VACUUM {table}")


def make_old_database(cluster):
    """Whose tables, and catalogs of the same length, must not be taken for those of a database that comes in its place."""
    name = f"old{next(numbers)}"
    cluster.sql(f"CREATE DATABASE {name}")
    cluster.sql("CREATE TABLE forgotten AS SELECT g AS id FROM generate_series(1, 1000) g", database=name)
    cluster.sql("COMMENT ON COLUMN pg_class.relname IS 'of the old one'", database=name)


# What may happen between two backups. Each of these is lost, or something of it, by a backup that believes in the
# blocks named in WAL alone.


def vacuum_marks_pages(cluster):
    cluster.sql("DELETE FROM payments WHERE id % 3 = 0")
    cluster.sql("VACUUM payments")


def visibility_is_cleared(cluster):
    """Changes to a heap page clear its bit in the visibility map, whose block the record does not name."""
    cluster.sql("VACUUM payments")
    cluster.sql("UPDATE payments SET customer = 1 WHERE id = 77")


def cut_and_grown_again(cluster):
    """As a server leaves it that dies between growing the file and writing the first row there."""
    cluster.sql("DELETE FROM payments WHERE id > 3000")
    cluster.sql("VACUUM (TRUNCATE) payments")
    relation = cluster.pgdata / cluster.value("SELECT pg_relation_filepath('payments')")
    cluster.stop()
    os.truncate(relation, relation.stat().st_size + 16 * PAGE)
    cluster.start()


def grown_by_copy(cluster):
    first = max(cluster.value("SELECT coalesce(max(id), 0) FROM payments") + 1, 50_000)
    cluster.sql(f"COPY payments FROM PROGRAM 'seq -f \"%.0f,1,from outside\" {first} {first + 20_000}' (FORMAT csv)")


def unlogged_becomes_logged(cluster):
    scratch, kept = f"scratch{next(numbers)}", f"kept{next(numbers)}"
    cluster.sql(f"CREATE UNLOGGED TABLE {scratch} AS SELECT g AS id, md5(g::text) FROM generate_series(1, 5000) g")
    cluster.sql(f"CREATE UNLOGGED TABLE {kept} AS SELECT g AS id FROM generate_series(1, 5000) g")
    cluster.sql(f"ALTER TABLE {kept} SET LOGGED")


def truncated(cluster):
    cluster.sql("TRUNCATE payments")
    cluster.sql("INSERT INTO payments VALUES (1, 1, 'the first')")


def dropped(cluster):
    cluster.sql("DROP TABLE payments")


def databases_copied_as_files(cluster):
    cluster.sql(f"CREATE DATABASE copied{next(numbers)} STRATEGY file_copy")


def databases_copied_by_wal(cluster):
    cluster.sql(f"CREATE DATABASE logged{next(numbers)} STRATEGY wal_log")


def moved_to_a_tablespace(cluster):
    space, moved = f"space{next(numbers)}", f"moved{next(numbers)}"
    location = cluster.pgdata.parent / space
    location.mkdir()
    cluster.sql(f"CREATE TABLESPACE {space} LOCATION '{location}'")
    cluster.sql(f"ALTER TABLE payments SET TABLESPACE {space}")
    cluster.sql(f"CREATE DATABASE {moved}")
    cluster.sql(f"ALTER DATABASE {moved} SET TABLESPACE {space}")


def hints_are_set(cluster):
    cluster.sql("SELECT count(*) FROM payments WHERE note LIKE '%a%'")


def transactions_fill_their_logs(cluster):
    with cluster.session() as cursor:
        for _ in range(300):
            cursor.execute("SELECT pg_current_xact_id()")
    with cluster.session(autocommit=False) as one, cluster.session(autocommit=False) as two:
        for cursor in (one, two):
            cursor.execute("SELECT id FROM payments WHERE id < 50 FOR SHARE")
        one.connection.commit()
        two.connection.commit()
    with cluster.session(autocommit=False) as cursor:
        cursor.execute("UPDATE payments SET customer = 2 WHERE id = 5")
        cursor.execute(f"PREPARE TRANSACTION 'waits{next(numbers)}'")


def crash(cluster):
    with cluster.session(autocommit=False) as cursor:
        cursor.execute("UPDATE payments SET note = 'never' WHERE id % 5 = 0")
        cluster.sql("UPDATE payments SET note = 'kept' WHERE id % 5 = 1")
        cluster.crash()
    cluster.start()


def rewritten(cluster):
    cluster.sql("VACUUM FULL payments")
    cluster.sql("CLUSTER payments USING payments_pkey")
    cluster.sql("ALTER TABLE payments ALTER customer TYPE bigint")


def indexed(cluster):
    for method, column in (("btree", "note"), ("hash", "id"), ("brin", "id"), ("gin", "to_tsvector('simple', note)"),
                           ("spgist", "note"), ("gist", "point(id, id)")):  # fmt: skip
        cluster.sql(f"CREATE INDEX ON payments USING {method} (({column}))")
    cluster.sql("UPDATE payments SET note = md5(note), customer = 3 WHERE id % 11 = 0")
    cluster.sql("VACUUM payments")
    cluster.sql("REINDEX TABLE payments")


def catalogs_rewritten(cluster):
    cluster.sql("VACUUM FULL pg_class")
    cluster.sql("VACUUM FULL pg_attribute")


def file_number_used_again(cluster):
    """As after 2^32 numbers, in a moment: binary upgrade mode lets us say which number a new table's file has.

    Its last pages are zeros that a server wrote which died before their first row: no record names them, and what the
    table of before had there is none of it."""
    path = cluster.value("SELECT pg_relation_filepath('payments')")
    number = cluster.value("SELECT pg_relation_filenode('payments')")
    length = (cluster.pgdata / path).stat().st_size
    # A number is used again within a tablespace, and other ways move the table.
    tablespace = cluster.value("SELECT coalesce((SELECT spcname FROM pg_class c JOIN pg_tablespace t ON t.oid = reltablespace"
                               " WHERE c.oid = 'payments'::regclass), 'pg_default')")  # fmt: skip
    cluster.sql("DROP TABLE payments CASCADE")
    cluster.sql("CHECKPOINT")
    assert not (cluster.pgdata / path).exists()
    cluster.stop()
    cluster.start(options="-b")
    with cluster.session() as cursor:
        oids = [f"binary_upgrade_set_next_{what}_oid('{40_000_000 + next(numbers)}')" for what in
                ("heap_pg_class", "pg_type", "array_pg_type")]  # fmt: skip
        cursor.execute(f"SELECT {', '.join(oids)}, binary_upgrade_set_next_heap_relfilenode('{number}')")
        cursor.execute(f"CREATE TABLE payments (id int, customer int, note text) TABLESPACE {tablespace}")
        cursor.execute("INSERT INTO payments SELECT g, 1, 'new' FROM generate_series(1, 100) g")
    assert cluster.value("SELECT pg_relation_filepath('payments')") == path
    cluster.stop()
    os.truncate(cluster.pgdata / path, length + 4 * PAGE)
    cluster.start()
    cluster.sql("ALTER TABLE payments ADD PRIMARY KEY (id)")


def a_database_under_an_old_oid(cluster, strategy):
    """Its files have the names of the old one's, and with file_copy there is no record of a block of theirs."""
    [(name, oid)] = cluster.sql("SELECT datname, oid FROM pg_database WHERE datname LIKE 'old%' ORDER BY 2 LIMIT 1")
    again = f"old{next(numbers)}"
    cluster.sql(f"DROP DATABASE {name}")
    cluster.sql(f"CREATE DATABASE {again} OID {oid} STRATEGY {strategy}")
    cluster.sql("COMMENT ON COLUMN pg_class.relname IS 'another database'", database=again)


def a_database_copied_as_files_under_an_old_oid(cluster):
    a_database_under_an_old_oid(cluster, "file_copy")


def a_database_copied_by_wal_under_an_old_oid(cluster):
    a_database_under_an_old_oid(cluster, "wal_log")


def sequences_and_large_objects(cluster):
    cluster.sql(f"CREATE SEQUENCE numbers{(number := next(numbers))}")
    cluster.sql(f"SELECT nextval('numbers{number}') FROM generate_series(1, 100)")
    cluster.sql("SELECT lo_from_bytea(0, decode(repeat('00ff', 30000), 'hex')) FROM generate_series(1, 3)")


WAYS = [
    vacuum_marks_pages, visibility_is_cleared, cut_and_grown_again, grown_by_copy, unlogged_becomes_logged, truncated,
    dropped, databases_copied_as_files, databases_copied_by_wal, moved_to_a_tablespace, hints_are_set,
    transactions_fill_their_logs, crash, rewritten, indexed, catalogs_rewritten, sequences_and_large_objects,
    file_number_used_again, a_database_copied_as_files_under_an_old_oid, a_database_copied_by_wal_under_an_old_oid,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_an_incremental_backup_is_what_a_full_one_is(production, wb, place, way):
    fill(production)
    if "old_oid" in way.__name__:
        make_old_database(production)
    wb.backup()
    way(production)
    check_against_full(wb, place, "r")


def test_what_was_cut_off_does_not_come_back(production, wb, place):
    """Its blocks are in no record of the WAL since the parent; then the file grew again, without a record, by zeros."""
    fill(production)
    production.sql("DELETE FROM payments WHERE id > 3000")
    production.sql("VACUUM (TRUNCATE false) payments")
    production.sql("VACUUM (TRUNCATE false) payments")
    wb.backup()
    relation = production.pgdata / production.value("SELECT pg_relation_filepath('payments')")
    before = relation.stat().st_size
    production.sql("VACUUM (TRUNCATE true) payments")
    production.sql("CHECKPOINT")
    assert relation.stat().st_size < before / 2
    production.stop()
    os.truncate(relation, relation.stat().st_size + 16 * PAGE)
    production.start()
    restored = laid_down(wb, place, "r", wb.backup())
    wrong = different_from_live(production, restored)
    assert not wrong, wrong


def test_a_relation_that_goes_on_in_a_second_file(production, wb, place):
    """The WAL counts blocks in the relation, a backup in its files of 1 GiB."""
    fill(production)
    relation = production.pgdata / production.value("SELECT pg_relation_filepath('payments')")
    second = relation.with_name(relation.name + ".1")
    production.stop()
    os.truncate(relation, 1 << 30)  # zeros, and no disk
    second.write_bytes(bytes(3 * PAGE))
    second.chmod(0o600)
    production.start()
    production.sql("INSERT INTO payments SELECT g, 1, 'beyond' FROM generate_series(100001, 101000) g")
    assert production.value("SELECT max((ctid::text::point)[0]) FROM payments") >= (1 << 30) / PAGE
    wb.backup()
    production.sql("UPDATE payments SET note = 'changed' WHERE id IN (1, 100001, 101000)")
    changed = wb.done("backup")
    assert changed["reason"] == "" and changed["backup"]["bytes_read"] < 64 << 20
    production.sql("CHECKPOINT")
    restored = laid_down(wb, place, "r", changed["backup"])
    for file in (relation, second):
        copy = restored / file.relative_to(production.pgdata)
        assert file.stat().st_size == copy.stat().st_size
        assert subprocess.run(["cmp", file, copy], capture_output=True).returncode == 0, file.name


HINTS = 0x0F00  # HEAP_XMIN_COMMITTED and the like (src/include/access/htup_details.h)


def without_hints(page):
    """A heap page as its tuples mean it: what PostgreSQL may set without WAL is masked (src/backend/access/heap/heapam.c, heap_mask)."""
    lower, upper = struct.unpack_from("<HH", page, 12)
    if upper == 0:
        return page
    masked = bytearray(page)
    masked[0:12] = bytes(12)  # LSN, checksum, flags
    masked[20:24] = bytes(4)  # pd_prune_xid
    masked[lower:upper] = bytes(upper - lower)
    for at in range(24, lower, 4):
        item = struct.unpack_from("<I", page, at)[0]
        offset, flags = item & 0x7FFF, item >> 15 & 3
        if flags == 1:
            infomask = struct.unpack_from("<H", page, offset + 20)[0]
            struct.pack_into("<H", masked, offset + 20, infomask & ~HINTS)
    return bytes(masked)


def test_hint_bits_without_checksums_are_no_difference_in_data(make_cluster, make_walkback, place):
    """Without checksums nothing tells of them: the backup has the hints that its parent had, or newer ones."""
    production = make_cluster("pg", wal_keep_size="4GB")
    subprocess.run([BINARIES / "pg_checksums", "--disable", "-D", production.pgdata], check=True, capture_output=True)
    production.start()
    wb = make_walkback().protect(production)
    fill(production)
    production.sql("CREATE TABLE hinted (id int, body text)")
    production.sql("CREATE INDEX ON hinted (id)")
    production.sql("INSERT INTO hinted SELECT g, repeat('x', 100) FROM generate_series(1, 5000) g")
    path = production.value("SELECT pg_relation_filepath('hinted')")
    wb.backup()
    before = (production.pgdata / path).read_bytes()
    production.sql("SELECT count(*) FROM hinted")
    production.sql("UPDATE hinted SET id = -id WHERE id = 1")
    incremental = wb.done("backup")
    assert incremental["reason"] == "" and incremental["parent"]
    live = (production.pgdata / path).read_bytes()
    assert sum(live[at : at + PAGE] != before[at : at + PAGE] for at in range(0, len(before), PAGE)) > 10, "hints were set"
    restored = (laid_down(wb, place, "r", incremental["backup"]) / path).read_bytes()
    assert len(live) == len(restored)
    pages = [at // PAGE for at in range(0, len(live), PAGE) if without_hints(live[at : at + PAGE]) != without_hints(restored[at : at + PAGE])]
    assert not pages
    production.archive_everything()
    copy = wb.recover("--latest", into=place / "copy")
    assert copy.table("hinted") == production.table("hinted")
    check_indexes(copy)


def test_it_reads_and_stores_what_changed(production, wb):
    fill(production, rows=200_000)
    production.sql("VACUUM payments")
    full = wb.backup()
    production.sql("UPDATE payments SET customer = 1 WHERE id BETWEEN 5000 AND 5100")
    changed = wb.done("backup")
    nothing = wb.done("backup")
    assert (changed["backup"]["type"], changed["parent"]) == ("incremental", full["id"])
    assert nothing["parent"] == changed["backup"]["id"]
    assert changed["backup"]["bytes_raw"] >= full["bytes_raw"]
    # The rest is visibility and free space maps, and what is no relation.
    assert changed["backup"]["bytes_read"] < full["bytes_read"] * 0.1
    assert nothing["backup"]["bytes_stored"] < 100_000
    everything = wb.done("backup", "--full")
    assert (everything["backup"]["type"], everything["parent"]) == ("full", None)


def test_it_is_recovered_from_as_any_other(production, wb, place):
    fill(production)
    wb.backup()
    for step in range(5):
        production.sql(f"UPDATE payments SET note = 'step {step}' WHERE id % 7 = {step}")
        production.sql(f"DELETE FROM payments WHERE id % 101 = {step}")
        assert wb.backup()["type"] == "incremental"
    production.sql("UPDATE payments SET note = 'after' WHERE id = 50")
    production.archive_everything()
    copy = wb.recover("--latest", into=place / "copy")
    assert copy.table("payments") == production.table("payments")
    check_indexes(copy)


def test_the_wal_of_a_new_timeline_leads_on_from_its_parents_backup(production, wb, place):
    fill(production)
    wb.backup()
    production.sql("UPDATE payments SET note = 'on the old one' WHERE id % 5 = 0")
    production.archive_everything()
    copy = wb.recover("--latest", into=place / "copy")
    production.sql("UPDATE payments SET note = 'of nobody' WHERE id % 5 = 1")
    production.archive_everything()
    production.stop()
    wb.done("adopt", "--pgdata", copy.pgdata)
    wb.config.write_text(wb.config.read_text().replace(f'"{production.pgdata}"', f'"{copy.pgdata}"'))
    copy.port, copy.sockets = production.port, production.sockets
    copy.restart()
    copy.sql("UPDATE payments SET note = 'on the new one' WHERE id % 5 = 2")
    copy.archive_everything()
    check_against_full(wb, place, "r")


def gone_from_pg_wal(cluster):
    """A segment that is archived and that the server does not keep any more."""
    gone = cluster.archive_everything()
    cluster.configure(wal_keep_size="0")
    cluster.restart()
    cluster.sql("CHECKPOINT")
    for _ in range(3):
        cluster.archive_everything()
        cluster.sql("CHECKPOINT")
    (cluster.pgdata / "pg_wal" / gone).unlink(missing_ok=True)
    return gone


def test_wal_that_lost_its_index_is_read_itself(production, wb, place):
    fill(production)
    wb.backup()
    production.sql("UPDATE payments SET note = 'changed' WHERE id < 100")
    [index] = wb.repository.glob(f"clusters/*/*/wal/*/*/{gone_from_pg_wal(production)}.index*")
    index.unlink()
    incremental = check_against_full(wb, place, "r")
    assert incremental["reason"] == ""
    assert incremental["backup"]["bytes_read"] < incremental["backup"]["bytes_raw"] * 0.5


def test_without_the_wal_every_page_is_compared(production, wb, place):
    fill(production)
    wb.backup()
    production.sql("UPDATE payments SET note = 'changed' WHERE id % 5 = 0")
    lost = gone_from_pg_wal(production)
    for path in wb.repository.glob(f"clusters/*/*/wal/*/*/{lost}*"):
        path.unlink()
    incremental = check_against_full(wb, place, "r")
    assert lost in incremental["reason"]
    assert incremental["backup"]["bytes_read"] > incremental["backup"]["bytes_raw"] * 0.9
    assert incremental["backup"]["bytes_stored"] < incremental["backup"]["bytes_raw"] * 0.2


def test_a_parent_that_cannot_be_read_is_no_parent(production, wb, place):
    fill(production)
    first = wb.backup()
    production.sql("UPDATE payments SET note = 'one' WHERE id % 5 = 0")
    second = wb.backup()
    production.sql("UPDATE payments SET note = 'two' WHERE id % 5 = 1")
    [manifest] = [path for path in wb.manifests() if second["id"] in str(path)]
    damaged = bytearray(manifest.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    manifest.write_bytes(damaged)
    assert wb.done("backup")["parent"] == first["id"]
    check_against_full(wb, place, "r")


def objects_of(wb, *kinds):
    return [path for kind in kinds for path in wb.repository.glob(f"clusters/*/*/{kind}/**/*") if path.is_file()]


def check_it_stands_alone(wb, production, place, report):
    """It took nothing from a parent, holds what the cluster holds, and the next one builds on it."""
    assert (report["backup"]["type"], report["parent"]) == ("full", None)
    assert "gone or damaged" in report["reason"]
    wrong = different_from_live(production, laid_down(wb, place, "alone", report["backup"]))
    assert not wrong, wrong
    production.sql("UPDATE payments SET note = 'next' WHERE id = 8")
    assert wb.done("backup")["parent"] == report["backup"]["id"]
    production.archive_everything()
    assert wb.recover("--latest", into=place / "latest").table("payments") == production.table("payments")


# What is damaged and only taken over, unread, is for verify to find.
@pytest.mark.parametrize(("what", "needed"), [("damaged", True), ("gone", True), ("gone", False)])
def test_a_parent_whose_page_maps_are_lost_is_done_without(production, wb, place, what, needed):
    fill(production)
    wb.backup()
    for path in objects_of(wb, "maps"):
        bytes_before = path.read_bytes()
        path.unlink()
        if what == "damaged":
            path.write_bytes(bytes(byte ^ 0xFF for byte in bytes_before))
    if needed:
        production.sql("UPDATE payments SET note = 'one' WHERE id % 5 = 0")
    check_it_stands_alone(wb, production, place, wb.done("backup"))


def test_a_parent_that_is_pruned_in_the_middle_is_done_without(production, wb, place):
    fill(production)
    wb.backup()
    production.sql("UPDATE payments SET note = 'one' WHERE id = 5")
    production.archive_everything()
    gate = place / "gate"
    command = f"test -e {gate} && " + production.value("SHOW archive_command")
    production.sql(f"ALTER SYSTEM SET archive_command = {quoted(command)}")
    production.sql("ALTER SYSTEM SET log_statement = 'all'")
    production.sql("SELECT pg_reload_conf()")
    of_the_parent = objects_of(wb, "backups", "packs", "maps")
    process = wb.start("backup")
    wait_until(lambda: "pg_backup_stop" in production.log.read_text(), "the backup to wait for its WAL")
    for path in of_the_parent:
        path.unlink()
    gate.touch()
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "begins again and reads everything" in errors
    check_it_stands_alone(wb, production, place, json.loads(said))


def clock(offset):
    """A host whose clock is wrong by so much."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    return {"LD_PRELOAD": str(library), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def test_clocks_that_go_back_choose_no_wrong_parent(production, wb, place):
    """Ids and times sort wrong; the log does not."""
    fill(production)
    first = wb.done("backup")
    production.sql("UPDATE payments SET note = 'one' WHERE id % 5 = 0")
    second = wb.done("backup", environment=clock("-1d"))
    production.sql("UPDATE payments SET note = 'two' WHERE id % 5 = 1")
    third = wb.done("backup", environment=clock("-2d"))
    production.sql("UPDATE payments SET note = 'three' WHERE id % 5 = 2")
    fourth = wb.done("backup")
    reports = [first, second, third, fourth]
    ids = [report["backup"]["id"] for report in reports]
    assert sorted(ids)[0] == ids[2] and sorted(ids)[1] == ids[1]
    assert [report["parent"] for report in reports] == [None, *ids[:3]]
    wrong = different_from_live(production, laid_down(wb, place, "r", fourth["backup"]))
    assert not wrong, wrong
    production.sql("UPDATE payments SET note = 'four' WHERE id % 5 = 3")
    production.archive_everything()
    for name, report, rows in (("one", second, "one"), ("three", fourth, "three")):
        lsn = report["backup"]["stop_lsn"]
        copy = wb.recover("--lsn", lsn, into=place / name)
        assert copy.report["backup"] == report["backup"]["id"], "the nearest in the log"
        assert copy.value("SELECT count(*) FROM payments WHERE note = %s", rows) == 4000
        copy.end()
    copy = wb.recover("--latest", into=place / "latest")
    assert copy.report["backup"] == ids[3]
    assert copy.table("payments") == production.table("payments")
    [window] = wb.done("list")["windows"]
    assert window["from_lsn"] == first["backup"]["stop_lsn"]


def set_system(cluster, **settings):
    for name, value in settings.items():
        cluster.sql(f"ALTER SYSTEM SET {name} = '{value}'")
    cluster.restart()


def test_what_minimal_wal_did_not_log_is_read(production, wb, place):
    fill(production)
    wb.backup()
    set_system(production, wal_level="minimal", max_wal_senders=0, archive_mode="off")
    with production.session(autocommit=False) as cursor:
        cursor.execute("TRUNCATE payments")
        cursor.execute("INSERT INTO payments SELECT g, 1, 'not logged' FROM generate_series(1, 500) g")
        cursor.connection.commit()
    set_system(production, wal_level="replica", max_wal_senders=10, archive_mode="on")
    production.archive_everything()
    incremental = check_against_full(wb, place, "r")
    assert "minimal" in incremental["reason"] or "WAL segment" in incremental["reason"]


def test_checksums_switched_on_change_every_page(make_cluster, make_walkback, place):
    production = make_cluster("pg", wal_keep_size="4GB")
    subprocess.run([BINARIES / "pg_checksums", "--disable", "-D", production.pgdata], check=True, capture_output=True)
    production.start()
    wb = make_walkback().protect(production)
    fill(production)
    wb.backup()
    production.stop()
    subprocess.run([BINARIES / "pg_checksums", "--enable", "-D", production.pgdata], check=True, capture_output=True)
    production.start()
    incremental = check_against_full(wb, place, "r")
    assert "checksums" in incremental["reason"]


def promoted(production, wb, place):
    """A recovery to the latest becomes the cluster."""
    production.archive_everything()
    copy = wb.recover("--latest", into=place / f"copy{next(numbers)}")
    production.stop()
    wb.done("adopt", "--pgdata", copy.pgdata)
    wb.config.write_text(wb.config.read_text().replace(f'"{production.pgdata}"', f'"{copy.pgdata}"'))
    copy.port, copy.sockets = production.port, production.sockets
    copy.configure(wal_keep_size="4GB")
    return copy.restart()


def different_from_live(cluster, restored):
    """Names of files of an idle cluster that a restored backup has not, or not so."""
    # Which pages of an SP-GiST index were used last is a cache on its first page, and not logged.
    caches = {path for (path,) in cluster.sql(
        "SELECT pg_relation_filepath(c.oid) FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'spgist'")}  # fmt: skip
    cluster.sql("CHECKPOINT")
    live, ours = files_below(cluster.pgdata), files_below(restored)
    found = []
    for name in sorted(live.keys() | ours.keys()):
        if name in OF_THE_RESTORE or LEFT_OUT.match(name):
            continue
        if name not in ours:
            # Of an unlogged relation only the init fork is kept.
            unlogged = re.sub(r"(_(vm|fsm))?(\.\d+)?$", "", name) + "_init" in live
            if not unlogged:
                found.append(f"{name}: not in the backup")
        elif name not in live:
            found.append(f"{name}: only in the backup")
        else:
            a, b = live[name].read_bytes(), ours[name].read_bytes()
            pages = [at // PAGE for at in range(0, max(len(a), len(b)), PAGE) if a[at : at + PAGE] != b[at : at + PAGE]]
            if name in caches and pages[:1] == [0]:
                pages = pages[1:]
            if pages:
                found.append(f"{name}: {len(a)} and {len(b)} bytes, pages {pages[:8]}")
    return found


def test_what_changed_while_its_parents_were_copied_is_there(make_cluster, make_walkback, place):
    """A block may be read before its change, in the same backup: the WAL since the parent's redo point counts."""
    production = make_cluster("pg", "--wal-segsize=1", wal_keep_size="4GB", min_wal_size="2MB").start()
    wb = make_walkback().protect(production)
    fill(production, rows=100_000)
    over = threading.Event()

    def work(remainder):
        with production.session() as cursor:
            for step in itertools.count():
                if over.is_set():
                    return
                cursor.execute("UPDATE payments SET note = md5(note) WHERE id %% 499 = %s AND id %% 2 = %s", (step % 499, remainder))

    workers = [threading.Thread(target=work, args=(remainder,)) for remainder in (0, 1)]
    for worker in workers:
        worker.start()
    try:
        for _ in range(4):
            wb.backup()
        wb.backup("--full")
    finally:
        over.set()
        for worker in workers:
            worker.join()
    restored = laid_down(wb, place, "r", wb.backup())
    wrong = different_from_live(production, restored)
    assert not wrong, wrong


def drop_databases_that_pile_up(cluster):
    """Copies of the same template would soon be most of the cluster, and show nothing that one of them does not."""
    for (name,) in cluster.sql("SELECT datname FROM pg_database WHERE datname ~ '^(copied|logged|moved)' ORDER BY oid DESC OFFSET 1"):
        cluster.sql(f"DROP DATABASE {name}")


def database_digests(pgdata):
    """{oid: digest of its files}; what is prepared decides in all of them which rows there are."""
    files = sorted(files_below(pgdata).items())
    prepared = " ".join(name for name, _ in files if name.startswith("pg_twophase/"))
    digests = {}
    for name, path in files:
        if inside := re.match(r"(?:base|pg_tblspc/\d+/PG_\w+)/(\d+)/", name):
            digest = digests.setdefault(inside[1], hashlib.blake2b(prepared.encode()))
            digest.update(name.encode() + path.read_bytes())
    return {oid: digest.hexdigest() for oid, digest in digests.items()}


def check_as_a_server(copy, held, checked):
    """It replays what makes it consistent, holds what the cluster held, and every index finds every row: of databases that
    are not `checked` as they are."""
    digests = database_digests(copy.pgdata)
    copy.start()
    wait_until(lambda: not copy.value("SELECT pg_is_in_recovery()"), lambda: f"the copy to open:\n{copy.last_log(8)}")
    there = contents(copy)
    wrong = {name: (held.get(name), there.get(name)) for name in held.keys() | there.keys() if held.get(name) != there.get(name)}
    assert not wrong, wrong
    databases = copy.sql("SELECT oid::text, datname FROM pg_database WHERE datallowconn")
    changed = [name for oid, name in databases if checked.get(oid) != digests[oid]]
    if changed:
        check_indexes(copy, *[f"--database={name}" for name in changed], "--install-missing")
    checked.update(digests)
    copy.end()


def remove(copy):
    for left in (copy.pgdata, f"{copy.pgdata}.tablespaces", copy.sockets):
        shutil.rmtree(left, ignore_errors=True)


@pytest.mark.parametrize("number", range(HISTORIES))
def test_every_backup_of_a_random_history_is_the_cluster_of_its_moment(production, wb, place, seed, number):
    chance = random.Random(f"{seed}/{number}")
    # In every other one each backup reads again all that did not change, and must find that it did not.
    time = PassingTime(wb) if number % 2 == 0 else None
    fill(production)
    make_old_database(production)
    wb.backup()
    told, checked = [f"seed {seed}"], {}
    for round_number in range(chance.randint(max(1, ROUNDS // 4), ROUNDS)):
        for (gid,) in production.sql("SELECT gid FROM pg_prepared_xacts"):
            production.sql(f"{chance.choice(['COMMIT', 'ROLLBACK'])} PREPARED '{gid}'")
        drop_databases_that_pile_up(production)
        if not production.value("SELECT to_regclass('payments') IS NOT NULL"):
            fill(production, rows=chance.choice([10, 20_000]))
        # What it leaves prepared would keep the others waiting.
        ways = sorted(chance.sample(WAYS, chance.choice([1, 1, 2, 3])), key=lambda way: way is transactions_fill_their_logs)
        for way in ways:
            told.append(way.__name__)
            if production.value("SELECT to_regclass('payments') IS NOT NULL"):
                way(production)
        if chance.random() < 0.15 and not production.sql("SELECT 1 FROM pg_tablespace WHERE spcname LIKE 'space%'"):
            told.append("promoted")
            former, production = production, promoted(production, wb, place)
            shutil.rmtree(former.pgdata)
        # Who asks sets hints and prunes pages: before the backup, or unseen by it, for the next.
        held = contents(production) if chance.random() < 0.5 else None
        outcome = time.backup() if time else wb.run("backup")
        told.append(f"backup {round_number}")
        assert outcome.status == 0, f"{told}: {outcome.describe()}"
        backup = outcome.json["backup"]
        assert backup["type"] == "incremental"
        copy = wb.recover("--immediate", into=place / f"r{round_number}", no_start=True)
        assert copy.report["backup"] == backup["id"]
        wrong = different_from_live(production, copy.pgdata)
        assert not wrong, f"{told}: {wrong}"
        try:
            check_as_a_server(copy, held or contents(production), checked)
        except AssertionError as failure:
            raise AssertionError(f"{told}: {failure}") from failure
        remove(copy)
    if not production.sql("SELECT 1 FROM pg_tablespace WHERE spcname LIKE 'space%'"):
        production.archive_everything()
        copy = wb.recover("--latest", into=place / "last")
        for (table,) in production.sql("SELECT relname FROM pg_class WHERE relnamespace = 2200 AND relkind = 'r' AND relpersistence = 'p'"):
            assert copy.table(table) == production.table(table), f"{told}: {table}"
        check_indexes(copy)
