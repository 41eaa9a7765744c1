"""Which transaction did it: found among many, with names, counts, times and the lines that give the rows back."""

import os
import subprocess
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import pytest
from harness.cluster import BINARIES

TRANSACTIONS = int(os.environ.get("WALKBACK_FIND_TRANSACTIONS", "100000"))
SEGMENTS = 300 if TRANSACTIONS >= 2_000_000 else 20
SEGMENT_MIB = 4
PAYMENTS = 200_000

ORDERS = """
\\set customer random(1, 20000)
INSERT INTO orders (customer, note) VALUES (:customer, repeat(md5(:customer::text), 13));
"""


@dataclass
class Accident:
    """One transaction, and what `find` must say of it."""

    sql: str
    table: str
    changes: dict
    committed: bool = True
    xid: int = 0
    began: datetime = None
    ended: datetime = None
    before: object = None
    report: dict = field(default_factory=dict)

    def happens(self, cluster):
        self.before = content(cluster, self.table)
        with cluster.session(autocommit=False) as cursor:
            cursor.execute("SELECT pg_current_xact_id()::text::bigint, clock_timestamp()")
            self.xid, self.began = cursor.fetchone()
            cursor.execute(self.sql)
            self.began -= timedelta(seconds=1)
            (cursor.connection.commit if self.committed else cursor.connection.rollback)()
        self.ended = cluster.value("SELECT clock_timestamp()")


def content(cluster, table):
    """Equal for equal rows, worked out where the rows are."""
    return cluster.sql(f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {table} t")


def work(cluster, place, transactions):
    script = place / "orders.sql"
    script.write_text(ORDERS)
    subprocess.run(
        [BINARIES / "pgbench", "-n", "-c", "4", "-j", "2", "-t", str(transactions // 4), "-f", script,
         "-h", cluster.sockets, "-p", str(cluster.port), "-U", cluster.user, "postgres"],
        check=True, capture_output=True,
    )  # fmt: skip


def fill(cluster):
    cluster.sql("CREATE TABLE orders (id bigserial PRIMARY KEY, customer int, note text)")
    cluster.sql("CREATE SCHEMA shop")
    for table, rows in (("payments", PAYMENTS), ("customers", 30_000), ("carts", 10_000), ("invoices", 10_000),
                        ("events", 150_000), ("prices", 40_000)):  # fmt: skip
        cluster.sql(
            f"CREATE TABLE shop.{table} AS SELECT g AS id, g % 1000 AS customer, repeat(md5(g::text), 2) AS note"
            f" FROM generate_series(1, {rows}) g"
        )
    cluster.sql("ANALYZE")


def accidents():
    return [
        Accident("DELETE FROM shop.events WHERE id <= 120000", "shop.events", {"deleted": 120_000}),
        Accident("DELETE FROM shop.payments", "shop.payments", {"deleted": PAYMENTS}),
        Accident("UPDATE shop.customers SET customer = 0", "shop.customers", {"updated": 30_000}),
        Accident("TRUNCATE shop.carts", "shop.carts", {"truncated": True, "rows_gone": 10_000}),
        Accident("DELETE FROM shop.prices", "shop.prices", {"deleted": 40_000}, committed=False),
        Accident("DROP TABLE shop.invoices", "shop.invoices", {"dropped": True, "rows_gone": 10_000}),
    ]


def test_a_dropped_database_comes_back(make_cluster, make_walkback, place):
    cluster = make_cluster("pg").start()
    cluster.sql("CREATE DATABASE sales")
    cluster.sql("CREATE TABLE orders AS SELECT g AS id FROM generate_series(1, 1234) g", database="sales")
    wb = make_walkback().protect(cluster)
    wb.backup()
    cluster.sql("CREATE TABLE kept AS SELECT 1 AS id")
    cluster.sql("DROP DATABASE sales")
    cluster.archive_everything()
    found = wb.done("find")["transactions"]
    drop = next(one for one in found if one["databases_dropped"] == ["sales"])
    plan = wb.done("plan", "--before-xid", drop["xid"])["plan"]
    assert any("removed the files of database sales" in note for note in plan["notes"]), plan
    text = wb.run("plan", "--before-xid", drop["xid"], as_json=False).stdout
    assert f"to just before transaction {drop['xid']} removed the files of database sales" in text
    assert f"transaction {drop['xid']}, ended at" in text
    copy = wb.recover("--before-xid", drop["xid"], into=place / "before")
    assert copy.value("SELECT count(*) FROM kept") == 1
    assert copy.sql("SELECT count(*) FROM orders", database="sales") == [(1234,)]
    # Just before the commit by its LSN: PostgreSQL has removed the files by then, and the plan says so.
    between = wb.done("plan", "--lsn", drop["lsn"])["plan"]
    assert any(f"--before-xid {drop['xid'] % 2**32}" in note for note in between["notes"]), between


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_accidents_among_many_transactions(make_cluster, make_walkback, place):
    cluster = make_cluster("pg", f"--wal-segsize={SEGMENT_MIB}", synchronous_commit="off").start()
    fill(cluster)
    wb = make_walkback().protect(cluster)
    wb.backup()
    began = cluster.value("SELECT clock_timestamp()")
    expected = accidents()
    for accident in expected:
        work(cluster, place, TRANSACTIONS // len(expected))
        accident.happens(cluster)
    # Created after the backup, and gone: only the WAL knows its name.
    cluster.sql("CREATE TABLE shop.staging AS SELECT g AS id FROM generate_series(1, 5000) g")
    staging = Accident("DROP TABLE shop.staging", "shop.staging", {"dropped": True, "rows_gone": 5000})
    staging.happens(cluster)
    expected.append(staging)
    cluster.archive_everything(timeout_s=600)
    cluster.stop()

    started = time.monotonic()
    report = wb.done("find", "--since", began.isoformat(), "--limit", 20)
    elapsed = time.monotonic() - started
    print(f"{report['segments']} segments in {elapsed:.2f} s")
    assert elapsed < 3
    assert report["segments"] >= SEGMENTS and not report["unknown"]
    assert report["totals"]["committed"] >= TRANSACTIONS // len(expected) * (len(expected) - 1)

    by_xid = {found["xid"]: found for found in report["transactions"]}
    for accident in expected:
        found = by_xid[accident.xid]
        assert found["committed"] == accident.committed, accident
        assert found["outcome"] == ("committed" if accident.committed else "rolled back")
        [table] = found["tables"]
        assert f"{table['schema']}.{table['table']}" == accident.table and table["database"] == "postgres"
        said = {name: value for name, value in table.items() if name in accident.changes}
        assert said == accident.changes, accident
        ended = moment(found["ended_at"])
        assert accident.began <= moment(found["began_at"]) <= ended <= accident.ended
    # What is not as large as any of these comes after them, and what was rolled back after all that committed.
    committed = [accident for accident in expected if accident.committed]
    assert set(list(by_xid)[: len(committed)]) == {accident.xid for accident in committed}
    first_that_did_not = next(place for place, each in enumerate(report["transactions"]) if not each["committed"])
    assert all(not each["committed"] for each in report["transactions"][first_that_did_not:])

    for number, accident in enumerate(accident for accident in expected if accident.committed):
        copy = wb.recover("--before-xid", accident.xid, into=place / f"copy{number}")
        assert content(copy, accident.table) == accident.before, accident
        copy.stop()


def transaction(cluster, *statements, database="postgres", rollback=False):
    """Runs them in one transaction and returns its xid."""
    with cluster.session(autocommit=False, database=database) as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        [xid] = cursor.fetchone()
        for statement in statements:
            cursor.execute(statement)
        (cursor.connection.rollback if rollback else cursor.connection.commit)()
    return xid


def alone(cluster, statement):
    """The xid of a statement that stands in no transaction block, and takes one xid."""
    before = transaction(cluster)
    cluster.sql(statement)
    return before + 1


@pytest.fixture
def xid_of(production):
    return partial(transaction, production)


class Found:
    """What `find` says, by transaction and table."""

    FATES = ("truncated", "dropped", "rewritten", "created")

    def __init__(self, wb, *options):
        self.report = wb.done("find", "--limit", 1000, *options)
        self.transactions = {each["xid"]: each for each in self.report["transactions"]}

    def of(self, xid):
        """{table: what was done}, zeros left out."""
        return {
            f"{table['schema']}.{table['table']}" if table["table"] else table["file"]["number"]: {
                name: table[name] for name in ("inserted", "updated", "deleted", *self.FATES) if table[name]
            }
            for table in self.transactions[xid]["tables"]
        }


def table_of(production, name, rows, extra=""):
    production.sql(f"CREATE TABLE {name} (id int PRIMARY KEY, note text{extra})")
    # TOAST too: every tenth row is too long for a page.
    production.sql(
        f"INSERT INTO {name} SELECT g, CASE g % 10 WHEN 0 THEN (SELECT string_agg(md5((g + i)::text), '')"
        f" FROM generate_series(1, 150) i) ELSE 'short' END FROM generate_series(1, {rows}) g"
    )


def test_what_schema_changes_did_to_rows_is_told_apart(production, wb, xid_of):
    for name in ("a", "b", "c", "d", "e", "f", "g", "h", "i"):
        table_of(production, name, 100)
    production.sql("CREATE MATERIALIZED VIEW m AS SELECT * FROM a")
    wb.backup()
    truncated = xid_of("TRUNCATE a, b")
    refilled = xid_of("TRUNCATE c", "INSERT INTO c SELECT g, 'new' FROM generate_series(1, 7) g")
    vacuumed = alone(production, "VACUUM FULL d")
    clustered = xid_of("CLUSTER e USING e_pkey")
    altered = xid_of("ALTER TABLE f ALTER COLUMN id TYPE bigint")
    indexed = xid_of("REINDEX TABLE g", "DELETE FROM g WHERE id <= 3")
    refreshed = xid_of("REFRESH MATERIALIZED VIEW m")
    dropped = xid_of("DROP TABLE g, h")
    made_and_dropped = xid_of("CREATE TABLE brief AS SELECT 1 AS id", "DROP TABLE brief", "DELETE FROM i WHERE id < 5")
    made = xid_of("CREATE TABLE j AS SELECT g AS id FROM generate_series(1, 50) g")
    truncated_again = xid_of("TRUNCATE a")
    production.archive_everything()

    found = Found(wb)
    assert found.of(truncated) == {"public.a": {"truncated": True}, "public.b": {"truncated": True}}
    assert found.of(refilled) == {"public.c": {"truncated": True, "inserted": 7}}
    assert found.of(indexed) == {"public.g": {"deleted": 3}}
    assert found.of(dropped) == {"public.g": {"dropped": True}, "public.h": {"dropped": True}}
    assert found.of(made_and_dropped) == {"public.i": {"deleted": 4}}
    assert found.of(made) == {"public.j": {"created": True, "inserted": 50}}
    assert found.of(truncated_again) == {"public.a": {"truncated": True}}
    for xid, table in ((vacuumed, "d"), (clustered, "e"), (altered, "f"), (refreshed, "m")):
        # A rewrite takes nothing away: it need not be among what took the most.
        assert Found(wb, "--xid", xid).of(xid) == {f"public.{table}": {"rewritten": True}}, table
    assert set(list(found.transactions)[:5]) >= {truncated, refilled, dropped}, "what took the most comes first"


def test_what_transactions_in_pieces_did_is_put_together(production, wb, xid_of):
    table_of(production, "a", 1000)
    wb.backup()
    in_pieces = xid_of(
        "DELETE FROM a WHERE id <= 100",
        "SAVEPOINT one", "DELETE FROM a WHERE id <= 200", "RELEASE one",
        "SAVEPOINT two", "DELETE FROM a WHERE id > 500", "ROLLBACK TO two",
    )  # fmt: skip
    with production.session(autocommit=False) as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        [prepared] = cursor.fetchone()
        cursor.execute("DELETE FROM a WHERE id <= 300")
        cursor.execute("PREPARE TRANSACTION 'later'")
    with production.session(autocommit=False) as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        [waiting] = cursor.fetchone()
        cursor.execute("UPDATE a SET note = '' WHERE id BETWEEN 301 AND 340")
        cursor.execute("PREPARE TRANSACTION 'never'")
    production.archive_everything()  # what they did lies in other segments than their ends
    production.sql("COMMIT PREPARED 'later'")
    with production.session(autocommit=False) as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        [over_segments] = cursor.fetchone()
        cursor.execute("DELETE FROM a WHERE id BETWEEN 401 AND 450")
        production.archive_everything()
        cursor.execute("DELETE FROM a WHERE id BETWEEN 451 AND 460")
        cursor.connection.commit()
    production.archive_everything()

    found = Found(wb)
    assert found.of(in_pieces) == {"public.a": {"deleted": 200}}
    assert found.transactions[in_pieces]["subtransactions"] == 1
    assert found.of(prepared) == {"public.a": {"deleted": 100}}
    assert found.transactions[prepared]["outcome"] == "committed"
    assert found.of(waiting) == {"public.a": {"updated": 40}}
    assert found.transactions[waiting]["outcome"] == "prepared" and not found.transactions[waiting]["committed"]
    assert found.of(over_segments) == {"public.a": {"deleted": 60}}
    production.sql("ROLLBACK PREPARED 'never'")


def test_names_come_from_wherever_they_are_known(production, wb, xid_of):
    wb.backup()
    table_of(production, "born_later", 50)
    deleted = xid_of("DELETE FROM born_later")
    production.sql("ALTER TABLE born_later RENAME TO renamed")
    production.sql("CREATE DATABASE shop")
    production.sql("DROP DATABASE shop")
    production.archive_everything()
    found = Found(wb)
    [table] = found.transactions[deleted]["tables"]
    names = {f"{each['schema']}.{each['table']}" for each in (table, *table["also"])}
    assert table["deleted"] == 50 and names == {"public.born_later", "public.renamed"}
    [dropped] = [each for each in found.report["transactions"] if each["databases_dropped"]]
    assert dropped["databases_dropped"] == ["shop"]

    production.stop()
    for names in wb.repository.glob("clusters/*/*/backups/*/names*"):
        names.unlink()
    for index in wb.repository.glob("clusters/*/*/wal/*/*/*.index*"):
        index.unlink()
    assert Found(wb).of(deleted) == {"public.renamed": {"deleted": 50}}, "from the WAL alone"


def test_filters_and_windows(production, wb, xid_of):
    for name in ("a", "b"):
        table_of(production, name, 100)
    wb.backup()
    small = xid_of("DELETE FROM a WHERE id <= 10")
    large = xid_of("DELETE FROM b WHERE id <= 60")
    between = production.value("SELECT clock_timestamp()")
    update = xid_of("UPDATE b SET note = 'x'")
    gone = xid_of("TRUNCATE a")
    production.archive_everything()

    def xids(*options):
        return {each["xid"] for each in wb.done("find", *options)["transactions"]} & {small, large, update, gone}

    assert xids() == {small, large, update, gone}
    assert xids("--table", "a") == xids("--table", "public.a") == xids("--table", "postgres.public.a") == {small, gone}
    assert xids("--table", "c") == set()
    assert xids("--kind", "delete") == {small, large}
    assert xids("--kind", "truncate") == {gone}
    assert xids("--kind", "update", "--table", "b") == {update}
    assert xids("--min-rows", 11) >= {large, update} and small not in xids("--min-rows", 11)
    assert xids("--since", between.isoformat()) == {update, gone}
    assert xids("--until", between.isoformat()) == {small, large}
    assert len(wb.done("find", "--limit", 2)["transactions"]) == 2
    production.sql("DO $$ BEGIN FOR i IN 1..40 LOOP DELETE FROM b WHERE id = 60 + i; COMMIT; END LOOP; END $$")
    xid_of("DELETE FROM b", rollback=True)
    production.archive_everything()
    counted = wb.done("find", "--table", "b", "--kind", "delete", "--limit", 3, "--order", "time")
    assert counted["asked_for"]["transactions"] == 41 and counted["asked_for"]["deleted"] == 100
    assert counted["asked_for"]["first_xid"] == large and counted["more"] == 38
    first, second, third = [each["xid"] for each in counted["transactions"] if each["committed"]]
    assert first == large < second < third
    wb.refused("find", "--kind", "mischief", status=2)
    wb.refused("find", "--since", "15:00", "--until", "14:00", status=2)


def test_what_is_not_known_is_said(production, wb, xid_of):
    table_of(production, "a", 400)
    wb.backup()
    xids, segments = [], []
    for step in range(4):
        xids.append(xid_of(f"DELETE FROM a WHERE id % 4 = {step}"))
        segments.append(production.archive_everything())
    assert not Found(wb).report["unknown"]

    objects = wb.repository.glob(f"clusters/*/*/wal/*/*/{segments[1]}.*")
    for path in objects:
        path.unlink()
    found = Found(wb)
    assert xids[1] not in found.transactions and {xids[0], xids[2], xids[3]} <= set(found.transactions)
    [unknown] = found.report["unknown"]
    assert segments[1] in unknown["what"]

    # A damaged index is made up for by its segment; without a key for that, it is named.
    [index] = wb.repository.glob(f"clusters/*/*/wal/*/*/{segments[2]}.index*")
    index.write_bytes(index.read_bytes()[:-40])
    assert Found(wb).of(xids[2]) == {"public.a": {"deleted": 100}}
    [segment] = [path for path in wb.repository.glob(f"clusters/*/*/wal/*/*/{segments[2]}.*") if path != index]
    segment.write_bytes(segment.read_bytes()[:-40])
    found = Found(wb)
    assert xids[2] not in found.transactions and {xids[0], xids[3]} <= set(found.transactions)
    assert segments[2] in str(found.report["unknown"])


def test_indexes_are_made_again_from_the_segments(production, wb, xid_of, place):
    table_of(production, "a", 1000)
    wb.backup()
    for step in range(6):
        xid_of(f"DELETE FROM a WHERE id % 6 = {step}")
        production.archive_everything()
    window = ("--until", production.value("SELECT clock_timestamp()").isoformat())
    before = wb.done("find", *window)
    whole = wb.done("index")["index"]
    assert whole["segments"] == whole["whole"] and whole["begin_unknown"] <= 1 and whole["not_archived"] == 0

    indexes = sorted(wb.repository.glob("clusters/*/*/wal/*/*/*.index*"))
    indexes[2].unlink()
    indexes[3].write_bytes(b"no index")
    found = wb.done("index")["index"]
    assert (found["missing"], found["damaged"], found["rebuilt"]) == (1, 1, 0)
    rebuilt = wb.done("index", "--rebuild")["index"]
    assert rebuilt["rebuilt"] == 2 and not rebuilt["failed"]
    assert (rebuilt["whole"], rebuilt["whole_now"]) == (whole["segments"] - 2, whole["segments"])
    assert wb.done("index")["index"] == whole

    for index in indexes:
        index.unlink()
    assert wb.done("index", "--rebuild", "--all")["index"]["rebuilt"] == len(indexes)
    assert wb.done("find", *window) == before

    # Whatever the order in which segments come, and however often, the answers are the same.
    segments = sorted(path for path in (production.pgdata / "pg_wal").iterdir() if len(path.name) == 24)
    archived = [path for path in segments if wb.stored_segment(path.name)]
    for path in [*wb.repository.glob("clusters/*/*/wal/*/*/*.zst*")]:
        path.unlink()
    pushes = [wb.start("wal-push", path) for path in [*reversed(archived), *archived]]
    assert [push.wait() for push in pushes] == [0] * len(pushes)
    assert wb.done("find", *window) == before
    assert wb.done("list")["windows"][0]["from_lsn"] == wb.backups()[0]["stop_lsn"]
