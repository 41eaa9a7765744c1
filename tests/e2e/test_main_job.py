"""The night this is for: a DELETE without a WHERE, and the way back."""

from harness.repositories import KINDS
from harness.trees import only_wal_was_added

REPOSITORIES = KINDS


def test_a_delete_without_a_where_is_undone_in_a_copy(production, wb, place):
    production.sql("CREATE TABLE payments (id int PRIMARY KEY, customer int, amount numeric(12,2), note text)")
    production.sql(
        "INSERT INTO payments SELECT g, g % 1000, g / 7.0, repeat(md5(g::text), 4) FROM generate_series(1, 20000) g"
    )
    backup = wb.backup()
    assert backup["type"] == "full" and backup["bytes_stored"] > 0

    production.sql("UPDATE payments SET amount = amount + 1 WHERE id % 3 = 0")
    production.sql("INSERT INTO payments SELECT g, 1, 1, 'late' FROM generate_series(20001, 20500) g")
    before = production.table("payments")
    with production.session(autocommit=False) as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        mistake = cursor.fetchone()[0]
        cursor.execute("DELETE FROM payments")
        cursor.connection.commit()
    production.sql("INSERT INTO payments VALUES (1, 1, 1, 'after the mistake')")
    production.archive_everything()

    copy = wb.recover("--before-xid", mistake, into=place / "copy")

    assert copy.table("payments") == before
    assert copy.report["target"]["kind"] == "before_xid" and copy.report["target"]["xid"] == mistake
    assert backup["id"] in str(copy.report["backup"])
    assert copy.port != production.port
    assert production.table("payments") == [(1, 1, 1, "after the mistake")]


def test_the_copy_is_an_ordinary_server_that_archives_nothing(production, wb, place):
    production.sql("CREATE TABLE notes AS SELECT g AS id FROM generate_series(1, 100) g")
    wb.backup()
    production.archive_everything()
    copy = wb.recover("--latest", into=place / "copy")

    assert copy.value("SELECT pg_is_in_recovery()") is False
    assert copy.value("SHOW archive_mode") == "off"
    copy.sql("INSERT INTO notes VALUES (101)")
    before = wb.store.snapshot()
    switched = copy.switch_wal()
    copy.sql("CHECKPOINT")
    assert only_wal_was_added(before, wb.store.snapshot())
    assert wb.stored_segment(switched) is None
    assert copy.restart().value("SELECT count(*) FROM notes") == 101


def test_a_paused_copy_waits_at_the_target(production, wb, place):
    production.sql("CREATE TABLE notes (id int)")
    wb.backup()
    production.sql("INSERT INTO notes VALUES (1)")
    production.sql("SELECT pg_create_restore_point('one')")
    production.sql("INSERT INTO notes VALUES (2)")
    production.archive_everything()

    copy = wb.recover("--name", "one", into=place / "copy", action="pause")

    assert copy.value("SELECT pg_is_in_recovery()") is True
    assert copy.sql("SELECT id FROM notes") == [(1,)]
    copy.sql("SELECT pg_wal_replay_resume()")


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(production, wb, place):
    production.sql("CREATE TABLE notes (id int)")
    wb.backup()
    production.archive_everything()
    before = wb.store.snapshot()

    wb.done("recover", "--latest", "--into", place / "copy", "--dry-run")
    plan = wb.done("plan", "--latest")

    assert not (place / "copy").exists()
    assert only_wal_was_added(before, wb.store.snapshot())
    assert plan


def test_without_start_the_copy_is_ready_to_be_started_by_hand(production, wb, place):
    production.sql("CREATE TABLE notes AS SELECT 1 AS id")
    wb.backup()
    production.archive_everything()

    copy = wb.recover("--latest", into=place / "copy", no_start=True)

    assert copy.pid() is None
    copy.start()
    assert copy.sql("SELECT id FROM notes") == [(1,)]


def test_what_was_done_is_in_the_history(production, wb, place):
    backup = wb.backup("--label", "before the release")
    production.archive_everything()
    wb.recover("--latest", into=place / "copy")

    history = wb.done("history")
    kinds = [event["kind"] for event in history["events"]]
    assert kinds.count("backup") == 1 and "recover" in kinds
    assert backup["id"] in str(history)


def test_a_backup_can_be_repeated_and_the_list_shows_both(production, wb):
    first, second = wb.backup(), wb.backup()
    listed = wb.done("list")
    assert [backup["id"] for backup in listed["backups"]] == [first["id"], second["id"]]
    assert listed["windows"] and not listed["gaps"]
    assert wb.done("verify")["verify"]["proved"]
    assert wb.done("verify")["verify"]["objects"]["packs"]["read"] == 0
