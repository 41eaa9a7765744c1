"""What the benchmarks share: the database and both programs' repositories, the clock, a line of the report."""
import os
import pwd
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PG_BIN = "/usr/lib/postgresql/15/bin"
MIB = 1 << 20
PGBACKREST = """[global]
repo1-path={work}/pgbackrest/repository
repo1-retention-full=1
log-path={work}/pgbackrest/log
lock-path={work}/pgbackrest/lock
spool-path={work}/pgbackrest/spool
compress-type=zst
compress-level=3
process-max=2
start-fast=y
checksum-page=y
archive-check=n
log-level-console=error
[bench]
pg1-path={pgdata}
pg1-port={port}
pg1-socket-path={work}
pg1-user=postgres
"""


class Measured:
    def __init__(self, wall, cpu, peak, output):
        self.wall, self.cpu, self.peak, self.output = wall, cpu, peak, output


def as_postgres():
    """PostgreSQL's own user, also for the tools: they read files that only it may read."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def run(command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **as_postgres(), **more)


def processes_below(pid):
    """pid and its descendants, from /proc."""
    children, found = {}, [pid]
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stat:
                    parent = int(stat.read().rsplit(b")", 1)[1].split()[1])
                children.setdefault(parent, []).append(int(name))
            except (OSError, IndexError):
                pass
    for process in found:
        found.extend(children.get(process, []))
    return found


def resident_bytes(pid):
    try:
        with open(f"/proc/{pid}/statm") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0


def measure(command, watch_memory=True):
    """Runs to the end; an error of the command is an error of the benchmark. To watch its memory takes about a tenth of a
    core: not where a few tenths of a second are measured."""
    peak, done = 0, threading.Event()

    def watch(pid):
        nonlocal peak
        while watch_memory and not done.wait(0.02):
            peak = max(peak, sum(resident_bytes(p) for p in processes_below(pid)))

    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd="/", **as_postgres())
    watcher = threading.Thread(target=watch, args=(process.pid,))
    watcher.start()
    output = process.communicate()[0]
    status = process.returncode
    wall = time.monotonic() - start
    done.set()
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if status != 0:
        sys.exit(f"error: {' '.join(command)} ended with {status}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(wall, cpu, peak, output)


def files_below(directory):
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path


def bytes_below(directory):
    return sum(os.path.getsize(path) for path in files_below(directory))


def warm(directory, but=("pg_wal",)):
    """Everything in the page cache, and nothing left to write."""
    for path in files_below(directory):
        if any(f"/{part}/" in path for part in but):
            continue
        with open(path, "rb", buffering=0) as file:
            while file.read(MIB):
                pass
    os.sync()


def disk_bound(paths, byte_limit, target):
    """Seconds to write the same bytes to one file and sync it: what no program on this disk undercuts by much."""
    left, start = byte_limit, time.monotonic()
    with open(target, "wb", buffering=0) as out:
        for path in paths:
            if not os.path.exists(path):
                continue  # the server removed it meanwhile
            with open(path, "rb", buffering=0) as file:
                while left > 0 and (piece := file.read(min(MIB, left))):
                    out.write(piece)
                    left -= len(piece)
        os.fsync(out.fileno())
    seconds = time.monotonic() - start
    os.remove(target)
    return seconds


def median(results, field):
    return statistics.median(getattr(result, field) for result in results)


def peak(results):
    return max(result.peak for result in results) / MIB


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


class Bench:
    """A database, and a repository of each program for it, below one directory."""

    def __init__(self, options):
        self.work = os.path.abspath(options.work)
        self.pgdata = options.pgdata or f"{self.work}/pg"
        self.port = options.port
        self.walkback = os.path.abspath(options.walkback)
        self.rounds = options.rounds
        self.missed = 0
        self.configuration = f"{self.work}/walkback.toml"
        self.repository = f"{self.work}/repository"

    # --- set-up ---

    def prepare_database(self, gib):
        os.makedirs(self.work, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(self.work, "postgres", "postgres")
        if not os.path.exists(f"{self.pgdata}/PG_VERSION"):
            subprocess.run([f"{HERE}/make_database", "--pgdata", self.pgdata, "--port", str(self.port),
                            "--gib", str(gib)], check=True)
        elif subprocess.run([f"{PG_BIN}/pg_ctl", "-D", self.pgdata, "status"], stdout=subprocess.DEVNULL,
                            cwd="/", **as_postgres()).returncode != 0:
            run([f"{PG_BIN}/pg_ctl", "-D", self.pgdata, "-w", "-l", f"{self.work}/server.log", "start"])

    def psql(self, sql, database="postgres"):
        return subprocess.run([f"{PG_BIN}/psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p",
                               str(self.port), "-U", "postgres", "-d", database], input=sql, check=True,
                              capture_output=True, text=True, cwd="/").stdout.strip()

    def fresh(self, path):
        shutil.rmtree(path, ignore_errors=True)
        run(["mkdir", "-p", path])

    def prepare_pgbackrest(self):
        self.fresh(f"{self.work}/pgbackrest/log")
        shutil.rmtree(f"{self.work}/pgbackrest/repository", ignore_errors=True)
        with open(f"{self.work}/pgbackrest.conf", "w") as configuration:
            configuration.write(PGBACKREST.format(work=self.work, pgdata=self.pgdata, port=self.port))
        run(self.pgbackrest("stanza-create"))

    def prepare_walkback(self):
        shutil.rmtree(self.repository, ignore_errors=True)
        if os.path.exists(self.configuration):
            os.remove(self.configuration)
        run([self.walkback, "--quiet", "--config", self.configuration, "init", "--pgdata", self.pgdata,
             "--repository", f"file://{self.repository}", "--new-repository", "--encryption", "none", "--apply",
             "--conninfo", f"host={self.work} port={self.port} user=postgres dbname=postgres"])

    def pgbackrest(self, *arguments):
        return ["pgbackrest", f"--config={self.work}/pgbackrest.conf", "--stanza=bench", *arguments]

    def our(self, *arguments):
        return [self.walkback, "--quiet", "--config", self.configuration, *arguments]

    # --- one report line ---

    def line(self, what, ours, theirs, target, form="{:9.2f}"):
        ratio = ours / theirs if theirs else 0
        verdict = "" if target is None else ("ok" if ratio <= target else "MISSED")
        self.missed += verdict == "MISSED"
        aim = "" if target is None else f"<= {target:.2f}"
        print(f"  {what:<34}{form.format(ours)} {form.format(theirs)}   {ratio:6.3f}  {aim:<8}{verdict}", flush=True)

    def bound(self, what, ours, limit, target, form="{:9.2f}"):
        verdict = "ok" if ours <= limit else "MISSED"
        self.missed += verdict == "MISSED"
        print(f"  {what:<34}{form.format(ours)} {'':9}   {'':6}  {target:<8}{verdict}", flush=True)

    # --- measuring ---

    def alternate(self, theirs, ours):
        """Each `rounds` times, the first to go changing with each round."""
        results = {theirs: [], ours: []}
        for index in range(self.rounds):
            for operation in ((theirs, ours) if index % 2 == 0 else (ours, theirs)):
                results[operation].append(operation())
        return results[theirs], results[ours]

    def head(self, title, other="pgBackRest"):
        print(f"\n{title:<36}{'walkback':>9} {other:>9}   {'ratio':>6}  target")
