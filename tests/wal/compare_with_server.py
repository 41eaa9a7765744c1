#!/usr/bin/env python3
"""Compares what wal_dump decodes with what the server that wrote the WAL says: PostgreSQL 13 to 18.

    tests/wal/compare_with_server.py --wal-dump build/dev/src/wal/wal_dump --server "host=/tmp/wal17 port=5573 user=postgres" SEGMENT...

The segments are consecutive, and still in pg_wal. 16 to 18 have pg_walinspect: compared are resource manager, lengths,
xid, LSN, prev, block references and images of every record, and what the events say where pg_waldump 15's words still
fit. 13 to 15 have not: there the server is asked how each transaction ended, and when (track_commit_timestamp); that
no byte between two records is left over, xl_prev and the CRC say.
"""
import argparse
import os
import re
import subprocess
import sys

import psycopg2

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare_with_pg_waldump as waldump  # noqa: E402

RECORDS = """
SELECT resource_manager, record_length - fpi_length, record_length, xid, start_lsn, prev_lsn,
       record_type || ' ' || coalesce(description, ''), coalesce(block_ref, '')
FROM pg_get_wal_records_info(%s, %s)
"""
ENDINGS = """
SELECT xid, pg_xact_status(xid::text::xid8), (extract(epoch FROM pg_xact_commit_timestamp(xid::text::xid)) * 1000000)::bigint
FROM unnest(%s::bigint[]) xid
"""
BLOCK = re.compile(r"blkref #(\d+): rel (\d+/\d+/\d+) fork (\w+) blk (\d+)")
ENDING = re.compile(r" (commit|abort) xid=(\d+) time=(\d+)")


def expected(record):
    rmgr, length, total, xid, start, prev, description, blocks = record
    references = "".join(f" #{b[1]}:{b[2]}:{'' if b[3] == 'main' else b[3]}:{b[4]}" for b in BLOCK.finditer(blocks))
    return f"{rmgr} {length}/{total} {xid} {start} {prev}{references}", waldump.event(rmgr, description, xid)


def compare_records(server, lines):
    first, last = lines[0].split()[3], lines[-1].split()[3]
    events = count = 0
    with server.cursor("records") as cursor:
        cursor.itersize = 20_000
        cursor.execute(RECORDS, (first, last))
        for record, ours in zip(cursor, lines):
            base, event = expected(record)
            ours = re.sub(r":FPW(-verify)?", "", ours)
            if not ours.startswith(base) or (event and ours != base + event):
                sys.exit(f"pg_walinspect: {base}{event}\nwal_dump:      {ours}")
            events += bool(event)
            count += 1
    if len(lines) - count not in (0, 1):
        sys.exit(f"pg_walinspect tells of {count} records, wal_dump of {len(lines)}")
    print(f"{count} records, all alike, {events} events among them")


def compare_endings(server, lines):
    endings = {int(m[2]): (m[1], int(m[3])) for m in map(ENDING.search, lines) if m}
    previous = None
    for line in lines:
        start, prev = line.split()[3:5]
        if previous not in (None, prev):
            sys.exit(f"the record at {start} follows {prev}, not {previous}")
        previous = start
    with server.cursor() as cursor:
        cursor.execute(ENDINGS, (list(endings),))
        for xid, status, time in cursor:
            kind, ours = endings[xid]
            if (status, time if kind == "commit" else None) != ({"commit": "committed", "abort": "aborted"}[kind], ours if kind == "commit" else None):
                sys.exit(f"the server: {xid} {status} {time}\nwal_dump:   {xid} {kind} {ours}")
    print(f"{len(lines)} records in a row, {len(endings)} ends of transactions, all alike")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wal-dump", required=True)
    parser.add_argument("--server", required=True)
    parser.add_argument("segments", nargs="+")
    options = parser.parse_args()
    server = psycopg2.connect(options.server)
    with server.cursor() as cursor:
        cursor.execute("SET timezone = 'UTC'; SET datestyle = 'ISO'")
    lines = list(waldump.ours(options.wal_dump, options.segments))
    if server.server_version >= 160000:
        with server.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
        compare_records(server, lines)
    else:
        compare_endings(server, lines)


if __name__ == "__main__":
    main()
