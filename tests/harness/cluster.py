"""A PostgreSQL server of a test's own: its directory, its port, its socket; ended by the pid it started with."""

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg2

BINARIES = Path(os.environ.get("WALKBACK_PG_BIN", "/usr/lib/postgresql/15/bin"))

SMALL_AND_QUICK = {
    "fsync": "off",  # the scratch server's own durability is not what is tested; the repository's is
    "listen_addresses": "",
    "shared_buffers": "16MB",
    "max_connections": 40,
    "max_prepared_transactions": 10,
    "deadlock_timeout": "50ms",
    "autovacuum": "off",
    "log_line_prefix": "%m [%p] ",
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def quoted(value):
    return "'" + str(value).replace("'", "''") + "'"


def is_alive(pid):
    """A process that has ended but was not yet reaped is not alive."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def wait_until(condition, what, timeout_s=60):
    deadline = time.monotonic() + timeout_s
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s for {what() if callable(what) else what}")
        time.sleep(0.02)
    return result


def check_indexes(cluster, *options):
    """pg_amcheck finds every row of every table in its indexes."""
    if not options:
        cluster.sql("CREATE EXTENSION IF NOT EXISTS amcheck")
    done = subprocess.run(
        [BINARIES / "pg_amcheck", "--heapallindexed", "-h", cluster.sockets, "-p", str(cluster.port), "-U", cluster.user,
         *(options or ["postgres"])],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


class Cluster:
    def __init__(self, pgdata, port=None, sockets=None, config_dir=None):
        self.pgdata = Path(pgdata)
        self.port = port or free_port()
        self.sockets = Path(sockets) if sockets else self.pgdata.parent / f"{self.pgdata.name}.s"
        self.config_dir = Path(config_dir) if config_dir else self.pgdata
        self.log = self.pgdata.parent / f"{self.pgdata.name}.log"
        self.user = "postgres"

    # Making one

    @classmethod
    def make(cls, pgdata, *initdb_options, **settings):
        cluster = cls(pgdata)
        cluster.sockets.mkdir(exist_ok=True)
        if "-U" in initdb_options:
            cluster.user = initdb_options[initdb_options.index("-U") + 1]
        subprocess.run(
            [BINARIES / "initdb", "-D", cluster.pgdata, "-k", "-N", "-U", "postgres", "-A", "trust",
             "--locale=C.UTF-8", "--encoding=UTF8", *initdb_options],
            check=True, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        where = {"port": cluster.port, "unix_socket_directories": cluster.sockets}
        cluster.configure(**{**where, **SMALL_AND_QUICK, **settings})
        return cluster

    def make_standby(self, pgdata, restore_command=None, streams=True, **settings):
        """A copy of this running cluster that follows it: as it streams, out of an archive, or both."""
        standby = Cluster(pgdata)
        standby.sockets.mkdir(exist_ok=True)
        subprocess.run(
            [BINARIES / "pg_basebackup", "-D", standby.pgdata, "-X", "stream", "-c", "fast", "-h", self.sockets, "-p", str(self.port),
             "-U", self.user],
            check=True, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        (standby.pgdata / "standby.signal").touch()
        # Streaming begins anew every few hundred milliseconds while it cannot.
        where = {"port": standby.port, "unix_socket_directories": standby.sockets, "wal_retrieve_retry_interval": "100ms"}
        if streams:
            where["primary_conninfo"] = f"host={self.sockets} port={self.port} user={self.user}"
        if restore_command:
            where["restore_command"] = restore_command
        standby.configure(**{**where, **settings})
        return standby

    def make_copy(self, pgdata):
        """Of this stopped cluster: a clone with the same settings but for where it listens."""
        clone = Cluster(pgdata)
        shutil.copytree(self.pgdata, clone.pgdata, symlinks=True)
        clone.sockets.mkdir()
        clone.configure(port=clone.port, unix_socket_directories=clone.sockets)
        return clone

    def configure(self, **settings):
        with open(self.config_dir / "postgresql.conf", "a") as conf:
            conf.writelines(f"{name} = {quoted(value)}\n" for name, value in settings.items())

    def move_configuration_to(self, config_dir):
        """As Debian has it: the configuration outside the data directory, and a line that says where that is."""
        config_dir = Path(config_dir)
        (config_dir / "conf.d").mkdir(parents=True)
        for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf"):
            shutil.move(self.pgdata / name, config_dir / name)
        self.config_dir = config_dir
        self.configure(
            data_directory=self.pgdata, hba_file=config_dir / "pg_hba.conf", ident_file=config_dir / "pg_ident.conf",
            external_pid_file=config_dir / "main.pid",
        )  # fmt: skip
        with open(config_dir / "postgresql.conf", "a") as conf:
            conf.write("include_dir 'conf.d'\n")

    # Running it

    def start(self, timeout_s=60, options=""):
        outcome = subprocess.run(
            [BINARIES / "pg_ctl", "start", "-w", "-t", str(timeout_s), "-D", self.config_dir, "-l", self.log, "-o", options],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s + 10,
        )  # fmt: skip
        assert outcome.returncode == 0, f"{outcome.stdout}{outcome.stderr}\n{self.last_log()}"
        return self

    def stop(self, mode="fast"):
        if self.pid() is None:
            return
        subprocess.run([BINARIES / "pg_ctl", "stop", "-w", "-m", mode, "-D", self.pgdata],
                       check=True, capture_output=True, timeout=90)  # fmt: skip

    def restart(self):
        self.stop()
        return self.start()

    def crash(self):
        """kill -9 of the postmaster: nothing is flushed, nothing is said."""
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        # Until it is reaped its pid is taken, and PostgreSQL would call the directory in use.
        wait_until(lambda: not Path(f"/proc/{pid}").exists(), f"postmaster {pid} to be gone")
        wait_until(lambda: not self._children_alive(), "its backends to be gone")

    def end(self):
        """For clean-up: whatever state it is in, nothing of it runs afterwards."""
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGQUIT)
        wait_until(lambda: not is_alive(pid), f"postmaster {pid} to be gone", timeout_s=20)

    def pid(self):
        try:
            pid = int((self.pgdata / "postmaster.pid").read_text().splitlines()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        return pid if is_alive(pid) else None

    def _children_alive(self):
        """Backends keep the data directory as their working directory."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and is_alive(entry.name):
                try:
                    if (entry / "cwd").resolve() == self.pgdata.resolve():
                        return True
                except (PermissionError, FileNotFoundError):
                    continue
        return False

    def last_log(self, lines=30):
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    # Asking it

    @property
    def conninfo(self):
        return f"host={self.sockets} port={self.port} user={self.user} dbname=postgres"

    def connect(self, autocommit=True, database="postgres"):
        connection = psycopg2.connect(self.conninfo, dbname=database)
        connection.autocommit = autocommit
        return connection

    @contextmanager
    def session(self, autocommit=True, database="postgres"):
        connection = self.connect(autocommit, database)
        try:
            yield connection.cursor()
        finally:
            connection.close()

    def sql(self, statement, *parameters, database="postgres"):
        """The rows, as tuples; nothing for a statement that has none."""
        with self.session(database=database) as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement, *parameters):
        return self.sql(statement, *parameters)[0][0]

    def table(self, name, order="1"):
        return self.sql(f"SELECT * FROM {name} ORDER BY {order}")

    def lsn(self):
        return self.value("SELECT pg_current_wal_lsn()")

    def timeline(self):
        return self.value("SELECT timeline_id FROM pg_control_checkpoint()")

    def replayed(self):
        return self.value("SELECT pg_last_wal_replay_lsn()")

    def catch_up(self, primary):
        """Waits until this standby has replayed what the primary has flushed."""
        return self.replay_to(primary.lsn())

    def replay_to(self, lsn, timeout_s=60):
        wait_until(
            lambda: self.value("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", lsn),
            lambda: f"{self.pgdata.name} to replay up to {lsn}; it is at {self.replayed()}:\n{self.last_log(8)}",
            timeout_s,
        )
        return self

    def promote(self):
        assert self.value("SELECT pg_promote(true, 60)")
        return self

    def switch_wal(self):
        """Ends the segment, and returns its name. A record first: an empty segment is not switched."""
        with self.session() as cursor:
            cursor.execute("SELECT pg_logical_emit_message(false, 'test', 'switch')")
            cursor.execute("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
            name = cursor.fetchone()[0]
            cursor.execute("SELECT pg_switch_wal()")
        return name

    def archive_everything(self, timeout_s=60):
        """Ends the segment and waits until the archiver has handed it over."""
        segment = self.switch_wal()
        pg_wal = self.pgdata / "pg_wal"
        wait_until(
            # PostgreSQL's own mark, until a checkpoint removes it together with the segment.
            lambda: (pg_wal / f"archive_status/{segment}.done").exists() or not (pg_wal / segment).exists(),
            lambda: f"{segment} to be archived; the server's log ends with:\n{self.last_log(8)}",
            timeout_s,
        )
        return segment
