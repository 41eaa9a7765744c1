"""What recover and adopt print is pasted into a shell, and does what they say."""

import re
import shutil
import socket
import subprocess

import pytest

from harness.cluster import Cluster, free_port, wait_until

COMMAND = re.compile(r"^ {2,}((?:/|psql |rm |walkback ).*)$", re.MULTILINE)


@pytest.fixture
def notes(production, wb):
    """A backup, and one commit after it."""
    production.sql("CREATE TABLE notes (id int)")
    wb.backup()
    production.sql("INSERT INTO notes VALUES (1)")
    production.archive_everything()


def printed(wb, *arguments):
    outcome = wb.run(*arguments, as_json=False)
    assert outcome.status == 0, outcome.describe()
    return outcome.stdout, COMMAND.findall(outcome.stdout)


def paste(command):
    # Files for its output: a server that it starts keeps a pipe open.
    done = subprocess.run(["sh", "-c", f"{command} >/dev/null"], timeout=90, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, command


def is_promoted(copy):
    return copy.value("SELECT NOT pg_is_in_recovery()")


def recovered(wb, place, *options):
    port = free_port()
    _, commands = printed(wb, "recover", "--latest", "--into", place / "copy", "--port", port, *options)
    return Cluster(place / "copy", port=port, sockets=place / "copy"), commands


def test_a_copy_that_was_not_started(wb, notes, place):
    copy, [start] = recovered(wb, place, "--no-start")
    paste(start)
    wait_until(lambda: is_promoted(copy), "the copy to be promoted")
    assert copy.value("SELECT count(*) FROM notes") == 1


def test_a_copy_that_shut_down_at_its_target(wb, notes, place):
    copy, [start] = recovered(wb, place, "--action", "shutdown")
    assert copy.pid() is None
    paste(start)
    wait_until(lambda: is_promoted(copy), "the copy to be promoted")


def test_a_copy_that_stands_still(wb, notes, place):
    copy, [look, promote, stop, remove] = recovered(wb, place, "--action", "pause")
    paste(f"{look} -c 'SELECT 1'")
    refusal = wb.refused("adopt", "--pgdata", copy.pgdata)
    assert promote in refusal.hint, "there is one way to promote"
    paste(promote)
    assert is_promoted(copy)
    paste(stop)
    paste(remove)
    assert not copy.pgdata.exists()


def test_an_adopted_copy_is_the_cluster(production, wb, notes, place):
    copy, [*_, stop, _] = recovered(wb, place)
    text, commands = printed(wb, "adopt", "--pgdata", copy.pgdata)
    [stop_old, stop_copy, start, backup] = commands
    assert f"port {production.port} in {production.pgdata}" in text and "archives into the same repository" in text
    assert stop_copy == stop and f"answers on port {production.port} then" in text
    paste(stop_old)
    assert production.pid() is None
    paste(stop_copy)
    paste(start)
    config = wb.config.read_text()
    wb.config.write_text(config.replace(f'"{production.pgdata}"', f'"{copy.pgdata}"'))
    paste(backup)
    cluster = Cluster(copy.pgdata, port=production.port, sockets=production.sockets)
    assert cluster.value("SHOW archive_mode") == "on"
    assert "hba_file" not in (copy.pgdata / "postgresql.auto.conf").read_text()
    assert [backup["timeline"] for backup in wb.backups()] == [1, 2]
    kinds = [(event["kind"], event["outcome"]) for event in wb.done("history")["events"]]
    assert kinds == [("init", "done"), ("backup", "done"), ("recover", "done"), ("adopt", "done"), ("backup", "done")]


def test_a_port_that_is_taken_is_refused_before_anything_is_restored(wb, notes, place):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        for option in ([], ["--dry-run"]):
            wb.refused("recover", "--latest", "--into", place / "copy", "--port", port, *option).says(f"port {port} is taken")
    assert not (place / "copy").exists()


def test_a_copy_is_not_made_inside_the_repository(wb, notes, place):
    refusal = wb.refused("recover", "--latest", "--into", wb.repository / "copy").says("inside the repository")
    assert refusal.kind == "conflict" and not (wb.repository / "copy").exists()


def test_an_unfinished_restore_is_called_that(wb, notes, place):
    pack = wb.packs()[0]
    whole = pack.read_bytes()
    pack.chmod(0o600)
    pack.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    wb.refused("recover", "--latest", "--into", place / "copy", "--no-start").says("rm -r")
    pack.write_bytes(whole)
    wb.refused("recover", "--latest", "--into", place / "copy").says("unfinished restore", "rm -r")
    wb.refused("adopt", "--pgdata", place / "copy").says("unfinished restore", "rm -r")


def test_a_repository_whose_disk_is_not_mounted(production, wb, notes, place):
    wb.repository.rename(place / "disk")
    wb.repository.mkdir()
    for command in ("list", "backup"):
        refusal = wb.refused(command).says(f"{wb.repository} is an empty directory: is its disk mounted?")
        assert "init" not in refusal.hint
    again = ["init", "--pgdata", production.pgdata, "--repository", f"file://{wb.repository}",
             "--conninfo", production.conninfo, "--encryption", "none"]  # fmt: skip
    wb.refused(*again).says("mounted", "--new-repository")
    assert list(wb.repository.iterdir()) == []
    assert wb.done(*again, "--new-repository")["init"]["repository_created"]
    shutil.rmtree(wb.repository)
    (place / "disk").rename(wb.repository)


def test_a_repository_whose_directory_is_gone(production, wb, notes, place):
    wb.repository.rename(place / "disk")
    segment = production.pgdata / "pg_wal" / production.value("SELECT pg_walfile_name(pg_current_wal_lsn())")
    for command in (["list"], ["backup"], ["recover", "--latest", "--into", place / "copy"], ["verify"],
                    ["wal-get", segment.name, place / "segment"]):  # fmt: skip
        refusal = wb.refused(*command).says(f"{wb.repository}, where the repository should be, does not exist")
        assert "init" not in refusal.hint
    assert f"{wb.repository}, where the repository should be, does not exist" in wb.run("status", as_json=False).stdout
    wb.refused("init", "--pgdata", production.pgdata, "--repository", f"file://{wb.repository}",
               "--conninfo", production.conninfo, "--encryption", "none").says("does not exist", "--new-repository")  # fmt: skip
    assert not wb.repository.exists()
    (place / "disk").rename(wb.repository)


def test_a_failed_init_is_not_in_the_way_of_the_next(production, make_walkback, place):
    wb = make_walkback()
    place.chmod(0o500)
    wb.refused("init", "--pgdata", production.pgdata, "--repository", f"file://{place}/elsewhere",
               "--conninfo", production.conninfo, "--encryption", "none", "--apply")  # fmt: skip
    place.chmod(0o700)
    assert not wb.config.exists()
    wb.init(production)


def test_settings_that_wait_for_a_restart_are_said_to_wait(production, make_walkback):
    wb = make_walkback()
    wb.init(production)
    again = wb.init(production, apply=False)["init"]
    assert [s["name"] for s in again["settings"] if s["pending"]] == ["archive_mode"]
    wb.refused("backup").says("archive_mode is set", "restart PostgreSQL")
    production.restart()
    production.sql("ALTER SYSTEM SET archive_timeout = 30")
    production.sql("SELECT pg_reload_conf()")
    wait_until(lambda: production.value("SHOW archive_timeout") == "30s", "the setting")
    assert wb.init(production, apply=False)["init"]["proved_segment"], "30 s is right, for it is there"


def test_a_socket_in_the_data_directory_is_not_worth_a_word(production, wb):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(production.pgdata / ".s.PGSQL.5552"))
        outcome = wb.run("backup", as_json=False)
    assert outcome.status == 0 and "left out" not in outcome.stderr, outcome.describe()


def test_a_backup_without_a_server_is_in_the_history(production, wb):
    production.stop()
    wb.refused("backup", "--label", "nightly")
    event = wb.done("history")["events"][-1]
    assert (event["kind"], event["outcome"]) == ("backup", "failed") and "connecting" in event["error"]
