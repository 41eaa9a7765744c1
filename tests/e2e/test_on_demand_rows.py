"""Rows out of scratch servers that fetch what they read are those of a whole restore, and little is fetched."""

import re
import subprocess

from harness.kept_server import KeptServer
from harness.on_demand import filler, mounted, nothing_is_left

from test_undo import content, mistake

REPOSITORIES = ("file", "s3-age")


def test_every_kind_of_mistake_is_undone_from_little(production, wb, place, fuse):
    filler(production, 96)
    spaces = place / "space"
    spaces.mkdir()
    production.sql(f"CREATE TABLESPACE elsewhere LOCATION '{spaces}'")
    production.sql("""
        CREATE TABLE deleted (id int PRIMARY KEY, v text); INSERT INTO deleted SELECT g, md5(g::text) FROM generate_series(1, 20000) g;
        CREATE TABLE updated (id int PRIMARY KEY, v text) TABLESPACE elsewhere;
        INSERT INTO updated SELECT g, repeat(md5(g::text), 100) FROM generate_series(1, 2000) g;
        CREATE TABLE truncated AS SELECT * FROM deleted; CREATE TABLE dropped AS SELECT * FROM deleted;
        ALTER TABLE truncated ADD PRIMARY KEY (id); CREATE UNLOGGED TABLE unlogged AS SELECT * FROM deleted""")
    wb.backup()
    production.sql("UPDATE deleted SET v = 'since' WHERE id % 10 = 1; INSERT INTO truncated VALUES (30000, 'since')")
    production.archive_everything()
    wb.backup()
    production.sql("UPDATE updated SET v = 'since the second' WHERE id % 10 = 2")
    before = {table: content(production, table) for table in ("deleted", "updated", "truncated", "dropped")}
    mistakes = [
        mistake(production, "DELETE FROM deleted WHERE id % 2 = 0"),
        mistake(production, "UPDATE updated SET v = 'lost'"),
        mistake(production, "TRUNCATE truncated"),
        mistake(production, "DROP TABLE dropped"),
    ]
    production.archive_everything()
    for xid in reversed(mistakes):
        report = wb.done("undo", "--xid", xid, "--apply")["undo"]
        fetched = report["fetched"]
        assert fetched["on_demand"] and 0 < fetched["bytes"] < fetched["of_bytes"] / 5, fetched
        nothing_is_left(place)
    assert {table: content(production, table) for table in before} == before
    assert " of the backup" in wb.done("history")["events"][-1]["detail"]
    text = wb.run("undo", "--xid", mistakes[0], as_json=False)
    assert re.search(r"(?m)^Fetched .* of .* of the backup$", text.stdout), text.describe()
    # The same rows from a whole restore.
    whole = wb.done("undo", "--xid", mistakes[0], environment={"WALKBACK_RECOVERY_ON_DEMAND": "false"})["undo"]
    assert not whole["fetched"]["on_demand"] and whole["fetched"]["bytes"] == whole["fetched"]["of_bytes"]
    assert whole["tables"] == wb.done("undo", "--xid", mistakes[0])["undo"]["tables"]


def test_a_table_is_rescued_from_little_unless_its_server_is_kept(production, wb, place, fuse):
    filler(production, 96)
    production.sql("CREATE TABLE payments AS SELECT g AS id, md5(g::text) AS v FROM generate_series(1, 20000) g")
    wb.backup()
    xid = mistake(production, "DELETE FROM payments WHERE id % 2 = 0")
    production.archive_everything()
    target = ["--table", "payments", "--before-xid", xid]
    report = wb.done("rescue", *target, "--format", "csv", "--output", place / "rows.csv")["rescue"]
    assert report["fetched"]["on_demand"] and report["fetched"]["bytes"] < report["fetched"]["of_bytes"] / 5
    assert report["output"]["rows"] == 20000 and len((place / "rows.csv").read_text().splitlines()) == 20001
    nothing_is_left(place)
    kept = wb.done("rescue", *target, "--keep")["rescue"]
    assert not kept["fetched"]["on_demand"] and kept["rows"] == 20000
    assert mounted(place) == []


LINE = re.compile(r"^  ((?:/|psql |rm ).*)$", re.MULTILINE)
SUMS = "SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {} t"


def paste(line):
    return subprocess.run(line, shell=True, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60).stdout.strip()


def test_what_undo_keeps_is_whole_and_as_it_was_before(production, wb, place, fuse):
    filler(production, 32)
    production.sql('CREATE DATABASE "the shop"')
    production.sql("CREATE TABLE rows (id int PRIMARY KEY, v text); CREATE TABLE dropped (id int PRIMARY KEY)")
    production.sql("CREATE TABLE here (id int)", database="the shop")
    production.sql("INSERT INTO rows SELECT g, md5(g::text) FROM generate_series(1, 5000) g; INSERT INTO dropped SELECT generate_series(1, 100)")
    wb.backup()
    into = place / "scratch"
    tables = ("rows", "dropped", "filler_1")
    mistakes = []
    for statement in ("DELETE FROM rows WHERE id < 100", "UPDATE rows SET v = 'lost'", "TRUNCATE rows", "DROP TABLE dropped"):
        mistakes.append(([content(production, table) for table in tables], mistake(production, statement)))
    production.sql("CREATE TABLE dropped (id int)")
    with production.session(database="the shop") as cursor:
        cursor.execute("INSERT INTO here VALUES (1) RETURNING pg_current_xact_id()::text::bigint")
        elsewhere = cursor.fetchone()[0]
    production.archive_everything()
    for before, xid in mistakes:
        arguments = ["--as", "again"] if xid == mistakes[-1][1] else []
        report = wb.done("undo", "--xid", xid, "--keep", "--into", into, *arguments)["undo"]
        with KeptServer(report["kept"]) as server:
            for table, expected in zip(tables, before):
                assert server.ask(SUMS.format(table)) == "|".join("" if value is None else str(value) for value in expected[0]), (xid, table)
    assert mounted(place) == [] and len(list(into.iterdir())) == len(mistakes)
    # Where all of it has to be fetched one server is enough for rows that were deleted.
    plain, kept = (
        wb.done("undo", "--xid", mistakes[0][1], "--into", into, *keep, environment={"WALKBACK_RECOVERY_ON_DEMAND": "false"})["undo"]
        for keep in ([], ["--keep"])
    )
    assert kept["fetched"] == plain["fetched"] and plain["kept"] is None
    with KeptServer(kept["kept"]) as server:
        assert server.ask("SELECT count(*) FROM rows") == "5000"
    # What is printed is pasted into a shell.
    text = wb.run("undo", "--xid", elsewhere, "--keep", "--into", place / "printed", as_json=False)
    start, ask, stop, remove = LINE.findall(text.stdout)
    assert text.status == 0 and "-d 'the shop'" in ask, text.describe()
    paste(start)
    assert paste(f"{ask} -Atc 'SELECT count(*) FROM here'") == "0"
    for line in (stop, remove):
        paste(line)
    assert list((place / "printed").iterdir()) == []
    # It is there, and said, also where nothing could be given back.
    wb.refused("undo", "--xid", mistakes[1][1], "--apply", "--keep", "--into", place / "refused").says("nothing was changed", "is kept in")
    [refused] = (place / "refused").iterdir()
    with KeptServer(refused) as server:
        assert server.ask("SELECT count(*) FROM rows WHERE v = 'lost'") == "0"
