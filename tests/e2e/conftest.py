"""Each test has a directory of its own under /tmp, short enough for a Unix socket's path, and a seed."""

import fcntl
import os
import random
import shutil
import tempfile
from pathlib import Path

import pytest

from harness import on_demand
from harness.cluster import Cluster
from harness.inbox import Inbox, MailServer
from harness.repositories import Gateway, Repository
from harness.walkback import Walkback

SEED = os.environ.get("WALKBACK_SEED") or "1"


@pytest.fixture
def seed(request):
    """A number for this test and this run; the run's seed is printed by ./dev test."""
    return f"{SEED}/{request.node.name}"


@pytest.fixture
def chance(seed):
    return random.Random(seed)


@pytest.fixture
def run_directory(request):
    """Memory, but for a test that asks for a disk by @pytest.mark.parametrize("run_directory", ["disk"], indirect=True)."""
    disk = os.environ.get("WALKBACK_RUN_DIR", "/tmp")
    wanted = getattr(request, "param", "memory")
    return (os.environ.get("WALKBACK_MEMORY") or disk) if wanted == "memory" else disk


@pytest.fixture
def place(run_directory):
    """The test's directory. What runs in it when the test is over is ended."""
    path = Path(tempfile.mkdtemp(prefix="t", dir=run_directory))
    yield path
    end_servers_in(path)
    if not os.environ.get("WALKBACK_KEEP"):
        for directory, _, _ in os.walk(path):
            os.chmod(directory, 0o700)
        shutil.rmtree(path, ignore_errors=True)


def end_servers_in(path):
    for pid_file in path.rglob("postmaster.pid"):
        Cluster(pid_file.parent).end()


@pytest.fixture
def small_disk():
    """A directory on a disk of 40 MiB, for one test at a time. Named before what runs in it, it outlives that."""
    disk = os.environ.get("WALKBACK_SMALL_DISK")
    if not disk:
        pytest.skip("no small disk: mounting one needs root")
    with open(Path(disk) / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = Path(tempfile.mkdtemp(dir=disk))
        yield path
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def make_cluster(place):
    def make(name="pg", *initdb_options, **settings):
        return Cluster.make(place / name, *initdb_options, **settings)

    return make


def pytest_generate_tests(metafunc):
    """A module's REPOSITORIES are the kinds it runs with, one after another; without, a plain directory."""
    if "repository_kind" in metafunc.fixturenames:
        metafunc.parametrize("repository_kind", getattr(metafunc.module, "REPOSITORIES", ("file",)))


@pytest.fixture(scope="session")
def gateway(tmp_path_factory):
    """Started by the first test that needs an S3 server."""
    directory = tempfile.mkdtemp(prefix="s3", dir=os.environ.get("WALKBACK_RUN_DIR", "/tmp"))
    server = Gateway(directory)
    yield server
    server.stop()


@pytest.fixture
def make_walkback(place, repository_kind, request, monkeypatch):
    made = []

    def make(name="wb", repository=None):
        store = repository
        if store is None:
            gateway = request.getfixturevalue("gateway") if repository_kind.startswith("s3") else None
            store = Repository(repository_kind, place / f"{name}.repo", gateway)
            made.append(store)
            # The test's servers inherit them for their archive_command.
            for variable, value in store.environment.items():
                if not variable.startswith("WALKBACK_"):
                    monkeypatch.setenv(variable, value)
        return Walkback(place / f"{name}.toml", store)

    yield make
    for store in made:
        store.stop()


@pytest.fixture
def production(make_cluster, make_walkback):
    """A running cluster that keeps its WAL, so that pg_waldump can be asked afterwards."""
    return make_cluster("pg", wal_keep_size="4GB").start()


@pytest.fixture
def wb(make_walkback, production):
    """walkback set up for `production`: archiving, no backup yet."""
    return make_walkback().protect(production)


@pytest.fixture
def fuse():
    """For what is of no use without: skipped where this user may not mount."""
    if reason := on_demand.why_not():
        pytest.skip(reason)


@pytest.fixture
def inbox():
    server = Inbox()
    yield server
    server.stop()


@pytest.fixture
def mail_server(place):
    server = MailServer(place / "mail")
    yield server
    server.stop()
