"""The program under test, used as a person or a script would: its command line, its JSON, its exit status."""

import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from harness.cluster import Cluster, free_port
from harness.repositories import Repository

BINARY = Path(os.environ.get("WALKBACK_BINARY", "build/release/walkback"))


@dataclass
class Outcome:
    status: int
    stdout: str
    stderr: str

    @property
    def json(self):
        return json.loads(self.stdout)

    def describe(self):
        return f"exit status {self.status}\nstdout: {self.stdout[-2000:]}\nstderr: {self.stderr[-4000:]}"


@dataclass
class Refusal:
    status: int
    kind: str | None
    message: str
    hint: str

    def says(self, *words):
        """Every one of `words` is in the message or its hint."""
        text = f"{self.message}\n{self.hint}"
        missing = [word for word in words if str(word).lower() not in text.lower()]
        assert not missing, f"no {missing} in:\n{text}"
        return self


class Walkback:
    def __init__(self, config, repository=None, environment=None):
        self.config = Path(config)
        # A path means a directory in plain text.
        self.store = repository if isinstance(repository, Repository) else Repository("file", repository or "/none")
        self.repository = self.store.path
        self.environment = {**self.store.environment, **(environment or {})}

    def at(self, cluster, name, **keys):
        """The same repository, from the host of another of the cluster's servers: a configuration of its own."""
        text = self.config.read_text()
        text = re.sub(r'(?m)^pgdata = .*$', f'pgdata = "{cluster.pgdata}"', text)
        text = re.sub(r'(?m)^conninfo = .*$', f'conninfo = "{cluster.conninfo}"', text)
        for key, value in keys.items():
            text = re.sub(rf'(?m)^# {key} = .*$', f'{key} = "{value}"', text)
        config = self.config.with_name(f"{name}.toml")
        config.write_text(text)
        return Walkback(config, self.store, self.environment)

    # Running it

    def command(self, *arguments, as_json=True):
        return [str(part) for part in (BINARY, "--config", self.config, *(["--json"] if as_json else []), *arguments)]

    def run(self, *arguments, as_json=True, timeout_s=180, environment=None, cwd=None):
        done = subprocess.run(
            self.command(*arguments, as_json=as_json), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=timeout_s, env={**os.environ, **self.environment, **(environment or {})}, cwd=cwd,
        )  # fmt: skip
        return Outcome(done.returncode, done.stdout, done.stderr)

    def done(self, *arguments, **options):
        """It succeeds, and says this as JSON."""
        outcome = self.run(*arguments, **options)
        assert outcome.status == 0, f"walkback {' '.join(map(str, arguments))}: {outcome.describe()}"
        return outcome.json if outcome.stdout.strip().startswith("{") else {}

    def refused(self, *arguments, status=None, **options):
        """It fails, and says so as it promises: two lines on stderr, the same as JSON on stdout, a status."""
        outcome = self.run(*arguments, **options)
        what = f"walkback {' '.join(map(str, arguments))}: {outcome.describe()}"
        assert outcome.status > 0, f"not refused: {what}"
        if status is not None:
            assert outcome.status == status, what
        lines = outcome.stderr.splitlines()
        error = [line for line in lines if line.startswith("error: ")]
        # A warning before it may have a hint of its own.
        after = lines[lines.index(error[-1]) + 1 :] if error else []
        hint = [line for line in after if line.startswith("hint: ")]
        assert len(error) == 1 and len(hint) == 1, f"not one error: and one hint: line: {what}"
        assert "terminate called" not in outcome.stderr, what
        kind = None
        if outcome.stdout.strip():
            said = outcome.json["error"]
            kind = said["kind"]
            assert error[0] == f"error: {said['message']}", what
            assert hint[0] == f"hint: {said['hint']}", what
        return Refusal(outcome.status, kind, error[0], hint[0])

    def start(self, *arguments, as_json=True):
        """In the background, in a process group of its own."""
        return subprocess.Popen(
            self.command(*arguments, as_json=as_json), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True, env={**os.environ, **self.environment},
        )  # fmt: skip

    def killed(self, *arguments, after_s):
        """kill -9 after a while. The exit status, when the command was quicker than that; else None."""
        process = self.start(*arguments)
        try:
            process.wait(timeout=after_s)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        return None if process.returncode == -signal.SIGKILL else process.returncode

    def timed(self, *arguments):
        """How long it takes, in seconds."""
        started = time.monotonic()
        self.done(*arguments)
        return time.monotonic() - started

    # Its commands

    def init(self, cluster, *options, apply=True):
        return self.done(*self.init_arguments(cluster, *(["--apply"] if apply else []), *options))

    def init_arguments(self, cluster, *options):
        """For those who expect a refusal."""
        where = ["--pgdata", cluster.pgdata, "--repository", self.store.url, "--conninfo", cluster.conninfo]
        return ["init", *where, *self.store.options, *options]

    def protect(self, cluster):
        """init --apply, the restart it asks for, and a first segment in the archive."""
        self.init(cluster)
        cluster.restart()
        cluster.archive_everything()
        return self

    def backup(self, *options):
        return self.done("backup", *options)["backup"]

    def backups(self):
        return self.done("list")["backups"]

    def recover(self, *target, into, port=None, environment=None, **options):
        """The recovered copy, as a cluster, and what the command said in `copy.report`."""
        flags = [str(part) for part in target]
        for name, value in options.items():
            flags += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
        report = self.done("recover", *flags, "--into", into, "--port", port or free_port(), environment=environment)
        copy = Cluster(report["data_directory"], port=report["port"], sockets=report.get("socket_directory"))
        copy.report = report
        return copy

    def push(self, path, **options):
        return self.run("wal-push", path, **options)

    def get(self, name, path, **options):
        return self.run("wal-get", name, path, **options)

    # Its repository, with stock tools only

    def stored_segment(self, name):
        """The object of a WAL segment; nothing when there is none."""
        found = [key for key in self.store.snapshot() if re.fullmatch(rf"clusters/.*/wal/.*/{name}\.zst(\.age)?", key)]
        assert len(found) <= 1, found
        return self.store.fetched(found[0]) if found else None

    def packs(self):
        return sorted(path for path in self.repository.glob("clusters/*/*/packs/**/*.zst*") if path.is_file())

    def manifests(self):
        """The oldest first. Of two that began in one second the names say nothing of which came first."""
        manifests = [path for path in self.repository.glob("clusters/*/*/backups/*/manifest*") if path.is_file()]
        return sorted(manifests, key=lambda path: (path.parent.name.partition("-")[0], path.stat().st_mtime_ns))


def unzstd(path):
    return subprocess.run(["zstd", "-d", "-q", "-c", path], check=True, capture_output=True, timeout=60).stdout
