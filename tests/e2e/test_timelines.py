"""After a recovery the history forks; the archive keeps every branch and mixes none."""

REPOSITORIES = ("file", "s3-age")


def test_an_adopted_copy_goes_on_and_can_itself_be_recovered(production, wb, place):
    production.sql("CREATE TABLE notes AS SELECT g AS id FROM generate_series(1, 100) g")
    wb.backup()
    production.sql("INSERT INTO notes VALUES (101)")
    production.sql("SELECT pg_create_restore_point('good')")
    production.sql("DELETE FROM notes")
    production.archive_everything()

    copy = wb.recover("--name", "good", into=place / "copy")
    production.stop()
    copy.sql("INSERT INTO notes VALUES (102)")
    adopted = adopt(wb, copy, production)
    adopted.sql("INSERT INTO notes VALUES (103)")
    wb.backup()
    adopted.sql("INSERT INTO notes VALUES (104)")
    adopted.archive_everything()

    again = wb.recover("--latest", into=place / "again")

    assert [id for (id,) in again.sql("SELECT id FROM notes ORDER BY 1")] == list(range(1, 105))
    assert again.timeline() > adopted.timeline() > 1


def test_a_recovery_crosses_the_switch_from_a_backup_before_it(production, wb, place):
    production.sql("CREATE TABLE notes AS SELECT g AS id FROM generate_series(1, 100) g")
    first = wb.backup()
    production.sql("SELECT pg_create_restore_point('good')")
    production.archive_everything()
    copy = wb.recover("--name", "good", into=place / "copy")
    production.stop()
    adopted = adopt(wb, copy, production)
    adopted.sql("INSERT INTO notes VALUES (101)")
    adopted.sql("SELECT pg_create_restore_point('on the new timeline')")
    adopted.archive_everything()

    [only] = wb.backups()
    assert only["id"] == first["id"], "no backup of the new timeline yet: the old one must serve"
    again = wb.recover("--name", "on the new timeline", into=place / "again")

    assert again.value("SELECT max(id) FROM notes") == 101


def test_two_recoveries_of_one_backup_choose_different_timelines(production, wb, place):
    production.sql("CREATE TABLE notes AS SELECT 1 AS id")
    wb.backup()
    production.archive_everything()

    one = wb.recover("--latest", into=place / "one")
    two = wb.recover("--latest", into=place / "two")

    for copy in (one, two):
        copy.sql("CHECKPOINT")
        assert copy.sql("SELECT id FROM notes") == [(1,)]
    assert len({production.timeline(), one.timeline(), two.timeline()}) == 3


def test_what_was_prepared_before_a_switch_survives_the_replay_over_it(production, wb, place):
    """PostgreSQL reads it from the parent's segment in pg_wal, which no restore_command is asked for."""
    production.sql("CREATE TABLE notes AS SELECT g AS id FROM generate_series(1, 100) g")
    wb.backup()
    with production.session(autocommit=False) as cursor:
        cursor.execute("INSERT INTO notes VALUES (101)")
        cursor.execute("PREPARE TRANSACTION 'waits'")
    production.sql("SELECT pg_create_restore_point('good')")
    production.archive_everything()
    copy = wb.recover("--name", "good", into=place / "copy")
    production.stop()
    adopted = adopt(wb, copy, production)

    again = wb.recover("--latest", into=place / "again")

    assert again.sql("SELECT gid FROM pg_prepared_xacts") == [("waits",)]
    again.sql("COMMIT PREPARED 'waits'")
    assert again.value("SELECT max(id) FROM notes") == 101
    assert adopted.value("SELECT max(id) FROM notes") == 100


def adopt(wb, copy, production):
    """`adopt`, and the restart it asks for; from here on the copy is the cluster, and answers where that did."""
    wb.done("adopt", "--pgdata", copy.pgdata)
    configuration = wb.config.read_text()
    assert f'"{production.pgdata}"' in configuration
    wb.config.write_text(configuration.replace(f'"{production.pgdata}"', f'"{copy.pgdata}"'))
    copy.port, copy.sockets = production.port, production.sockets
    copy.restart()
    copy.archive_everything()
    return copy
