"""The decoder reads WAL as PostgreSQL's own pg_waldump does, record for record: tests/wal's comparison, on fresh WAL."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness import servers, wal
from harness.cluster import free_port
from harness.ledger import Ledger

WAL = Path(__file__).resolve().parents[1] / "wal"
CLIENTS = Path("/usr/lib/postgresql/15/bin")  # psql and pgbench, which speak to every major
MIB = int(os.environ.get("WALKBACK_WAL_MIB", "0"))
MAJOR_MIB = int(os.environ.get("WALKBACK_MAJOR_WAL_MIB", "0"))
SEGMENTS_AT_ONCE = 16
SEGMENTS_OF_SERVER_AT_ONCE = 4

SCHEMA_CHANGES = r"""
CREATE TABLE parts (id int, note text) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (500);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (500) TO (100000);
INSERT INTO parts SELECT g, repeat(md5(g::text), 3) FROM generate_series(1, 3000) g;
UPDATE parts SET id = id + 400 WHERE id < 500;
CREATE INDEX ON parts (id); CREATE INDEX ON parts USING gin (to_tsvector('simple', note));
CREATE INDEX ON parts_1 USING gist (point(id, id)); CREATE INDEX ON parts_1 USING spgist (note);
VACUUM FULL parts; CLUSTER parts_1 USING parts_1_id_idx; REINDEX TABLE parts_1; ALTER TABLE parts DETACH PARTITION parts_1;
ALTER TABLE parts_1 ALTER COLUMN id TYPE bigint; TRUNCATE parts CASCADE; DROP TABLE parts;
CREATE MATERIALIZED VIEW seen AS SELECT * FROM parts_1; REFRESH MATERIALIZED VIEW seen;
SELECT lo_from_bytea(0, decode(repeat('00ff', 40000), 'hex')) FROM generate_series(1, 5); SELECT lo_unlink(oid) FROM pg_largeobject_metadata;
BEGIN; SAVEPOINT a; DELETE FROM parts_1 WHERE id % 2 = 0; SAVEPOINT b; UPDATE parts_1 SET note = ''; ROLLBACK TO a; COMMIT;
BEGIN; DELETE FROM parts_1; PREPARE TRANSACTION 'gone'; ROLLBACK PREPARED 'gone';
INSERT INTO parts_1 SELECT 1, '' FROM generate_series(1, 2000) ON CONFLICT DO NOTHING;
CREATE SEQUENCE numbers; SELECT nextval('numbers') FROM generate_series(1, 200); SELECT pg_notify('a', 'b');
DROP MATERIALIZED VIEW seen; DROP TABLE parts_1; DROP SEQUENCE numbers;
"""


def judged(script, *arguments):
    done = subprocess.run(
        [sys.executable, WAL / script, "--wal-dump", os.environ["WALKBACK_WAL_DUMP"], *arguments],
        capture_output=True, text=True, timeout=1200,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all alike" in done.stdout
    print(done.stdout.strip())


def compare(segments):
    assert segments
    judged("compare_with_pg_waldump.py", *segments)


def test_every_kind_of_record(place):
    made = subprocess.run(
        [sys.executable, WAL / "make_wal.py", "--work", place / "work", "--segments", place / "segments",
         "--port", str(free_port()), "--databases"],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    compare(sorted(path for path in (place / "segments").iterdir() if len(path.name) == 24))


def test_a_workload_of_many_clients(production, seed):
    ledger = Ledger(production, seed).prepare().run_for(1.5)
    first = production.value("SELECT pg_walfile_name(%s)", ledger.wal_start)
    last = production.switch_wal()
    pg_wal = production.pgdata / "pg_wal"
    compare(sorted(path for path in pg_wal.iterdir() if first <= path.name <= last and len(path.name) == 24))


def write_wal(cluster, mib):
    """pgbench with schema changes beside it, over checkpoints, until there is enough; the segments that hold it."""
    server = ["-h", cluster.sockets, "-p", str(cluster.port), "-U", cluster.user]
    subprocess.run([CLIENTS / "pgbench", "-i", "-q", "-s", "20", *server, "postgres"], check=True, capture_output=True)
    begin = cluster.value("SELECT pg_walfile_name(pg_current_wal_lsn())")
    start, rounds = wal.lsn_number(cluster.lsn()), 0
    while wal.lsn_number(cluster.lsn()) - start < mib << 20:
        rounds += 1
        cluster.sql(f"CREATE DATABASE round{rounds}")
        bench = subprocess.Popen([CLIENTS / "pgbench", "-n", "-c", "4", "-T", "15", *server, "postgres"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        while bench.poll() is None:
            subprocess.run([CLIENTS / "psql", "-qX", "-v", "ON_ERROR_STOP=1", *server, "-d", f"round{rounds}"],
                           input=SCHEMA_CHANGES, text=True, check=True, capture_output=True)  # fmt: skip
        assert bench.returncode == 0
        cluster.sql(f"DROP DATABASE round{rounds}")
    last = cluster.switch_wal()
    pg_wal = cluster.pgdata / "pg_wal"
    segments = sorted(path for path in pg_wal.iterdir() if begin <= path.name <= last and len(path.name) == 24)
    print(f"{len(segments)} segments of 16 MiB")
    return segments


@pytest.mark.skipif(not MIB, reason="a gigabyte and more: ./dev soak wal-decoder")
def test_gigabytes_of_ordinary_and_rare_records(make_cluster):
    cluster = make_cluster("pg", wal_keep_size="6GB", synchronous_commit="off", max_wal_size="1GB").start()
    segments = write_wal(cluster, MIB)
    for first in range(0, len(segments), SEGMENTS_AT_ONCE):
        compare(segments[first : first + SEGMENTS_AT_ONCE])


@pytest.mark.skipif(not MAJOR_MIB, reason="downloads servers: ./dev soak wal-majors")
@pytest.mark.parametrize("major", servers.VERSIONS)
def test_what_other_majors_write(make_cluster, place, monkeypatch, major):
    monkeypatch.setattr("harness.cluster.BINARIES", servers.install(major, place / "servers"))
    cluster = make_cluster("pg", wal_keep_size="6GB", synchronous_commit="off", max_wal_size="1GB",
                           track_commit_timestamp="on").start()  # fmt: skip
    segments = write_wal(cluster, MAJOR_MIB)
    for first in range(0, len(segments), SEGMENTS_OF_SERVER_AT_ONCE):
        judged("compare_with_server.py", "--server", cluster.conninfo, *segments[first : first + SEGMENTS_OF_SERVER_AT_ONCE])
