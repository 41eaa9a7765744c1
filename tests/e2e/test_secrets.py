"""Planted secrets turn up nowhere: not in what is printed, in logs, in `ps`, or in what is stored in plain text."""

import re
import threading
from pathlib import Path

import pytest

REPOSITORIES = ("s3-age",)
PASSWORD = "hunter2-planted"


@pytest.fixture
def protected(production, make_walkback):
    """As `wb`, with a password in the connection's string."""
    wb = make_walkback()
    wb.done("init", "--pgdata", production.pgdata, "--repository", wb.store.url, "--conninfo",
            f"{production.conninfo} password={PASSWORD}", "--apply")  # fmt: skip
    production.restart()
    production.archive_everything()
    return wb


class Watcher:
    """Every command line on this host, until it is told to stop."""

    def __init__(self):
        self.seen = set()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.stopped.wait(0.005):
            for line in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(line.read_bytes())
                except OSError:
                    pass

    def stop(self):
        self.stopped.set()
        self.thread.join()
        return self.seen


def test_planted_secrets_turn_up_nowhere(production, protected, place):
    wb = protected
    owner, host = (wb.config.with_suffix(f".{whose}.key").read_text() for whose in ("owner", "host"))
    secrets = {
        "the password": PASSWORD,
        "the bucket's secret key": wb.store.gateway.variables["AWS_SECRET_ACCESS_KEY"],
        "the owner's private key": re.search(r"AGE-SECRET-KEY-1\w+", owner)[0],
        "the host's private key": re.search(r"AGE-SECRET-KEY-1\w+", host)[0],
        "the signing key": re.search(r"WALKBACK-SIGNING-KEY-1\w+", host)[0],
    }
    watcher = Watcher()
    said = []

    def run(*arguments, **options):
        outcome = wb.run("--verbose", *arguments, **options)
        said.append(f"{arguments[0]}: {outcome.stdout}{outcome.stderr}")
        return outcome

    production.sql("CREATE TABLE payments AS SELECT g AS id FROM generate_series(1, 1000) g")
    assert run("backup").status == 0
    production.archive_everything()
    assert run("recover", "--latest", "--into", place / "copy").status == 0
    for command in (["list"], ["history"], ["plan", "--latest"], ["check", "--no-proof"], ["key", "list"]):
        assert run(*command).status == 0
        run(*command, as_json=False)
    # What fails says more than what goes well.
    wrong = secrets["the owner's private key"]
    assert run("key", "add", wrong).status != 0
    assert run("init", "--pgdata", production.pgdata, "--repository", wb.store.url, "--recipient", wrong).status != 0
    assert run("list", environment={"AWS_SECRET_ACCESS_KEY": "wrong"}).status != 0
    assert run("list", environment={"WALKBACK_ENCRYPTION_RECIPIENTS": wrong}).status != 0
    assert run("backup", environment={"WALKBACK_POSTGRESQL_CONNINFO": f"host=/nowhere password={PASSWORD}"}).status != 0
    config = wb.config.read_text()
    wb.config.write_text(config.replace("[postgresql]", "[postgresql"))
    assert run("list").status != 0
    wb.config.write_text(f"{config}\n[postgresql]\n")
    assert run("list").status != 0
    wb.config.write_text(config)

    # Tests beside this one hand the same key to their servers and clients (radosgw-admin, s3cmd, curl).
    lines = [line for line in watcher.stop() if re.match(rb"(\S*/)?(walkback|sh|postgres|pg_\w+)\x00", line)]
    # The commands that were given a secret as an argument are the user's own doing.
    lines = [line for line in lines if wrong.encode() not in line]
    plain = [wb.store.fetched(name).read_bytes() for name in wb.store.snapshot()]
    logs = [path.read_bytes() for path in place.rglob("*.log") if path.is_file()]
    assert lines and plain and logs
    for name, secret in secrets.items():
        for text in said:
            assert secret not in text, f"{name} in {text.replace(secret, '***')[:2000]}"
        for found in (*lines, *plain, *logs):
            assert secret.encode() not in found, f"{name} in {found.replace(secret.encode(), b'***')[:500]}"
