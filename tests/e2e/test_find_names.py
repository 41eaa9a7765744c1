"""What `find` calls things, on a real server: rewrites, rolled-back truncations, names of other times, crashes."""

import shlex
import subprocess

from harness.cluster import BINARIES, wait_until
from test_find import Found, alone, table_of, xid_of  # noqa: F401


def test_a_lossy_rewrite_is_shown_and_a_harmless_one_is_not(production, wb, xid_of):  # noqa: F811
    table_of(production, "old", 100)
    wb.backup()
    table_of(production, "born_later", 100)
    table_of(production, "vacuumed", 100)
    production.archive_everything()
    lossy_old = xid_of("ALTER TABLE old ALTER COLUMN note TYPE int USING 0")
    lossy_new = xid_of("ALTER TABLE born_later ALTER COLUMN note TYPE int USING 0")
    harmless = alone(production, "VACUUM FULL vacuumed")
    production.archive_everything()
    found = Found(wb)
    for xid, table in ((lossy_old, "public.old"), (lossy_new, "public.born_later")):
        [rewritten] = found.transactions[xid]["tables"]
        assert f"{rewritten['schema']}.{rewritten['table']}" == table
        assert rewritten["rewritten"] and rewritten["columns_changed"] and rewritten["rows_gone"] == 100
    vacuumed = Found(wb, "--xid", harmless)  # it takes nothing away, and need not be among what took the most
    assert vacuumed.of(harmless) == {"public.vacuumed": {"rewritten": True}}
    assert not any(table["columns_changed"] for table in vacuumed.transactions[harmless]["tables"])
    updates = {each["xid"] for each in wb.done("find", "--kind", "update")["transactions"]}
    assert {lossy_old, lossy_new} <= updates
    drops = {each["xid"] for each in wb.done("find", "--kind", "drop")["transactions"]}
    assert not drops & {lossy_old, lossy_new, harmless}


def test_truncations_rolled_back_and_of_unlogged_tables(production, wb, xid_of):  # noqa: F811
    table_of(production, "a", 100)
    production.sql("CREATE UNLOGGED TABLE u AS SELECT g AS id FROM generate_series(1, 100) g")
    production.sql("ANALYZE")
    wb.backup()
    production.sql("CHECKPOINT")  # the next row of pg_class is logged with its page
    undone = xid_of("TRUNCATE a", rollback=True)
    unlogged = xid_of("TRUNCATE u")
    production.archive_everything()
    found = Found(wb)
    assert found.of(undone) == {"public.a": {"truncated": True}}
    assert found.transactions[undone]["outcome"] == "rolled back"
    assert found.of(unlogged) == {"public.u": {"truncated": True}}


def test_a_table_is_found_by_every_name_and_by_its_partitioned_table(production, wb, xid_of):  # noqa: F811
    table_of(production, "before", 100)
    production.sql('CREATE TABLE "Mixed" AS SELECT 1 AS id')
    production.sql("CREATE TABLE orders (id int) PARTITION BY RANGE (id)")
    production.sql("CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (1) TO (100)")
    production.sql("INSERT INTO orders SELECT generate_series(1, 50)")
    wb.backup()
    deleted = xid_of("DELETE FROM before WHERE id <= 10")
    mixed = xid_of('DELETE FROM "Mixed"')
    of_part = xid_of("DELETE FROM orders WHERE id <= 20")
    production.sql("ALTER TABLE before RENAME TO after")
    production.archive_everything()

    def xids(table):
        return {each["xid"] for each in wb.done("find", "--table", table)["transactions"]}

    assert deleted in xids("before") and deleted in xids("after") and deleted in xids("postgres.after")
    assert deleted in xids("PUBLIC.Before") and mixed not in xids("Mixed") and mixed in xids('"Mixed"')
    assert of_part in xids("orders") and of_part in xids("orders_1") and deleted not in xids("orders")
    wb.refused("find", "--table", "a..b", status=2)


def test_what_a_crash_ended_is_called_that_and_prepared_ones_have_their_name(production, wb):
    table_of(production, "a", 100)
    wb.backup()
    with production.session(autocommit=False) as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        [prepared] = cursor.fetchone()
        cursor.execute("DELETE FROM a WHERE id <= 10")
        cursor.execute("PREPARE TRANSACTION 'it''s'")
    crashed = production.connect(autocommit=False)
    with crashed.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        [xid] = cursor.fetchone()
        cursor.execute("DELETE FROM a WHERE id > 50")
    production.archive_everything()
    production.crash()
    production.start()
    production.archive_everything()
    found = Found(wb).transactions
    assert found[xid]["outcome"] == "interrupted"
    assert found[prepared]["outcome"] == "prepared" and found[prepared]["gid"] == "it's"
    text = wb.run("find", as_json=False).stdout
    assert "prepared as 'it''s'" in text and "interrupted by a crash" in text
    refusal = wb.refused("plan", "--before-xid", prepared, status=3).says("is prepared as 'it''s'")
    assert "ROLLBACK PREPARED 'it''s'" in refusal.hint
    production.sql("ROLLBACK PREPARED 'it''s'")


def test_one_transaction_and_the_savepoints_of_a_loop(production, wb, xid_of):  # noqa: F811
    table_of(production, "a", 100)
    before_backup = xid_of("DELETE FROM a WHERE id = 1")
    production.archive_everything()
    wb.backup()
    small = xid_of("DELETE FROM a WHERE id = 2")
    loop = xid_of(
        "DO $$ BEGIN FOR i IN 1..640 LOOP BEGIN UPDATE a SET note = 'x' WHERE id = 3; RAISE 'no';"
        " EXCEPTION WHEN raise_exception THEN NULL; END; END LOOP; END $$"
    )
    production.archive_everything()
    [only] = wb.done("find", "--xid", small)["transactions"]
    assert only["xid"] == small and only["tables"][0]["deleted"] == 1 and only["recoverable"]
    assert wb.done("find", "--xid", small + 100_000)["transactions"] == []
    found = wb.done("find", "--limit", 1000)["transactions"]
    grouped = [each for each in found if each["savepoints_of"] == loop]
    assert len(grouped) == 1 and grouped[0]["savepoints"] >= 64 * 9
    [early] = wb.done("find", "--xid", before_backup)["transactions"]
    assert not early["recoverable"]
    text = wb.run("find", "--xid", before_backup, as_json=False).stdout
    assert "before the first backup" in text and "plan --before-xid" not in text
    wb.refused("plan", "--before-xid", before_backup, status=3).says(f"transaction {before_backup} committed", "before the first backup")
    wb.refused("find", "--xid", small, "--table", "a", status=2)
    assert wb.done("find", "--since", "now")["transactions"] is not None
    reversed_ = wb.refused("find", "--since", "now", "--until", "1 week ago", status=2)
    reversed_.says("UTC", "is later than")
    wb.refused("find", "--since", "2099-01-01 00:00", "--until", "2099-01-02 00:00", status=2).says("is in the future", "here it is")


def test_what_is_not_archived_is_said_first_and_so_is_archiving_that_fails(production, wb, xid_of):  # noqa: F811
    table_of(production, "a", 100)
    wb.backup()
    production.archive_everything()
    deleted = xid_of("DELETE FROM a WHERE id <= 10")
    assert wb.done("find", "--xid", deleted)["transactions"] == []
    lines = wb.run("find", as_json=False).stdout.splitlines()
    said = next(place for place, line in enumerate(lines) if line.startswith("not archived yet: everything after "))
    assert said == 2, "right below the heading"
    command = shlex.split(lines[said + 1])
    before = production.archive_everything  # the segment that the printed line ends is waited for
    subprocess.run([BINARIES / command[0], *command[1:]], check=True, capture_output=True, timeout=60)
    before()
    assert wb.done("find", "--xid", deleted)["transactions"][0]["tables"][0]["deleted"] == 10

    production.sql("ALTER SYSTEM SET archive_command = '/bin/false'")
    production.sql("SELECT pg_reload_conf()")
    wait_until(lambda: production.value("SHOW archive_command") == "/bin/false", "the setting")
    xid_of("DELETE FROM a WHERE id <= 20")
    production.switch_wal()
    wait_until(
        lambda: production.value("SELECT coalesce(last_failed_time > last_archived_time, false) FROM pg_stat_archiver"),
        "archiving to fail",
    )
    text = wb.run("find", as_json=False).stdout
    assert "ARCHIVING STANDS STILL: the server's archiving fails" in text and "walkback" in text
    assert "not archived yet" in text and "pg_switch_wal" not in text
    assert "warning: the server's archiving fails" in wb.run("plan", "--latest", as_json=False).stderr
