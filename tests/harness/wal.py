"""The order of what happened, as PostgreSQL's own pg_waldump tells it."""

import re
import subprocess
from dataclasses import dataclass
from datetime import datetime, timezone

from harness.cluster import BINARIES


def lsn_number(text):
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def lsn_text(number):
    return f"{number >> 32:X}/{number & 0xFFFFFFFF:X}"


@dataclass(frozen=True)
class Record:
    """A record that ends a transaction, or a restore point: what a TIME can stop at."""

    kind: str  # "commit", "abort", "restore point"
    lsn: int  # its start
    time: datetime
    xid: int | None = None
    name: str | None = None


LINE = re.compile(r"rmgr: (\w+)\s+len .*?tx:\s+(\d+), lsn: ([0-9A-F]+/[0-9A-F]+), .*?desc: (.*)$")
ENDING = re.compile(r"(COMMIT|ABORT)(_PREPARED)? (?:(\d+): )?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) UTC")
RESTORE_POINT = re.compile(r"RESTORE_POINT (\S+)")


def dump(pg_wal, timeline, start, *filters):
    """pg_waldump's lines. It ends with an error where the log ends; that is no failure."""
    outcome = subprocess.run(
        [BINARIES / "pg_waldump", "-p", pg_wal, "-t", str(timeline), "-s", start, *filters],
        capture_output=True, text=True, timeout=120, env={"TZ": "UTC", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert outcome.stdout or "invalid record" in outcome.stderr, outcome.stderr
    return outcome.stdout.splitlines()


def endings(pg_wal, timeline, start):
    """Commits, aborts and restore points from `start` on, in LSN order."""
    found = []
    for line in dump(pg_wal, timeline, start, "-r", "Transaction", "-r", "XLOG"):
        match = LINE.search(line)
        if not match:
            continue
        _, xid, lsn, description = match.groups()
        if ending := ENDING.match(description):
            kind, _, prepared_xid, time = ending.groups()
            found.append(
                Record(kind.lower(), lsn_number(lsn), utc(time), xid=int(prepared_xid or xid)),
            )
        elif point := RESTORE_POINT.match(description):
            found.append(Record("restore point", lsn_number(lsn), None, name=point.group(1)))
    return found


def utc(text):
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=timezone.utc)


def first_record_of(pg_wal, timeline, start, xid):
    """Where a transaction's first record lies."""
    for line in dump(pg_wal, timeline, start, "-x", str(xid), "-n", "1"):
        if match := LINE.search(line):
            return lsn_number(match.group(3))
    raise AssertionError(f"no record of transaction {xid}")
