"""`check` is green only when a recovery would work, and says what to do when it would not."""

import time
from pathlib import Path


def findings(wb, *options):
    outcome = wb.run("check", *options)
    said = outcome.json["check"]
    assert (outcome.status == 0) == said["ok"], outcome.describe()
    return {finding["what"]: finding for finding in said["findings"]}


def test_what_is_well_is_proved(production, wb):
    found = findings(wb, "--conformance")
    assert found["proof"]["level"] == found["archive_command"]["level"] == "ok"
    assert found["backups"]["level"] == "warning" and "walkback" in found["backups"]["hint"]
    assert not [what for what in found if what.startswith("conformance:")]
    wb.backup()
    assert all(finding["level"] == "ok" for finding in findings(wb).values())


def test_wal_that_is_missing_after_the_last_backup_is_found(production, wb):
    wb.backup()
    production.archive_everything()
    production.sql("ALTER SYSTEM SET archive_command = '/bin/true'")
    production.sql("SELECT pg_reload_conf()")
    assert findings(wb)["archive_command"]["level"] == "failed"
    for _ in range(2):
        production.sql("SELECT pg_create_restore_point('lost')")
        production.archive_everything()
    wb.init(production)
    production.archive_everything()
    found = findings(wb)["backups"]
    assert found["level"] == "failed" and "WAL is missing" in found["text"]
    wb.backup()
    assert findings(wb)["backups"]["level"] == "ok"


def test_another_server_than_the_configurations_is_found(production, wb, make_cluster, place):
    wb.backup()
    production.archive_everything()
    copy = wb.recover("--latest", into=place / "copy")
    there = wb.config.read_text()
    wb.config.write_text(there.replace(f'"{production.pgdata}"', f'"{copy.pgdata}"'))
    found = findings(wb)["cluster"]
    assert found["level"] == "failed" and str(production.pgdata) in found["text"]


def archive_with(production, command):
    production.sql(f"ALTER SYSTEM SET archive_command = '{command}'")
    production.sql("SELECT pg_reload_conf()")
    for _ in range(2):
        production.sql("SELECT pg_create_restore_point('elsewhere')")
        production.archive_everything()


def test_wal_that_goes_elsewhere_is_told_at_once(production, wb, place):
    archive_with(production, f"cp %p {place}")
    assert "elsewhere" in findings(wb)["archive_command"]["text"]
    wb.refused("backup").says("archived, and it is not in", "init --apply")
    archive_with(production, "/bin/true")
    started = time.monotonic()
    wb.refused("backup").says("archived, and it is not in", "init --apply")
    assert time.monotonic() - started < 30, "it was seen, not waited for"
    archive_with(production, f"cp %p {place}")
    wb.refused(*wb.init_arguments(production, "--apply")).says("elsewhere", "--replace-archive-command")
    wb.init(production, "--replace-archive-command")
    wb.backup()


def test_a_repository_that_takes_nothing_is_found(production, wb):
    wb.backup()
    repository = Path(wb.repository)
    repository.chmod(0o500)
    try:
        assert findings(wb, "--no-proof")["store"]["level"] == "failed"
    finally:
        repository.chmod(0o700)
