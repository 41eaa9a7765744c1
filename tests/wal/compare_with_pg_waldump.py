#!/usr/bin/env python3
"""Compares what wal_dump decodes with what pg_waldump says, record for record.

    tests/wal/compare_with_pg_waldump.py --wal-dump build/dev/src/wal/wal_dump SEGMENT...

The segments are consecutive and of one timeline, of the major version pg_waldump reads (Debian's: 15).
Compared: resource manager, lengths, xid, LSN, prev, block references, images, and what commits, aborts, prepares,
restore points, checkpoints, running transactions, settings, databases and tablespaces say.
`--expected` prints what pg_waldump says in wal_dump's words, for src/wal/testdata.
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
TIME = r"(\d+-\d+-\d+ \d+:\d+:\d+)(?:\.(\d+))?(?: UTC|\+00)"


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


def transaction(description, xid):
    ended = re.match(rf"(COMMIT|ABORT)(?:_PREPARED)? (?:(\d+): )?{TIME}", description)
    if ended:
        return (f" {ended[1].lower()} xid={ended[2] or xid} time={microseconds(ended[3], ended[4])}"
                + listed("subxids", "subxacts", description) + listed("rels", "rels", description, locator))
    prepared = re.match(rf"PREPARE gid (.*?): {TIME}", description)
    if prepared:
        return (f" prepare xid={xid} time={microseconds(prepared[2], prepared[3])} gid={prepared[1]}"
                + listed("subxids", "subxacts", description)
                + listed("commit-rels", r"rels\(commit\)", description, locator)
                + listed("abort-rels", r"rels\(abort\)", description, locator))
    return ""


def running(match):
    xids = "".join(xid + "," for xid in (match[4] or "").split())
    return f" running next={match[1]} oldest={match[3]} latest={match[2]}" + (f" xids={xids}" if xids else "")


# What pg_waldump 15 says, and how wal_dump says it.
EVENTS = [
    ("XLOG", r"RESTORE_POINT (.*?)\s*$", lambda m: f" restore-point {m[1]}"),
    ("XLOG", r"CHECKPOINT_(\w+) redo (\S+); tli (\d+); prev tli (\d+); fpw \w+; xid (\d+):(\d+);.* oldest running xid (\d+);",
     lambda m: f" checkpoint {m[1].lower()} redo={lsn(m[2])} tli={m[3]} prev={m[4]} "
               f"next={int(m[5]) << 32 | int(m[6])} active={m[7]}"),
    ("XLOG", r"PARAMETER_CHANGE " + " ".join(r"\w+=(\w+)" for _ in range(8)),
     lambda m: " parameters " + " ".join(m.groups())),
    ("XLOG", r"BACKUP_END (\S+)", lambda m: f" backup-end {lsn(m[1])}"),
    ("XLOG", rf"END_OF_RECOVERY tli (\d+); prev tli (\d+); time {TIME}",
     lambda m: f" end-of-recovery tli={m[1]} prev={m[2]} time={microseconds(m[3], m[4])}"),
    ("XLOG", rf"OVERWRITE_CONTRECORD lsn (\S+); time {TIME}",
     lambda m: f" overwrite {lsn(m[1])} time={microseconds(m[2], m[3])}"),
    ("Standby", r"RUNNING_XACTS nextXid (\d+) latestCompletedXid (\d+) oldestRunningXid (\d+)(?:; \d+ xacts:([\d ]+))?",
     running),
    ("Tablespace", r'CREATE (\d+) "(.*)"', lambda m: f" tablespace-create {m[1]} {m[2]}"),
    ("Tablespace", r"DROP (\d+)", lambda m: f" tablespace-drop {m[1]}"),
    ("Database", r"CREATE_FILE_COPY copy dir (\S+) to (\S+)", lambda m: f" database-create {m[2]} from {m[1]}"),
    ("Database", r"CREATE_WAL_LOG create dir (\S+)", lambda m: f" database-create {m[1]}"),
    ("Database", r"DROP dir((?: \d+/\d+)+)", lambda m: f" database-drop{m[1]}"),
]


def event(rmgr, description, xid):
    if rmgr == "Transaction":
        return transaction(description, xid)
    for of, pattern, words in EVENTS:
        match = re.match(pattern, description)
        if rmgr == of and match:
            return words(match)
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
        yield line.rstrip("\n")
    sys.stderr.write("wal_dump: " + (process.stderr.read().strip() or "end of input") + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wal-dump")
    parser.add_argument("--expected", action="store_true")
    parser.add_argument("segments", nargs="+")
    options = parser.parse_args()
    if options.expected:
        for line in theirs(options.segments):
            print(line)
        return
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
