"""Undo: only the rows that one transaction took come back, while others keep writing, and no other row is touched."""

import json
import os
import signal
import threading
import time
from collections import Counter

from harness import wal
from harness.cluster import wait_until
from harness.ledger import Ledger, Transaction, difference, state_of

RICH = """
CREATE TYPE mood AS ENUM ('sad', 'fine', 'it''s good');
CREATE TYPE part AS (a int, b text);
CREATE TABLE rich (
  id int PRIMARY KEY, serial int GENERATED ALWAYS AS IDENTITY, twice int GENERATED ALWAYS AS (id * 2) STORED,
  wide text, numbers int[], doc jsonb, mood mood, part part, span int4range, words tsvector, raw bytea,
  amount numeric, at timestamptz, "Odd Name" text);
ALTER TABLE rich ALTER wide SET STORAGE EXTERNAL;
INSERT INTO rich (id, wide, numbers, doc, mood, part, span, words, raw, amount, at, "Odd Name")
SELECT g, CASE WHEN g % 10 = 0 THEN repeat(md5(g::text), 100) END, ARRAY[g, NULL, 3], jsonb_build_object('k', g, 'n', NULL),
  (ARRAY['sad', 'fine', 'it''s good'])[1 + g % 3]::mood, ROW(g, 'x''"\\')::part, int4range(g, g + 5),
  to_tsvector('english', 'quick brown foxes ' || g), decode(md5(g::text), 'hex'),
  CASE WHEN g % 7 = 0 THEN 'NaN' ELSE g / 3.0 END, CASE WHEN g % 4 = 0 THEN now() END, E'tab\\tline\\n' || g
FROM generate_series(1, {rows}) g;
"""


def content(cluster, table):
    """Equal for equal rows, worked out where the rows are."""
    return cluster.sql(f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {table} t")


def mistake(cluster, *statements):
    """One transaction, committed; its xid."""
    with cluster.session(autocommit=False) as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        xid = cursor.fetchone()[0]
        for statement in statements:
            cursor.execute(statement)
        cursor.connection.commit()
    return xid


def leftovers(place):
    return sorted(path.name for path in place.iterdir() if path.name.startswith("undo-"))


class Others:
    """Clients that keep writing to rows that are theirs."""

    def __init__(self, cluster, *statements):
        self.cluster, self.statements = cluster, statements
        self._stop = threading.Event()
        self.done, self.failure = 0, None

    def __enter__(self):
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(timeout=60)
        assert self.failure is None, self.failure
        assert self.done > 0

    def _run(self):
        try:
            with self.cluster.session() as cursor:
                while not self._stop.is_set():
                    for statement in self.statements:
                        cursor.execute(statement)
                    self.done += 1
                    time.sleep(0.01)
        except Exception as failure:  # raised by __exit__
            self.failure = failure


def test_rows_of_every_type_come_back_while_others_write(production, wb, place):
    rows = int(os.environ.get("WALKBACK_UNDO_ROWS", "20000"))
    production.sql(RICH.format(rows=rows))
    production.sql("CREATE TABLE busy (id bigserial PRIMARY KEY, v int DEFAULT 0)")
    wb.backup()
    production.sql(f"INSERT INTO rich (id, wide) VALUES ({rows + 1}, 'since the backup')")
    with Others(production, "INSERT INTO busy DEFAULT VALUES", "UPDATE busy SET v = v + 1 WHERE id % 7 = 0"):
        before = content(production, "rich")
        updated = mistake(
            production, "UPDATE rich SET wide = 'lost', doc = '{}', amount = 0, mood = 'sad', part = NULL, numbers = '{}'"
        )
        wrong = content(production, "rich")
        deleted = mistake(production, "DELETE FROM rich")
        production.archive_everything()
        # From the mistake to the rows back: find, then this.
        found = wb.done("find", "--limit", 50)["transactions"]
        assert {deleted, updated} <= {one["xid"] for one in found}
        started = time.monotonic()
        report = wb.done("undo", "--xid", deleted, "--apply")["undo"]
        inserted_s, started = time.monotonic() - started, time.monotonic()
        assert report["applied"][0]["inserted"] == rows + 1 and report["applied"][0]["conflict_count"] == 0
        assert content(production, "rich") == wrong
        report = wb.done("undo", "--xid", updated, "--apply")["undo"]
        set_back_s = time.monotonic() - started
        assert report["applied"][0]["set_back"] == report["tables"][0]["set_back"] == rows + 1
        assert content(production, "rich") == before
    assert leftovers(place) == []
    print(f"measured: {rows} rows inserted back in {inserted_s:.1f} s, set back in {set_back_s:.1f} s")


def test_a_preview_changes_nothing_and_a_script_does_the_same(production, wb, place):
    production.sql("CREATE TABLE payments (id int PRIMARY KEY, amount int)")
    production.sql("INSERT INTO payments SELECT g, g FROM generate_series(1, 1000) g")
    wb.backup()
    before = content(production, "payments")
    xid = mistake(production, "DELETE FROM payments WHERE id <= 10", "UPDATE payments SET amount = 0 WHERE id > 990",
                  "INSERT INTO payments VALUES (5000, 1)")  # fmt: skip
    after = content(production, "payments")
    production.archive_everything()
    report = wb.done("undo", "--xid", xid, "--output", place / "undo.sql")["undo"]
    assert [(t["table"], t["inserted"], t["set_back"], t["removed"]) for t in report["tables"]] == [
        ("public.payments", 10, 10, 1)
    ]
    assert report["applied"] is None and content(production, "payments") == after
    script = (place / "undo.sql").read_text()
    assert "GENERATED" not in script and "(990" not in script.split("undo_1_was VALUES")[1].split(";")[0]
    production.sql(script)
    assert content(production, "payments") == before
    # What the script did was a transaction like any other.
    text = wb.run("undo", "--xid", xid, as_json=False)
    assert text.status == 0 and "row there again" in text.stdout, text.describe()
    wb.refused("undo", "--xid", xid, "--output", place / "undo.sql")  # never over a file that is there


def loaded(cluster, path, table, form):
    """What COPY makes of a file, as `content` says it of a table."""
    with cluster.session() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS loaded; CREATE TABLE loaded (LIKE {table} INCLUDING GENERATED)")
        with open(path) as file:
            cursor.copy_expert(f"COPY loaded FROM STDIN WITH ({form})", file)
    return content(cluster, "loaded")


def changes_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_rows_are_written_as_data(production, wb, place):
    production.sql(RICH.format(rows=2000))
    production.sql("""
        ALTER TABLE rich RENAME TO "Rich.a/b"; CREATE TABLE plain (id int, v json);
        INSERT INTO plain SELECT g, E'{"a":\n 1}' FROM generate_series(1, 300) g;
        CREATE TABLE locked (id int PRIMARY KEY, v int); INSERT INTO locked SELECT g, g FROM generate_series(1, 300) g;
        CREATE TABLE dropped AS SELECT * FROM plain; CREATE TABLE truncated AS SELECT * FROM plain""")
    rich = 'public."Rich.a/b"'
    wb.backup()
    parts = {
        "deleted": content(production, f"(SELECT * FROM {rich} WHERE id % 2 = 0)"),
        "updated": content(production, f"(SELECT * FROM {rich} WHERE id % 2 = 1 AND id < 500)"),
    }
    deleted = production.sql(f"SELECT to_json(t.*) FROM {rich} t WHERE id % 2 = 0 ORDER BY id")
    plain = content(production, "plain")
    xid = mistake(
        production, f"DELETE FROM {rich} WHERE id % 2 = 0", f"UPDATE {rich} SET wide = 'lost', doc = NULL WHERE id < 500",
        f"INSERT INTO {rich} (id, wide) VALUES (9001, 'new'), (9002, NULL)", "DROP TABLE dropped", "TRUNCATE truncated",
        "INSERT INTO truncated VALUES (7, '[]')", "LOCK TABLE locked", "UPDATE locked SET v = 0 WHERE id = 5", "DELETE FROM locked WHERE id = 6",
    )  # fmt: skip
    parts["inserted"] = content(production, f"(SELECT * FROM {rich} WHERE id > 9000)")
    production.archive_everything()
    for form, how in (("csv", "FORMAT csv, HEADER"), ("copy", "FORMAT text")):
        directory = place / form
        report = wb.done("undo", "--xid", xid, "--format", form, "--output", directory)["undo"]
        assert report["rows"] == str(directory) and report["script"] is None and report["applied"] is None
        assert directory.stat().st_mode & 0o777 == 0o700
        assert {path.name for path in directory.iterdir()} == {
            *(f"public.Rich%2Ea%2Fb.{part}.{form}" for part in parts), f"public.dropped.deleted.{form}",
            f"public.truncated.deleted.{form}", f"public.truncated.inserted.{form}", f"public.locked.deleted.{form}",
            f"public.locked.updated.{form}",
        }  # fmt: skip
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in directory.iterdir())
        for part, expected in parts.items():
            assert loaded(production, directory / f"public.Rich%2Ea%2Fb.{part}.{form}", rich, how) == expected, part
        for table in ("dropped", "truncated"):
            assert loaded(production, directory / f"public.{table}.deleted.{form}", "plain", how) == plain
        wb.refused("undo", "--xid", xid, "--format", form, "--output", directory).says("is there already")
    report = wb.done("undo", "--xid", xid, "--format", "json", "--output", place / "rows.json", "--apply")["undo"]
    assert report["rows"] == str(place / "rows.json") and report["applied"] is not None
    changes = changes_of(place / "rows.json")
    of_rich = [change for change in changes if change["table"] == rich]
    taken = [change["before"] for change in of_rich if change["change"] == "deleted"]
    assert sorted(taken, key=lambda row: row["id"]) == [row for (row,) in deleted]
    updated = [change for change in of_rich if change["change"] == "updated"]
    assert len(updated) == 250 and all(c["before"]["id"] == c["after"]["id"] and c["after"]["wide"] == "lost" for c in updated)
    assert sorted(c["after"]["id"] for c in of_rich if c["change"] == "inserted") == [9001, 9002]
    counts = Counter((change["table"], change["change"]) for change in changes if change["table"] != rich)
    assert counts == {
        ("public.dropped", "deleted"): 300, ("public.truncated", "deleted"): 300, ("public.truncated", "inserted"): 1,
        ("public.locked", "updated"): 1, ("public.locked", "deleted"): 1,
    }  # fmt: skip
    assert content(production, "dropped") == plain
    assert leftovers(place) == [] and not list(place.glob("*.partial"))


def test_an_undo_is_undone(production, wb):
    production.sql("CREATE TABLE t (id int PRIMARY KEY, v int)")
    production.sql("INSERT INTO t SELECT g, g FROM generate_series(1, 500) g")
    wb.backup()
    before = content(production, "t")
    xid = mistake(production, "DELETE FROM t WHERE id > 100", "UPDATE t SET v = 0")
    after = content(production, "t")
    production.archive_everything()
    undone = wb.done("undo", "--xid", xid, "--apply")["undo"]["applied_xid"]
    assert content(production, "t") == before
    production.archive_everything()
    wb.done("undo", "--xid", undone, "--apply")
    assert content(production, "t") == after


def test_cascades_partitions_savepoints_and_duplicates(production, wb):
    production.sql("""
        CREATE TABLE customers (id int PRIMARY KEY, name text);
        CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers ON DELETE CASCADE);
        CREATE TABLE lines (id int, order_id int REFERENCES orders ON DELETE CASCADE, note text);
        INSERT INTO customers SELECT g, 'c' || g FROM generate_series(1, 200) g;
        INSERT INTO orders SELECT g, 1 + g % 200 FROM generate_series(1, 1000) g;
        INSERT INTO lines SELECT g, 1 + g % 1000, 'n' FROM generate_series(1, 5000) g;
        CREATE TABLE events (id int, k int, note text) PARTITION BY RANGE (k);
        CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (50);
        CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (50) TO (100);
        INSERT INTO events SELECT g, g % 100, repeat('e', g % 200) FROM generate_series(1, 3000) g;
        CREATE TABLE copies (a int, b text);
        INSERT INTO copies SELECT g % 5, 'same' FROM generate_series(1, 100) g""")
    wb.backup()
    tables = ["customers", "orders", "lines", "events", "copies"]
    before = [content(production, table) for table in tables]
    statements = []
    for number in range(10):
        statements += [f"UPDATE events SET k = (k + 37) % 100 WHERE id % 10 = {number}", f"SAVEPOINT s{number}",
                       f"DELETE FROM events WHERE id % 97 = {number}",
                       f"ROLLBACK TO SAVEPOINT s{number}" if number % 3 else f"RELEASE SAVEPOINT s{number}"]  # fmt: skip
    xid = mistake(
        production, "DELETE FROM customers WHERE id > 50", *statements,
        "INSERT INTO copies SELECT g % 5, 'same' FROM generate_series(1, 50) g", "DELETE FROM copies WHERE a = 2",
    )  # fmt: skip
    assert before != [content(production, table) for table in tables]
    production.archive_everything()
    report = wb.done("undo", "--xid", xid, "--apply")["undo"]
    assert {t["table"] for t in report["tables"]} == {
        "public.customers", "public.orders", "public.lines", "public.events_1", "public.events_2", "public.copies"
    }  # fmt: skip
    assert [content(production, table) for table in tables] == before


def test_conflicts_are_listed_and_never_overwritten_by_default(production, wb):
    production.sql("CREATE TABLE t (id int PRIMARY KEY, v int)")
    production.sql("INSERT INTO t SELECT g, g FROM generate_series(1, 10) g")
    wb.backup()
    xid = mistake(production, "UPDATE t SET v = 0 WHERE id <= 3", "DELETE FROM t WHERE id = 10")
    production.sql("UPDATE t SET v = 77 WHERE id = 2")
    production.sql("INSERT INTO t VALUES (10, 88)")
    production.archive_everything()
    wb.refused("undo", "--xid", xid, "--apply").says("2 of the rows", "nothing was changed", "--on-conflict skip")
    assert production.table("t")[:3] == [(1, 0), (2, 77), (3, 0)]
    report = wb.done("undo", "--xid", xid, "--apply", "--on-conflict", "skip")["undo"]
    assert sorted((c["row"], c["why"]) for c in report["tables"][0]["conflicts"]) == [
        ("id=10", "key taken again: t_pkey"),
        ("id=2", "changed since"),
    ]
    assert production.table("t")[:3] == [(1, 1), (2, 77), (3, 3)] and production.table("t")[-1] == (10, 88)
    # What is set back already was changed since the mistake: by the first undo.
    wb.done("undo", "--xid", xid, "--apply", "--on-conflict", "overwrite")
    assert production.table("t") == [(g, g) for g in range(1, 11)]


def test_a_prepared_transaction_is_undone(production, wb):
    production.sql("CREATE TABLE t (id int PRIMARY KEY, v int)")
    production.sql("INSERT INTO t SELECT g, g FROM generate_series(1, 100) g")
    wb.backup()
    before = content(production, "t")
    with production.session(autocommit=False) as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        xid = cursor.fetchone()[0]
        cursor.execute("DELETE FROM t WHERE id > 50")
        cursor.execute("UPDATE t SET v = 0")
        cursor.execute("PREPARE TRANSACTION 'the mistake'")
        cursor.connection.commit()
    production.archive_everything()
    wb.refused("undo", "--xid", xid).says("prepared", "ROLLBACK PREPARED")
    production.sql("COMMIT PREPARED 'the mistake'")
    production.archive_everything()
    wb.done("undo", "--xid", xid, "--apply")
    assert content(production, "t") == before


def test_truncated_tables_come_back(production, wb, place):
    production.sql(RICH.format(rows=3000))
    production.sql("""
        CREATE TABLE owners (id int PRIMARY KEY);
        CREATE TABLE pets (id int PRIMARY KEY, owner int REFERENCES owners, name text);
        CREATE TABLE other (id int PRIMARY KEY, v int);
        INSERT INTO owners SELECT generate_series(1, 300);
        INSERT INTO pets SELECT g, 1 + g % 300, repeat('p', g % 100) FROM generate_series(1, 2000) g;
        INSERT INTO other SELECT g, g FROM generate_series(1, 500) g""")
    wb.backup()
    tables = ["rich", "owners", "pets", "other"]
    before = [content(production, table) for table in tables]
    # Two at once, and nothing else: then one scratch server is enough.
    xid = mistake(production, "TRUNCATE owners, pets", "TRUNCATE rich")
    production.archive_everything()
    report = wb.done("undo", "--xid", xid, "--apply")["undo"]
    assert {t["table"]: t["inserted"] for t in report["applied"]} == {
        "public.rich": 3000, "public.owners": 300, "public.pets": 2000
    }  # fmt: skip
    assert [content(production, table) for table in tables] == before
    # With rows before and after it, other tables, and in two phases.
    with production.session(autocommit=False) as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        xid = cursor.fetchone()[0]
        for statement in ("DELETE FROM pets WHERE id < 100", "TRUNCATE pets", "UPDATE other SET v = 0",
                          "INSERT INTO pets SELECT g, 1, 'new' FROM generate_series(1, 50) g",
                          "UPDATE pets SET name = 'newer' WHERE id < 10", "DELETE FROM pets WHERE id > 40"):  # fmt: skip
            cursor.execute(statement)
        cursor.execute("PREPARE TRANSACTION 'p'")
        cursor.connection.commit()
    production.sql("COMMIT PREPARED 'p'")
    production.archive_everything()
    report = wb.done("undo", "--xid", xid, "--apply")["undo"]
    assert [content(production, table) for table in tables] == before
    assert {t["table"]: (t["inserted"], t["set_back"], t["removed"]) for t in report["applied"]} == {
        "public.pets": (2000, 0, 40), "public.other": (0, 500, 0)
    }  # fmt: skip
    assert leftovers(place) == []


def test_a_transaction_that_kept_readers_out_is_undone(production, wb, place):
    production.sql("""
        CREATE TABLE locked (id int PRIMARY KEY, v int);
        CREATE TABLE widened (id int PRIMARY KEY, v int);
        INSERT INTO locked SELECT g, g FROM generate_series(1, 500) g;
        INSERT INTO widened SELECT g, g FROM generate_series(1, 500) g""")
    wb.backup()
    before = content(production, "locked")
    xid = mistake(production, "LOCK TABLE locked", "DELETE FROM locked WHERE id < 400", "UPDATE locked SET v = 0",
                  "ALTER TABLE widened ADD note text", "UPDATE widened SET v = 0, note = 'n'")  # fmt: skip
    production.archive_everything()
    notes = wb.done("undo", "--xid", xid, "--apply")["undo"]["notes"]
    assert content(production, "locked") == before
    # A column that the transaction added is one that came since.
    assert "public.widened: column note is new: rows that come back get its default" in notes
    assert production.value("SELECT count(*) FROM widened WHERE v = id AND note = 'n'") == 500
    assert leftovers(place) == []


def test_what_undo_could_not_have_checked_is_left_out(production, wb):
    production.sql("""
        CREATE TABLE ranges (id int PRIMARY KEY, r int4range, EXCLUDE USING gist (r WITH &&) DEFERRABLE INITIALLY DEFERRED);
        CREATE TABLE renamed (id int PRIMARY KEY, a int, b int);
        INSERT INTO ranges VALUES (1, '[1,10)');
        INSERT INTO renamed VALUES (1, 2, 3)""")
    wb.backup()
    ranges = mistake(production, "DELETE FROM ranges")
    renamed = mistake(production, "DELETE FROM renamed")
    production.sql("INSERT INTO ranges VALUES (3, '[5,15)')")
    production.sql("ALTER TABLE renamed RENAME a TO c; ALTER TABLE renamed RENAME b TO a; ALTER TABLE renamed RENAME c TO b")
    production.archive_everything()
    wb.refused("undo", "--xid", ranges, "--apply")
    assert "DEFERRABLE" in wb.run("undo", "--xid", ranges, "--apply").stderr
    assert production.value("SELECT count(*) FROM ranges") == 1
    assert "is called" in wb.run("undo", "--xid", renamed, "--apply").stderr
    assert production.value("SELECT count(*) FROM renamed") == 0


def test_a_composite_type_altered_since_takes_no_value_for_anothers(production, wb):
    production.sql("""
        CREATE TYPE address AS (street text, town text);
        CREATE DOMAIN addresses AS address[];
        CREATE TABLE people (id int PRIMARY KEY, home address, others addresses, name text);
        INSERT INTO people SELECT g, ROW('street ' || g, 'town')::address, ARRAY[ROW('s', 't')::address], 'n' || g
          FROM generate_series(1, 20) g""")
    wb.backup()
    xid = mistake(production, "DELETE FROM people WHERE id <= 10", "UPDATE people SET name = 'x', home = NULL WHERE id = 11")
    production.sql("ALTER TYPE address DROP ATTRIBUTE town CASCADE; ALTER TYPE address ADD ATTRIBUTE zip text")
    production.archive_everything()
    preview = wb.run("--quiet", "undo", "--xid", xid).stdout
    assert "column home is of the type public.address, which was altered since" in preview
    assert "column others is of the type public.addresses, which was altered since" in preview
    wb.done("undo", "--xid", xid, "--apply")
    assert production.value("SELECT count(*) FROM people WHERE name = 'n' || id") == 20
    assert production.value("SELECT count(*) FROM people WHERE (home).zip IS NOT NULL OR others[1].zip IS NOT NULL") == 0


def test_who_holds_the_lock_is_named_and_an_interrupt_is_heard(production, wb, place):
    production.sql("CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 100) g; ALTER TABLE t ADD PRIMARY KEY (id)")
    wb.backup()
    before = content(production, "t")
    xid = mistake(production, "DELETE FROM t WHERE id > 50")
    after = content(production, "t")
    production.archive_everything()
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with production.session(autocommit=False) as cursor:
        cursor.execute("LOCK TABLE t IN SHARE MODE")
        cursor.execute("SELECT pg_backend_pid()")
        holder = cursor.fetchone()[0]
        process = wb.start("undo", "--xid", xid, "--apply")
        wait_until(lambda: production.value(waits), lambda: f"it to wait: {process.poll()}")
        time.sleep(2.5)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 130, said
        assert f"waiting for a lock of process {holder} of postgres" in said
        cursor.connection.rollback()
    assert content(production, "t") == after and leftovers(place) == []
    wb.done("undo", "--xid", xid, "--apply")
    assert content(production, "t") == before


def test_what_cannot_be_undone_is_refused_before_anything_is_started(production, wb, make_cluster, place):
    production.sql("CREATE TABLE t (id int PRIMARY KEY, v int)")
    production.sql("CREATE TABLE gone (id int)")
    early = mistake(production, "INSERT INTO t SELECT g, g FROM generate_series(1, 100) g")
    production.archive_everything()
    wb.backup()
    rolled_back = None
    with production.session(autocommit=False) as cursor:
        cursor.execute("DELETE FROM t RETURNING pg_current_xact_id()::text::bigint")
        rolled_back = cursor.fetchone()[0]
        cursor.connection.rollback()
    into_dropped = mistake(production, "INSERT INTO gone VALUES (1)")
    production.sql("DROP TABLE gone")
    altered = mistake(production, "UPDATE t SET v = 0", "ALTER TABLE t ALTER v TYPE bigint")
    nothing = mistake(production, "INSERT INTO t VALUES (1000, 1)", "DELETE FROM t WHERE id = 1000")
    inserted = mistake(production, "INSERT INTO t VALUES (2000, 1)")
    production.archive_everything()
    for xid, words in ((999_999, ["no transaction 999999"]), (rolled_back, ["rolled back"]), (early, ["oldest backup"]),
                       (into_dropped, ["not there any more"]),
                       (altered, ["rewrote it"]), (nothing, ["left every row as it was"])):  # fmt: skip
        wb.refused("undo", "--xid", xid, "--apply").says(*words)
    wb.refused("undo", "--xid", inserted, "--table", "other").says("no table of that name")
    # A server that is another cluster is not touched; one that is down leaves a script.
    production.stop()
    report = wb.done("undo", "--xid", inserted, "--output", place / "undo.sql")["undo"]
    assert report["compared"] is False and report["tables"][0]["removed"] == 1
    wb.refused("undo", "--xid", inserted, "--apply")
    other = make_cluster("other", port=production.port).start()
    config = wb.config.read_text()
    wb.config.write_text(config.replace(str(production.sockets), str(other.sockets)))
    assert config != wb.config.read_text()
    wb.refused("undo", "--xid", inserted, "--apply").says("another cluster")
    assert leftovers(place) == []


def test_a_long_transaction_over_many_segments(make_cluster, make_walkback):
    cluster = make_cluster("pg", "--wal-segsize=1").start()
    cluster.sql("CREATE TABLE t (id int PRIMARY KEY, v text)")
    cluster.sql("INSERT INTO t SELECT g, repeat(md5(g::text), 5) FROM generate_series(1, 10000) g")
    cluster.sql("CREATE TABLE noise (v text)")
    wb = make_walkback().protect(cluster)
    wb.backup()
    before = content(cluster, "t")
    with cluster.session(autocommit=False) as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        xid = cursor.fetchone()[0]
        for part in range(5):
            cursor.execute(f"UPDATE t SET v = 'x' WHERE id % 5 = {part}")
            cluster.sql("INSERT INTO noise SELECT repeat(md5(g::text), 50) FROM generate_series(1, 3000) g")
            cluster.archive_everything()
        cursor.connection.commit()
    cluster.archive_everything()
    report = wb.done("undo", "--xid", xid, "--apply")["undo"]
    assert report["applied"][0]["set_back"] == 10000
    assert content(cluster, "t") == before


def test_the_ledger_knows_what_any_transaction_took(production, wb, seed, chance):
    ledger = Ledger(production, seed).prepare().start()
    time.sleep(0.5)
    backup = wb.backup()
    time.sleep(1.5)
    ledger.delete_everything("payments")
    time.sleep(1.0)
    ledger.stop()
    production.archive_everything()
    ledger.read_wal()
    candidates = [c for c in ledger.commits() if c.lsn > wal.lsn_number(backup["stop_lsn"]) and ledger.transactions[c.xid].effects]
    large = sorted(candidates, key=lambda commit: -len(ledger.transactions[commit.xid].effects))
    for commit in [ledger.commit_of(ledger.bulk_deletes[0].xid), *large[1:3], *chance.sample(candidates, 2)]:
        before, after = ledger.state_before(commit.lsn), ledger.state_after(commit.lsn)
        expected, changed = state_of(production), 0
        for table, rows in expected.items():
            for row_id in before[table].keys() | after[table].keys():
                was, now = before[table].get(row_id), after[table].get(row_id)
                # What somebody changed since stays.
                if was == now or rows.get(row_id) != now:
                    continue
                changed += 1
                if was is None:
                    del rows[row_id]
                else:
                    rows[row_id] = was
        outcome = wb.run("undo", "--xid", commit.xid, "--apply", "--on-conflict", "skip")
        if outcome.status != 0:
            # In the end it changed nothing: inserted and deleted the same rows, or wrote what was there.
            assert changed == 0 and "left every row as it was" in outcome.stderr, outcome.describe()
        wrong = difference(expected, state_of(production))
        assert not wrong, f"transaction {commit.xid}: {wrong}\n{outcome.describe()}"


def test_rows_come_back_while_the_workload_goes_on(production, wb, seed):
    ledger = Ledger(production, seed).prepare().start()
    time.sleep(0.5)
    wb.backup()
    time.sleep(0.5)
    xid = ledger.delete_everything("payments")
    production.archive_everything()
    report = wb.done("undo", "--xid", xid, "--apply")["undo"]
    time.sleep(0.5)
    ledger.stop()
    # The undo is one more transaction of the ledger: it put back what was there when the mistake committed.
    undone = Transaction(report["applied_xid"])
    ledger.transactions[undone.xid] = undone
    ledger.read_wal()
    there = ledger.state_before(ledger.commit_of(xid).lsn)["payments"]
    # Not what others inserted between its DELETE and its COMMIT.
    lost = [row_id for _, row_id, _ in ledger.transactions[xid].effects]
    undone.effects = [("payments", row_id, there[row_id]) for row_id in lost]
    assert report["applied"][0]["inserted"] == len(lost) > 1000
    assert not difference(ledger.latest_state(), state_of(production))
