"""Rows out of scratch servers that fetch what they read are those of a whole restore, and little is fetched."""

import re

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
