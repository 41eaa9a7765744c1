"""Retention: what no rule keeps goes; what a rule, a pin or a running command needs stays, whoever prunes."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness.cluster import Cluster, free_port, wait_until
from harness.history import Clock

REPOSITORIES = ("file-age",)


class Story:
    """A table that grows, and how many rows it had at each moment."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.moments = []
        cluster.sql("CREATE TABLE story (n int, filler text)")
        cluster.sql("CREATE TABLE ticks (at timestamptz DEFAULT now())")

    def go_on(self, commits=3, rows=2000):
        for _ in range(commits):
            self.cluster.sql(f"INSERT INTO story SELECT g, repeat('x', 200) FROM generate_series(1, {rows}) g")
            rows_now = self.cluster.value("SELECT count(*) FROM story")
            time.sleep(0.3)
            self.moments.append((self.cluster.value("SELECT now()::text"), rows_now, time.time()))
            time.sleep(0.3)
            self.cluster.switch_wal()
        # A later commit proves that nothing lies between the last moment and it.
        self.cluster.sql("INSERT INTO ticks DEFAULT VALUES")
        self.cluster.archive_everything()


@pytest.fixture
def story(production, wb):
    return Story(production)


def prune(wb, *options, **rules):
    # A backup that ended within the window does not begin it.
    if rules.get("window") == "1 second":
        time.sleep(1.2)
    rules = {f"WALKBACK_RETENTION_{name.upper()}": str(value) for name, value in rules.items()}
    return wb.done("prune", *options, environment=rules)["lineages"][-1]


def kept(report):
    return [backup["id"] for backup in report["backups"] if backup["keep"]]


def leases(wb):
    return list(wb.repository.glob("clusters/*/leases/*.json"))


def claims(wb):
    found = []
    for path in leases(wb):
        try:
            found.append(json.loads(path.read_text()))
        except FileNotFoundError:  # renewed just now
            pass
    return found


def packs_named(wb):
    """By the summaries there are, as file names without their ending."""
    named = set()
    for path in wb.repository.glob("clusters/*/*/backups/*/summary.json"):
        named.update(json.loads(path.read_text())["packs"])
    return named


def packs_there(wb):
    return {f"{path.parents[1].name}/{path.name.split('.')[0]}" for path in wb.repository.glob("clusters/*/*/*/??/*.zst*")
            if path.parents[1].name in ("packs", "maps")}  # fmt: skip


def bytes_of(wb, *kinds):
    return sum(path.stat().st_size for kind in kinds for path in wb.repository.glob(f"clusters/*/*/{kind}/??/*.zst*"))


def test_every_moment_of_the_window_stays_recoverable_and_what_lies_before_it_goes(story, wb, place):
    first = wb.backup()
    story.go_on()
    second = wb.backup()
    story.go_on()
    third = wb.backup()
    story.go_on()
    # The window begins within the second stretch, so the second backup is needed.
    begin = story.moments[4][2]

    def window():
        return f"{int(time.time() - begin)} seconds"

    rehearsal = prune(wb, "--dry-run", window=window())
    assert {backup["id"] for backup in wb.backups()} == {first["id"], second["id"], third["id"]}
    # The host alone has no owner's key.
    keys = list(place.glob("*owner*")) + list(place.glob("*.owner.key"))
    for key in set(keys):
        key.rename(key.with_name(key.name + ".away"))
    report = prune(wb, window=window())
    for key in set(keys):
        key.with_name(key.name + ".away").rename(key)
    assert kept(report) == kept(rehearsal) == [second["id"], third["id"]]
    assert report["segments_removed"] == rehearsal["segments_removed"] > 0
    assert packs_there(wb) == packs_named(wb)
    # What the first stored and the second still needs is counted.
    listed = wb.done("list")
    assert listed["bytes_stored"] == bytes_of(wb, "packs", "maps") + listed["wal"]["bytes_stored"]
    assert not leases(wb)
    for moment, _, at in story.moments[4:]:
        assert wb.done("plan", "--to", moment)["plan"], (moment, at)
    wb.refused("plan", "--to", story.moments[0][0], status=3)
    moment, rows, _ = story.moments[4]
    copy = wb.recover("--to", moment, into=place / "copy")
    assert copy.value("SELECT count(*) FROM story") == rows
    # An incremental backup builds on what was kept.
    assert wb.backup()["type"] == "incremental"
    assert wb.done("history")["events"][-2]["kind"] in ("prune", "recover")


def test_without_a_rule_nothing_but_garbage_goes(story, wb):
    wb.backup()
    story.go_on()
    wb.backup("--full")

    # The archiver brings a backup's history file when it gets to it.
    def there():
        return {name for name in wb.store.snapshot() if "/events/" not in name and ".backup." not in name}

    before = there()
    report = prune(wb)
    assert len(kept(report)) == 2
    assert there() == before


def test_a_pin_keeps_a_backup_with_the_wal_that_makes_it_consistent(story, wb, place):
    first = wb.backup()
    rows = story.cluster.value("SELECT count(*) FROM story")
    story.go_on()
    wb.backup()
    wb.done("keep", first["id"])
    wb.refused("keep", "20200101T000000Z-0000", status=1)
    report = prune(wb, count="1")
    assert first["id"] in kept(report)
    assert any("pinned" in reason for reason in report["backups"][0]["reasons"])
    wb.refused("plan", "--to", story.moments[0][0], status=3)
    wb.done("keep", first["id"], "--release")
    assert first["id"] not in kept(prune(wb, count="1"))
    assert rows == 0


def a_moment_of_a_backup_that_no_rule_keeps(story, wb):
    """The backup, and the moment with its rows; a full one came since."""
    first = wb.backup()
    story.go_on(commits=8, rows=20_000)
    wb.backup("--full")
    story.go_on(commits=1)
    moment, rows, _ = story.moments[7]
    return first, moment, rows


def assert_is_in_use(report, backup):
    in_use = next(each for each in report["backups"] if each["id"] == backup["id"])
    assert any("in use by recover" in reason for reason in in_use["reasons"]), report


def assert_recovered(recovery, backup, rows):
    out, err = recovery.communicate(timeout=180)
    assert recovery.returncode == 0, err
    recovered = json.loads(out)
    assert recovered["backup"] == backup["id"]
    copy = Cluster(recovered["data_directory"], port=recovered["port"], sockets=recovered["socket_directory"])
    assert copy.value("SELECT count(*) FROM story") == rows


def test_a_recovery_that_runs_while_prune_removes_all_it_can_ends_right(story, wb, place):
    first, moment, rows = a_moment_of_a_backup_that_no_rule_keeps(story, wb)
    into, port = place / "copy", free_port()
    recovery = wb.start("recover", "--to", moment, "--into", into, "--port", port)
    wait_until(lambda: any(claim["kind"] == "read" for claim in claims(wb)), "the recovery's lease")
    assert_is_in_use(prune(wb, count=1), first)
    assert_recovered(recovery, first, rows)
    # Now nobody reads it.
    assert first["id"] not in kept(prune(wb, count=1))


def on_another_host(command):
    """With a name and process numbers of its own: of who runs here it knows what the repository says."""
    elsewhere = ["unshare", "--user", "--map-root-user", "--uts", "--pid", "--fork", "--mount-proc", "sh", "-c",
                 f'hostname elsewhere && exec unshare --user --map-user={os.getuid()} "$@"', "sh"]  # fmt: skip
    tried = subprocess.run([*elsewhere, "hostname"], capture_output=True, text=True)
    if tried.stdout.strip() != "elsewhere":
        pytest.skip(f"this user may not have namespaces of his own: {tried.stderr.strip()}")
    return [*elsewhere, *command]


def startup_process(pgdata):
    """Of a server that replays; nothing until there is one."""
    try:
        postmaster = (pgdata / "postmaster.pid").read_text().split()[0]
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        return next((int(pid) for pid in children if b"startup recovering" in Path(f"/proc/{pid}/cmdline").read_bytes()), None)
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return None


def test_a_prune_on_another_host_takes_nothing_from_under_a_recovery(story, wb, place):
    first, moment, rows = a_moment_of_a_backup_that_no_rule_keeps(story, wb)
    into = place / "copy"
    recovery = wb.start("recover", "--to", moment, "--into", into, "--port", free_port())
    # In the middle of its replay for as long as it is needed: the lease is renewed meanwhile.
    startup = wait_until(lambda: startup_process(into), lambda: f"the copy to replay: {recovery.poll()}")
    os.kill(startup, signal.SIGSTOP)
    try:
        clock = Clock(place / "elsewhere")
        clock.set(7200)
        there = subprocess.run(
            on_another_host(wb.command("prune")), capture_output=True, text=True, timeout=120,
            env={**os.environ, **wb.environment, **clock.environment, "WALKBACK_RETENTION_COUNT": "1"},
        )  # fmt: skip
    finally:
        os.kill(startup, signal.SIGCONT)
    assert there.returncode == 0, there.stderr
    assert_is_in_use(json.loads(there.stdout)["lineages"][-1], first)
    assert_recovered(recovery, first, rows)
    # Once it has ended, that host removes it.
    again = subprocess.run(
        on_another_host(wb.command("prune")), capture_output=True, text=True, timeout=120,
        env={**os.environ, **wb.environment, "WALKBACK_RETENTION_COUNT": "1"},
    )  # fmt: skip
    assert again.returncode == 0 and first["id"] not in kept(json.loads(again.stdout)["lineages"][-1]), again.stderr


def test_an_incremental_that_runs_keeps_its_parent(story, wb, place):
    story.go_on(commits=2, rows=50_000)
    parent = wb.backup()
    story.go_on(commits=2, rows=50_000)
    running = wb.start("backup")
    wait_until(lambda: any(claim["backup"] == parent["id"] for claim in claims(wb)), "its lease on the parent")
    report = prune(wb, count=1)
    out, err = running.communicate(timeout=180)
    assert running.returncode == 0, err
    assert json.loads(out)["backup"]["type"] == "incremental"
    assert parent["id"] in kept(report)
    # Alone it is complete, whatever goes.
    prune(wb, window="1 second")
    assert packs_there(wb) == packs_named(wb)
    copy = wb.recover("--latest", into=place / "copy")
    assert copy.value("SELECT count(*) FROM story") == story.moments[-1][1]


def test_what_killed_backups_left_goes(story, wb):
    wb.backup()
    story.go_on(commits=2, rows=50_000)
    running = wb.start("backup", "--full")
    wait_until(lambda: claims(wb) and packs_there(wb) - packs_named(wb), "its first pack")
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    assert leases(wb)
    # Its process ended on this very host: nothing is waited for.
    began = time.monotonic()
    prune(wb)
    assert time.monotonic() - began < 60
    assert packs_there(wb) == packs_named(wb)
    assert not leases(wb)
    wb.done("check")


@pytest.mark.parametrize("rule", ["14 dys", "0 days", "-1 days"])
def test_a_rule_that_cannot_be_meant_is_refused(story, wb, rule):
    wb.refused("prune", environment={"WALKBACK_RETENTION_WINDOW": rule}, status=2).says("WALKBACK_RETENTION_WINDOW")
