"""Backups taken at a standby are as good as the primary's, and both build on each other."""

import json
import os
import signal
import subprocess
import time

import pytest

from harness import wal
from harness.cluster import check_indexes, wait_until
from harness.ledger import Ledger, difference, state_of

IMPATIENT = {"WALKBACK_ARCHIVE_TIMEOUT_S": "3"}


@pytest.fixture
def standby(production, wb, place):
    """Streaming from `production`, which archives."""
    return production.make_standby(place / "standby").start()


@pytest.fixture
def at_standby(wb, standby, production):
    """walkback on the standby's host, which may ask the primary to end a segment."""
    return wb.at(standby, "standby", primary_conninfo=production.conninfo)


def restore_command(wb):
    return " ".join(wb.command("wal-get", as_json=False)) + ' "%f" "%p"'


@pytest.mark.parametrize("follows", ["streaming", "from the archive"])
def test_every_moment_since_a_standbys_backup_is_recovered_and_none_before(production, wb, place, seed, chance, follows):
    if follows == "streaming":
        standby = production.make_standby(place / "standby").start()
    else:
        standby = production.make_standby(place / "standby", restore_command(wb), streams=False).start()
    at_standby = wb.at(standby, "standby", primary_conninfo=production.conninfo)
    ledger = Ledger(production, seed).prepare().start()
    time.sleep(0.5)
    production.sql("CHECKPOINT")
    checkpointed = production.lsn()
    production.archive_everything()
    standby.replay_to(checkpointed)
    backup = at_standby.backup()
    between = production.lsn()
    time.sleep(0.5)
    ledger.stop()
    production.archive_everything()
    ledger.read_wal()
    assert backup["from_standby"] and backup["type"] == "full"

    stop = wal.lsn_number(backup["stop_lsn"])
    earliest = wb.recover("--immediate", into=place / "earliest")
    assert earliest.report["backup"] == backup["id"]
    end = wal.lsn_number(earliest.report["reached"]["lsn"])
    assert stop <= end
    assert not difference(ledger.state_before(end), state_of(earliest))
    check_indexes(earliest)
    earliest.end()
    later = [commit for commit in ledger.commits() if commit.lsn > stop]
    commit = chance.choice(later)
    for target, state in (
        (["--lsn", between], ledger.state_before(wal.lsn_number(between))),
        (["--xid", commit.xid], ledger.state_after(commit.lsn)),
        (["--to", commit.time.isoformat()], ledger.state_at_time(commit.time)),
        (["--latest"], ledger.latest_state()),
    ):
        copy = wb.recover(*target, into=place / f"copy{target[0]}")
        assert not difference(state, state_of(copy)), target
        if target == ["--latest"]:
            check_indexes(copy)
        copy.end()

    wb.refused("plan", "--lsn", wal.lsn_text(stop - 1), status=3).says(backup["stop_lsn"])
    before = [commit for commit in ledger.commits() if commit.lsn < wal.lsn_number(backup["start_lsn"])][-1]
    wb.refused("plan", "--xid", before.xid, status=3)
    wb.refused("plan", "--to", before.time.isoformat(), status=3)
    [window] = wb.done("list")["windows"]
    assert window["from_lsn"] == backup["stop_lsn"]


def test_backups_of_primary_and_standby_build_on_each_other(production, standby, wb, at_standby, place, seed):
    ledger = Ledger(production, seed).prepare()
    production.sql("VACUUM payments")
    kinds = []
    parent = None
    for step, here in enumerate((wb, at_standby, wb, at_standby, at_standby)):
        ledger.run_for(0.4)
        production.sql(f"CREATE TABLE extra{step} AS SELECT g AS id, md5(g::text) FROM generate_series(1, 500) g")
        production.sql("SELECT count(*) FROM payments")  # hint bits, that no standby has
        production.sql("CREATE UNLOGGED TABLE IF NOT EXISTS scratch AS SELECT 1 AS id")
        if step == 2:
            ledger.delete_everything("sessions", linger_s=0)
            production.sql("VACUUM sessions")
        production.sql("CHECKPOINT")
        standby.catch_up(production)
        report = here.done("backup")
        assert report["parent"] == parent, report
        parent = report["backup"]["id"]
        kinds.append((report["backup"]["type"], report["backup"]["from_standby"]))
        if step > 0:
            assert report["reason"] == ""
            assert report["backup"]["bytes_read"] < report["backup"]["bytes_raw"] / 2
    assert kinds == [("full", False), ("incremental", True), ("incremental", False), ("incremental", True), ("incremental", True)]
    ledger.run_for(0.3)
    production.archive_everything()
    ledger.read_wal()

    copy = wb.recover("--latest", into=place / "copy")

    assert copy.report["backup"] == parent
    assert not difference(ledger.latest_state(), state_of(copy))
    for step in range(5):
        assert copy.table(f"extra{step}") == production.table(f"extra{step}")
    check_indexes(copy)


def test_a_second_backup_from_one_restartpoint_builds_on_the_first(production, standby, at_standby, place):
    """The primary makes no checkpoint: both begin at the same place, and the second stores next to nothing."""
    production.sql("CREATE TABLE notes AS SELECT g AS id, repeat('x', 500) FROM generate_series(1, 20000) g")
    production.sql("CHECKPOINT")
    standby.catch_up(production)
    first = at_standby.backup()
    production.sql("INSERT INTO notes VALUES (0, 'since')")
    standby.catch_up(production)
    second = at_standby.done("backup")
    assert second["parent"] == first["id"]
    assert second["backup"]["start_lsn"] == first["start_lsn"]
    assert second["backup"]["bytes_stored"] < first["bytes_stored"] / 20
    assert wal.lsn_number(second["backup"]["stop_lsn"]) > wal.lsn_number(first["stop_lsn"])
    production.archive_everything()
    copy = at_standby.recover("--latest", into=place / "copy")
    assert copy.report["backup"] == second["backup"]["id"]
    assert copy.value("SELECT count(*) FROM notes") == 20001
    check_indexes(copy)


def test_a_standby_that_is_behind_builds_on_what_is_ahead_of_it(production, standby, wb, at_standby, place):
    """The primary's newest backup ends after what this standby has replayed: nothing before that end is promised."""
    production.sql("CREATE TABLE notes AS SELECT g AS id, repeat('x', 500) FROM generate_series(1, 2000) g")
    production.sql("CHECKPOINT")
    standby.catch_up(production)
    standby.sql("CHECKPOINT")
    standby.sql("SELECT pg_wal_replay_pause()")
    production.sql("UPDATE notes SET id = -id WHERE id % 3 = 0")
    ahead = wb.backup()
    report = at_standby.done("backup")
    assert report["parent"] != ahead["id"] and report["backup"]["type"] == "full", "it began after the standby's restartpoint"
    production.sql("DELETE FROM notes WHERE id % 5 = 0")
    standby.sql("SELECT pg_wal_replay_resume()")
    standby.catch_up(production)
    assert at_standby.done("backup")["parent"] == ahead["id"]
    production.archive_everything()
    copy = wb.recover("--latest", into=place / "copy")
    assert copy.table("notes") == production.table("notes")


def test_an_idle_primary_without_archive_timeout_is_asked_to_switch(production, standby, wb, at_standby):
    production.sql("ALTER SYSTEM SET archive_timeout = 0")
    production.sql("SELECT pg_reload_conf()")
    production.sql("CREATE TABLE notes AS SELECT 1 AS id")
    standby.catch_up(production)
    nobody_to_ask = wb.at(standby, "alone")
    nobody_to_ask.refused("backup", environment=IMPATIENT).says("pg_switch_wal()", "postgresql.primary_conninfo", "archive_timeout")
    assert wb.backups() == []
    assert at_standby.backup()["from_standby"]


def test_a_primary_that_is_none_of_this_standbys_is_refused_before_anything_is_read(standby, wb, production, make_cluster):
    other = make_cluster("other").start()
    wb.at(standby, "other", primary_conninfo=other.conninfo).refused("backup").says("another cluster", "postgresql.primary_conninfo")
    wb.at(standby, "itself", primary_conninfo=standby.conninfo).refused("backup").says("standby itself")
    production.sql("ALTER SYSTEM SET archive_command = ''")
    production.sql("SELECT pg_reload_conf()")
    wb.at(standby, "idle", primary_conninfo=production.conninfo).refused("backup").says("the primary", "archive_command is empty")
    assert [event["outcome"] for event in wb.done("history")["events"] if event["kind"] == "backup"] == ["failed"] * 3


def findings(wb):
    return {finding["what"]: finding for finding in wb.run("check").json["check"]["findings"]}


def test_check_says_whether_a_backup_would_work_here(production, standby, wb, at_standby):
    production.archive_everything()
    found = findings(at_standby)
    assert found["rights"]["level"] == found["standby"]["level"] == found["primary"]["level"] == "ok", found
    assert "not asked" in findings(wb.at(standby, "alone"))["primary"]["text"]
    itself = findings(wb.at(standby, "itself", primary_conninfo=standby.conninfo))["primary"]
    assert itself["level"] == "failed" and "standby itself" in itself["text"]
    production.sql("ALTER SYSTEM SET archive_command = ''")
    production.sql("SELECT pg_reload_conf()")
    wait_until(lambda: production.value("SHOW archive_command") in ("", "(disabled)"), "the setting")
    assert findings(at_standby)["primary"]["level"] == "failed"
    for path in wb.repository.glob("clusters/*/*/wal/*/*/*"):
        path.unlink()
    assert "no WAL of timeline 1" in findings(at_standby)["standby"]["text"]


def test_the_lines_that_check_prints_are_all_that_a_role_needs(production, standby, wb, at_standby):
    production.sql("CREATE ROLE keeper LOGIN")
    production.archive_everything()
    standby.catch_up(production)
    at_keeper = wb.at(standby, "keeper", primary_conninfo=f"{production.conninfo} user=keeper")
    text = at_keeper.config.read_text()
    at_keeper.config.write_text(text.replace(f'\nconninfo = "{standby.conninfo}"', f'\nconninfo = "{standby.conninfo} user=keeper"'))
    at_keeper.refused("backup").says("pg_read_all_settings")
    lines = []
    for what in ("rights", "primary"):
        found = findings(at_keeper)[what]
        assert found["level"] == "failed" and "keeper in database postgres lacks" in found["text"], found
        assert "of the primary" in found["hint"]
        lines.append(found["hint"].split("`")[1])
    where = {"PGHOST": str(production.sockets), "PGPORT": str(production.port), "PGUSER": production.user}
    for line in lines:
        subprocess.run(["bash", "-ec", line], check=True, env={**os.environ, **where})
    standby.catch_up(production)
    found = findings(at_keeper)
    assert found["rights"]["level"] == found["primary"]["level"] == "ok", found
    assert at_keeper.backup()["from_standby"]


def test_a_cluster_whose_wal_is_not_here_gets_no_backup(production, standby, wb, at_standby):
    for path in wb.repository.glob("clusters/*/*/wal/*/*/*"):
        path.unlink()
    at_standby.refused("backup").says("there is no WAL of timeline 1", "primary")


def hold_in_the_middle(process, standby):
    """Stops walkback between the beginning and the end of backup mode."""
    began = (
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'walkback' AND state = 'idle'"
        " AND (query LIKE '%pg_backup_start%' OR query LIKE '%pg_database_size%')"
    )
    wait_until(lambda: standby.sql(began) or process.poll() is not None, "the backup to begin")
    process.send_signal(signal.SIGSTOP)
    assert process.poll() is None, process.communicate()
    assert standby.sql(began), "the backup ended before it could be held: give it more to read"


@pytest.fixture
def much_to_read(production, standby):
    production.sql("CREATE TABLE much AS SELECT g AS id, repeat(md5(g::text), 30) FROM generate_series(1, 150000) g")
    production.sql("CHECKPOINT")
    standby.catch_up(production)


def test_a_backup_is_not_consistent_before_the_end_of_the_parent_that_is_ahead_of_it(production, standby, wb, at_standby, much_to_read, place):
    """The primary's backup holds pages that this standby, stopped behind its beginning, has not seen."""
    process = wb.start("backup")
    hold_in_the_middle(process, production)
    standby.catch_up(production)
    standby.sql("CHECKPOINT")
    standby.sql("SELECT pg_wal_replay_pause()")
    wait_until(lambda: standby.value("SELECT pg_get_wal_replay_pause_state()") == "paused", "the replay to pause")
    production.sql("UPDATE much SET id = -id WHERE id % 100 = 0")
    process.send_signal(signal.SIGCONT)
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    ahead = json.loads(said)["backup"]
    assert wal.lsn_number(standby.replayed()) < wal.lsn_number(ahead["stop_lsn"])
    report = at_standby.done("backup")
    assert (report["parent"], report["reason"]) == (ahead["id"], "")
    assert report["backup"]["stop_lsn"] == ahead["stop_lsn"]
    # Both end at the same place: the one that is in question must be the only one.
    for path in wb.repository.glob(f"clusters/*/*/backups/{ahead['id']}/*"):
        path.unlink()
    copy = wb.recover("--immediate", into=place / "copy")
    assert copy.report["backup"] == report["backup"]["id"]
    assert copy.value("SELECT count(*) FROM much WHERE id < 0") == 1500
    check_indexes(copy)


def test_a_promotion_in_the_middle_voids_the_backup(production, standby, wb, at_standby, much_to_read):
    process = at_standby.start("backup")
    hold_in_the_middle(process, standby)
    standby.promote()
    process.send_signal(signal.SIGCONT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1 and "promoted" in errors, errors
    assert wb.backups() == []


def test_a_session_that_is_lost_in_the_middle_voids_the_backup(production, standby, wb, at_standby, much_to_read):
    process = at_standby.start("backup")
    hold_in_the_middle(process, standby)
    standby.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'walkback'")
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=120)
    assert process.returncode == 1
    assert wb.backups() == []


def test_wal_without_full_pages_in_the_middle_voids_the_backup(production, standby, wb, at_standby, much_to_read):
    process = at_standby.start("backup")
    hold_in_the_middle(process, standby)
    for value in ("off", "on"):
        production.sql(f"ALTER SYSTEM SET full_page_writes = {value}")
        production.sql("SELECT pg_reload_conf()")
        wait_until(lambda: production.value("SHOW full_page_writes") == value, "the setting")
        production.sql("CREATE TABLE IF NOT EXISTS passing (id int)")
        production.sql("CHECKPOINT")
    standby.catch_up(production)
    process.send_signal(signal.SIGCONT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1 and "full_page_writes" in errors, errors
    assert wb.backups() == []


def test_another_servers_wal_under_the_same_name_voids_the_backup(production, standby, wb, at_standby, place):
    """A recovered copy of the cluster archives beside the primary: the segment that came first is not this standby's."""
    production.sql("CREATE TABLE notes (id int)")
    production.archive_everything()
    production.stop()
    clone = production.make_copy(place / "clone")
    production.start()
    production.sql("INSERT INTO notes SELECT generate_series(1, 10000)")
    standby.catch_up(production)
    production.sql("ALTER SYSTEM SET archive_command = '/bin/false'")
    production.sql("SELECT pg_reload_conf()")
    clone.start()
    clone.sql("INSERT INTO notes SELECT generate_series(1, 20000)")
    clone.archive_everything()
    production.sql("SELECT pg_switch_wal()")
    alone = wb.at(standby, "alone")
    alone.refused("backup", environment=IMPATIENT).says("is not the one in this server's pg_wal")
    assert wb.backups() == []


def test_a_standby_of_a_promoted_standby_goes_on_with_the_old_timelines_backup(production, standby, wb, at_standby, place):
    production.sql("CREATE TABLE notes AS SELECT g AS id FROM generate_series(1, 5000) g")
    cascade = standby.make_standby(place / "cascade", restore_command(wb)).start()
    production.archive_everything()
    first = wb.backup()
    production.sql("UPDATE notes SET id = -id WHERE id % 7 = 0")
    for follower in (standby, cascade):
        follower.catch_up(production)
    production.stop()
    standby.promote()
    at_cascade = wb.at(cascade, "cascade", primary_conninfo=standby.conninfo)
    standby.sql("UPDATE notes SET id = id + 10000 WHERE id % 11 = 0")
    standby.sql("CHECKPOINT")
    standby.archive_everything()
    wait_until(lambda: cascade.value("SELECT count(*) FROM notes WHERE id > 10000") > 0, "the cascade to follow")
    report = at_cascade.done("backup")
    assert (report["backup"]["timeline"], report["parent"], report["reason"]) == (2, first["id"], "")
    assert report["backup"]["from_standby"]
    standby.sql("INSERT INTO notes VALUES (99999)")
    standby.archive_everything()
    copy = wb.recover("--latest", into=place / "copy")
    assert copy.report["backup"] == report["backup"]["id"]
    assert copy.table("notes") == standby.table("notes")


def test_a_delayed_standbys_backup_reaches_what_it_has_not_replayed_yet(production, standby, wb, at_standby, place):
    """Its end is a place in the WAL, and the time of that is the primary's: the standby's own clock is hours ahead of it."""
    production.sql("CREATE TABLE notes AS SELECT g AS id FROM generate_series(1, 1000) g")
    production.sql("CHECKPOINT")
    standby.catch_up(production)
    standby.sql("SELECT pg_wal_replay_pause()")
    time.sleep(1.1)
    production.sql("INSERT INTO notes VALUES (0)")
    moment = production.value("SELECT clock_timestamp()")
    time.sleep(0.1)
    production.sql("DELETE FROM notes")
    production.archive_everything()
    time.sleep(0.1)
    backup = at_standby.backup()
    assert backup["stopped_at"] < moment.isoformat()
    copy = wb.recover("--to", moment.isoformat(), into=place / "copy")
    assert copy.report["backup"] == backup["id"]
    assert copy.value("SELECT count(*) FROM notes") == 1001
