"""Undo and rescue do the same whatever ALTER DATABASE and ALTER ROLE set, whatever fires, and with bytes of no encoding."""

import subprocess

import pytest
from harness.cluster import BINARIES

from test_undo import leftovers

REPOSITORIES = ("age",)

HOSTILE = {
    "role": "clerk", "search_path": "evil, pg_catalog", "default_transaction_read_only": "on", "row_security": "on",
    "session_replication_role": "local", "lc_monetary": "'C.UTF-8'", "array_nulls": "off", "standard_conforming_strings": "off",
    "quote_all_identifiers": "on", "bytea_output": "escape", "xmloption": "document", "DateStyle": "'SQL, DMY'",
    "IntervalStyle": "sql_standard", "TimeZone": "'Asia/Kolkata'", "client_encoding": "LATIN1", "extra_float_digits": "-10",
    "default_transaction_isolation": "serializable", "default_transaction_deferrable": "on", "lock_timeout": "1",
    "statement_timeout": "400", "transform_null_equals": "on", "lc_messages": "'C'", "default_toast_compression": "pglz",
}  # fmt: skip

TABLES = """
CREATE TABLE t (id int PRIMARY KEY, a text[], x xml, raw bytea, at timestamptz, d date, f float8, i interval, text text, m money, s text);
INSERT INTO t SELECT g, ARRAY['a', NULL], 'text <b/>', '\\x00ff27', '2026-02-03 04:05:06.789+05', '2026-02-03', g / 3.0,
  '1 mon -3 days 04:05:06.7', E'back\\\\slash ''q'' é', 1.5, E'\\\\' FROM generate_series(1, 50) g;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
ALTER TABLE t FORCE ROW LEVEL SECURITY;
CREATE POLICY none ON t USING (false);
CREATE TABLE dropped AS SELECT * FROM t;
CREATE STATISTICS spread (ndistinct) ON id, d FROM dropped;
CREATE SCHEMA evil;
CREATE TABLE evil.pg_class (oid int);
CREATE FUNCTION evil.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$SELECT ''::bytea$$;
CREATE FUNCTION evil.count(bigint) RETURNS bigint LANGUAGE sql AS $$SELECT 0::bigint$$
"""


def content(cursor, table):
    cursor.execute(f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {table} t")
    return cursor.fetchone()


def mistake(cursor, *statements):
    for statement in ("BEGIN", *statements, "SELECT pg_current_xact_id()::text::bigint"):
        cursor.execute(statement)
    [xid] = cursor.fetchone()
    cursor.execute("COMMIT")
    return xid


def psql(cluster, path, database):
    done = subprocess.run(
        [BINARIES / "psql", "-X", "-v", "ON_ERROR_STOP=1", "-h", cluster.sockets, "-p", str(cluster.port), "-U", "postgres",
         "-d", database, "-f", path], capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.fixture
def shop(production, wb):
    """A session with it that began before anything was set."""
    production.sql("CREATE ROLE clerk")
    production.sql("CREATE DATABASE shop")
    production.sql(TABLES, database="shop")
    with production.session(database="shop") as cursor:
        for name, value in HOSTILE.items():
            production.sql(f"ALTER {'DATABASE shop' if name == 'role' else 'ROLE postgres IN DATABASE shop'} SET {name} = {value}")
        yield cursor


def test_settings_of_the_database_and_of_the_user_change_nothing(production, shop, wb, place):
    wb.backup()
    before = content(shop, "t"), content(shop, "dropped")
    xid = mistake(shop, "DELETE FROM t WHERE id <= 20", "UPDATE t SET text = 'lost', x = NULL WHERE id > 40", "DROP TABLE dropped")
    lost = content(shop, "t")
    production.archive_everything()
    report = wb.done("undo", "--xid", xid, "--output", place / "undo.sql")["undo"]
    assert [(t["table"], t["inserted"], t["set_back"], t["conflict_count"]) for t in report["tables"]] == [
        ("public.t", 20, 10, 0), ("public.dropped", 50, 0, 0)
    ]  # fmt: skip
    assert content(shop, "t") == lost
    psql(production, place / "undo.sql", "shop")
    assert (content(shop, "t"), content(shop, "dropped")) == before
    # Again, by walkback itself, and by rescue.
    again = mistake(shop, "DELETE FROM t WHERE id <= 20", "UPDATE t SET text = 'lost', x = NULL WHERE id > 40", "DROP TABLE dropped")
    production.archive_everything()
    target = ["--before-xid", again]
    rescued = wb.done("rescue", "--table", "shop.t", *target, "--on-conflict", "overwrite", "--output", place / "t.sql")["rescue"]
    assert (rescued["comparison"]["only_then"], rescued["comparison"]["changed"]) == (20, 10)
    wb.done("undo", "--xid", again, "--apply")
    assert (content(shop, "t"), content(shop, "dropped")) == before
    mistake(shop, "DELETE FROM t WHERE id <= 20", "UPDATE t SET text = 'lost', x = NULL WHERE id > 40", "DROP TABLE dropped")
    wb.done("rescue", "--table", "shop.dropped", *target, "--output", place / "dropped.sql")
    psql(production, place / "t.sql", "shop")
    psql(production, place / "dropped.sql", "shop")
    assert (content(shop, "t"), content(shop, "dropped")) == before
    assert leftovers(place) == []


def test_bytes_of_no_encoding_come_back_as_they_were(production, wb, place):
    production.sql("CREATE DATABASE bytes ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    production.sql(r"""
        CREATE TABLE t (id int PRIMARY KEY, v text, w varchar[]);
        INSERT INTO t SELECT g, E'caf\xE9 \xFF\xFE\\' || g, ARRAY[E'\xC3\x28"'] FROM generate_series(1, 40) g;
        CREATE TABLE keyless AS SELECT * FROM t; CREATE TABLE dropped AS SELECT * FROM t""", database="bytes")  # fmt: skip
    wb.backup()
    tables = ("t", "keyless", "dropped")
    with production.session(database="bytes") as cursor:
        before = [content(cursor, table) for table in tables]
        wrong = ("DELETE FROM t WHERE id <= 20", "UPDATE t SET v = 'lost' WHERE id > 30", "DELETE FROM keyless", "DROP TABLE dropped")
        xid = mistake(cursor, *wrong)
        cursor.execute(r"UPDATE t SET v = E'\xE9' WHERE id = 31")
        production.archive_everything()
        # Of a row that is shown, what is no UTF-8 is replaced.
        report = wb.done("undo", "--xid", xid, "--output", place / "undo.sql", "--on-conflict", "overwrite")["undo"]
        assert {t["table"]: t["conflict_count"] for t in report["tables"]} == {"public.t": 1, "public.keyless": 0, "public.dropped": 0}
        psql(production, place / "undo.sql", "bytes")
        assert [content(cursor, table) for table in tables] == before
        again = mistake(cursor, *wrong)
        production.archive_everything()
        wb.done("undo", "--xid", again, "--format", "csv", "--output", place / "csv")
        assert b'caf\xe9 \xff\xfe\\7,"{""\xc3(\\""""}"\n' in (place / "csv/public.t.deleted.csv").read_bytes()
        wb.refused("undo", "--xid", again, "--format", "json", "--output", place / "json").says("no UTF-8", "--format csv")
        target = ["--before-xid", again]
        wb.done("rescue", "--table", "bytes.t", *target, "--on-conflict", "overwrite", "--output", place / "t.sql")
        wb.done("rescue", "--table", "bytes.dropped", *target, "--output", place / "dropped.sql")
        psql(production, place / "t.sql", "bytes")
        psql(production, place / "dropped.sql", "bytes")
        assert [content(cursor, table) for table in ("t", "dropped")] == [before[0], before[2]]
        wb.done("undo", "--xid", again, "--apply", "--table", "keyless")
        assert [content(cursor, table) for table in tables] == before
    assert leftovers(place) == []


def test_what_fires_all_the_same_is_said(production, wb, place):
    production.sql("""
        CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT g, g FROM generate_series(1, 10) g;
        CREATE TABLE audit (what text);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.audit VALUES (TG_NAME); RETURN NULL; END$$;
        CREATE TRIGGER always AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION note();
        CREATE TRIGGER ordinary AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION note();
        ALTER TABLE t ENABLE ALWAYS TRIGGER always;
        CREATE FUNCTION noted() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.audit VALUES (tg_event); END$$;
        CREATE EVENT TRIGGER guard ON ddl_command_end EXECUTE FUNCTION noted();
        ALTER EVENT TRIGGER guard ENABLE ALWAYS; TRUNCATE audit""")
    wb.backup()
    with production.session() as cursor:
        xid = mistake(cursor, "DELETE FROM t WHERE id < 3")
    production.archive_everything()
    text = wb.run("undo", "--xid", xid, "--apply", "--output", place / "undo.sql", as_json=False)
    assert text.status == 0, text.describe()
    assert "Fires all the same, on public.t: trigger always (ENABLE ALWAYS) on INSERT\n" in text.stdout
    assert "Fired all the same, on public.t: trigger always (ENABLE ALWAYS) on INSERT\n" in text.stdout
    assert "event trigger guard (ENABLE ALWAYS) fires" in text.stdout
    assert "--   public.t: trigger always (ENABLE ALWAYS) on INSERT and UPDATE\n" in (place / "undo.sql").read_text()
    noted = production.sql("SELECT what, count(*) FROM audit GROUP BY 1 ORDER BY 1")
    assert noted[0] == ("always", 2) and {name for name, _ in noted} == {"always", "ddl_command_end"}
