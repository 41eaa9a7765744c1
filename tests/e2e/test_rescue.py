"""Rescue: a table, or some of its rows, as of any moment, in every form, and what differs from today."""

import csv
import json
import stat
import subprocess

from harness.cluster import BINARIES
from harness.kept_server import KeptServer

from test_undo import RICH, content, leftovers, loaded, mistake

# Only the owner's key opens the packs.
REPOSITORIES = ("age",)

# Its name needs quotes, and so do its columns.
ODD = RICH.replace("TABLE rich", 'TABLE "Rich; Table"').replace("INTO rich", 'INTO "Rich; Table"')
NAME = 'public."Rich; Table"'


def rescue(wb, *arguments):
    return wb.done("rescue", *arguments)["rescue"]


def left(place):
    """Whatever a scratch server or an unfinished output leaves."""
    return sorted(path.name for path in place.iterdir() if path.name.startswith("rescue-") or path.name.endswith(".partial"))


def run_sql(cluster, path):
    """As a person would, with psql."""
    done = subprocess.run(
        [BINARIES / "psql", "-X", "-v", "ON_ERROR_STOP=1", "-h", cluster.sockets, "-p", str(cluster.port), "-U", "postgres", "-f", path],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def as_json(cluster, table, where="true"):
    return sorted(json.dumps(row) for (row,) in cluster.sql(f"SELECT to_json(t.*) FROM {table} t WHERE {where}"))


def rows_of(path):
    return sorted(json.dumps(json.loads(line)["row"]) for line in path.read_text().splitlines())


def test_rows_of_every_type_are_rescued_in_every_form(production, wb, place):
    production.sql(ODD.format(rows=3000))
    wb.backup()
    production.sql(f"INSERT INTO {NAME} (id, wide) VALUES (9001, 'since the backup'), (9002, ''), (9003, NULL)")
    then, then_json = content(production, NAME), as_json(production, NAME)
    some = as_json(production, NAME, "id > 2990 AND mood = 'fine'")
    xid = mistake(
        production, f"DELETE FROM {NAME} WHERE id % 3 = 0",
        f"UPDATE {NAME} SET wide = 'lost', doc = '[1]', raw = NULL, part = NULL WHERE id % 3 = 1 AND id < 100",
    )  # fmt: skip
    production.sql(f"INSERT INTO {NAME} (id) VALUES (20001)")
    production.archive_everything()
    target = ["--table", NAME, "--before-xid", xid]
    for form, how in (("csv", "FORMAT csv, HEADER"), ("copy", "FORMAT text")):
        path = place / f"rows.{form}"
        report = rescue(wb, *target, "--format", form, "--output", path)
        assert report["output"] == {"path": str(path), "format": form, "rows": 3003, "makes_table": False, "with_table": []}
        assert loaded(production, path, NAME, how) == then
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert next(csv.reader(open(place / "rows.csv")))[-1] == "Odd Name"
    report = rescue(wb, *target, "--format", "json", "--output", place / "rows.json")
    assert rows_of(place / "rows.json") == then_json
    comparison = report["comparison"]
    assert report["rows"] == 3003 and report["table_today"] == NAME and report["database"] == "postgres"
    assert (comparison["only_then"], comparison["only_now"], comparison["changed"], comparison["same"]) == (1001, 1, 33, 1969)
    assert comparison["key"] == ["id"]
    assert {"difference": "only_now", "row": "id=20001"} in comparison["rows"]
    rescue(wb, *target, "--format", "json", "--where", "id > 2990 AND mood = 'fine'", "--output", place / "some.json")
    assert rows_of(place / "some.json") == some and len(some) > 0
    # What is missing comes back; what changed, only when it is asked for; what came since stays.
    report = rescue(wb, *target, "--output", place / "missing.sql")
    assert report["output"]["rows"] == 1001
    run_sql(production, place / "missing.sql")
    assert production.value(f"SELECT count(*) FROM {NAME}") == 3004
    assert production.value(f"SELECT count(*) FROM {NAME} WHERE wide = 'lost'") == 33
    report = rescue(wb, *target, "--output", place / "all.sql", "--on-conflict", "overwrite")
    assert report["output"]["rows"] == 33 and report["comparison"]["only_then"] == 0
    run_sql(production, place / "all.sql")
    production.sql(f"DELETE FROM {NAME} WHERE id = 20001")
    assert content(production, NAME) == then
    assert left(place) == []


def test_then_and_now_are_compared(production, wb):
    production.sql("""
        CREATE SCHEMA s;
        CREATE TABLE s.copies (a int, b text);
        INSERT INTO s.copies SELECT g % 5, 'same' FROM generate_series(1, 50) g;
        CREATE TABLE unique_only (k text NOT NULL UNIQUE, note text, dropped int);
        INSERT INTO unique_only SELECT 'k' || g, 'n', g FROM generate_series(1, 100) g;
        CREATE TABLE open_orders (id int PRIMARY KEY, state text, n int);
        INSERT INTO open_orders SELECT g, CASE WHEN g <= 10 THEN 'open' ELSE 'done' END, g FROM generate_series(1, 100) g""")
    wb.backup()
    production.sql("SELECT pg_create_restore_point('before')")
    production.sql("""
        DELETE FROM s.copies WHERE a = 1;
        INSERT INTO s.copies VALUES (2, 'same'), (7, NULL);
        UPDATE unique_only SET note = 'x' WHERE k IN ('k1', 'k2');
        DELETE FROM unique_only WHERE k = 'k3';
        ALTER TABLE unique_only DROP dropped, ADD came int;
        UPDATE open_orders SET state = 'lost' WHERE id = 3;
        UPDATE open_orders SET state = 'open' WHERE id = 50;
        UPDATE open_orders SET n = 0 WHERE id > 90;
        DELETE FROM open_orders WHERE id = 4;
        INSERT INTO open_orders VALUES (200, 'open', 1), (201, 'done', 1)""")
    production.archive_everything()
    report = rescue(wb, "--table", "s.copies", "--name", "before")
    comparison = report["comparison"]
    assert comparison["key"] == [] and report["rows"] == 50
    assert (comparison["same"], comparison["only_then"], comparison["only_now"]) == (40, 10, 2)
    assert sorted({row["row"] for row in comparison["rows"]}) == ["(1,same)", "(2,same)", "(7,)"]
    report = rescue(wb, "--table", "unique_only", "--name", "before")
    comparison = report["comparison"]
    assert comparison["key"] == ["k"]
    assert (comparison["same"], comparison["only_then"], comparison["changed"]) == (97, 1, 2)
    assert {"difference": "only_then", "row": "k=k3"} in comparison["rows"]
    assert "column dropped is not compared: there is none today" in report["notes"]
    assert "column came is not compared: there was none then" in report["notes"]
    # A row that left the condition changed; it is not gone.
    comparison = rescue(wb, "--table", "open_orders", "--name", "before", "--where", "state = 'open'")["comparison"]
    assert (comparison["same"], comparison["only_then"], comparison["only_now"], comparison["changed"]) == (8, 1, 1, 2)
    assert [row["row"] for row in comparison["rows"]] == ["id=200", "id=3", "id=4", "id=50"]


def test_rows_without_a_key_come_back_as_often_as_they_were_there(production, wb, place):
    production.sql("CREATE TABLE copies (a int, b numeric)")
    production.sql("INSERT INTO copies SELECT g % 5, 'NaN' FROM generate_series(1, 100) g")
    wb.backup()
    before = content(production, "copies")
    xid = mistake(production, "DELETE FROM copies WHERE ctid IN (SELECT ctid FROM copies WHERE a = 2 LIMIT 7)")
    production.archive_everything()
    report = rescue(wb, "--table", "copies", "--before-xid", xid, "--output", place / "rows.sql")
    assert report["output"]["rows"] == 7 and any("run twice" in note for note in report["notes"])
    run_sql(production, place / "rows.sql")
    assert content(production, "copies") == before


def test_a_partitioned_table_is_rescued_whole(production, wb, place):
    production.sql("""
        CREATE TABLE kinds (id int PRIMARY KEY);
        INSERT INTO kinds SELECT generate_series(0, 9);
        CREATE TABLE events (id int, k int REFERENCES kinds, note text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
        CREATE TABLE events_0 PARTITION OF events FOR VALUES IN (0, 1, 2);
        CREATE TABLE events_rest PARTITION OF events DEFAULT PARTITION BY HASH (id);
        CREATE TABLE events_a PARTITION OF events_rest FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE events_b PARTITION OF events_rest FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        INSERT INTO events SELECT g, g % 10, repeat('e', g % 50) FROM generate_series(1, 2000) g;
        CREATE TABLE without_partitions (id int PRIMARY KEY) PARTITION BY RANGE (id)""")
    wb.backup()
    before = content(production, "events")
    xid = mistake(production, "DELETE FROM events WHERE id > 500", "DELETE FROM events WHERE k = 1")
    production.archive_everything()
    target = ["--table", "events", "--before-xid", xid]
    report = rescue(wb, *target, "--output", place / "rows.sql")
    assert report["rows"] == 2000 and report["comparison"]["only_then"] == report["output"]["rows"] == 1550
    run_sql(production, place / "rows.sql")
    assert content(production, "events") == before
    rescue(wb, *target, "--output", place / "rows.csv", "--format", "csv")
    assert loaded(production, place / "rows.csv", "events", "FORMAT csv, HEADER") == before
    report = rescue(wb, "--table", "without_partitions", "--before-xid", xid, "--output", place / "none.sql")
    assert report["rows"] == report["output"]["rows"] == 0
    run_sql(production, place / "none.sql")
    # A partition that is gone is named, and comes back by its own name.
    production.sql("DROP TABLE events_0")
    report = rescue(wb, *target, "--output", place / "again.sql")
    assert {"table": "public.events_0", "why": "it is not there any more"} in report["left_out"]
    report = rescue(wb, "--table", "events_0", "--before-xid", xid, "--output", place / "partition.sql")
    assert report["table_today"] is None and report["output"]["makes_table"] is True
    run_sql(production, place / "partition.sql")
    assert content(production, "events") == before
    production.sql("DROP TABLE events")
    run_sql(production, remade(wb, place, *target))
    assert content(production, "events") == before


def remade(wb, place, *arguments):
    path = place / "remade.sql"
    report = rescue(wb, *arguments, "--output", path)
    assert report["output"]["makes_table"] is True, report
    return path


def test_a_dropped_table_is_made_again_and_one_that_is_there_beside_it(production, wb, place):
    production.sql(RICH.format(rows=500))
    production.sql("""
        CREATE TABLE lines (id int PRIMARY KEY, rich int REFERENCES rich);
        INSERT INTO lines SELECT g, g FROM generate_series(1, 100) g;
        CREATE INDEX rich_amount ON rich (amount);
        COMMENT ON TABLE rich IS 'it''s rich'""")
    wb.backup()
    before = content(production, "rich")
    some = content(production, "(SELECT * FROM rich WHERE id <= 100)")
    xid = mistake(production, "UPDATE rich SET amount = 0, mood = 'sad'")
    production.archive_everything()
    target = ["--table", "rich", "--before-xid", xid]
    # Beside it, and only some of its rows.
    run_sql(production, remade(wb, place, *target, "--as", '"Rich before"', "--where", "id <= 100 -- some"))
    assert content(production, '"Rich before"') == some
    assert production.value("SELECT count(*) FROM pg_constraint WHERE contype = 'f'") == 1
    wb.refused("rescue", *target, "--as", '"Rich before"', "--output", place / "x.sql").says("is there already")
    # And in its place.
    production.sql('DROP TABLE "Rich before"; DROP TABLE rich CASCADE')
    (place / "remade.sql").unlink()
    report = rescue(wb, *target)
    assert report["table_today"] is None and report["rows"] == 500 and report["comparison"] is None
    assert report["not_compared"] == "the table is not there today"
    run_sql(production, remade(wb, place, *target))
    assert content(production, "rich") == before
    assert production.value("SELECT obj_description('rich'::regclass)") == "it's rich"
    assert production.value("SELECT count(*) FROM pg_constraint WHERE conrelid = 'lines'::regclass AND contype = 'f'") == 1
    assert left(place) == []


def test_row_security_and_locks_of_others_hide_nothing(production, wb, place):
    production.sql("""
        CREATE ROLE clerk; CREATE TABLE guarded (id int PRIMARY KEY, who text);
        INSERT INTO guarded SELECT g, 'w' FROM generate_series(1, 200) g;
        ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; ALTER TABLE guarded FORCE ROW LEVEL SECURITY;
        CREATE POLICY none ON guarded USING (false); ALTER TABLE guarded OWNER TO clerk""")
    wb.backup()
    with production.session(autocommit=False) as cursor:
        cursor.execute("DELETE FROM guarded WHERE id = 1; LOCK TABLE guarded; PREPARE TRANSACTION 'p'")
        cursor.connection.commit()
    production.sql("SELECT pg_create_restore_point('prepared')")
    production.archive_everything()
    production.sql("COMMIT PREPARED 'p'")
    report = rescue(wb, "--table", "guarded", "--name", "prepared", "--output", place / "rows.csv", "--format", "csv")
    assert report["rows"] == report["output"]["rows"] == 200
    assert report["comparison"]["only_then"] == 1


def test_what_cannot_be_rescued_is_refused_with_the_reason(production, wb, make_cluster, place):
    production.sql("""
        CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1);
        CREATE VIEW seen AS SELECT * FROM t; CREATE MATERIALIZED VIEW kept AS SELECT * FROM t;
        CREATE SCHEMA s; CREATE TABLE s.twice (id int); CREATE TABLE twice (id int)""")
    production.sql("CREATE DATABASE shop")
    production.sql("CREATE TABLE only_here (id int)", database="shop")
    wb.backup()
    production.sql("CREATE TABLE late (id int)")
    production.archive_everything()
    (place / "taken").touch()
    before = sorted(place.iterdir())
    target = ["--immediate"]
    for arguments, words in (
        (["--table", "t", "--where", "id >"], ["--where", "syntax error"]),
        (["--table", "t", "--output", place / "taken"], ["is there already"]),
        (["--table", "t", "--where", "w > 1"], ["--where", "column", "does not exist"]),
        (["--table", "seen"], ["is a view"]),
        (["--table", "kept"], ["is a materialized view"]),
        (["--table", "late"], ["there was no table late at that moment"]),
        (["--table", "twice"], ["several tables", "s.twice in postgres", "public.twice in postgres"]),
    ):
        wb.refused("rescue", *target, *arguments).says(*words)
    assert rescue(wb, *target, "--table", "shop.only_here")["database"] == "shop"
    assert rescue(wb, *target, "--table", "s.twice")["table"] == "s.twice"
    assert sorted(place.iterdir()) == before
    # Nobody to compare with: what was there is had all the same. The server that answers must be this cluster's.
    production.stop()
    report = rescue(wb, *target, "--table", "t", "--output", place / "t.sql")
    assert report["rows"] == 1 and report["comparison"] is None and report["output"]["makes_table"] is True
    other = make_cluster("other", port=production.port).start()
    other.port = production.port
    run_sql(other, place / "t.sql")
    assert other.table("t") == [(1, 1)]
    config = wb.config.read_text()
    wb.config.write_text(config.replace(str(production.sockets), str(other.sockets)))
    wb.refused("rescue", *target, "--table", "t").says("another cluster")
    assert leftovers(place) == []


def test_a_server_that_is_kept_can_be_asked(production, wb, place):
    production.sql("CREATE TABLE t AS SELECT 7 AS id")
    wb.backup()
    production.archive_everything()
    kept = place / "scratch"
    text = wb.run("rescue", "--table", "t", "--latest", "--keep", "--into", kept, as_json=False)
    assert text.status == 0 and "It was kept in" in text.stdout, text.describe()
    start = next(line.strip() for line in text.stdout.splitlines() if "pg_ctl" in line)
    subprocess.run(start, shell=True, check=True, capture_output=True, timeout=60)
    ask = next(line.strip() for line in text.stdout.splitlines() if line.strip().startswith("psql"))
    told = subprocess.run(f"{ask} -d postgres -Atc 'SELECT id FROM t'", shell=True, check=True, capture_output=True, text=True, timeout=60)
    assert told.stdout == "7\n"
    stop, remove = (line.strip() for line in text.stdout.splitlines()[-2:])
    for line in (stop, remove):
        subprocess.run(line, shell=True, check=True, capture_output=True, timeout=60)
    assert list(kept.iterdir()) == []
    # What was left out of the SQL is there all the same.
    production.sql("CREATE TABLE many AS SELECT g AS id FROM generate_series(1, 100) g")
    xid = mistake(production, "DROP TABLE many")
    production.archive_everything()
    kept = rescue(wb, "--table", "many", "--before-xid", xid, "--where", "id > 90", "--output", place / "some.sql", "--keep", "--into", kept)
    assert kept["output"]["rows"] == 10
    with KeptServer(kept["kept"]) as server:
        assert server.ask("SELECT count(*) FROM many") == "100"
    run_sql(production, place / "some.sql")
    assert production.value("SELECT count(*) FROM many") == 10
