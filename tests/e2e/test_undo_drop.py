"""Undo of DROP TABLE: rows and definitions come back as they were, with what CASCADE took, and nothing else is touched."""

import pytest
from harness.cluster import BINARIES

from test_undo import RICH, content, leftovers, mistake

SHOP = """
    CREATE ROLE clerk;
    CREATE ROLE boss;
    CREATE SCHEMA "s;--";
    CREATE TABLE customers (id int PRIMARY KEY, name text);
    INSERT INTO customers SELECT g, 'c' || g FROM generate_series(1, 100) g;
    CREATE FUNCTION public.stamp() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.note := 'stamped;'; RETURN NEW; END$$;
    CREATE TABLE orders (id serial PRIMARY KEY, customer int NOT NULL REFERENCES customers, note text DEFAULT 'a;''b',
      amount numeric(10,2) CHECK (amount >= 0), double_amount numeric GENERATED ALWAYS AS (amount * 2) STORED,
      number int GENERATED ALWAYS AS IDENTITY);
    INSERT INTO orders (customer, amount) SELECT 1 + g % 100, g FROM generate_series(1, 1000) g;
    CREATE INDEX orders_note ON orders (note) WHERE note <> ';';
    CREATE STATISTICS "s;--"."Orders' ;" (ndistinct) ON customer, amount FROM orders;
    ALTER STATISTICS "s;--"."Orders' ;" SET STATISTICS 50;
    ALTER STATISTICS "s;--"."Orders' ;" OWNER TO boss;
    CREATE TRIGGER stamp BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION stamp();
    COMMENT ON TABLE orders IS E'it''s; "the" \\\\ orders';
    COMMENT ON COLUMN orders.note IS '$$ ; $$';
    GRANT SELECT, INSERT ON orders TO clerk;
    ALTER TABLE orders OWNER TO boss;
    ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
    CREATE POLICY mine ON orders USING (note IS NOT NULL);
    CREATE TABLE lines (id int PRIMARY KEY, order_id int REFERENCES orders ON DELETE CASCADE);
    INSERT INTO lines SELECT g, 1 + g % 1000 FROM generate_series(1, 500) g;
    CREATE VIEW large_orders AS SELECT * FROM orders WHERE amount > 900 AND note <> E'x\\\\'';';
    CREATE VIEW larger_orders AS SELECT id FROM large_orders WHERE amount > 950;
    CREATE MATERIALIZED VIEW totals AS SELECT customer, sum(amount) AS total FROM orders GROUP BY customer;
    CREATE TABLE "s;--"."Odd
DROP TABLE customers; --" (id int PRIMARY KEY, "a;'b" text);
    INSERT INTO "s;--"."Odd
DROP TABLE customers; --" VALUES (1, E'x\\n\\\\;'), (2, NULL)
"""

DEFINITIONS = """
    SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
      SELECT format('%s %s %s %s %s', c.relname, c.relkind, pg_get_userbyid(c.relowner), c.relacl, c.relrowsecurity)
        || coalesce(obj_description(c.oid, 'pg_class'), '') || coalesce(pg_get_viewdef(c.oid), '')
        || coalesce(pg_get_expr(c.relpartbound, c.oid), '') AS line
        FROM pg_class c WHERE c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 's;--'))
      UNION ALL SELECT format('%s %s %s %s %s %s %s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull,
        attidentity, attgenerated, pg_get_expr(adbin, adrelid), col_description(attrelid, attnum))
        FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        JOIN pg_class c ON c.oid = attrelid WHERE attnum > 0 AND c.relnamespace = 'public'::regnamespace
      UNION ALL SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
      UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class c ON c.oid = indrelid
        WHERE c.relnamespace = 'public'::regnamespace
      UNION ALL SELECT format('%s %s %s', pg_get_statisticsobjdef(oid), pg_get_userbyid(stxowner), stxstattarget)
        FROM pg_statistic_ext
      UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
      UNION ALL SELECT format('%s %s %s', schemaname, sequencename, last_value) FROM pg_sequences
      UNION ALL SELECT format('%s %s %s', tablename, policyname, qual) FROM pg_policies) AS lines
"""


def definitions(cluster):
    return cluster.value(DEFINITIONS).split("\n")


@pytest.fixture
def shop(production, wb):
    production.sql(SHOP)
    wb.backup()
    return production


@pytest.mark.parametrize("way", ["--apply", "--output"])
def test_a_dropped_table_comes_back_with_all_that_was_part_of_it(shop, wb, place, way):
    odd = '"s;--"."Odd\nDROP TABLE customers; --"'
    before = definitions(shop), [content(shop, t) for t in ("orders", "lines", "totals", "larger_orders", "customers", odd)]
    xid = mistake(shop, "UPDATE orders SET amount = 0", "DELETE FROM lines WHERE id < 10", "DROP TABLE orders CASCADE",
                  f"DROP TABLE {odd}")  # fmt: skip
    shop.archive_everything()
    preview = wb.done("undo", "--xid", xid)["undo"]
    assert {t["table"]: t["inserted"] for t in preview["tables"]} == {
        "public.lines": 9, "public.orders": 1000, "public.totals": 100, odd: 2
    }  # fmt: skip
    assert {"view public.large_orders", "view public.larger_orders", "sequence public.orders_id_seq"} <= set(preview["with_tables"])
    assert shop.value("SELECT to_regclass('orders')") is None
    if way == "--apply":
        wb.done("undo", "--xid", xid, "--apply")
    else:
        wb.done("undo", "--xid", xid, "--output", place / "undo.sql")
        shop.sql((place / "undo.sql").read_text())
    assert sorted(set(before[0]) ^ set(definitions(shop))) == []
    assert [content(shop, t) for t in ("orders", "lines", "totals", "larger_orders", "customers", odd)] == before[1]
    shop.sql("INSERT INTO orders (customer) VALUES (1)")
    assert shop.value("SELECT note FROM orders WHERE id = 1001") == "stamped;"
    assert leftovers(place) == []


def test_a_name_that_is_taken_needs_another(shop, wb, place):
    was = content(shop, "orders")
    xid = mistake(shop, "DROP TABLE orders CASCADE")
    shop.sql("CREATE TABLE orders (id serial PRIMARY KEY)")
    shop.archive_everything()
    started = sorted(path.name for path in place.iterdir())
    wb.refused("undo", "--xid", xid, "--apply").says("taken", "--as NAME")
    wb.refused("undo", "--xid", xid, "--apply", "--as", "lines").says("there already")
    wb.refused("undo", "--xid", xid, "--apply", "--as", "nowhere.x").says("no schema nowhere")
    assert sorted(path.name for path in place.iterdir()) == started
    report = wb.done("undo", "--xid", xid, "--apply", "--table", "orders", "--as", 'public."Orders before"')["undo"]
    assert report["tables"][0]["table"] == 'public."Orders before"' and report["tables"][0]["created"]
    assert content(shop, '"Orders before"') == was
    assert shop.value("SELECT count(*) FROM large_orders") == 100
    assert shop.value("SELECT count(*) FROM orders") == 0
    assert shop.value("SELECT confrelid::regclass::text FROM pg_constraint WHERE conname = 'lines_order_id_fkey'") == '"Orders before"'


def test_what_stands_against_a_dropped_table_is_named(shop, wb):
    was = content(shop, "orders")
    xid = mistake(shop, "DROP TABLE orders CASCADE")
    shop.sql("DROP TABLE customers; CREATE VIEW larger_orders AS SELECT 1 AS x")
    shop.archive_everything()
    wb.refused("undo", "--xid", xid, "--apply").says("nothing was changed", "--on-conflict skip")
    assert shop.value("SELECT to_regclass('orders')") is None
    report = wb.done("undo", "--xid", xid, "--apply", "--on-conflict", "skip")["undo"]
    orders = next(t for t in report["tables"] if t["table"] == "public.orders")
    assert [(c["row"], c["why"]) for c in orders["conflicts"]] == [
        ("constraint orders_customer_fkey", "referenced table missing: public.customers")
    ]
    assert [left["table"] for left in report["left_out"]] == ["view public.larger_orders"]
    assert content(shop, "orders") == was and shop.value("SELECT x FROM larger_orders") == 1
    assert shop.value("SELECT count(*) FROM pg_constraint WHERE conname = 'orders_customer_fkey'") == 0


def test_rows_that_refer_to_nothing_leave_a_key_unvalidated(shop, wb):
    xid = mistake(shop, "DROP TABLE orders CASCADE")
    shop.sql("DELETE FROM customers WHERE id = 1")
    shop.archive_everything()
    wb.refused("undo", "--xid", xid, "--apply").says("orders_customer_fkey")
    assert shop.value("SELECT to_regclass('orders')") is None
    wb.done("undo", "--xid", xid, "--apply", "--on-conflict", "skip")
    assert shop.value("SELECT convalidated FROM pg_constraint WHERE conname = 'orders_customer_fkey'") is False
    assert shop.value("SELECT count(*) FROM orders") == 1000


def test_dropped_partitions_and_partitioned_tables_come_back(production, wb, place):
    production.sql(RICH.format(rows=1000))
    production.sql("""
        CREATE TABLE events (id int, k int, note text, PRIMARY KEY (id, k)) PARTITION BY RANGE (k);
        CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (50);
        CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (50) TO (100);
        CREATE INDEX ON events (note);
        INSERT INTO events SELECT g, g % 100, repeat('e', g % 200) FROM generate_series(1, 3000) g""")
    wb.backup()
    before = definitions(production), content(production, "events"), content(production, "rich")
    one = mistake(production, "DROP TABLE events_1")
    production.archive_everything()
    wb.done("undo", "--xid", one, "--apply")
    assert (definitions(production), content(production, "events"), content(production, "rich")) == before
    everything = mistake(production, "DROP TABLE events", "DROP TABLE rich")
    production.archive_everything()
    report = wb.done("undo", "--xid", everything, "--apply", "--table", "events")["undo"]
    assert {t["table"] for t in report["applied"]} == {"public.events", "public.events_1", "public.events_2"}
    assert content(production, "events") == before[1]
    wb.done("undo", "--xid", everything, "--apply", "--table", "rich")
    assert (definitions(production), content(production, "events"), content(production, "rich")) == before
    assert leftovers(place) == []


def test_without_pg_dump_it_is_refused_before_anything_is_fetched(shop, wb, place, tmp_path):
    xid = mistake(shop, "DROP TABLE orders CASCADE")
    shop.archive_everything()
    programs = place / "programs"
    programs.mkdir(mode=0o755)
    (programs / "postgres").symlink_to(BINARIES / "postgres")
    config = wb.config.read_text()
    wb.config.write_text(config.replace("[postgresql]\n", f"[postgresql]\nbin_dir = \"{programs}\"\n"))
    assert wb.config.read_text() != config
    wb.refused("undo", "--xid", xid).says("pg_dump", "postgresql-client-")
    assert leftovers(place) == []
