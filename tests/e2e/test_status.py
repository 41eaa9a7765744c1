"""`status` says what is wrong, with figures and what to do, and is green only when all can be seen: each finding provoked for real."""

import os
import signal
import time

import psycopg2
import pytest

from harness.cluster import wait_until
from harness.health import CRITICAL, HEALTHY, WARNING, Status, ask_for_no_drill
from harness.history import Clock
from harness.trees import damaged
from harness.walkback import BINARY


@pytest.fixture
def well(production, wb):
    """All that status asks for: a backup, its WAL archived, all of it verified. Not a drill, which takes longer than the rest."""
    production.sql("CREATE TABLE payments AS SELECT g AS id FROM generate_series(1, 5000) g")
    wb.backup()
    production.archive_everything()
    wb.done("verify")
    ask_for_no_drill(wb)
    return wb


def set_archive_command(production, command):
    production.sql(f"ALTER SYSTEM SET archive_command = '{command}'")
    production.sql("SELECT pg_reload_conf()")


def commit_and_switch(production):
    production.sql("CREATE TABLE IF NOT EXISTS more (id int)")
    production.sql("INSERT INTO more VALUES (1)")
    return production.switch_wal()


def failures(production):
    return production.value("SELECT failed_count FROM pg_stat_archiver")


def test_what_is_well_is_green_and_says_why(production, well):
    status = Status(well)
    assert status.outcome.status == HEALTHY, status.outcome.describe()
    assert status.not_known() == set()
    assert status["backup_age"]["evidence"]["age_s"] < 300
    text = well.run("status", as_json=False)
    assert text.status == 0 and text.stdout.startswith("HEALTHY: cluster main"), text.describe()
    # An idle cluster lacks nothing, whatever its checkpoints write.
    production.sql("CHECKPOINT")
    assert "everything that is committed" in Status(well)["wal_lag"]["text"]


def test_what_a_drill_measured_counts(production, well, place):
    asked = {"WALKBACK_STATUS_DRILL_AGE": "35 days", "WALKBACK_STATUS_RECOVERY_TIME_OBJECTIVE": "10min"}
    status = Status(well, asked)
    assert status.level("drill") == "warning" and status.level("recovery_time") == "warning"
    timings = well.done("drill", "--into", place / "drills")["drill"]["timings"]
    status = Status(well, asked)
    assert status.outcome.status == HEALTHY, status.outcome.describe()
    took = status["drill"]["evidence"]["recovery_s"]
    assert took == pytest.approx(timings["restore_s"] + timings["replay_s"], abs=0.01), timings
    assert well.run("drill", "--into", place / "drills", "--check", "SELECT false").status != 0
    status = Status(well, asked)
    assert status.outcome.status == CRITICAL and "checks" in status["drill"]["text"]


def test_status_changes_nothing(production, well):
    before = well.store.snapshot()
    segment = production.value("SELECT pg_walfile_name(pg_current_wal_lsn())")
    Status(well)
    assert well.store.snapshot() == before
    assert production.value("SELECT pg_walfile_name(pg_current_wal_lsn())") == segment


def test_an_archiver_that_fails_and_what_would_be_lost(production, well):
    set_archive_command(production, "/bin/false")
    before = failures(production)
    failed = commit_and_switch(production)
    wait_until(lambda: failures(production) > before, "the archiver to fail")
    status = Status(well)
    assert status.level("archiver") == "warning"
    evidence = status["archiver"]["evidence"]
    assert evidence["last_failed"] == failed and evidence["failures"] > 0 and evidence["last_failed_at"]
    lag = status["wal_lag"]["evidence"]
    assert status.level("wal_lag") == "healthy" and 0 < lag["lag_s"] < 300 and lag["lag_bytes"] > 0
    time.sleep(2)
    # The same facts against tighter limits: the commit is older than they allow.
    strict = Status(well, {"WALKBACK_STATUS_WAL_LAG": "1 second"})
    assert strict.outcome.status == CRITICAL
    assert strict.level("archiver") == "critical" and "waits for" in strict["archiver"]["text"]
    assert strict["wal_lag"]["level"] in ("warning", "critical")
    text = well.run("status", as_json=False, environment={"WALKBACK_STATUS_WAL_LAG": "1 second"})
    assert text.stdout.startswith("CRITICAL") and text.stdout.index("archiver:") < text.stdout.index("What is well:")

    set_archive_command(production, walkback_command(well))
    wait_until(lambda: not (production.pgdata / f"pg_wal/archive_status/{failed}.ready").exists(), "the archiver to go on")
    assert Status(well).outcome.status == HEALTHY


def walkback_command(wb):
    return f"{BINARY.resolve()} --config {wb.config} wal-push %p"


def test_wal_that_goes_elsewhere_is_seen_by_what_is_not_there(production, well):
    set_archive_command(production, "/bin/true")
    production.sql("INSERT INTO payments VALUES (0)")
    production.archive_everything()
    status = Status(well)
    assert status.level("archiver") == "critical" and "not in the repository" in status["archiver"]["text"]
    # Once the server has removed the segment, nobody has it.
    for _ in range(3):
        production.sql("INSERT INTO payments VALUES (0)")
        production.archive_everything()
    production.sql("ALTER SYSTEM SET wal_keep_size = 0")
    production.sql("ALTER SYSTEM SET min_wal_size = '32MB'")
    production.sql("SELECT pg_reload_conf()")
    production.sql("CHECKPOINT")
    production.sql("CHECKPOINT")
    assert Status(well)["wal_lag"]["evidence"].get("lost_segment"), Status(well).outcome.describe()


def test_a_slot_that_somebody_left(production, well):
    production.sql("SELECT pg_create_physical_replication_slot('left', true)")
    production.sql("INSERT INTO payments SELECT g FROM generate_series(1, 60000) g")
    production.archive_everything()
    assert Status(well).level("slot") == "healthy"
    status = Status(well, {"WALKBACK_STATUS_SLOT_WAL_MIB": "1"})
    assert status.outcome.status == WARNING
    assert status["slot"]["evidence"]["slot"] == "left" and status["slot"]["evidence"]["held_bytes"] > 1 << 20
    assert "pg_drop_replication_slot('left')" in status["slot"]["hint"]
    production.sql("SELECT pg_drop_replication_slot('left')")
    assert Status(well, {"WALKBACK_STATUS_SLOT_WAL_MIB": "1"}).level("slot") == "healthy"


def test_a_deleted_segment_is_a_gap(production, well):
    lost = commit_and_switch(production)
    production.archive_everything()
    commit_and_switch(production)
    production.archive_everything()
    [segment] = [path for path in well.repository.glob(f"clusters/*/*/wal/*/*/{lost}.zst*")]
    segment.unlink()
    status = Status(well)
    assert status.outcome.status == CRITICAL and status.level("gap") == "critical"
    assert status["gap"]["evidence"]["from"] and "walkback" in status["gap"]["hint"]
    well.backup()
    production.archive_everything()
    status = Status(well)
    assert status.level("gap") == "warning" and "cannot be recovered" in status["gap"]["text"]
    # Which retention did not promise.
    assert Status(well, {"WALKBACK_RETENTION_COUNT": "1"}).level("gap") == "healthy"


def test_time_passes_without_a_backup(production, well, place):
    clock = Clock(place / "later")
    clock.set(26 * 3600)
    # The server lives in the present: that the clocks differ is said, too.
    status = Status(well, clock.environment)
    assert status.level("backup_age") == "warning" and "1 d" in status["backup_age"]["text"]
    assert status.level("clock") == "critical" and "behind" in status["clock"]["text"]
    clock.set(51 * 3600)
    assert Status(well, clock.environment).level("backup_age") == "critical"
    clock.set(9 * 24 * 3600)
    assert Status(well, clock.environment).level("verify") == "warning"
    clock.set(-20)
    status = Status(well, clock.environment)
    assert status.level("clock") == "warning" and "ahead of" in status["clock"]["text"]
    assert 15 < status["clock"]["evidence"]["ahead_s"] < 25


def test_no_backup_and_one_that_failed(production, wb):
    status = Status(wb)
    assert status.outcome.status == CRITICAL and "no backup" in status["backup_age"]["text"]
    assert status.level("verify") == "warning"
    backup = wb.start("backup", "--label", "killed")
    wait_until(lambda: any(e["kind"] == "backup" for e in wb.done("history")["events"]), "its beginning")
    os.kill(backup.pid, signal.SIGKILL)
    backup.communicate()
    assert "killed" in Status(wb)["backup_age"]["text"]
    wb.backup()
    assert Status(wb).level("backup_age") == "healthy"


def test_a_mass_delete_is_named_with_the_line_to_paste(production, well):
    production.sql("DELETE FROM payments WHERE id <= 3000")
    production.archive_everything()
    assert Status(well).level("mass_delete") == "healthy"
    status = Status(well, {"WALKBACK_STATUS_MASS_DELETE_ROWS": "3000"})
    evidence = status["mass_delete"]["evidence"]
    assert status.outcome.status == WARNING
    assert evidence["rows"] == 3000 and evidence["table"] == "public.payments"
    found = well.done("find", "--xid", evidence["xid"])["transactions"]
    assert found[0]["tables"][0]["deleted"] == 3000
    assert f"--before-xid {evidence['xid']}" in status["mass_delete"]["hint"]
    # A table that is younger than every backup is named by the server.
    production.sql("CREATE TABLE young AS SELECT generate_series(1, 4000) AS id")
    production.sql("DELETE FROM young")
    production.archive_everything()
    status = Status(well, {"WALKBACK_STATUS_MASS_DELETE_ROWS": "4000"})
    assert status["mass_delete"]["evidence"]["table"] == "public.young"


def test_the_server_is_down(production, well):
    production.sql("INSERT INTO payments VALUES (0)")
    production.crash()
    status = Status(well)
    assert status.outcome.status == CRITICAL and status.level("server") == "critical"
    assert {"archiver", "slot"} <= status.not_known()
    # What the repository proves is told all the same, and what lies in pg_wal alone.
    assert status.level("backup_age") == "healthy" and status.level("gap") == "healthy"
    assert status["wal_lag"]["evidence"]["first_commit"]
    assert status.wrong() == {"server"}


def test_the_repository_is_away(production, well):
    away = well.repository.with_suffix(".away")
    well.repository.rename(away)
    try:
        status = Status(well)
        assert status.outcome.status == CRITICAL and status.level("repository") == "critical"
        assert {"backup_age", "gap", "wal_lag", "verify"} <= status.not_known()
        assert status.level("server") == "healthy" and status.level("pg_wal") == "healthy"
    finally:
        away.rename(well.repository)
    assert Status(well).outcome.status == HEALTHY


def test_trouble_that_verify_found(production, well):
    pack = well.packs()[0]
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(content)
    assert well.run("verify", "--deep").status == 5
    status = Status(well)
    assert status.outcome.status == CRITICAL and pack.name.split(".")[0] in status["verify"]["text"]


def test_wal_piles_up_against_the_disk(production, well):
    set_archive_command(production, "/bin/false")
    production.sql("INSERT INTO payments SELECT g FROM generate_series(1, 100000) g")
    waiting = commit_and_switch(production)
    production.sql("INSERT INTO payments SELECT g FROM generate_series(1, 100000) g")
    # As if it had waited for two minutes: a file's time says since when.
    then = time.time() - 120
    for path in (production.pgdata / f"pg_wal/archive_status/{waiting}.ready", production.pgdata / "pg_wal" / waiting):
        os.utime(path, (then, then))
    status = Status(well, {"WALKBACK_STATUS_DISK_TIME_LEFT": "36500 days"})
    assert status.level("pg_wal") in ("warning", "critical"), status.outcome.describe()
    evidence = status["pg_wal"]["evidence"]
    assert evidence["segments_waiting"] >= 1 and evidence["wal_bytes_per_s"] > 0
    assert evidence["time_left_s"] == pytest.approx(evidence["free_bytes"] / evidence["wal_bytes_per_s"])


def free_bytes(path):
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize


def test_a_small_disk_fills_up_with_wal(small_disk, make_cluster, make_walkback):
    production = make_cluster("pg", "--wal-segsize=1", "-X", str(small_disk / "wal"), max_wal_size="4MB").start()
    wb = make_walkback().protect(production)
    wb.backup()
    production.archive_everything()
    wb.done("verify")
    ask_for_no_drill(wb)
    assert Status(wb).outcome.status == HEALTHY
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(8 << 20))
    set_archive_command(production, "/bin/false")
    production.sql("CREATE TABLE payments (id int, note text)")
    paid = 0

    def pay():
        nonlocal paid
        production.sql("INSERT INTO payments SELECT %s, repeat(md5(g::text), 30) FROM generate_series(1, 500) g", paid + 1)
        paid += 1

    while free_bytes(small_disk) > 9 << 20:
        pay()
    status = Status(wb)
    assert status.outcome.status == CRITICAL and status.level("pg_wal") == "critical", status.outcome.describe()
    assert status["pg_wal"]["evidence"]["free_bytes"] < 10 << 20 and status["pg_wal"]["evidence"]["segments_waiting"] > 10
    assert "PostgreSQL stops" in status["pg_wal"]["text"] and "make room" in status["pg_wal"]["hint"]
    # And it does stop.
    with pytest.raises(psycopg2.Error):
        while True:
            pay()
    assert Status(wb).level("pg_wal") == "critical"
    production.end()
    ballast.unlink()
    with open(production.pgdata / "postgresql.auto.conf", "a") as settings:
        settings.write(f"archive_command = '{walkback_command(wb)}'\n")
    production.start()
    # To read the rows for the first time logs their pages, more of them than the ballast took.
    production.archive_everything()
    production.sql("CHECKPOINT")
    assert production.sql("SELECT count(*), max(id) FROM payments") == [(paid * 500, paid)]
    status = Status(wb)
    assert status.outcome.status == HEALTHY, status.outcome.describe()


def test_a_disk_that_the_repository_fills_up(small_disk, production, make_walkback, place):
    wb = make_walkback("small", small_disk / "repository").protect(production)
    wb.backup()
    production.sql("CREATE TABLE payments AS SELECT md5(g::text) || md5((-g)::text) AS note FROM generate_series(1, 60000) g")
    production.archive_everything()
    # Less than an hour says nothing of a day. The disk itself says that there is no room for ten segments.
    growth = Status(wb)["growth"]
    assert "time_left_s" not in growth["evidence"]
    assert growth["level"] == "critical" and "cannot store the next segment" in growth["text"]
    clock = Clock(place / "later")
    clock.set(2 * 3600)
    status = Status(wb, clock.environment)
    evidence = status["growth"]["evidence"]
    assert status.level("growth") in ("warning", "critical") and "full in" in status["growth"]["text"]
    assert evidence["free_bytes"] == pytest.approx(free_bytes(small_disk), rel=0.1)
    assert evidence["time_left_s"] == pytest.approx(evidence["free_bytes"] / evidence["bytes_per_day"] * 86400)
    assert evidence["bytes_per_day"] > 10 * (1 << 20)


def test_damaged_pages_and_what_nobody_can_read(production, well):
    file = production.value("SELECT pg_relation_filepath('payments')")
    production.sql("CHECKPOINT")
    production.stop()
    with damaged(production.pgdata / file, 3 * 8192 + 5000, 0xFF):
        production.start()
        assert well.run("backup", "--full").status == 4
        status = Status(well)
        assert status.outcome.status == CRITICAL and status.level("bad_pages") == "critical"
        assert status["bad_pages"]["evidence"]["bad_pages"] == 1
        production.stop()
    production.start()
    well.backup("--full")
    assert Status(well).level("bad_pages") == "healthy"
    summary = next(well.repository.glob("clusters/*/*/backups/*/summary.json"))
    with damaged(summary, 0, 0xFF):
        status = Status(well)
        assert status.outcome.status == CRITICAL and status.level("unreadable") == "critical"
        assert summary.parent.name in status["unreadable"]["text"]


def test_a_host_without_the_server_sees_the_repository_alone(production, well):
    text = well.config.read_text()
    well.config.write_text("".join(line for line in text.splitlines(True) if not line.startswith("pgdata = ")))
    status = Status(well)
    assert status.outcome.status == WARNING and status.wrong() == {"server"}
    assert status.level("backup_age") == "healthy"


def test_another_server_than_the_configurations(production, well, make_cluster):
    other = make_cluster("other").start()
    status = Status(well, {"WALKBACK_POSTGRESQL_CONNINFO": other.conninfo})
    assert status.level("server") == "critical" and "not the cluster" in status["server"]["text"]


def test_a_failure_to_tell_is_critical(well):
    well.refused("status", environment={"WALKBACK_STATUS_BACKUP_AGE": "soon"}, status=CRITICAL)
    status = Status(well, {"WALKBACK_CLUSTER_NAME": "other"})
    assert status.outcome.status == CRITICAL


def test_a_standby_says_what_is_its_primarys(production, well, place):
    standby = production.make_standby(place / "standby").start()
    status = Status(well.at(standby, "standby"))
    assert status.outcome.status == HEALTHY, status.outcome.describe()
    assert status["server"]["evidence"]["standby"] is True
    assert status.not_known() == {"archiver", "wal_lag"}
