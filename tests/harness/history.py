"""Random histories of a cluster: promotions, backups, crashes and clock steps, and then damage to the archive.

One client works at a time, so that what a table held after each commit is known from what was asked for and from
pg_waldump's order of the commits. `History.expected` says what a target means; `judge` asks PostgreSQL itself.
"""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psycopg2

from harness import wal
from harness.cluster import BINARIES, Cluster, free_port

TABLE = "steps"
SEGMENT_BYTES = 1 << 20  # small ones: a history has many, and records on both sides of their ends


class Clock:
    """The clock of the database's host, which somebody sets now and then."""

    def __init__(self, file):
        self.file = Path(file)
        self.set(0)

    def set(self, seconds):
        self.offset = seconds
        replacement = self.file.with_suffix(".new")
        replacement.write_text(f"{seconds:+d}\n")
        replacement.rename(self.file)

    @property
    def environment(self):
        library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
        return {
            "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip


@dataclass
class Base:
    """A backup as `recover` lays it down: what the judge starts PostgreSQL on."""

    backup: str
    timeline: int
    consistent_at: int
    directory: Path


@dataclass
class Stretch:
    """What a timeline's path takes of one timeline's WAL."""

    timeline: int
    begin: int
    end: float


@dataclass
class Target:
    kind: str  # an option of `plan`
    value: str | None
    timeline: int  # which it is looked for on
    named: bool  # whether that is said, or left to be the newest
    states: set  # the rows that a recovery to it may leave; empty when there is no such moment

    def arguments(self):
        value = [] if self.value is None else [self.value]
        return [f"--{self.kind}", *value, *(["--timeline", self.timeline] if self.named else [])]

    def difference(self, rows):
        """Nothing where it is one of the states; else what sets it apart from each."""
        if rows in self.states:
            return ""
        apart = [f"missing {sorted(state - rows)[:5]}, extra {sorted(rows - state)[:5]}" for state in self.states]
        return "; or ".join(apart) or "there is no such moment"

    def __str__(self):
        return " ".join(map(str, self.arguments()))


@dataclass
class Work:
    """What one transaction did."""

    added: list = field(default_factory=list)
    removed: list = field(default_factory=list)


class History:
    def __init__(self, place, wb, chance):
        self.place = place
        self.wb = wb
        self.chance = chance
        self.clock = Clock(place / "clock")
        self.steps = 0
        self.work = {}  # (timeline, xid) -> Work
        self.points = set()  # their names
        self.positions = []  # (timeline, LSN): between two transactions
        self.forks = {}  # timeline -> (its parent, where it left that)
        self.bases = []
        self.servers = {}  # timeline -> (the server that wrote it, from where on)
        self.log = []  # what was done, for whoever reads a failure
        self.timeline = 1

    # Making it

    def make(self, cluster):
        self.cluster = cluster
        os.environ.update(self.clock.environment)
        try:
            self._make()
        finally:
            for name in self.clock.environment:
                os.environ.pop(name, None)
        self._read_wal()

    def _make(self):
        self.cluster.restart()
        self.cluster.sql(f"CREATE TABLE {TABLE} (id int PRIMARY KEY, filler text)")
        self.servers[1] = (self.cluster, self.cluster.lsn())
        self.back_up()
        self._transactions()
        ways = [
            (5, self._transactions), (2, self._set_clock), (2, self._switch), (1, self.back_up), (1, self._crash),
            (1, self._restore_point), (1, self._bulk), (1.5, self._promote),
        ]  # fmt: skip
        for _ in range(self.chance.randint(5, 10)):
            self.chance.choices([way for _, way in ways], [weight for weight, _ in ways])[0]()
        self._transactions()
        self.cluster.archive_everything()
        self.cluster.stop()

    def _say(self, what):
        self.log.append(what)

    def _transactions(self):
        for _ in range(self.chance.randint(1, 4)):
            self._transaction(rows=self.chance.choice([1, 1, 3, 40]))

    def _bulk(self):
        """Enough WAL for a few segments, and records that lie on both sides of a segment's end."""
        self._transaction(rows=self.chance.choice([2000, 6000]))

    def _transaction(self, rows):
        with self.cluster.session(autocommit=False) as cursor:
            cursor.execute("SELECT pg_current_xact_id()::text::bigint")
            xid = cursor.fetchone()[0]
            work = self.work[self.timeline, xid] = Work()
            filler = "repeat(md5(g::text), 8)" if rows > 100 else "''"
            cursor.execute(
                f"INSERT INTO {TABLE} SELECT g, {filler} FROM generate_series(%s, %s) g RETURNING id",
                (self.steps + 1, self.steps + rows),
            )
            work.added = [id for (id,) in cursor.fetchall()]
            self.steps += rows
            if self.chance.random() < 0.2:
                cursor.execute(f"DELETE FROM {TABLE} WHERE id %% 7 = %s RETURNING id", (self.chance.randrange(7),))
                work.removed = [id for (id,) in cursor.fetchall()]
            ending = self.chance.random()
            if ending < 0.75:
                cursor.connection.commit()
            elif ending < 0.9:
                cursor.connection.rollback()
            else:
                cursor.execute(f"PREPARE TRANSACTION 'step-{xid}'")
                cursor.connection.commit()
                cursor.connection.autocommit = True
                cursor.execute(f"{self.chance.choice(['COMMIT', 'ROLLBACK'])} PREPARED 'step-{xid}'")
        self._look()

    def _look(self):
        lsn = wal.lsn_number(self.cluster.value("SELECT pg_current_wal_insert_lsn()"))
        self.positions.append((self.timeline, lsn))

    def _set_clock(self):
        self.clock.set(self.clock.offset + self.chance.choice([-7200, -600, -60, -3, 5, 60, 600, 7200]))
        self._say(f"clock {self.clock.offset:+d} s")
        self._transaction(rows=1)

    def _switch(self):
        self._say(f"switch after {self.cluster.archive_everything()}")

    def _crash(self):
        self._say("crash")
        self.cluster.crash()
        self.cluster.start()

    def _restore_point(self):
        # Sometimes a name that is there already.
        name = self.chance.choice([f"point-{self.steps}", "point"])
        self.cluster.value("SELECT pg_create_restore_point(%s)", name)
        self.points.add(name)
        self._say(f"restore point {name}")

    def back_up(self):
        backup = self.wb.backup()
        self._say(f"backup {backup['id']} on timeline {self.timeline}")
        directory = self.place / f"base{len(self.bases)}"
        plan = self.wb.done("recover", "--immediate", "--no-start", "--into", directory)
        assert plan["backup"] == backup["id"], f"not the newest backup: {plan}"
        self.bases.append(Base(backup["id"], self.timeline, wal.lsn_number(backup["stop_lsn"]), directory))

    def _promote(self):
        """A recovery to the latest, or to a while ago, becomes the cluster; the old one may live on for a while."""
        self.cluster.archive_everything()
        xids = [xid for timeline, xid in self.work if timeline == self.timeline]
        target = ["--latest"]
        if xids and self.chance.random() < 0.6:
            target = ["--before-xid", self.chance.choice(xids[-4:])]
        copy = self.place / f"copy{len(self.servers)}"
        if self.wb.run("plan", *target).status != 0:
            target = ["--latest"]
        copy = self.wb.recover(*target, into=copy)
        timeline = copy.report["timeline"]
        self._say(f"promotion to timeline {timeline} with {' '.join(map(str, target))}")
        if self.chance.random() < 0.4:
            self._say("the old cluster goes on for a while")
            self._transactions()
            self.cluster.archive_everything()
        old = self.cluster
        old.stop()
        self.wb.done("adopt", "--pgdata", copy.pgdata)
        copy.configure(wal_keep_size="4GB")
        self.wb.config.write_text(self.wb.config.read_text().replace(f'"{old.pgdata}"', f'"{copy.pgdata}"'))
        copy.port, copy.sockets = old.port, old.sockets
        copy.restart()
        history = (copy.pgdata / f"pg_wal/{timeline:08X}.history").read_text().strip().splitlines()[-1].split()
        self.forks[timeline] = (int(history[0]), wal.lsn_number(history[1]))
        self.cluster, self.timeline = copy, timeline
        # The target may lie between its PREPARE and its end; it would keep others waiting.
        for (gid,) in copy.sql("SELECT gid FROM pg_prepared_xacts"):
            copy.sql(f"ROLLBACK PREPARED '{gid}'")
        self.servers[timeline] = (copy, history[1])
        self._transaction(rows=1)

    def _read_wal(self):
        self.endings = {
            timeline: wal.endings(server.pgdata / "pg_wal", timeline, start)
            for timeline, (server, start) in self.servers.items()
        }

    # Damaging its archive

    def damage(self):
        for _ in range(self.chance.randint(0, 3)):
            self.chance.choice([self._lose_segment, self._lose_index, self._archive_again, self._archive_out_of_order])()

    def _stored(self, suffix):
        stored = self.wb.repository.glob(f"clusters/*/*/wal/*/*/{'[0-9A-F]' * 24}{suffix}")
        return sorted(path for path in stored if path.is_file())

    def _lose_segment(self):
        lost = self.chance.choice(self._stored(".zst"))
        lost.unlink()
        if self.chance.random() < 0.5:
            lost.with_name(lost.name.replace(".zst", ".index.zst")).unlink(missing_ok=True)
        self._say(f"lost {lost.name}")

    def _lose_index(self):
        lost = self.chance.choice(self._stored(".index.zst"))
        lost.unlink()
        self._say(f"lost {lost.name}")

    def _source_of(self, path):
        name = path.name.split(".")[0]
        for server, _ in self.servers.values():
            source = server.pgdata / "pg_wal" / name
            if source.exists():
                return source
        return None

    def _archive_again(self):
        stored = self.chance.choice(self._stored(".zst"))
        source = self._source_of(stored)
        if source is None:
            return
        if self.chance.random() < 0.6:
            stored.unlink()
        self._say(f"archived again: {source.name}, {self.wb.push(source).status}")

    def _archive_out_of_order(self):
        stored = self._stored(".zst")
        first = self.chance.randrange(len(stored))
        pair = [(path, self._source_of(path)) for path in stored[first : first + 2]]
        if any(source is None for _, source in pair):
            return
        for path, _ in pair:
            path.unlink()
            path.with_name(path.name.replace(".zst", ".index.zst")).unlink(missing_ok=True)
        for _, source in reversed(pair):
            assert self.wb.push(source).status == 0
        self._say(f"archived in the wrong order: {' '.join(source.name for _, source in pair)}")

    # What it means

    def path(self, timeline):
        """The stretches of WAL that lead to the end of a timeline, the first one first."""
        if timeline not in self.forks:
            return [Stretch(timeline, 0, float("inf"))]
        parent, at = self.forks[timeline]
        before = [Stretch(s.timeline, s.begin, min(s.end, at)) for s in self.path(parent) if s.begin < at]
        return [*before, Stretch(timeline, at, float("inf"))]

    def endings_along(self, timeline):
        """(timeline, ending), in LSN order."""
        return [
            (stretch.timeline, ending)
            for stretch in self.path(timeline)
            for ending in self.endings[stretch.timeline]
            if stretch.begin <= ending.lsn < stretch.end
        ]

    def is_on(self, timeline, of, lsn):
        return any(s.timeline == of and s.begin <= lsn <= s.end for s in self.path(timeline))

    def state(self, timeline, before):
        """The rows when every commit that begins before an LSN is replayed."""
        ids = set()
        for of, ending in self.endings_along(timeline):
            work = self.work.get((of, ending.xid))
            if ending.lsn < before and ending.kind == "commit" and work:
                ids |= set(work.added)
                ids -= set(work.removed)
        return frozenset(ids)

    def everything(self, timeline):
        return self.state(timeline, float("inf"))

    def bases_on(self, timeline):
        return [base for base in self.bases if self.is_on(timeline, base.timeline, base.consistent_at)]

    def archived_end(self, timeline):
        """Behind this nobody can know that there was WAL."""
        own = [path.name for path in self._stored(".zst") if path.name.startswith(f"{timeline:08X}")]
        if not own:
            return self.forks[timeline][1] if timeline in self.forks else 0
        name = max(own)
        return (int(name[8:16], 16) * (0x100000000 // SEGMENT_BYTES) + int(name[16:24], 16) + 1) * SEGMENT_BYTES

    def targets(self, count):
        """Some that should be within reach, some that never were there."""
        makers = [self._xid, self._xid, self._before_xid, self._lsn, self._name, self._time, self._time, self._time,
                  self._latest, self._immediate]  # fmt: skip
        return [self._target(self.chance.choice(makers)) for _ in range(count)]

    def _target(self, maker):
        newest = max(self.servers)
        timeline = self.chance.choice([newest, newest, *self.servers])
        kind, value, states = maker(timeline)
        return Target(kind, value, timeline, timeline != newest or self.chance.random() < 0.5, set(states))

    def _end_of_transaction(self, timeline):
        if self.chance.random() < 0.1:
            return str(self.chance.randint(100_000, 200_000)), None
        of_clients = [e for of, e in self.endings_along(timeline) if (of, e.xid) in self.work]
        ending = self.chance.choice(of_clients)
        # One that was rolled back did nothing that a recovery could stop at.
        return str(ending.xid), ending if ending.kind == "commit" else None

    def _xid(self, timeline):
        xid, end = self._end_of_transaction(timeline)
        return "xid", xid, [self.state(timeline, end.lsn + 1)] if end else []

    def _before_xid(self, timeline):
        xid, end = self._end_of_transaction(timeline)
        return "before-xid", xid, [self.state(timeline, end.lsn)] if end else []

    def _lsn(self, timeline):
        lsn = self.chance.choice([lsn for of, lsn in self.positions if self.is_on(timeline, of, lsn)])
        return "lsn", wal.lsn_text(lsn), [self.state(timeline, lsn)]

    def _name(self, timeline):
        if not self.points or self.chance.random() < 0.2:
            return "name", "never made", []
        name = self.chance.choice(sorted(self.points))
        points = [e for _, e in self.endings_along(timeline) if e.kind == "restore point" and e.name == name]
        # The first that is met, which depends on the backup.
        return "name", name, [self.state(timeline, point.lsn) for point in points]

    def _time(self, timeline):
        endings = [e for _, e in self.endings_along(timeline) if e.time]
        instant = self.chance.choice(endings).time
        instant += timedelta(microseconds=self.chance.choice([0, 0, 1, -1, 500_000]))
        if self.chance.random() < 0.15:
            times = [e.time for e in endings]
            instant = self.chance.choice([min(times) - timedelta(days=1), max(times) + timedelta(days=1)])
        return "to", instant.isoformat(), self._states_at(timeline, instant, endings)

    def _states_at(self, timeline, instant, endings):
        """Up to the first commit or abort that is later, which depends on the backup where the clock was set back."""
        states = set()
        for base in self.bases_on(timeline):
            replayed = [e for e in endings if e.lsn >= base.consistent_at]
            later = [e.lsn for e in replayed if e.time > instant]
            if later:
                states.add(self.state(timeline, later[0]))
            else:
                # A checkpoint may prove that the log went on after it.
                states |= {self.state(timeline, e.lsn) for e in replayed} | {self.everything(timeline)}
        return states

    def _latest(self, timeline):
        end = self.archived_end(timeline)
        # A commit of a few bytes may go on in a segment that is lost.
        return "latest", None, [self.state(timeline, end), self.state(timeline, end - 200)]

    def _immediate(self, timeline):
        return "immediate", None, [self.state(timeline, base.consistent_at) for base in self.bases_on(timeline)]


# What PostgreSQL itself says


def rows_of(cluster):
    return frozenset(id for (id,) in cluster.sql(f"SELECT id FROM {TABLE}"))


def judge(history, target):
    """The first backup from which PostgreSQL, without walkback's plan, gets to what the target means; nothing if none."""
    for base in history.bases:
        rows = replay(history, base, target)
        if rows is not None and rows in target.states:
            return base.backup
    return None


def replay(history, base, target):
    """The rows after PostgreSQL reached the target from this backup; nothing where it refused."""
    directory = history.place / "judged"
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(base.directory, directory, symlinks=True)
    directory.chmod(0o700)
    copy = Cluster(directory, port=free_port(), sockets=history.place)
    settings = {
        "recovery_target": "", "recovery_target_time": "", "recovery_target_xid": "", "recovery_target_lsn": "",
        "recovery_target_name": "", "recovery_target_action": "promote", "recovery_target_timeline": target.timeline,
        "recovery_target_inclusive": "off" if target.kind in ("before-xid", "lsn") else "on",
        "port": copy.port, "unix_socket_directories": copy.sockets, "archive_mode": "off",
    }  # fmt: skip
    if target.kind == "immediate":
        settings["recovery_target"] = "immediate"
    elif target.kind != "latest":
        name = {"before-xid": "xid", "to": "time"}.get(target.kind, target.kind)
        settings[f"recovery_target_{name}"] = target.value
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with open(copy.log, "w") as log:
        server = subprocess.Popen([BINARIES / "postgres", "-D", directory, *options], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        while server.poll() is None:
            time.sleep(0.05)
            try:
                if not copy.value("SELECT pg_is_in_recovery()"):
                    return rows_of(copy)
            except psycopg2.OperationalError:
                continue
        return None
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGQUIT)
        server.wait(timeout=60)
