#!/usr/bin/env python3
"""Runs a workload that writes every kind of record walkback looks into, and keeps its WAL.

    tests/wal/make_wal.py --bin /usr/lib/postgresql/15/bin --work /tmp/wal15 --port 5471 --segments /tmp/wal15/segments

Segments are 1 MiB. Started as root, the server runs as `postgres`. `--pgbench N` adds N seconds of pgbench.
The golden segments in src/wal/testdata come from here: see its README.
"""
import argparse
import os
import shutil
import subprocess
import sys

PSQL = "/usr/lib/postgresql/15/bin"
CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{work}'
fsync = off
wal_level = {wal_level}
max_prepared_transactions = 8
max_wal_size = '1GB'
archive_mode = on
archive_command = 'cp %p {segments}/%f'
autovacuum = off
timezone = 'UTC'
"""

WORKLOAD = r"""
CREATE TABLE payments (id int PRIMARY KEY, note text);
INSERT INTO payments SELECT i, 'payment ' || i FROM generate_series(1, 300) i;
CHECKPOINT;
BEGIN; UPDATE payments SET note = note || '!' WHERE id % 7 = 0; SAVEPOINT a;
DELETE FROM payments WHERE id = 3; SAVEPOINT b; DELETE FROM payments WHERE id = 4; ROLLBACK TO b;
INSERT INTO payments VALUES (1000, 'x'); COMMIT;
BEGIN; DELETE FROM payments; ROLLBACK;
COPY payments FROM STDIN;
2001	copied
2002	copied too
\.
SELECT pg_create_restore_point('before the deploy');
BEGIN; INSERT INTO payments VALUES (3000, 'prepared'); SAVEPOINT p; INSERT INTO payments VALUES (3001, 'p');
CREATE TABLE born_prepared (a int); PREPARE TRANSACTION 'gid-one';
BEGIN; INSERT INTO payments VALUES (4000, 'never'); CREATE TABLE stillborn (a int);
PREPARE TRANSACTION 'gid two';
CHECKPOINT;
COMMIT PREPARED 'gid-one';
ROLLBACK PREPARED 'gid two';
CREATE TABLE emptied (a int, b text); INSERT INTO emptied SELECT i, repeat('y', 100) FROM generate_series(1, 400) i;
TRUNCATE emptied;
INSERT INTO emptied SELECT i, repeat('y', 100) FROM generate_series(1, 400) i;
DELETE FROM emptied WHERE a > 100; VACUUM emptied;
DROP TABLE emptied;
CREATE UNLOGGED TABLE careless (a int); DROP TABLE careless;
CREATE SEQUENCE counter; SELECT nextval('counter') FROM generate_series(1, 40);
SELECT pg_logical_emit_message(true, 'walkback', 'in a transaction');
CREATE INDEX ON payments USING hash (note); CREATE INDEX ON payments USING brin (id);
"""
COMPRESSED = r"""
CHECKPOINT; SET wal_compression = {method};
UPDATE payments SET note = note || '{method}' WHERE id % 50 = 0;
UPDATE pg_description SET description = description || '.' WHERE objoid::int8 % 211 = 0;
"""


class Cluster:
    def __init__(self, options):
        self.options = options
        self.data = f"{options.work}/data"

    def run(self, command, text=None):
        prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        done = subprocess.run(prefix + command, input=text, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode != 0:
            sys.exit(f"error: {command[0]}: {done.stdout}")
        return done.stdout

    def sql(self, text, database="postgres", on_error="1"):
        return self.run([f"{PSQL}/psql", "-qXAt", "-v", f"ON_ERROR_STOP={on_error}", "-h", "127.0.0.1", "-p",
                         str(self.options.port), "-U", "postgres", "-d", database], text)

    def start(self):
        self.run([f"{self.options.bin}/pg_ctl", "-D", self.data, "-w", "-l", f"{self.options.work}/log", "start"])

    def stop(self):
        self.run([f"{self.options.bin}/pg_ctl", "-D", self.data, "-w", "-m", "fast", "stop"])

    def create(self):
        for directory in (self.options.work, self.options.segments):
            os.makedirs(directory, exist_ok=True)
            if os.geteuid() == 0:
                shutil.chown(directory, "postgres")
        self.run([f"{self.options.bin}/initdb", "-k", "-A", "trust", "-U", "postgres", "-D", self.data, "--no-sync",
                  "--wal-segsize=1", "--encoding=UTF8", "--locale=C"])
        with open(f"{self.data}/postgresql.conf", "a") as configuration:
            configuration.write(CONFIGURATION.format(port=self.options.port, work=self.options.work,
                                                     segments=self.options.segments,
                                                     wal_level=self.options.wal_level))


def databases(cluster, major):
    if not cluster.options.databases:
        return
    if major >= 15:
        cluster.sql("CREATE DATABASE logged STRATEGY wal_log", on_error="1")
        cluster.sql("CREATE DATABASE copied STRATEGY file_copy")
    else:
        cluster.sql("CREATE DATABASE copied")
    cluster.sql("DROP DATABASE copied")


def tablespace(cluster):
    path = f"{cluster.options.work}/space"
    cluster.run(["mkdir", "-p", path])
    cluster.sql(f"CREATE TABLESPACE space LOCATION '{path}'")
    cluster.sql("CREATE TABLE away (a int) TABLESPACE space; INSERT INTO away VALUES (1); DROP TABLE away")
    cluster.sql("DROP TABLESPACE space")


def workload(cluster):
    options = cluster.options
    major = int(cluster.sql("SHOW server_version_num")) // 10000
    cluster.sql("SELECT pg_switch_wal()")
    cluster.sql(WORKLOAD)
    for method in options.compression.split(","):
        cluster.sql(COMPRESSED.format(method=method))
    tablespace(cluster)
    databases(cluster, major)
    cluster.sql("SELECT pg_switch_wal()")
    cluster.sql("ALTER SYSTEM SET max_connections = 120")
    cluster.stop()
    cluster.start()
    cluster.sql("INSERT INTO payments VALUES (9000, 'after the restart')")
    if options.pgbench:
        cluster.run([f"{PSQL}/pgbench", "-i", "-q", "-s", "2", "-h", "127.0.0.1", "-p", str(options.port), "-U",
                     "postgres", "postgres"])
        cluster.run([f"{PSQL}/pgbench", "-n", "-c", "4", "-T", str(options.pgbench), "-h", "127.0.0.1", "-p",
                     str(options.port), "-U", "postgres", "postgres"])
    cluster.sql("SELECT pg_switch_wal()")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default=PSQL)
    parser.add_argument("--work", required=True)
    parser.add_argument("--segments", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--wal-level", default="logical")
    parser.add_argument("--compression", default="pglz,lz4,zstd", help="of full-page images; `on` before 15")
    parser.add_argument("--pgbench", type=int, default=0)
    parser.add_argument("--databases", action="store_true", help="CREATE and DROP DATABASE: some 10 MiB more")
    cluster = Cluster(parser.parse_args())
    cluster.create()
    cluster.start()
    try:
        workload(cluster)
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
