"""Clusters that somebody set up in his own way can be recovered like any other."""

import json

import pytest

from harness.cluster import wait_until

HOSTILE = {
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "default_transaction_deferrable": "on",
    "search_path": "nowhere",
    "DateStyle": "Postgres, DMY",
    "IntervalStyle": "iso_8601",
    "extra_float_digits": "-15",
    "TimeZone": "Asia/Tokyo",
    "bytea_output": "escape",
    "client_encoding": "LATIN1",
}


@pytest.mark.parametrize("action", ["pause", "promote"])
def test_defaults_for_the_application_are_not_for_us(production, wb, place, action):
    production.sql("CREATE TABLE notes (id int)")
    for name, value in HOSTILE.items():
        production.sql(f"ALTER SYSTEM SET {name} = '{value}'")
    production.sql("SELECT pg_reload_conf()")
    wait_until(lambda: production.value("SHOW search_path") == "nowhere", "the settings")
    wb.backup()
    with production.session() as cursor:
        cursor.execute("SET default_transaction_read_only = off; SET search_path = public")
        cursor.execute("INSERT INTO notes VALUES (1)")
    production.archive_everything()
    copy = wb.recover("--latest", into=place / "copy", action=action)
    assert copy.report["reached"]["lsn"]


@pytest.mark.parametrize("method", ["scram-sha-256", "peer", "trust"])
def test_a_cluster_without_a_role_postgres(make_cluster, make_walkback, place, method):
    production = make_cluster("pg", "-U", "dba").start()
    wb = make_walkback("wb", place / "repo").protect(production)
    production.sql("CREATE TABLE notes AS SELECT 1 AS id")
    rules = (production.pgdata / "pg_hba.conf").read_text()
    (production.pgdata / "pg_hba.conf").write_text(f"local all all {method}\n")
    wb.backup()
    (production.pgdata / "pg_hba.conf").write_text(rules)
    production.archive_everything()

    copy = wb.recover("--latest", into=place / "copy", action="pause")
    assert copy.report["reached"]["lsn"]
    text = wb.run("recover", "--latest", "--into", place / "other", as_json=False).stdout
    assert "-U dba" in text


def test_two_recoveries_at_once_take_two_ports(production, wb, place):
    production.sql("CREATE TABLE notes AS SELECT 1 AS id")
    wb.backup()
    production.archive_everything()
    recoveries = [wb.start("recover", "--latest", "--into", place / f"copy{i}") for i in range(3)]
    ports = set()
    for recovery in recoveries:
        stdout, stderr = recovery.communicate(timeout=180)
        assert recovery.returncode == 0, stderr
        ports.add(json.loads(stdout)["port"])
    assert len(ports) == 3


def test_wal_of_wal_level_minimal_is_known_before_anything_is_copied(production, wb, place):
    wb.backup()
    production.sql("CREATE TABLE notes AS SELECT 1 AS id")
    production.sql("SELECT pg_create_restore_point('before')")
    for minimal in (True, False):
        production.configure(
            wal_level="minimal" if minimal else "replica", archive_mode="off" if minimal else "on",
            max_wal_senders=0 if minimal else 10,
        )  # fmt: skip
        production.sql("ALTER SYSTEM RESET ALL" if minimal else "SELECT 1")
        if not minimal:
            wb.init(production)
        production.restart()
        production.sql(f"INSERT INTO notes VALUES ({2 if minimal else 3})")
    production.sql("SELECT pg_create_restore_point('after')")
    production.archive_everything()

    for target in (["--latest"], ["--name", "after"]):
        wb.refused("recover", *target, "--into", place / "copy", status=3).says("wal_level=minimal")
        assert not (place / "copy").exists()
    copy = wb.recover("--name", "before", into=place / "copy")
    assert copy.table("notes") == [(1,)]
    wb.backup()
    production.archive_everything()
    assert wb.recover("--latest", into=place / "later").table("notes") == [(1,), (2,), (3,)]

    # Long ago, too: far more segments on than are read for the end of a window.
    for _ in range(10):
        production.sql("SELECT pg_logical_emit_message(false, '', 'x')")
        production.archive_everything()
    listing = wb.done("list")
    assert len(listing["windows"]) == 2
    assert "wal_level=minimal" in listing["gaps"][0]["reason"]
