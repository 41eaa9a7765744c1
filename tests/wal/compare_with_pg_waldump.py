#!/usr/bin/env python3
"""Compares what wal_dump decodes with what pg_waldump says, record for record.

    tests/wal/compare_with_pg_waldump.py --wal-dump build/dev/src/wal/wal_dump SEGMENT...

The segments are consecutive and of one timeline, of the major version pg_waldump reads (Debian's: 15).
Compared: resource manager, lengths, xid, LSN, prev, block references, images, and the times, subtransactions,
dropped files and names in commits, aborts, prepares, restore points, checkpoints and running transactions.
"""
import argparse
import calendar
import os
import re
import subprocess
import sys
import time

PG_WALDUMP = "/usr/lib/postgresql/15/bin/pg_waldump"
LINE = re.compile(r"rmgr: (\S+)\s+len \(rec/tot\):\s*(\d+)/\s*(\d+), tx:\s*(\d+), lsn: (\S+), prev (\S+), desc: (.*)$")
BLOCK = re.compile(r"blkref #(\d+): rel (\d+/\d+/\d+)(?: fork (\w+))? blk (\d+)( FPW)?( for WAL verification)?")
TIME = r"(\d+-\d+-\d+ \d+:\d+:\d+)(?:\.(\d+))? UTC"


def lsn(text):
    high, low = text.split("/")
    return f"{int(high, 16):X}/{int(low, 16):X}"


def microseconds(match_time, fraction):
    seconds = calendar.timegm(time.strptime(match_time, "%Y-%m-%d %H:%M:%S"))
    return seconds * 1_000_000 + int((fraction or "0").ljust(6, "0"))


def locator(path):
    parts = path.split("/")
    if parts[0] == "base":
        return f"1663/{parts[1]}/{parts[2]}"
    if parts[0] == "global":
        return f"1664/0/{parts[1]}"
    return f"{parts[1]}/{parts[3]}/{parts[4]}"


def listed(label, pattern, description, convert=str):
    found = re.search(rf"; {pattern}:((?: [^;]+)+)", description)
    return f" {label}=" + "".join(convert(item) + "," for item in found[1].split()) if found else ""


def event(rmgr, description, xid):
    """What wal_dump prints behind the blocks, as far as pg_waldump says the same."""
    if rmgr == "Transaction":
        ended = re.match(rf"(COMMIT|ABORT)(?:_PREPARED)? (?:(\d+): )?{TIME}", description)
        if ended:
            return (f" {ended[1].lower()} xid={ended[2] or xid} time={microseconds(ended[3], ended[4])}"
                    + listed("subxids", "subxacts", description) + listed("rels", "rels", description, locator))
        prepared = re.match(rf"PREPARE gid (.*?): {TIME}", description)
        if prepared:
            return (f" prepare time={microseconds(prepared[2], prepared[3])} gid={prepared[1]}"
                    + listed("subxids", "subxacts", description)
                    + listed("commit-rels", r"rels\(commit\)", description, locator)
                    + listed("abort-rels", r"rels\(abort\)", description, locator))
    if rmgr == "XLOG" and description.startswith("RESTORE_POINT"):
        return f" restore-point {description[14:].strip()}"
    checkpoint = re.match(r"CHECKPOINT_(\w+) redo (\S+); tli (\d+); prev tli (\d+); fpw \w+; xid (\d+):(\d+)", description)
    if rmgr == "XLOG" and checkpoint:
        return (f" checkpoint {checkpoint[1].lower()} redo={lsn(checkpoint[2])} tli={checkpoint[3]} "
                f"prev={checkpoint[4]} next={int(checkpoint[5]) << 32 | int(checkpoint[6])}")
    running = re.match(r"RUNNING_XACTS nextXid (\d+) latestCompletedXid (\d+) oldestRunningXid (\d+)(?:; \d+ xacts:([\d ]+))?",
                       description)
    if rmgr == "Standby" and running:
        xids = "".join(xid + "," for xid in (running[4] or "").split())
        return (f" running next={running[1]} oldest={running[3]} latest={running[2]}" + (f" xids={xids}" if xids else ""))
    return ""


def theirs(segments):
    command = [PG_WALDUMP, "-p", os.path.dirname(os.path.abspath(segments[0])), os.path.basename(segments[0]),
               os.path.basename(segments[-1])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "TZ": "UTC", "PGTZ": "UTC"})
    for line in process.stdout:
        match = LINE.match(line.rstrip("\n"))
        if not match:
            sys.exit(f"error: pg_waldump printed what this script cannot read: {line}")
        rmgr, record, total, xid, start, prev, rest = match.groups()
        blocks = "".join(
            f" #{b[1]}:{b[2]}:{b[3] or ''}:{b[4]}" + ((":FPW-verify" if b[6] else ":FPW") if b[5] else "")
            for b in BLOCK.finditer(rest))
        yield f"{rmgr} {record}/{total} {xid} {lsn(start)} {lsn(prev)}{blocks}{event(rmgr, rest, xid)}"
    sys.stderr.write("pg_waldump: " + (process.stderr.read().strip() or "end of input") + "\n")


def ours(program, segments):
    process = subprocess.Popen([program] + segments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stdout:
        line = line.rstrip("\n")
        if " prepare " in line:
            line = re.sub(r" prepare xid=\d+", " prepare", line)
        if " restore-point " in line or " checkpoint " in line:
            line = re.sub(r" time=\d+$", "", line)
        line = re.sub(r"( (?:commit|abort) xid=\d+ time=\d+) db=\d+", r"\1", line)
        line = re.sub(r" gid=.*$", "", line) if re.search(r" (?:commit|abort) xid=", line) else line
        # pg_waldump has more to say of these, in words this script does not compare.
        line = re.sub(r" (tablespace-create|tablespace-drop|database-create|database-drop|parameters|backup-end|"
                      r"end-of-recovery|overwrite) .*$", "", line)
        yield line
    sys.stderr.write("wal_dump: " + (process.stderr.read().strip() or "end of input") + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wal-dump", required=True)
    parser.add_argument("segments", nargs="+")
    options = parser.parse_args()
    count = 0
    mine = ours(options.wal_dump, options.segments)
    for expected in theirs(options.segments):
        found = next(mine, "nothing")
        if found != expected:
            sys.exit(f"record {count}:\n  pg_waldump: {expected}\n  wal_dump:   {found}")
        count += 1
    extra = next(mine, None)
    if extra:
        sys.exit(f"wal_dump goes on after {count} records: {extra}")
    print(f"{count} records, all alike")


if __name__ == "__main__":
    main()
