"""A workload, and outside the database a record of what each transaction did.

Each worker notes, for every transaction, its xid and the rows its statements returned: (table, id, row or
None). Which transactions committed, and in which order, is never taken from what a client heard: it is read
from the WAL by pg_waldump afterwards. Folding the effects in that order gives what each table held at any LSN.
"""

import random
import threading
import time
from dataclasses import dataclass, field

import psycopg2

from harness import wal

TABLES = {
    "payments": "id bigint PRIMARY KEY, customer int NOT NULL, amount numeric(12,2) NOT NULL, note text",
    "accounts": "id bigint PRIMARY KEY, owner text NOT NULL, balance bigint NOT NULL, details jsonb",
    "sessions": "id bigint PRIMARY KEY, token text, seen_at timestamptz",
}
CLEARED = object()  # an effect's id: every row of the table went (TRUNCATE)

INSERT = {
    "payments": "INSERT INTO payments SELECT g, g %% 97, (g %% 10000) / 7.0, repeat(md5(g::text), 1 + g::int %% 9)"
    " FROM generate_series(%(first)s, %(last)s) g",
    "accounts": "INSERT INTO accounts SELECT g, md5(g::text), g * 13, jsonb_build_object('k', g, 'tags', ARRAY[md5(g::text)])"
    " FROM generate_series(%(first)s, %(last)s) g",
    "sessions": "INSERT INTO sessions SELECT g, md5((g * 3)::text), clock_timestamp() FROM generate_series(%(first)s, %(last)s) g",
}  # fmt: skip
UPDATE = {
    "payments": "UPDATE payments SET amount = amount + 1.5, note = md5(note) || customer WHERE id %% 53 = %(pick)s",
    "accounts": "UPDATE accounts SET balance = balance - id, details = details || '{\"touched\": true}' WHERE id %% 41 = %(pick)s",
    "sessions": "UPDATE sessions SET seen_at = clock_timestamp() WHERE id %% 31 = %(pick)s",
}
DELETE = {table: f"DELETE FROM {table} WHERE id %% 67 = %(pick)s" for table in TABLES}


@dataclass
class Transaction:
    xid: int
    effects: list = field(default_factory=list)  # (table, id, row or None), in order


@dataclass
class BulkDelete:
    xid: int
    began: object  # the server's clock when the DELETE started
    ended: object  # ... and before its COMMIT was sent


class Ledger:
    def __init__(self, cluster, seed):
        self.cluster = cluster
        self.seed = seed
        self.transactions = {}  # xid -> Transaction
        self.restore_points = {}  # name -> (server's clock before, after)
        self.bulk_deletes = []
        self.lsns = []  # pg_current_wal_insert_lsn() as it was seen now and then
        self.endings = []  # wal.Record, in LSN order; read_wal() fills it
        self._next_id = {table: 1 for table in TABLES}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = []
        self._failures = []

    def prepare(self, rows=2000):
        """The tables, and their first rows, as the ledger's first transactions."""
        for table, columns in TABLES.items():
            self.cluster.sql(f"CREATE TABLE {table} ({columns})")
        self.wal_start = self.cluster.lsn()
        with self.cluster.session(autocommit=False) as cursor:
            transaction = self._begin(cursor)
            for table in TABLES:
                self._insert(cursor, transaction, table, rows)
            cursor.connection.commit()
        return self

    # The workload

    def start(self, workers=3):
        for number in range(workers):
            self._spawn(self._work, random.Random(f"{self.seed}/{number}"))
        self._spawn(self._observe, random.Random(f"{self.seed}/observer"))
        return self

    def run_for(self, seconds):
        self.start()
        time.sleep(seconds)
        return self.stop()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)
            assert not thread.is_alive(), "a worker of the ledger hangs"
        self._threads.clear()
        self._stop.clear()
        if self._failures:
            raise self._failures[0]
        return self

    def delete_everything(self, table="payments", linger_s=0.4):
        """The mistake: a DELETE without a WHERE. It takes a while, and others commit meanwhile."""
        while True:
            try:
                return self._delete_everything(table, linger_s)
            except psycopg2.errors.DeadlockDetected:
                continue  # with a worker that updates the same rows in another order

    def _delete_everything(self, table, linger_s):
        with self.cluster.session(autocommit=False) as cursor:
            transaction = self._begin(cursor)
            cursor.execute("SELECT clock_timestamp()")
            began = cursor.fetchone()[0]
            self._note(cursor, transaction, table, f"DELETE FROM {table}", deleted=True)
            time.sleep(linger_s)
            cursor.execute("SELECT clock_timestamp()")
            ended = cursor.fetchone()[0]
            cursor.connection.commit()
        self.bulk_deletes.append(BulkDelete(transaction.xid, began, ended))
        return transaction.xid

    def _spawn(self, body, source):
        def guarded():
            try:
                body(source)
            except Exception as failure:  # handed to the test by stop()
                self._failures.append(failure)

        thread = threading.Thread(target=guarded, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _work(self, source):
        with self.cluster.session(autocommit=False) as cursor:
            while not self._stop.is_set():
                try:
                    self._one_transaction(cursor, source)
                except (psycopg2.errors.DeadlockDetected, psycopg2.errors.QueryCanceled):
                    cursor.connection.rollback()
                time.sleep(source.uniform(0, 0.01))

    def _one_transaction(self, cursor, source):
        transaction = self._begin(cursor)
        for step in range(source.randint(1, 4)):
            if source.random() < 0.25:
                self._savepoint(cursor, transaction, source, f"s{step}")
            else:
                self._statement(cursor, transaction, source)
        ending = source.random()
        if ending < 0.72:
            cursor.connection.commit()
        elif ending < 0.9:
            cursor.connection.rollback()
        else:
            self._two_phases(cursor, transaction, commits=source.random() < 0.7)

    def _savepoint(self, cursor, transaction, source, name):
        cursor.execute(f"SAVEPOINT {name}")
        kept = len(transaction.effects)
        self._statement(cursor, transaction, source)
        if source.random() < 0.5:
            cursor.execute(f"ROLLBACK TO SAVEPOINT {name}")
            del transaction.effects[kept:]
        else:
            cursor.execute(f"RELEASE SAVEPOINT {name}")

    def _two_phases(self, cursor, transaction, commits):
        gid = f"ledger-{transaction.xid}"
        cursor.execute("PREPARE TRANSACTION %s", (gid,))
        cursor.connection.commit()
        cursor.connection.autocommit = True
        cursor.execute(f"{'COMMIT' if commits else 'ROLLBACK'} PREPARED %s", (gid,))
        cursor.connection.autocommit = False

    def _statement(self, cursor, transaction, source):
        table = source.choice(list(TABLES))
        action = source.random()
        if action < 0.45:
            self._insert(cursor, transaction, table, source.choice([1, 1, 2, 5, 40]))
        elif action < 0.8:
            self._note(cursor, transaction, table, UPDATE[table], pick=source.randrange(31))
        elif action < 0.985:
            self._note(cursor, transaction, table, DELETE[table], pick=source.randrange(67), deleted=True)
        else:
            cursor.execute("TRUNCATE sessions")
            transaction.effects.append(("sessions", CLEARED, None))

    def _begin(self, cursor):
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        transaction = Transaction(cursor.fetchone()[0])
        with self._lock:
            self.transactions[transaction.xid] = transaction
        return transaction

    def _insert(self, cursor, transaction, table, rows):
        with self._lock:
            first = self._next_id[table]
            self._next_id[table] += rows
        self._note(cursor, transaction, table, INSERT[table], first=first, last=first + rows - 1)

    def _note(self, cursor, transaction, table, statement, deleted=False, **parameters):
        cursor.execute(statement + " RETURNING *", parameters)
        transaction.effects += [(table, row[0], None if deleted else row) for row in cursor.fetchall()]

    def _observe(self, source):
        """Restore points, and positions as a person would ask for them."""
        with self.cluster.session() as cursor:
            while not self._stop.is_set():
                cursor.execute("SELECT pg_current_wal_lsn()")
                self.lsns.append(wal.lsn_number(cursor.fetchone()[0]))
                if source.random() < 0.3:
                    name = f"point-{len(self.restore_points) + 1}"
                    cursor.execute("SELECT clock_timestamp()")
                    before = cursor.fetchone()[0]
                    cursor.execute("SELECT pg_create_restore_point(%s)", (name,))
                    cursor.execute("SELECT clock_timestamp()")
                    self.restore_points[name] = (before, cursor.fetchone()[0])
                time.sleep(source.uniform(0.05, 0.2))

    # What the tables held

    def read_wal(self, timeline=1, start=None):
        """The order of commits; needs every segment since `start` still in pg_wal (wal_keep_size)."""
        self.endings = wal.endings(self.cluster.pgdata / "pg_wal", timeline, start or self.wal_start)
        return self

    def commits(self):
        """Recorded transactions that committed, in LSN order."""
        return [ending for ending in self.endings if ending.kind == "commit" and ending.xid in self.transactions]

    def commit_of(self, xid):
        return next(commit for commit in self.commits() if commit.xid == xid)

    def state_before(self, lsn):
        """What each table held when every record that starts before `lsn` was replayed."""
        state = {table: {} for table in TABLES}
        for commit in self.commits():
            if commit.lsn >= lsn:
                break
            for table, row_id, row in self.transactions[commit.xid].effects:
                if row_id is CLEARED:
                    state[table].clear()
                elif row is None:
                    state[table].pop(row_id, None)
                else:
                    state[table][row_id] = row
        return state

    def state_after(self, lsn):
        return self.state_before(lsn + 1)

    def state_at_time(self, instant):
        """As PostgreSQL reads a time: up to the first commit or abort, in LSN order, that is later."""
        for ending in self.endings:
            if ending.time and ending.time > instant:
                return self.state_before(ending.lsn)
        raise AssertionError(f"nothing in the WAL is later than {instant}")

    def latest_state(self):
        return self.state_after(self.endings[-1].lsn)


def state_of(cluster):
    """What the tables hold now, in the ledger's form."""
    return {table: {row[0]: row for row in cluster.sql(f"SELECT * FROM {table}")} for table in TABLES}


def difference(expected, actual):
    """Nothing when equal; else a line a table, for the assertion message."""
    lines = []
    for table in expected:
        want, have = expected[table], actual[table]
        if want != have:
            wrong = [row_id for row_id in want.keys() & have.keys() if want[row_id] != have[row_id]]
            lines.append(
                f"{table}: {len(want)} rows expected, {len(have)} there;"
                f" missing {sorted(want.keys() - have.keys())[:5]}, extra {sorted(have.keys() - want.keys())[:5]},"
                f" different {sorted(wrong)[:5]}"
            )
    return "\n".join(lines)
