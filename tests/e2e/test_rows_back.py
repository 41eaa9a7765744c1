"""The how-to's recipes, as they stand there, on a real server: rows, columns, tables and databases come back."""

import re
import subprocess
from pathlib import Path

import pytest

from harness.cluster import free_port

RECIPES = (Path(__file__).parents[2] / "docs/how-to.md").read_text()


def recipe(beginning):
    """The line of "One table back" that begins so."""
    section = RECIPES.split("## One table back")[1].split("\n## ")[0]
    [line] = [line.strip() for line in section.splitlines() if line.strip().startswith(beginning)]
    return line


class Recipes:
    """The lines, with this test's directories and ports in the places of the how-to's."""

    def __init__(self, live, copy):
        self.live, self.copy = live, copy

    def shell(self, beginning):
        line = recipe(beginning).replace("sudo -u postgres ", "").replace("/srv/pg-1547", str(self.copy.sockets))
        line = line.replace("-p 5433", f"-p {self.copy.port} -U {self.copy.user}")
        there = f"-h {self.live.sockets} -p {self.live.port} -U {self.live.user}"
        line = re.sub(r"(psql) (-d)", rf"\1 {there} \2", line)
        subprocess.run(["bash", "-o", "pipefail", "-c", line], check=True, timeout=60)

    def sql(self, beginning):
        self.live.sql(recipe(beginning), database="shop")


@pytest.fixture
def shop(production, wb):
    production.sql("CREATE DATABASE shop")
    production.sql("CREATE DATABASE crm")
    production.sql("CREATE TABLE people AS SELECT g AS id FROM generate_series(1, 77) g", database="crm")
    for statement in (
        "CREATE TABLE payments (id serial PRIMARY KEY, amount numeric(12,2), note text)",
        "INSERT INTO payments (amount, note) SELECT g + 0.25, 'n' || g FROM generate_series(1, 500) g",
    ):
        production.sql(statement, database="shop")
    wb.backup()
    return production


def rows(cluster):
    return cluster.sql("SELECT * FROM payments ORDER BY id", database="shop")


def last_id(cluster):
    return cluster.sql("SELECT last_value FROM payments_id_seq", database="shop")[0][0]


def recovered(shop, wb, place, accident):
    """What was there before the accident, in a copy; the accident is the first change of its transaction."""
    before = rows(shop)
    with shop.session(autocommit=False, database="shop") as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        [xid] = cursor.fetchone()
        cursor.execute(accident)
        cursor.connection.commit()
    shop.sql("INSERT INTO payments (note) VALUES ('later')" if "DROP TABLE" not in accident else "SELECT 1", database="shop")
    shop.archive_everything()
    copy = wb.recover("--before-xid", xid, into=place / f"copy{xid}", port=free_port())
    return before, Recipes(shop, copy)


@pytest.mark.parametrize(
    "accident, mended",
    [
        ("DELETE FROM payments WHERE id > 100", ["INSERT INTO payments SELECT"]),
        ("UPDATE payments SET amount = 0", ["UPDATE payments p SET"]),
        ("ALTER TABLE payments ALTER amount TYPE numeric(8,0)", ["ALTER TABLE payments ALTER COLUMN", "UPDATE payments p SET"]),
        ("ALTER TABLE payments DROP COLUMN amount", None),
    ],
)  # fmt: skip
def test_rows_come_back_and_the_sequence_stays(shop, wb, place, accident, mended):
    before, recipes = recovered(shop, wb, place, accident)
    counted = last_id(shop)
    recipes.shell("sudo -u postgres psql -d shop -c 'CREATE SCHEMA")
    recipes.shell("sudo -u postgres psql -h /srv/pg-1547 -p 5433 -d shop -Atc")
    recipes.shell("sudo -u postgres psql -h /srv/pg-1547 -p 5433 -d shop -c 'COPY")
    if mended is None:
        shop.sql("ALTER TABLE payments ADD COLUMN amount numeric(12,2)", database="shop")
        recipes.sql("UPDATE payments p SET")
    for line in mended or []:
        recipes.sql(line)
    after = shop.sql("SELECT id, amount, note FROM payments WHERE id <= 500 ORDER BY id", database="shop")
    assert after == before
    assert last_id(shop) == counted == 501
    shop.sql("INSERT INTO payments (amount) VALUES (2)", database="shop")


def test_a_dropped_table_comes_back(shop, wb, place):
    before, recipes = recovered(shop, wb, place, "DROP TABLE payments")
    recipes.shell("sudo -u postgres pg_dump -h /srv/pg-1547 -p 5433 -d shop -t")
    assert rows(shop) == before
    shop.sql("INSERT INTO payments (amount) VALUES (2)", database="shop")


def test_a_dropped_database_comes_back_by_its_recipe(shop, wb, place):
    shop.sql("DROP DATABASE crm")
    shop.archive_everything()
    [drop] = [each for each in wb.done("find")["transactions"] if each["databases_dropped"] == ["crm"]]
    copy = wb.recover("--before-xid", drop["xid"], into=place / "copy", port=free_port())
    Recipes(shop, copy).shell("sudo -u postgres pg_dump -h /srv/pg-1547 -p 5433 -C")
    assert shop.sql("SELECT count(*) FROM people", database="crm") == [(77,)]
