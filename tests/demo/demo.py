"""3:47 PM: a DELETE without a WHERE. The story from archive to recovery, on a scratch server, told as it happens."""

import argparse
import hashlib
import os
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from harness.cluster import Cluster, free_port
from harness.repositories import Repository
from harness.walkback import BINARY, Walkback

SCHEMA = """
    CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, details jsonb);
    CREATE TABLE payments (id bigint PRIMARY KEY, customer int NOT NULL REFERENCES customers, amount numeric(12,2) NOT NULL,
                           method text, note text, paid_at timestamptz NOT NULL DEFAULT clock_timestamp());
    INSERT INTO customers SELECT g, 'Customer ' || g, jsonb_build_object('city', md5((g % 50)::text))
        FROM generate_series(1, 2000) g;
    INSERT INTO payments SELECT g, 1 + g % 2000, (g % 99999) / 100.0, (ARRAY['card','transfer','cash'])[1 + g % 3],
                                'invoice ' || md5(g::text), now() - g * interval '1 minute' FROM generate_series(1, 200000) g;
"""


def main():
    arguments = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    arguments.add_argument("--keep", action="store_true", help="leave both servers running, to look around")
    keep = arguments.parse_args().keep
    place = Path(tempfile.mkdtemp(prefix="demo-", dir=os.environ.get("WALKBACK_RUN_DIR", "/tmp")))
    demo = Demo(place)
    try:
        demo.tell()
        if keep:
            demo.say_where_things_are()
    finally:
        if not keep:
            demo.end()
    return 0 if demo.equal else 1


class Demo:
    def __init__(self, place):
        self.place = place
        self.production = None
        self.copy = None
        self.wb = Walkback(place / "walkback.toml", Repository("file-age", place / "repository"))
        self.equal = False
        self.step = 0

    def tell(self):
        print("A payments database, a mistake, and the way back.\n")
        self.start_production()
        self.set_up_walkback()
        self.take_a_backup()
        self.work_a_while()
        self.make_the_mistake()
        self.find_it()
        self.recover()
        self.compare()

    @contextmanager
    def doing(self, what):
        """A numbered line, and how long it took."""
        self.step += 1
        print(f"{self.step}. {what}", flush=True)
        started = time.monotonic()
        yield
        print(f"   ({time.monotonic() - started:.1f} s)\n", flush=True)

    def command(self, *words):
        print(f"   $ walkback {' '.join(str(word) for word in words)}", flush=True)

    def start_production(self):
        with self.doing("Starting a PostgreSQL server of our own and filling it"):
            self.production = Cluster.make(self.place / "production", fsync="on", shared_buffers="128MB").start()
            self.production.sql(SCHEMA)
            count = self.production.value("SELECT count(*) FROM payments")
            print(f"   port {self.production.port}, {count:,} payments of 2,000 customers")

    def set_up_walkback(self):
        with self.doing("Setting walkback up: a repository, and PostgreSQL's archiving into it"):
            self.command("init --pgdata", self.production.pgdata, "--repository", f"file://{self.wb.repository}", "--apply")
            self.wb.init(self.production)
            self.production.restart()
            self.production.archive_everything()
            print(f"   the private key that opens it: {self.wb.config.with_suffix('.owner.key')}; keep it elsewhere too")
            print("   PostgreSQL was restarted once, and its first WAL segment is in the archive")

    def take_a_backup(self):
        with self.doing("Taking a base backup while the server runs"):
            self.command("backup")
            backup = self.wb.backup()
            raw, stored = backup["bytes_raw"] / 1e6, backup["bytes_stored"] / 1e6
            print(f"   backup {backup['id']}: {raw:.0f} MB of database, {stored:.0f} MB stored")

    def work_a_while(self):
        with self.doing("Business goes on: four clients insert, change and remove rows"):
            stop = threading.Event()
            counts = [0] * 4
            clients = [threading.Thread(target=self.client, args=(number, counts, stop)) for number in range(4)]
            for client in clients:
                client.start()
            time.sleep(4)
            stop.set()
            for client in clients:
                client.join()
            print(f"   {sum(counts):,} transactions committed")

    def client(self, number, counts, stop):
        with self.production.session() as cursor:
            while not stop.is_set():
                new = 1_000_000 * (number + 1) + counts[number]
                cursor.execute("INSERT INTO payments VALUES (%s, %s, 12.50, 'card', 'today')", (new, 1 + new % 2000))
                cursor.execute("UPDATE payments SET amount = amount + 1 WHERE id = %s", (1 + new * 7919 % 200000,))
                cursor.execute("DELETE FROM payments WHERE id = %s", (1 + new * 104729 % 200000,))
                counts[number] += 3

    def make_the_mistake(self):
        with self.doing("3:47 PM. Somebody forgets the WHERE"):
            self.before = fingerprint(self.production)
            with self.production.session(autocommit=False) as cursor:
                cursor.execute("DELETE FROM payments")
                lost = cursor.rowcount
                cursor.execute("SELECT pg_current_xact_id()::text::bigint")
                self.mistake = cursor.fetchone()[0]
                cursor.connection.commit()
            print("   postgres=# DELETE FROM payments;")
            print(f"   DELETE {lost}")
            self.production.sql("INSERT INTO customers VALUES (2001, 'Somebody, after the mistake')")
            self.production.archive_everything()

    def find_it(self):
        with self.doing("Which transaction was it?"):
            self.command("find --since", '"10 minutes ago"')
            found = self.wb.done("find", "--since", "10 minutes ago")["transactions"][0]
            table = found["tables"][0]
            print(f"   transaction {found['xid']}, committed {found['committed_at']}: {table['deleted']:,} rows"
                  f" deleted from {table['schema']}.{table['table']}")  # fmt: skip
            assert found["xid"] == self.mistake, "find names another transaction: this is a bug"

    def recover(self):
        with self.doing("Recovering the whole cluster to just before it, beside the live one"):
            port = free_port()
            into = self.place / "recovered"
            self.command("recover --before-xid", self.mistake, "--into", into, "--port", port)
            self.copy = self.wb.recover("--before-xid", self.mistake, into=into, port=port)
            report = self.copy.report
            timings = report["timings"]
            print(f"   restored in {timings['restore_s']:.1f} s, started and replayed the WAL in"
                  f" {timings['replay_s']:.1f} s; the copy stands at {report['reached']['lsn']}")  # fmt: skip

    def compare(self):
        with self.doing("Comparing every row with what was there the moment before"):
            after = fingerprint(self.copy)
            live = self.production.value("SELECT count(*) FROM payments")
            for table, (rows, digest) in self.before.items():
                same = after[table] == (rows, digest)
                print(f"   {table}: {after[table][0]:,} of {rows:,} rows, {'all equal' if same else 'NOT EQUAL'}")
            self.equal = after == self.before
            print(f"   production on port {self.production.port} was not touched: it still has {live} payments")
        if self.equal:
            print("Every row is back. The copy is an ordinary server: dump the table from it, or adopt it.")
        else:
            print("The copy differs from what was there: this is a bug.", file=sys.stderr)

    def say_where_things_are(self):
        print(f"""
Both servers are left running:
  production   psql -h {self.production.sockets} -p {self.production.port} -U postgres postgres
  the copy     psql -h {self.copy.sockets} -p {self.copy.port} -U postgres postgres
  walkback     {BINARY} --config {self.wb.config} list        (as the owner of {self.place})
  repository   {self.wb.repository}
To end: stop both (pg_ctl stop -D {self.production.pgdata}; … -D {self.copy.pgdata}), remove {self.place.parents[1]}""")

    def end(self):
        for cluster in (self.copy, self.production):
            if cluster:
                cluster.stop("immediate")


class Rows:
    """Takes the lines of a COPY: how many, and a digest of them all."""

    def __init__(self):
        self.count = 0
        self.digest = hashlib.sha256()

    def write(self, data):
        self.count += data.count(b"\n")
        self.digest.update(data)


def fingerprint(cluster):
    """For each table its row count and a digest of every row, in order."""
    found = {}
    with cluster.session() as cursor:
        for table in ("customers", "payments"):
            rows = Rows()
            cursor.copy_expert(f"COPY (SELECT * FROM {table} ORDER BY id) TO STDOUT", rows)
            found[table] = (rows.count, rows.digest.hexdigest())
    return found


if __name__ == "__main__":
    sys.exit(main())
