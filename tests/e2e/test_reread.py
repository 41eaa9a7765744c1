"""What the WAL says did not change is read again in its turn, and held against what the last backup has of it."""

import shutil
import subprocess

import pytest

from harness.cluster import BINARIES, Cluster, wait_until
from harness.pages import PAGE, change_a_row, checksum, different_pages
from harness.passing_time import PassingTime


@pytest.fixture(params=[True, False], ids=["checksums", "no_checksums"])
def checksums(request):
    return request.param


@pytest.fixture
def production(make_cluster, checksums):
    cluster = make_cluster("pg", wal_keep_size="4GB")
    if not checksums:
        subprocess.run([BINARIES / "pg_checksums", "--disable", "-D", cluster.pgdata], check=True, capture_output=True)
    return cluster.start()


@pytest.fixture
def time(wb):
    return PassingTime(wb)


def laid_down(wb, into):
    wb.done("recover", "--immediate", "--no-start", "--into", into)
    return into


def behind_its_back(cluster, file, block, checksums):
    cluster.stop()
    change_a_row(cluster.pgdata / file, block, with_checksum=checksums)
    cluster.start()


def fill(cluster, rows=20_000):
    cluster.sql("CREATE TABLE payments (id int PRIMARY KEY, customer int, note text)")
    cluster.sql(f"INSERT INTO payments SELECT g, g % 97, repeat(md5(g::text), 3) FROM generate_series(1, {rows}) g")
    cluster.sql("VACUUM FREEZE payments")
    return cluster.value("SELECT pg_relation_filepath('payments')")


def test_a_change_behind_postgresqls_back_is_found(production, wb, time, checksums, place):
    file = fill(production)
    assert time.soon_after().status == 0
    behind_its_back(production, file, 5, checksums)

    not_its_turn = time.soon_after()
    assert (not_its_turn.status, not_its_turn.json["backup"]["bytes_reread"]) == (0, 0), not_its_turn.describe()

    found = time.backup()
    assert found.status == 4, found.describe()
    [page] = found.json["unexplained_pages"]
    assert (page["file"], page["block"], page["since_parent"]) == (file, 5, False)
    assert found.json["bad_pages"] == []
    assert file in found.json["error"]["message"] and file in found.stderr
    backup = found.json["backup"]
    assert backup["unexplained_page_count"] == 1
    assert backup["bytes_reread"] > (production.pgdata / file).stat().st_size * 0.9
    event = wb.done("history")["events"][-1]
    assert event["backup"]["unexplained_page_count"] == 1
    assert "unexplained" in wb.run("history", as_json=False).stdout

    # It has the page as it is; and what it found is not the only thing that may be wrong.
    restored = laid_down(wb, place / "r")
    assert different_pages(restored / file, production.pgdata / file) == []
    after = time.soon_after()
    assert after.status == 0, after.describe()
    assert backup["id"] in after.json["reason"] and "every page" in after.json["reason"]
    assert after.json["backup"]["bytes_reread"] > backup["bytes_reread"] * 0.9
    proved = time.soon_after()
    assert (proved.status, proved.json["reason"], proved.json["backup"]["bytes_reread"]) == (0, "", 0)


def test_a_page_that_rotted_is_kept_as_it_was(production, wb, time, checksums, place):
    if not checksums:
        pytest.skip("it takes a checksum to know which is which")
    file = fill(production)
    assert time.soon_after().status == 0
    whole = (production.pgdata / file).read_bytes()
    behind_its_back(production, file, 7, False)
    for _ in range(2):
        outcome = time.backup()
        assert outcome.status == 4, outcome.describe()
        assert outcome.json["bad_pages"] == [{"file": file, "block": 7}]
        assert outcome.json["unexplained_pages"] == []
    restored = laid_down(wb, place / "r")
    assert (restored / file).read_bytes() == whole


def test_switched_off_nothing_is_read_again(production, wb, time, checksums):
    file = fill(production)
    assert time.soon_after().status == 0
    behind_its_back(production, file, 5, checksums)
    wb.environment["WALKBACK_BACKUP_REREAD_DAYS"] = "0"
    outcome = time.backup()
    assert (outcome.status, outcome.json["backup"]["bytes_reread"]) == (0, 0), outcome.describe()


# What PostgreSQL changes without a word of it in the WAL, or with none that names the page.


def rows_are_seen(cluster):
    """Of transactions that committed and of those that did not."""
    cluster.sql("SELECT count(*) FROM payments WHERE note LIKE '%a%'")


def indexes_are_used_and_entries_killed(cluster):
    with cluster.session() as cursor:
        cursor.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        for _ in range(2):
            cursor.execute("SELECT count(note) FROM payments WHERE id BETWEEN 1 AND 6000")
            cursor.execute("SELECT count(*) FROM generate_series(1, 300) g JOIN payments ON tag = g")
            cursor.execute("SELECT count(*) FROM payments WHERE spot <@ box '((0,0),(400,400))'")


def numbers_are_taken(cluster):
    cluster.sql("SELECT nextval('numbers') FROM generate_series(1, 5)")


def words_are_added(cluster):
    cluster.sql("INSERT INTO words SELECT md5(g::text) FROM generate_series(1, 200) g")


def pages_are_pruned_or_not(cluster):
    cluster.sql("UPDATE payments SET customer = 1 WHERE id % 50 = 3")
    cluster.sql("SELECT count(*) FROM payments WHERE id > 0")


def vacuumed(cluster):
    cluster.sql("VACUUM payments")


SILENT = [rows_are_seen, indexes_are_used_and_entries_killed, numbers_are_taken, words_are_added, pages_are_pruned_or_not,
          vacuumed, rows_are_seen, indexes_are_used_and_entries_killed]  # fmt: skip


def prepare_silent_changes(cluster):
    cluster.sql("CREATE TABLE payments (id int, customer int, note text, tag int, spot point)")
    for index in ("(id)", "USING hash (tag)", "USING gist (spot)", "USING brin (id)",
                  "USING gin (to_tsvector('simple', note))"):  # fmt: skip
        cluster.sql(f"CREATE INDEX ON payments {index}")
    cluster.sql("CREATE TABLE words (word text)")
    cluster.sql("CREATE INDEX ON words USING spgist (word)")
    cluster.sql("CREATE SEQUENCE numbers")
    rows = "SELECT g, g % 97, md5(g::text), g % 300, point(g % 500, g / 500) FROM generate_series({}, {}) g"
    cluster.sql(f"INSERT INTO payments {rows.format(1, 12000)}")
    with cluster.session(autocommit=False) as cursor:
        cursor.execute(f"INSERT INTO payments {rows.format(12001, 15000)}")
        cursor.execute("UPDATE payments SET note = 'never' WHERE id % 7 = 0")
        cursor.connection.rollback()
    cluster.sql("DELETE FROM payments WHERE id % 3 = 0")
    cluster.sql("SELECT nextval('numbers')")


def test_what_postgresql_changes_silently_is_no_finding(production, wb, time, checksums, place):
    prepare_silent_changes(production)
    assert time.soon_after().status == 0
    silently = 0
    for number, way in enumerate(SILENT):
        way(production)
        production.sql("CHECKPOINT")
        outcome = time.backup()
        told = f"after {way.__name__}: {outcome.describe()}"
        assert outcome.status == 0 and outcome.json["unexplained_pages"] == [], told
        restored = laid_down(wb, place / f"r{number}")
        silently += sum(len(different_pages(restored / file, production.pgdata / file)) for file in relations(production))
        shutil.rmtree(restored)
    # Or this would prove nothing: pages that are others than in the backup, and were not stored for that.
    assert checksums or silently > 100, silently


def relations(cluster):
    return [path for (path,) in cluster.sql("SELECT pg_relation_filepath(oid) FROM pg_class WHERE relkind IN ('r', 'i', 'S')")]


def test_after_a_failover_other_hints_are_no_finding(production, wb, time, place):
    """The standby made its pages from the same WAL, and has its own idea of what is a hint."""
    prepare_silent_changes(production)
    production.sql("CHECKPOINT")
    subprocess.run(
        [BINARIES / "pg_basebackup", "-R", "-X", "stream", "-c", "fast", "-D", place / "standby", "-h", production.sockets,
         "-p", str(production.port), "-U", production.user],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    standby = Cluster(place / "standby", sockets=place / "standby.s")
    standby.sockets.mkdir()
    standby.configure(port=standby.port, unix_socket_directories=standby.sockets)
    standby.start()
    for way in SILENT:
        way(production)
    assert time.soon_after().status == 0
    production.archive_everything()
    end = production.value("SELECT pg_current_wal_lsn()")
    wait_until(lambda: standby.value(f"SELECT pg_last_wal_replay_lsn() >= '{end}'"), "the standby to follow")
    production.stop()
    standby.sql("SELECT pg_promote()")
    wb.config.write_text(
        wb.config.read_text().replace(f'"{production.pgdata}"', f'"{standby.pgdata}"')
        .replace(str(production.sockets), str(standby.sockets)).replace(f"port={production.port}", f"port={standby.port}")
    )  # fmt: skip
    rows_are_seen(standby)
    standby.sql("CHECKPOINT")
    outcome = time.backup()
    assert outcome.status == 0 and outcome.json["unexplained_pages"] == [], outcome.describe()
    assert outcome.json["backup"]["type"] == "incremental"
    restored = laid_down(wb, place / "r")
    different = sum(len(different_pages(restored / file, standby.pgdata / file)) for file in relations(standby))
    assert different > 10, "or this would prove nothing"


def test_the_checksums_of_these_tests_are_postgresqls(production, checksums):
    if not checksums:
        pytest.skip("there are none")
    file = fill(production, rows=500)
    production.sql("CHECKPOINT")
    content = (production.pgdata / file).read_bytes()
    for block in range(3):
        page = content[block * PAGE : (block + 1) * PAGE]
        assert int.from_bytes(page[8:10], "little") == checksum(page, block)
