"""A scratch server that a command kept, for as long as somebody looks at it."""

import subprocess
from pathlib import Path

from harness.cluster import BINARIES


class KeptServer:
    def __init__(self, root):
        self.root = Path(root)

    def __enter__(self):
        self._pg_ctl("-w", "-l", self.root / "log", "start")
        return self

    def __exit__(self, *_):
        self._pg_ctl("-m", "fast", "stop")

    @property
    def sockets(self):
        return (self.root / "data/postmaster.pid").read_text().splitlines()[4]

    def _pg_ctl(self, *arguments):
        command = [BINARIES / "pg_ctl", "-D", self.root / "data", *arguments]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60)

    def ask(self, sql, database="postgres"):
        command = [BINARIES / "psql", "-X", "-h", self.sockets, "-p", "5432", "-U", "postgres", "-d", database, "-Atc", sql]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
