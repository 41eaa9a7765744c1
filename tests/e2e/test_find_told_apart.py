"""What `find` must not mix up, on a real server: rewrites and what came after them, names that were never true, databases,
and transactions that a window cuts."""

import shlex

from harness.cluster import Cluster
from test_find import Found, alone, table_of, transaction


def found_of(wb, xid):
    """However little it took: a rewrite takes nothing."""
    found = Found(wb, "--xid", xid)
    assert xid in found.transactions, found.report
    return found.of(xid)


def test_a_rewrite_hides_neither_a_truncation_nor_a_drop_nor_rows(production, wb, place):
    for name in ("a", "b", "c", "d", "e", "f"):
        table_of(production, name, 100)
    space = place / "space"
    space.mkdir()
    production.sql(f"CREATE TABLESPACE elsewhere LOCATION '{space}'")
    wb.backup()
    vacuumed = alone(production, "VACUUM FULL a")
    clustered = transaction(production, "CLUSTER b USING b_pkey")
    moved = transaction(production, "ALTER TABLE c SET TABLESPACE elsewhere")
    rewritten_and_dropped = transaction(production, "CLUSTER d USING d_pkey", "DROP TABLE e")
    truncated = transaction(production, "TRUNCATE a")
    dropped = transaction(production, "DROP TABLE b")
    deleted = transaction(production, "DELETE FROM c WHERE id <= 30")
    production.archive_everything()
    for xid, table in ((vacuumed, "a"), (clustered, "b"), (moved, "c")):
        assert found_of(wb, xid) == {f"public.{table}": {"rewritten": True}}, table
    assert found_of(wb, rewritten_and_dropped) == {"public.d": {"rewritten": True}, "public.e": {"dropped": True}}
    assert found_of(wb, truncated) == {"public.a": {"truncated": True}}
    assert found_of(wb, dropped) == {"public.b": {"dropped": True}}
    assert found_of(wb, deleted) == {"public.c": {"deleted": 30}}

    # From here on the rows of pg_class lie in another file than initdb gave it.
    production.sql("VACUUM FULL pg_class")
    truncated = transaction(production, "TRUNCATE f")
    dropped = transaction(production, "DROP TABLE a")
    production.archive_everything()
    assert found_of(wb, truncated) == {"public.f": {"truncated": True}}
    assert found_of(wb, dropped) == {"public.a": {"dropped": True}}


def test_names_that_rolled_back_and_names_that_look_temporary(production, wb):
    for name in ("payments", "carts"):
        table_of(production, name, 100)
    table_of(production, "pg_temp_16384", 100)
    wb.backup()
    transaction(production, "ALTER TABLE payments RENAME TO nonsense", "CREATE TABLE never AS SELECT 1 AS id", rollback=True)
    kept = transaction(
        production,
        "SAVEPOINT one", "ALTER TABLE carts RENAME TO mischief", "ROLLBACK TO one", "DELETE FROM carts WHERE id <= 7",
    )  # fmt: skip
    deleted = transaction(production, "DELETE FROM payments WHERE id <= 9")
    dropped = transaction(production, "DROP TABLE pg_temp_16384")
    production.archive_everything()
    production.stop()  # nobody to ask
    for xid, did in ((kept, {"public.carts": {"deleted": 7}}), (deleted, {"public.payments": {"deleted": 9}})):
        assert found_of(wb, xid) == did
        [table] = Found(wb, "--xid", xid).transactions[xid]["tables"]
        assert table["also"] == [], table
    assert found_of(wb, dropped) == {"public.pg_temp_16384": {"dropped": True}}
    assert wb.done("find", "--table", "nonsense")["table_is_known"] is False


def test_every_row_counts_with_wal_level_logical(make_cluster, make_walkback):
    cluster = make_cluster("pg", wal_level="logical").start()
    for name in ("a", "b"):
        table_of(cluster, name, 1000)
    cluster.sql("ALTER TABLE b REPLICA IDENTITY FULL")
    wb = make_walkback().protect(cluster)
    wb.backup()
    updated = transaction(cluster, "UPDATE a SET note = note || 'x'", "UPDATE b SET note = 'y'")
    deleted = transaction(cluster, "DELETE FROM a WHERE id <= 600", "DELETE FROM b")
    # Invalidations and new commands stand between rows.
    mixed = transaction(cluster, "CREATE TABLE c (id int)", "INSERT INTO c SELECT generate_series(1, 50)", "TRUNCATE b")
    cluster.archive_everything()
    found = Found(wb)
    assert not found.report["unknown"]
    assert found.of(updated) == {"public.a": {"updated": 1000}, "public.b": {"updated": 1000}}
    assert found.of(deleted) == {"public.a": {"deleted": 600}, "public.b": {"deleted": 1000}}
    assert found.of(mixed) == {"public.b": {"truncated": True}, "public.c": {"created": True, "inserted": 50}}


def test_each_database_has_its_own_tables_and_its_own_letters(production, wb):
    production.sql("CREATE DATABASE shop")
    production.sql("CREATE DATABASE alt ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
    for database in ("postgres", "shop"):
        production.sql("CREATE TABLE a AS SELECT g AS id FROM generate_series(1, 100) g", database=database)
    production.sql('CREATE TABLE "Zähler" AS SELECT g AS id FROM generate_series(1, 100) g', database="alt")
    wb.backup()
    here = transaction(production, "DELETE FROM a WHERE id <= 10")
    there = transaction(production, "DELETE FROM a WHERE id <= 20", database="shop")
    letters = transaction(production, 'DELETE FROM "Zähler" WHERE id <= 30', database="alt")
    renamed = transaction(production, 'ALTER TABLE "Zähler" RENAME TO "Größe"', 'DELETE FROM "Größe" WHERE id <= 35', database="alt")
    gone = transaction(production, 'DROP TABLE "Größe"', database="alt")
    production.archive_everything()

    def xids(table):
        return {each["xid"] for each in wb.done("find", "--table", table)["transactions"]} & {here, there, letters, renamed, gone}

    assert xids("a") == {here, there}
    assert xids("shop.public.a") == xids("shop.a") == {there}
    assert xids("postgres.public.a") == {here}
    assert xids('"Zähler"') == {letters, renamed, gone}
    [table] = Found(wb, "--xid", letters).transactions[letters]["tables"]
    assert table["deleted"] == 30 and {"schema": "public", "table": "Zähler"} in table["also"]
    assert table["table"] == r"Gr\xF6\xDFe", "as it was called last; bytes of LATIN1 that only the WAL has"
    [table] = Found(wb, "--xid", gone).transactions[gone]["tables"]
    assert table["database"] == "alt" and table["dropped"]


def test_another_clusters_server_names_nothing(production, wb, make_cluster):
    wb.backup()
    table_of(production, "payments", 100)
    deleted = transaction(production, "DELETE FROM payments WHERE id <= 10")
    production.archive_everything()
    other = make_cluster("other").start()
    # The same numbers, other names.
    for step in range(40):
        other.sql(f"CREATE TABLE stranger{step} AS SELECT 1 AS id")
    wb.config.write_text(wb.config.read_text().replace(production.conninfo, other.conninfo))
    done = wb.run("find", "--xid", deleted)
    assert "another cluster than the archive's" in done.stderr
    assert found_of(wb, deleted) == {"public.payments": {"deleted": 10}}
    assert "stranger" not in str(wb.done("find"))
    assert Cluster(other.pgdata).pid(), "the stranger answered"


def test_a_transaction_is_whole_wherever_the_window_cuts_it(production, wb):
    table_of(production, "a", 1000)
    wb.backup()
    clock = lambda: production.value("SELECT clock_timestamp()").isoformat()
    with production.session(autocommit=False) as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        [long] = cursor.fetchone()
        cursor.execute("DELETE FROM a WHERE id <= 300")
        production.archive_everything()
        begun = clock()
        inside = transaction(production, "DELETE FROM a WHERE id BETWEEN 301 AND 310")
        production.archive_everything()
        still = clock()
        cursor.execute("DELETE FROM a WHERE id BETWEEN 401 AND 420")
        cursor.connection.commit()
    with production.session(autocommit=False) as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        [prepared] = cursor.fetchone()
        cursor.execute("DELETE FROM a WHERE id BETWEEN 501 AND 540")
        cursor.execute("PREPARE TRANSACTION 'x'")
    production.archive_everything()
    waiting = clock()
    production.sql("COMMIT PREPARED 'x'")
    after = transaction(production, "DELETE FROM a WHERE id = 999")
    production.archive_everything()

    def ended(*window):
        found = Found(wb, *window).transactions
        return {xid: each for xid, each in found.items() if each["outcome"] in ("committed", "rolled back")}

    assert set(ended("--since", begun, "--until", still)) == {inside}, "the long one ended behind it"
    later = ended("--since", still)
    assert set(later) == {long, prepared, after}
    assert later[long]["tables"][0]["deleted"] == 320, "with what it did before the window"
    assert set(ended("--until", waiting)) >= {inside, long} and prepared not in ended("--until", waiting)
    last = ended("--since", waiting)
    assert set(last) == {prepared, after} and last[prepared]["tables"][0]["deleted"] == 40


def test_the_lines_to_paste_work(production, wb, place):
    table_of(production, '"Mixed Case"', 100)
    wb.backup()
    deleted = transaction(production, 'DELETE FROM "Mixed Case" WHERE id <= 60')
    production.archive_everything()
    text = wb.run("find", "--table", '"Mixed Case"', as_json=False).stdout
    assert 'postgres.public."Mixed Case"  60 deleted' in text
    lines = [shlex.split(line) for line in text.splitlines() if line.startswith("    ")]
    words = [line[line.index(verb):] for line in lines for verb in ("undo", "plan", "recover") if verb in line]
    assert [line[0] for line in words] == ["undo", "plan", "recover"]
    preview, plan = (wb.run(*line, as_json=False) for line in words[:2])
    assert "60" in preview.stdout and plan.status == 0
    wb.done(*words[0], "--apply")
    assert production.value('SELECT count(*) FROM "Mixed Case"') == 100
    assert deleted
