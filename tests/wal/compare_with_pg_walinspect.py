#!/usr/bin/env python3
"""Compares what wal_dump decodes with what pg_walinspect says, for PostgreSQL 16 to 18 (pg_waldump reads only its own major).

    tests/wal/compare_with_pg_walinspect.py --wal-dump build/dev/src/wal/wal_dump --bin /path/to/17/bin --work /tmp/wal17 --port 5573

--work is what make_wal.py left, stopped, with the archive in WORK/segments. Compared: resource manager, lengths, xid,
LSN, prev, block references and images, and what the events say where pg_waldump 15's words still fit.
"""
import argparse
import glob
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare_with_pg_waldump as waldump  # noqa: E402
from make_wal import Cluster  # noqa: E402

QUERY = r"""
SET timezone = 'UTC'; SET datestyle = 'ISO';
SELECT concat_ws(E'\x01', resource_manager, record_length - fpi_length, record_length, xid, start_lsn, prev_lsn,
                 record_type || ' ' || coalesce(description, ''), coalesce(block_ref, ''))
FROM pg_get_wal_records_info('{begin}', '{end}')
"""


def expected(line):
    rmgr, record, total, xid, start, prev, description, blocks = line.split("\x01")
    references = "".join(
        f" #{b[1]}:{b[2]}:{'' if b[3] == 'main' else b[3]}:{b[4]}"
        for b in waldump.re.finditer(r"blkref #(\d+): rel (\d+/\d+/\d+) fork (\w+) blk (\d+)", blocks))
    return f"{rmgr} {record}/{total} {xid} {start} {prev}{references}", waldump.event(rmgr, description, xid)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wal-dump", required=True)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    segments = sorted(path for path in glob.glob(f"{options.work}/segments/*") if len(os.path.basename(path)) == 24)
    dumped = subprocess.run([options.wal_dump] + segments, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    cluster = Cluster(options)
    for path in segments:
        shutil.copy(path, f"{cluster.data}/pg_wal/")
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "postgres", f"{cluster.data}/pg_wal"], check=True)
    cluster.start()
    try:
        cluster.sql("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
        told = cluster.sql(QUERY.format(begin=dumped[0].split()[3], end=dumped[-1].split()[3])).splitlines()
    finally:
        cluster.stop()
    events = 0
    for line, ours in zip(told, dumped):
        base, event = expected(line)
        ours = waldump.re.sub(r":FPW(-verify)?", "", ours)
        if not ours.startswith(base) or (event and ours != base + event):
            sys.exit(f"pg_walinspect: {base}{event}\nwal_dump:      {ours}")
        events += bool(event)
    if len(dumped) - len(told) not in (0, 1):
        sys.exit(f"pg_walinspect tells of {len(told)} records, wal_dump of {len(dumped)}")
    print(f"{len(told)} records, all alike, {events} events among them")


if __name__ == "__main__":
    main()
