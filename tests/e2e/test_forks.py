"""Where the history has forked, a target means the newest timeline, and no other is taken in its place unseen."""

import pytest

from harness.cluster import Cluster

UNREACHABLE = 3


@pytest.fixture
def fork(production, wb, place):
    """The accident is recovered from and the copy adopted; it has archived its history and no WAL. The old timeline goes on."""
    production.sql("CREATE TABLE notes AS SELECT g AS id FROM generate_series(1, 100) g")
    wb.backup()
    production.sql("INSERT INTO notes VALUES (101)")
    accident = production.value("WITH gone AS (DELETE FROM notes RETURNING 1) SELECT pg_current_xact_id()::text FROM gone LIMIT 1")
    production.sql("INSERT INTO notes VALUES (-1)")
    production.archive_everything()
    copy = wb.recover("--before-xid", accident, into=place / "copy")
    wb.done("adopt", "--pgdata", copy.pgdata)
    return accident, copy


def ids(cluster):
    return [id for (id,) in cluster.sql("SELECT id FROM notes ORDER BY 1")]


def test_what_only_the_abandoned_timeline_holds_is_not_given_for_the_new_one(production, wb, place, fork):
    accident, copy = fork
    [first, second] = wb.done("list")["timelines"]
    assert (first["current"], second["current"], second["has_wal"]) == (False, True, False)
    after = production.value("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')")
    production.sql("INSERT INTO notes VALUES (-2)")
    production.archive_everything()

    for target in (["--latest"], ["--to", f"{after}Z"], ["--before-xid", accident], ["--xid", accident]):
        for command in (["plan"], ["recover", "--into", place / "refused"]):
            wb.refused(command[0], *target, *command[1:], status=UNREACHABLE).says("--timeline 1")
    assert not (place / "refused").exists()

    kept = wb.recover("--latest", timeline=2, into=place / "kept")
    assert ids(kept) == list(range(1, 102))
    abandoned = wb.recover("--to", f"{after}Z", timeline=1, into=place / "abandoned")
    assert ids(abandoned) == [-1]
    assert any("--timeline 1" in note for note in wb.done("plan", "--latest", "--timeline", 2)["plan"]["notes"])


def test_a_hole_in_the_newest_timeline_does_not_lead_to_an_older_one(production, wb, place, fork):
    _, copy = fork
    production.stop()
    copy.stop()
    # An adopted copy has its original's port and sockets.
    copy = Cluster(copy.pgdata, port=production.port, sockets=production.sockets).start()
    copy.sql("INSERT INTO notes VALUES (102)")
    copy.archive_everything()
    lost = copy.archive_everything()
    copy.sql("INSERT INTO notes VALUES (103)")
    copy.archive_everything()
    assert ids(wb.recover("--latest", into=place / "whole")) == list(range(1, 104))

    wb.stored_segment(lost).unlink()
    refusal = wb.refused("recover", "--latest", "--into", place / "copy2", status=UNREACHABLE).says(lost, "--timeline 1")
    lsn = refusal.hint.split("--lsn ")[1].split(";")[0]
    assert ids(wb.recover("--lsn", lsn, into=place / "short")) == list(range(1, 103))


def test_what_was_reached_is_the_transaction_asked_for(production, wb, place):
    production.sql("CREATE TABLE notes AS SELECT 1 AS id")
    wb.backup()
    production.sql("INSERT INTO notes VALUES (2)")
    wanted = production.value("WITH made AS (INSERT INTO notes VALUES (3) RETURNING 1) SELECT pg_current_xact_id()::text FROM made")
    production.archive_everything()
    plan = wb.done("plan", "--xid", wanted)["plan"]
    copy = wb.recover("--xid", wanted, into=place / "copy")
    assert copy.report["reached"]["xid"] == int(wanted)
    assert copy.report["reached"]["time"] == plan["last_replayed"]["time"] == plan["target"]["time"]
