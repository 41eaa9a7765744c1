"""Whose file is whose, read from PostgreSQL's own catalog in the WAL: several changes of one table in one transaction,
drops beside truncations, and a catalog that was itself rewritten. Nobody else is asked: no server, no later backup."""

import pytest

from test_find import Found, alone, table_of, transaction
from test_find_told_apart import found_of


def test_what_came_before_and_behind_a_rewrite_in_its_transaction(production, wb, place):
    for name in ("a", "b", "c", "d", "e", "f", "g"):
        table_of(production, name, 100)
    space = place / "space"
    space.mkdir()
    production.sql(f"CREATE TABLESPACE elsewhere LOCATION '{space}'")
    wb.backup()
    emptied = {
        name: transaction(production, *(statement.format(t=name) for statement in statements))
        for name, statements in {
            "a": ("TRUNCATE {t}", "CLUSTER {t} USING {t}_pkey"),
            "b": ("CLUSTER {t} USING {t}_pkey", "TRUNCATE {t}"),
            "c": ("TRUNCATE {t}", "ALTER TABLE {t} ALTER COLUMN id TYPE bigint"),
            "d": ("TRUNCATE {t}", "ALTER TABLE {t} ADD COLUMN x float DEFAULT random()"),
            "e": ("ALTER TABLE {t} SET TABLESPACE elsewhere", "SAVEPOINT s", "TRUNCATE {t}"),
        }.items()
    }
    rewritten_twice = transaction(production, "CLUSTER f USING f_pkey", "ALTER TABLE f ALTER COLUMN id TYPE bigint")
    taken_back = transaction(
        production, "SAVEPOINT s", "TRUNCATE g", "ROLLBACK TO s", "CLUSTER g USING g_pkey", "DELETE FROM g WHERE id <= 3"
    )
    production.archive_everything()
    production.stop()
    for name, xid in emptied.items():
        assert found_of(wb, xid) == {f"public.{name}": {"truncated": True}}, name
    assert found_of(wb, rewritten_twice) == {"public.f": {"rewritten": True}}
    assert found_of(wb, taken_back) == {"public.g": {"rewritten": True, "deleted": 3}}


def test_a_drop_beside_a_truncation_is_the_drop(production, wb):
    for number in range(8):
        table_of(production, f"t{number}", 100)
        table_of(production, f"x{number}", 50)
        production.sql(f"CREATE INDEX x{number}_note ON x{number} (left(note, 9))")
    wb.backup()
    beside = {
        "t0": ("DROP TABLE x0", {"public.x0": {"dropped": True}}),
        "t1": ("DROP INDEX x1_note", {}),
        "t2": ("ALTER TABLE x2 DROP CONSTRAINT x2_pkey", {}),
        "t3": ("CREATE INDEX ON x3 (id)", {}),
        "t4": ("CREATE TABLE y4 (id int PRIMARY KEY, note text)", {"public.y4": {"created": True}}),
        "t5": ("DROP TABLE x5, x6", {"public.x5": {"dropped": True}, "public.x6": {"dropped": True}}),
        "t6": ("REINDEX TABLE x7", {}),
    }
    xids = {}
    for number, (table, (other, _)) in enumerate(beside.items()):
        statements = [f"TRUNCATE {table}", other]
        xids[table] = transaction(production, *(reversed(statements) if number % 2 else statements))
    # Their new files are gone again: nobody but the log can say whose they were.
    for table in beside:
        production.sql(f"TRUNCATE {table}")
    production.archive_everything()
    production.stop()
    for table, (_, others) in beside.items():
        assert found_of(wb, xids[table]) == {f"public.{table}": {"truncated": True}, **others}, beside[table]


@pytest.mark.parametrize("indexes", ["as pushed", "made again"])
def test_a_catalog_that_was_rewritten_is_read_on(production, wb, indexes):
    for name in ("a", "b", "c", "d", "e", "f"):
        table_of(production, name, 100)
    wb.backup()
    production.sql("VACUUM FULL")
    production.sql("REINDEX SYSTEM postgres")
    production.archive_everything()
    did = {
        alone(production, "VACUUM FULL a"): {"public.a": {"rewritten": True}},
        transaction(production, "TRUNCATE b", "DROP TABLE c"): {"public.b": {"truncated": True}, "public.c": {"dropped": True}},
        transaction(production, "TRUNCATE d", "CLUSTER d USING d_pkey"): {"public.d": {"truncated": True}},
        transaction(production, "ALTER TABLE e ALTER COLUMN id TYPE int USING -id"): {"public.e": {"rewritten": True}},
        transaction(production, "CREATE TABLE late (id int)", "INSERT INTO late SELECT generate_series(1, 9)"): {
            "public.late": {"created": True, "inserted": 9}
        },
    }
    production.archive_everything()
    did[transaction(production, "ALTER TABLE f RENAME TO g", "DELETE FROM g WHERE id <= 4")] = {"public.g": {"deleted": 4}}
    production.archive_everything()
    if indexes == "made again":
        for index in wb.repository.glob("clusters/*/*/wal/*/*/*.index*"):
            index.unlink()
        assert not wb.done("index", "--rebuild", "--all")["index"]["failed"]
    for xid, tables in did.items():
        assert found_of(wb, xid) == tables
    production.stop()
    # Nobody to ask: catalogs that no map names, and that were rewritten before the window, are numbers then.
    for xid, tables in did.items():
        assert {table: work for table, work in found_of(wb, xid).items() if isinstance(table, str)} == tables


def test_a_catalog_that_was_rewritten_before_the_oldest_wal_is_read(production, wb):
    for name in ("a", "b", "c", "d", "e"):
        table_of(production, name, 100)
    production.sql("VACUUM FULL")
    production.sql("REINDEX SYSTEM postgres")
    production.archive_everything()
    wb.backup()
    did = {
        transaction(production, "TRUNCATE a", "DROP TABLE b"): {"public.a": {"truncated": True}, "public.b": {"dropped": True}},
        transaction(production, "TRUNCATE c", "CLUSTER c USING c_pkey"): {"public.c": {"truncated": True}},
        transaction(production, "TRUNCATE d", "CREATE TABLE late (id int)"): {
            "public.d": {"truncated": True},
            "public.late": {"created": True},
        },
    }
    # Their new files are gone again: nobody but the log can say whose they were.
    production.sql("TRUNCATE a, c, d")
    production.archive_everything()
    production.stop()
    oldest = min(path.name for path in wb.repository.glob("clusters/*/*/wal/*/*/*.backup*"))[:24]
    for path in wb.repository.glob("clusters/*/*/wal/*/*/*"):
        if path.name[:24] < oldest or ".index" in path.name:
            path.unlink()
    for xid, tables in did.items():
        assert found_of(wb, xid) == tables, "without indexes"
    assert not wb.done("index", "--rebuild", "--all")["index"]["failed"]
    for xid, tables in did.items():
        assert found_of(wb, xid) == tables, "with indexes made again"


def test_rows_of_a_catalog_are_nobodys_whatever_file_it_had(production, wb):
    table_of(production, "t", 100)
    production.sql("VACUUM FULL pg_class")
    production.switch_wal()
    wb.backup()
    production.sql("VACUUM FULL pg_class")
    production.switch_wal()
    schema = transaction(
        production, "CREATE TABLE x1 (id int)", "CREATE TABLE x2 (id int)", "ALTER TABLE x1 RENAME TO x3", "DELETE FROM t WHERE id <= 7"
    )
    production.switch_wal()
    production.sql("VACUUM FULL pg_class")
    production.archive_everything()

    def check(who):
        totals = wb.done("find")["asked_for"]
        assert (totals["inserted"], totals["updated"], totals["deleted"]) == (100, 0, 7), who
        assert found_of(wb, schema) == {
            "public.x2": {"created": True},
            "public.x3": {"created": True},
            "public.t": {"deleted": 7},
        }, who

    check("with the server")
    production.stop()
    check("with nobody to ask")


def test_tables_that_changed_names_have_each_others(production, wb):
    for name in ("fresh", "stale"):
        table_of(production, name, 100)
    wb.backup()
    before = transaction(production, "DELETE FROM stale WHERE id <= 5")
    swapped = transaction(
        production,
        "ALTER TABLE fresh RENAME TO tmp", "ALTER TABLE stale RENAME TO fresh", "ALTER TABLE tmp RENAME TO stale",
        "DELETE FROM fresh WHERE id > 95", "DELETE FROM stale WHERE id <= 7",
    )  # fmt: skip
    after = transaction(production, "DELETE FROM fresh WHERE id BETWEEN 40 AND 48")
    production.archive_everything()
    production.stop()
    assert found_of(wb, before) == {"public.fresh": {"deleted": 5}}
    assert found_of(wb, swapped) == {"public.fresh": {"deleted": 5}, "public.stale": {"deleted": 7}}
    assert found_of(wb, after) == {"public.fresh": {"deleted": 9}}
    [table] = Found(wb, "--xid", before).transactions[before]["tables"]
    assert {"schema": "public", "table": "stale"} in table["also"]
