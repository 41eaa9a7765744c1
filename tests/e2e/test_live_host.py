"""Recovering on the very host of the live cluster harms nothing that is live."""

import os
import re
import time

import pytest

from harness.cluster import wait_until
from harness.trees import archive_snapshot, snapshot


@pytest.fixture
def space(place):
    path = place / "space"
    path.mkdir()
    return path


def live_files(*roots):
    """Byte for byte; the server's own running state (pg_stat, pid, WAL) is not what a copy could harm unseen."""
    return {str(root): snapshot(root) for root in roots}


def test_a_tablespace_is_put_where_it_is_told_and_the_live_one_stays(production, wb, place, space):
    production.sql(f"CREATE TABLESPACE fast LOCATION '{space}'")
    production.sql("CREATE TABLE readings TABLESPACE fast AS SELECT g, md5(g::text) FROM generate_series(1, 5000) g")
    wb.backup()
    production.sql("DELETE FROM readings WHERE g > 10")
    production.sql("SELECT pg_create_restore_point('here')")
    production.archive_everything()
    production.sql("CHECKPOINT")
    live = live_files(space)

    copy = wb.recover("--name", "here", into=place / "copy", tablespace=f"{space}={place / 'elsewhere'}")

    assert copy.value("SELECT count(*) FROM readings") == 10
    [location] = [os.path.realpath(link) for link in (copy.pgdata / "pg_tblspc").iterdir()]
    assert location.startswith(str(place / "elsewhere"))
    copy.sql("INSERT INTO readings VALUES (0, 'of the copy')")
    copy.sql("CHECKPOINT")
    assert live_files(space) == live


def test_a_tablespace_nobody_mapped_never_shares_the_live_path(production, wb, place, space):
    production.sql(f"CREATE TABLESPACE fast LOCATION '{space}'")
    production.sql("CREATE TABLE readings TABLESPACE fast AS SELECT g FROM generate_series(1, 500) g")
    wb.backup()
    production.archive_everything()
    production.sql("CHECKPOINT")
    live = live_files(space)

    copy = wb.recover("--latest", into=place / "copy")

    assert copy.value("SELECT count(*) FROM readings") == 500
    copy.sql("DROP TABLE readings")
    copy.sql("CHECKPOINT")
    assert live_files(space) == live


def test_a_create_tablespace_in_the_wal_to_replay_is_refused(production, wb, place, space):
    wb.backup()
    production.sql("SELECT pg_create_restore_point('before')")
    production.sql(f"CREATE TABLESPACE fast LOCATION '{space}'")
    production.sql("CREATE TABLE readings TABLESPACE fast AS SELECT g FROM generate_series(1, 500) g")
    production.archive_everything()
    production.sql("CHECKPOINT")
    live = live_files(space)

    wb.refused("recover", "--latest", "--into", place / "copy").says(space)

    assert not (place / "copy").exists()
    assert live_files(space) == live
    copy = wb.recover("--name", "before", into=place / "copy")
    assert copy.sql("SELECT spcname FROM pg_tablespace WHERE spcname = 'fast'") == []
    assert live_files(space) == live
    assert production.value("SELECT count(*) FROM readings") == 500


@pytest.fixture
def dropped(production, wb, space):
    """A tablespace that came and went after the backup, and its directory with it."""
    wb.backup()
    production.sql(f"CREATE TABLESPACE fast LOCATION '{space}'")
    production.sql("CREATE TABLE readings TABLESPACE fast AS SELECT g FROM generate_series(1, 500) g")
    production.sql("SELECT pg_create_restore_point('used')")
    production.sql("DROP TABLE readings")
    production.sql("DROP TABLESPACE fast")
    production.archive_everything()
    space.rmdir()


def test_a_tablespace_that_is_gone_is_asked_for_before_anything_is_copied(wb, dropped, place, space):
    refusal = wb.refused("recover", "--latest", "--into", place / "copy").says(space, "is not on this host")
    assert not (place / "copy").exists() and not space.exists()
    option = re.search(r"--tablespace (\S+=\S+\.tablespaces/\d+):", refusal.hint).group(1)

    copy = wb.recover("--latest", into=place / "copy", tablespace=option)
    assert copy.sql("SELECT spcname FROM pg_tablespace WHERE spcname = 'fast'") == []
    assert space.is_symlink()
    mapping = f"{space}={place / 'new'}"
    wb.refused("recover", "--name", "used", "--into", place / "used", "--tablespace", mapping).says("exists on this host")
    space.unlink()
    used = wb.recover("--name", "used", into=place / "used", tablespace=mapping)
    assert used.value("SELECT count(*) FROM readings") == 500
    assert any((place / "new").rglob("PG_15_*/*/*"))


def test_a_configuration_outside_the_data_directory_as_debian_has_it(make_cluster, make_walkback, place):
    production = make_cluster("pg")
    production.move_configuration_to(place / "etc")
    (place / "etc/conf.d/local.conf").write_text("work_mem = '7MB'\n")
    production.start()
    production.sql("CREATE TABLE notes AS SELECT g AS id FROM generate_series(1, 10) g")
    production.sql("ALTER SYSTEM SET application_name = 'ours'")
    wb = make_walkback().protect(production)
    wb.backup()
    production.archive_everything()
    etc, pid = snapshot(place / "etc"), production.pid()

    copy = wb.recover("--latest", into=place / "copy")

    assert copy.value("SHOW data_directory") == str(place / "copy")
    assert str(place / "etc") not in copy.value("SHOW hba_file") + copy.value("SHOW ident_file")
    assert copy.value("SHOW work_mem") == "7MB", "the cluster's own settings came along"
    assert copy.value("SELECT count(*) FROM notes") == 10
    assert snapshot(place / "etc") == etc and production.pid() == pid
    assert production.value("SHOW data_directory") == str(place / "pg")

    # Started again by hand, without walkback's command line, it is still itself.
    assert copy.restart().value("SHOW data_directory") == str(place / "copy")
    assert production.pid() == pid


def test_a_subscription_of_the_copy_leaves_productions_slot_alone(make_cluster, make_walkback, place):
    publisher = make_cluster("pub", wal_level="logical").start()
    publisher.sql("CREATE TABLE orders (id int PRIMARY KEY)")
    publisher.sql("CREATE PUBLICATION orders_out FOR TABLE orders")
    production = make_cluster("pg").start()
    production.sql("CREATE TABLE orders (id int PRIMARY KEY)")
    production.sql(
        f"CREATE SUBSCRIPTION orders_in CONNECTION '{publisher.conninfo}' PUBLICATION orders_out WITH (slot_name = 'only_one')"
    )
    wb = make_walkback().protect(production)
    publisher.sql("INSERT INTO orders VALUES (1)")
    wait_until(lambda: production.value("SELECT count(*) FROM orders") == 1, "the first row to be replicated")
    wb.backup()
    production.archive_everything()
    holder = "SELECT active_pid FROM pg_replication_slots WHERE slot_name = 'only_one'"
    before = wait_until(lambda: publisher.value(holder), "production's worker to hold the slot")

    copy = wb.recover("--latest", into=place / "copy")
    publisher.sql("INSERT INTO orders VALUES (2)")
    wait_until(lambda: production.value("SELECT count(*) FROM orders") == 2, "production to go on replicating")
    time.sleep(2)  # a subscription worker of the copy would try every few seconds

    assert publisher.value(holder) == before
    assert copy.value("SELECT count(*) FROM orders") == 1
    assert "is active for PID" not in publisher.last_log(200)
    assert copy.value("SELECT count(*) FROM pg_stat_subscription WHERE pid IS NOT NULL") == 0


def test_the_archive_is_the_same_before_and_after(production, wb, place):
    production.sql("CREATE TABLE notes (id int)")
    wb.backup()
    production.archive_everything()
    before = archive_snapshot(wb.repository)

    copy = wb.recover("--latest", into=place / "copy")
    copy.sql("INSERT INTO notes SELECT generate_series(1, 10000)")
    copy.switch_wal()
    copy.switch_wal()
    copy.stop()

    after = archive_snapshot(wb.repository)
    changed = {name for name in before if after.get(name) != before[name]}
    # Its timeline's number is taken in the repository, so that no other recovery chooses the same.
    added = {name for name in after.keys() - before.keys() if "00000001" not in name and "/timelines/" not in name}
    assert not changed, "an object was changed or removed"
    assert not added, "the copy wrote to the archive"


def test_what_is_odd_in_a_data_directory_is_handled(make_cluster, make_walkback, place):
    production = make_cluster("pg", "-X", str(place / "wal")).start()
    assert (production.pgdata / "pg_wal").is_symlink()
    (production.pgdata / "empty/inside").mkdir(parents=True)
    production.sql("CREATE UNLOGGED TABLE scratch AS SELECT g FROM generate_series(1, 1000) g")
    production.sql("CREATE TABLE kept AS SELECT g FROM generate_series(1, 1000) g")
    production.sql("CREATE SEQUENCE numbers")
    production.sql("SELECT nextval('numbers') FROM generate_series(1, 40)")
    wb = make_walkback().protect(production)
    with production.session() as cursor:
        cursor.execute("CREATE TEMP TABLE passing AS SELECT g FROM generate_series(1, 1000) g")
        temporary = production.sql(
            "SELECT pg_relation_filepath(oid) FROM pg_class WHERE relname = 'passing'"
        )[0][0]
        assert (production.pgdata / temporary).exists()
        wb.backup()
    production.archive_everything()

    copy = wb.recover("--latest", into=place / "copy")

    assert copy.value("SELECT count(*) FROM scratch") == 0, "an unlogged table comes back empty, and usable"
    copy.sql("INSERT INTO scratch VALUES (1)")
    assert copy.value("SELECT count(*) FROM kept") == 1000
    assert copy.value("SELECT nextval('numbers')") > 40
    assert (copy.pgdata / "empty/inside").is_dir()
    assert not (copy.pgdata / temporary).exists(), "a temporary table's file is not backed up"
    assert (copy.pgdata / "pg_wal").resolve() != (place / "wal").resolve()


def test_several_databases_and_their_own_names(production, wb, place):
    production.sql('CREATE DATABASE "other one"')
    wb.backup()
    production.sql("CREATE DATABASE later")
    production.sql("ALTER DATABASE \"other one\" RENAME TO renamed")
    production.archive_everything()

    copy = wb.recover("--latest", into=place / "copy")

    names = {name for (name,) in copy.sql("SELECT datname FROM pg_database")}
    assert {"later", "renamed"} <= names and "other one" not in names


@pytest.mark.skipif(not os.environ.get("WALKBACK_LARGE"), reason="needs 4 GB of disk: ./dev soak large-relation")
def test_a_relation_above_one_gibibyte(production, wb, place):
    production.configure(max_wal_size="4GB")
    production.sql("CREATE TABLE wide (id int, body text)")
    production.sql("ALTER TABLE wide ALTER body SET STORAGE PLAIN")
    production.sql(
        "INSERT INTO wide SELECT g, repeat(md5(g::text), 60) FROM generate_series(1, 600000) g"
    )
    path = production.value("SELECT pg_relation_filepath('wide')")
    assert (production.pgdata / f"{path}.1").exists()
    digest = "SELECT count(*), sum(hashtextextended(body, id)) FROM wide"
    wb.done("backup", timeout_s=900)
    production.sql("DELETE FROM wide WHERE id % 10 = 0")
    expected = production.sql(digest)
    production.archive_everything(timeout_s=600)

    copy = wb.recover("--latest", into=place / "copy")

    assert copy.sql(digest) == expected
