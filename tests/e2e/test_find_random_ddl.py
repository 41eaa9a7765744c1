"""Random transactions of schema changes beside rows, each with what it did written down as it ran: `find` says the same of
every one, whoever can be asked."""

import copy
import os
import random

import pytest

from test_find import Found, alone

TRANSACTIONS = int(os.environ.get("WALKBACK_DDL_TRANSACTIONS", "60"))
SPACES = ("pg_default", "elsewhere")


class Table:
    """One that is there, and what the transaction at hand did to it."""

    def __init__(self, oid, name, schema="public"):
        self.oid, self.name, self.schema = oid, name, schema
        self.id_type, self.space, self.indexes = "int", SPACES[0], 0
        self.begin()

    def begin(self):
        self.did, self.rows, self.fresh = set(), {"inserted": 0, "updated": 0, "deleted": 0}, False

    def __str__(self):
        return f"{self.schema}.{self.name}"


class Work:
    """A transaction: statements at random, and what they mean."""

    def __init__(self, cursor, chance, tables, names):
        self.cursor, self.chance, self.tables, self.names = cursor, chance, tables, names
        self.log, self.dropped = [], {}
        for table in tables.values():
            table.begin()

    def run(self, statement):
        self.log.append(statement)
        self.cursor.execute(statement)
        return self.cursor.rowcount

    def some(self):
        return self.chance.choice(list(self.tables.values()))

    def next_name(self):
        return f"t{next(self.names)}"

    # ---- what a transaction may do ----

    def truncate(self):
        several = self.chance.sample(list(self.tables.values()), min(len(self.tables), self.chance.choice([1, 1, 2, 3])))
        self.run("TRUNCATE " + ", ".join(map(str, several)))
        for table in several:
            table.did.add("truncated")

    def drop(self):
        table = self.some()
        if len(self.tables) < 4:
            return
        self.run(f"DROP TABLE {table}")
        del self.tables[table.oid]
        if not table.fresh:
            self.dropped[table.oid] = table

    def create(self):
        name, wide, space = self.next_name(), self.chance.random() < 0.5, self.chance.choice(SPACES)
        self.run(f"CREATE TABLE {name} (id int, {'note text' if wide else 'x int'}) TABLESPACE {space}")
        self.created(name).space = space

    def create_as(self):
        name, rows = self.next_name(), self.chance.randint(1, 40)
        self.run(f"CREATE TABLE {name} AS SELECT g AS id, g AS x FROM generate_series(1, {rows}) g")
        self.created(name).rows["inserted"] += rows

    def created(self, name):
        self.cursor.execute(f"SELECT '{name}'::regclass::oid::bigint")
        table = Table(self.cursor.fetchone()[0], name)
        table.fresh = True
        self.tables[table.oid] = table
        return table

    def index(self):
        table = self.some()
        self.run(f"CREATE INDEX {self.next_name()} ON {table} (id)")
        table.indexes += 1

    def drop_index(self):
        self.cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %s", [self.some().oid])
        found = self.cursor.fetchall()
        if found:
            self.run(f"DROP INDEX {self.chance.choice(found)[0]}")

    def alter_type(self):
        table = self.some()
        table.id_type = {"int": "bigint", "bigint": "int"}[table.id_type]
        self.run(f"ALTER TABLE {table} ALTER COLUMN id TYPE {table.id_type}")
        table.did.add("rewritten")

    def add_column(self):
        table = self.some()
        self.run(f"ALTER TABLE {table} ADD COLUMN {self.next_name()} float DEFAULT random()")
        table.did.add("rewritten")

    def add_and_drop_column(self):
        table, column = self.some(), self.next_name()
        self.run(f"ALTER TABLE {table} ADD COLUMN {column} int DEFAULT 7")
        self.run(f"ALTER TABLE {table} DROP COLUMN {column}")

    def move(self):
        table = self.some()
        table.space = SPACES[1 - SPACES.index(table.space)]
        self.run(f"ALTER TABLE {table} SET TABLESPACE {table.space}")
        table.did.add("rewritten")

    def cluster(self):
        table, index = self.some(), self.next_name()
        self.run(f"CREATE INDEX {index} ON {table} (id)")
        self.run(f"CLUSTER {table} USING {index}")
        table.did.add("rewritten")

    def reindex(self):
        self.run(f"REINDEX TABLE {self.some()}")

    def rename(self):
        table, name = self.some(), self.next_name()
        self.run(f"ALTER TABLE {table} RENAME TO {name}")
        table.name = name

    def change_schema(self):
        table = self.some()
        schema = "archive" if table.schema == "public" else "public"
        self.run(f"ALTER TABLE {table} SET SCHEMA {schema}")
        table.schema = schema

    def new_schema(self):
        table, schema = self.some(), self.next_name()
        self.run(f"CREATE SCHEMA {schema}")
        self.run(f"ALTER TABLE {table} SET SCHEMA {schema}")
        table.schema = schema

    def swap_names(self):
        if len(self.tables) < 2:
            return
        one, other = self.chance.sample(list(self.tables.values()), 2)
        between = self.next_name()
        self.run(f"ALTER TABLE {one} RENAME TO {between}")
        if one.schema == other.schema:
            self.run(f"ALTER TABLE {other} RENAME TO {one.name}")
            self.run(f"ALTER TABLE {one.schema}.{between} RENAME TO {other.name}")
            one.name, other.name = other.name, one.name
        else:
            one.name = between

    def delete(self):
        table = self.some()
        table.rows["deleted"] += self.run(f"DELETE FROM {table} WHERE id % {self.chance.randint(2, 9)} = 0")

    def update(self):
        table = self.some()
        table.rows["updated"] += self.run(f"UPDATE {table} SET id = id + 1 WHERE id % {self.chance.randint(2, 9)} = 0")

    def insert(self):
        table = self.some()
        table.rows["inserted"] += self.run(
            f"INSERT INTO {table} (id) SELECT generate_series(1, {self.chance.randint(1, 30)})"
        )

    def savepoint(self):
        name, keeps = self.next_name(), self.chance.random() < 0.5
        before = copy.deepcopy((self.tables, self.dropped))
        self.run(f"SAVEPOINT {name}")
        self.statements(self.chance.randint(1, 3))
        self.run(f"{'RELEASE' if keeps else 'ROLLBACK TO'} {name}")
        if not keeps:
            self.tables.clear()
            self.tables.update(before[0])
            self.dropped = before[1]

    KINDS = (
        (truncate, 6), (drop, 4), (create, 2), (create_as, 2), (index, 2), (drop_index, 2), (alter_type, 2), (add_column, 2),
        (add_and_drop_column, 1), (move, 2), (cluster, 3), (reindex, 1), (rename, 2), (change_schema, 1), (new_schema, 1),
        (swap_names, 1), (delete, 5), (update, 3), (insert, 4), (savepoint, 5),
    )  # fmt: skip

    def statements(self, count):
        kinds, weights = zip(*self.KINDS)
        for kind in self.chance.choices(kinds, weights, k=count):
            kind(self)

    # ---- what it came to ----

    def result(self):
        """{oid: (flags, counts or None where they are not told)}"""
        result = {}
        for table in [*self.tables.values(), *self.dropped.values()]:
            if table.oid in self.dropped:
                result[table.oid] = ({"dropped"}, None)
            elif table.fresh:
                # What it was made with, less what the transaction took again.
                result[table.oid] = ({"created"}, None)
            elif "truncated" in table.did:
                result[table.oid] = ({"truncated"}, None)
            elif "rewritten" in table.did:
                result[table.oid] = ({"rewritten"}, None)
            elif any(table.rows.values()):
                result[table.oid] = (set(), dict(table.rows))
        return result


def said(wb, xid):
    [transaction] = [each for each in Found(wb, "--xid", xid).report["transactions"] if each["xid"] == xid]
    return transaction


def as_told(table):
    return {fate for fate in Found.FATES if table[fate]}, {name: table[name] for name in ("inserted", "updated", "deleted")}


def make(cluster, chance):
    """Runs them, and returns what each did by xid, with its statements, and what every table was called last."""
    names = iter(range(1, 1_000_000))
    tables, expected, called = {}, {}, {}
    with cluster.session(autocommit=False) as cursor:
        cursor.connection.autocommit = False
        for number in range(TRANSACTIONS):
            if tables and chance.random() < 0.12:
                cursor.connection.commit()
                table = chance.choice(list(tables.values()))
                others = ["VACUUM FULL pg_class", "VACUUM FULL", f"ANALYZE {table}"]
                statement = chance.choice([f"VACUUM FULL {table}"] * 3 + others)
                xid = alone(cluster, statement)
                if statement == f"VACUUM FULL {table}":
                    expected[xid] = ({table.oid: ({"rewritten"}, None)}, [statement])
                continue
            cursor.execute("SELECT pg_current_xact_id()::text::bigint")
            [xid] = cursor.fetchone()
            before = copy.deepcopy(tables)
            work = Work(cursor, chance, tables, names)
            if number < 5:
                work.create()
                work.insert()
            else:
                work.statements(chance.randint(1, 6))
            for table in [*tables.values(), *work.dropped.values()]:
                called[table.oid] = str(table)
            if number >= 5 and chance.random() < 0.1:
                cursor.connection.rollback()
                tables.clear()
                tables.update(before)
                called.update((table.oid, str(table)) for table in tables.values())
                continue
            cursor.connection.commit()
            expected[xid] = (work.result(), work.log)
            if chance.random() < 0.1:
                cluster.sql("SELECT pg_switch_wal()")
    return expected, called


def test_find_says_what_random_schema_changes_did(make_cluster, make_walkback, place, seed):
    cluster = make_cluster("pg", "--wal-segsize=1").start()
    space = place / "space"
    space.mkdir()
    cluster.sql(f"CREATE TABLESPACE elsewhere LOCATION '{space}'")
    cluster.sql("CREATE SCHEMA archive")
    wb = make_walkback().protect(cluster)
    wb.backup()
    expected, called = make(cluster, random.Random(seed))
    cluster.archive_everything()

    def compare(way):
        for xid, (tables, statements) in expected.items():
            wanted = {called[oid]: what for oid, what in tables.items()}
            if not wanted:
                continue
            transaction = said(wb, xid)
            # A catalog without a name is nobody's table.
            told = {f"{table['schema']}.{table['table']}": as_told(table) for table in transaction["tables"] if table["table"]}
            story = "\n".join([f"seed {seed}, {way}, transaction {xid}:", *statements, f"wanted {wanted}", f"told {told}"])
            assert told.keys() == wanted.keys(), story
            for name, (flags, rows) in wanted.items():
                assert told[name][0] == flags, f"{name}: {story}"
                assert rows is None or told[name][1] == rows, f"{name}: {story}"

    compare("with the server")
    cluster.stop()
    compare("without the server")
    for index in wb.repository.glob("clusters/*/*/wal/*/*/*.index*"):
        index.unlink()
    assert not wb.done("index", "--rebuild", "--all")["index"]["failed"]
    compare("with indexes made again")
    print(f"measured: {len(expected)} transactions on {len(called)} tables")
