"""The decoder reads WAL as PostgreSQL's own pg_waldump does, record for record: tests/wal's comparison, on fresh WAL."""

import os
import subprocess
import sys
from pathlib import Path

from harness.cluster import free_port
from harness.ledger import Ledger

WAL = Path(__file__).resolve().parents[1] / "wal"


def compare(segments):
    assert segments
    done = subprocess.run(
        [sys.executable, WAL / "compare_with_pg_waldump.py", "--wal-dump", os.environ["WALKBACK_WAL_DUMP"], *segments],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all alike" in done.stdout


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
