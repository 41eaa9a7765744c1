"""kill -9 at any moment: nothing that was promised is missing, and nothing half-made looks whole.

Each run takes a few seeded moments; `./dev soak kill-…` takes fifty of each.
"""

import os
import shutil
import signal
import subprocess

import pytest

from harness.cluster import BINARIES, Cluster, wait_until
from harness.walkback import unzstd

MOMENTS = int(os.environ.get("WALKBACK_MOMENTS", "4"))


def moments(chance, whole_s, count=None):
    """Moments spread over the whole command, one in each equal part, and a little past its end."""
    count = count or MOMENTS
    return [whole_s * 1.1 * (part + chance.random()) / count for part in range(count)]


@pytest.fixture
def filled(production, wb):
    production.sql("CREATE TABLE payments AS SELECT g AS id, repeat(md5(g::text), 8) AS note FROM generate_series(1, 60000) g")
    production.sql("CREATE INDEX ON payments (id)")
    return production


def test_a_killed_backup_is_not_listed_or_can_be_restored(filled, wb, place, chance):
    whole_s = wb.timed("backup")
    known = {backup["id"] for backup in wb.backups()}
    for number, moment in enumerate(moments(chance, whole_s)):
        wb.killed("backup", after_s=moment)
        new = {backup["id"] for backup in wb.backups()} - known
        if new:
            filled.archive_everything()
            restored_equal(filled, wb, place / f"listed{number}")
        known |= new

    # And the next one is made as if nothing had been.
    wb.backup()
    filled.archive_everything()
    restored_equal(filled, wb, place / "after")


def test_a_killed_attempt_is_told_from_one_that_runs(production, wb):
    # Its archiver stands still, so the backup waits for its WAL for as long as we like.
    archiver = production.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'archiver'")
    outcomes = lambda: [event["outcome"] for event in wb.done("history")["events"] if event["kind"] == "backup"]
    rows = lambda: production.sql("SELECT id, outcome, bytes_stored IS NOT NULL FROM public.backup_history WHERE kind = 'backup' ORDER BY started_at")
    export = lambda: wb.done("history", "--into", production.conninfo)["exported"]["rows_changed"]
    os.kill(archiver, signal.SIGSTOP)
    try:
        backup = wb.start("backup")
        wait_until(lambda: outcomes() == ["no_end"], "the backup's beginning")
        assert export() == 2  # with the set-up
        assert [row[1:] for row in rows()] == [("no_end", False)]
        os.kill(backup.pid, signal.SIGKILL)
        backup.communicate()
        assert outcomes() == ["killed"]
    finally:
        os.kill(archiver, signal.SIGCONT)
    assert export() == 1 and export() == 0
    made = wb.backup()
    assert outcomes() == ["killed", "done"]
    assert export() == 1
    assert [row[1:] for row in rows()] == [("killed", False), ("done", True)]
    assert rows()[1][0] == made["id"]
    located = wb.done("history")["events"][-1]["location"]
    assert (wb.repository / located / "summary.json").exists()


def restored_equal(production, wb, into):
    copy = wb.recover("--latest", into=into)
    assert copy.table("payments") == production.table("payments")
    copy.end()
    shutil.rmtree(into)


def test_a_killed_wal_push_acknowledged_nothing_it_did_not_keep(production, wb, chance):
    production.sql("ALTER SYSTEM SET archive_command = '/bin/false'")
    production.sql("SELECT pg_reload_conf()")
    wait_until(lambda: production.value("SHOW archive_command") == "/bin/false", "the setting")
    production.sql("CREATE TABLE filler AS SELECT md5(g::text) FROM generate_series(1, 100000) g")
    whole_s = wb.timed("wal-push", production.pgdata / "pg_wal" / production.switch_wal())
    for moment in moments(chance, whole_s, MOMENTS * 2):
        production.sql("INSERT INTO filler SELECT md5(g::text) FROM generate_series(1, 20000) g")
        segment = production.pgdata / "pg_wal" / production.switch_wal()

        status = wb.killed("wal-push", segment, after_s=moment)

        assert status in (None, 0)
        stored = wb.stored_segment(segment.name)
        assert status is None or stored, "acknowledged, and not there"
        if stored:
            assert unzstd(stored) == segment.read_bytes(), "a segment that can be seen is whole"
        assert wb.push(segment).status == 0
        assert unzstd(wb.stored_segment(segment.name)) == segment.read_bytes()


def test_a_killed_recover_leaves_nothing_that_postgresql_would_start(filled, wb, place, chance):
    wb.backup()
    filled.sql("UPDATE payments SET note = 'after the backup' WHERE id % 7 = 0")
    filled.archive_everything()
    into = place / "copy"
    whole_s = wb.timed("recover", "--latest", "--into", into, "--no-start")
    shutil.rmtree(into)
    for moment in moments(chance, whole_s):
        wb.killed("recover", "--latest", "--into", into, "--no-start", after_s=moment)
        if (into / "global/pg_control").exists():
            whole_copy(filled, into)
        elif into.exists():
            refuses_to_start(into)
        shutil.rmtree(into, ignore_errors=True)

    copy = wb.recover("--latest", into=into)
    assert copy.table("payments") == filled.table("payments")


def whole_copy(production, into):
    """pg_control is written last: where it is, everything is, the settings of the copy included."""
    copy = Cluster(into)
    sockets = into.parent / "by-hand"
    sockets.mkdir(exist_ok=True)
    outcome = subprocess.run(
        [BINARIES / "pg_ctl", "start", "-w", "-D", into, "-l", copy.log,
         "-o", f"-c unix_socket_directories='{sockets}' -c port={copy.port} -c listen_addresses=''"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert outcome.returncode == 0, f"{outcome.stdout}{copy.last_log()}"
    copy.sockets = sockets
    wait_until(lambda: not copy.value("SELECT pg_is_in_recovery()"), "the end of recovery")
    assert copy.value("SHOW archive_mode") == "off"
    assert copy.table("payments") == production.table("payments")
    copy.end()


def refuses_to_start(into):
    outcome = subprocess.run([BINARIES / "postgres", "-D", into, "-c", "listen_addresses="],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)  # fmt: skip
    assert outcome.returncode != 0, "a half-restored directory started"


def test_a_killed_server_is_recovered_from_its_archive(filled, wb, place):
    """Not our process but the database's: what was archived is enough."""
    wb.backup()
    filled.sql("DELETE FROM payments WHERE id % 2 = 0")
    filled.archive_everything()
    expected = filled.table("payments")
    filled.crash()

    copy = wb.recover("--latest", into=place / "copy")

    assert copy.table("payments") == expected
