"""The agent keeps the schedule of a real server: unattended, killed, asked to end, and beside another one."""

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from harness.cluster import is_alive, wait_until
from harness.health import HEALTHY, Status, ask_for_no_drill
from harness.inbox import Inbox

EVERY_MINUTE = "* * * * *"
DAY = 86400
MEMORY_KB = 64 * 1024


def schedule(wb, **keys):
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in {"zone": "UTC", **keys}.items())
    text = wb.config.read_text()
    assert "\n[schedule]\n" in text
    wb.config.write_text(text.replace("\n[schedule]\n", f"\n[schedule]\n{lines}"))


def drills_in(wb, directory):
    directory.mkdir()
    wb.config.write_text(wb.config.read_text().replace('# directory = ""', f'directory = "{directory}"'))


def events(wb, kind=None):
    return [event for event in wb.done("history")["events"] if kind in (None, event["kind"]) and event["kind"] != "init"]


def outcomes(wb, kind):
    return [event["outcome"] for event in events(wb, kind)]


def claims(wb):
    return sorted(path.name for path in wb.repository.glob("clusters/*/claims/*/*.json"))


class Clock:
    """For walkback and what it starts; the server lives in the present. It was half past an hour when the test began,
    so no hourly run comes due between two steps of it."""

    def __init__(self):
        self.half_past_s = int((1800 - time.time()) % 3600)

    def at(self, days=0, seconds=0):
        library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
        offset = f"+{self.half_past_s + days * DAY + seconds}"
        return {"LD_PRELOAD": str(library), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@pytest.fixture
def clock():
    return Clock()


def processes_of(wb):
    """Of the program, with this configuration."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and is_alive(entry.name):
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if command[0].endswith("walkback") and str(wb.config) in command and "wal-push" not in command:
                found.append((int(entry.name), command))
    return found


class Agent:
    """In the background."""

    def __init__(self, wb):
        self.wb = wb
        self.log = wb.config.with_name(f"agent{time.monotonic_ns()}.log")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                wb.command("agent", as_json=False), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, **wb.environment},
            )  # fmt: skip

    @property
    def said(self):
        return self.log.read_text()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def memory_kb(self):
        return int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())[1])


@pytest.fixture
def start_agent():
    started = []

    def start(wb):
        started.append(Agent(wb))
        return started[-1]

    yield start
    for agent in started:
        if agent.process.poll() is None:
            agent.kill()


def once(wb, environment=None):
    return wb.run("agent", "--once", environment=environment)


def test_what_is_due_is_run_once_and_missed_runs_are_caught_up_with(production, wb, place, clock):
    drills_in(wb, place / "drills")
    first = once(wb, clock.at())
    assert first.status == 0, first.describe()
    # "missed", where an hour began since the repository did.
    assert [ran["job"] for ran in first.json["ran"]] == ["backup"] and first.json["ran"][0]["reason"] in ("first", "missed")
    assert first.json["next_at"].endswith(":00:00Z") and first.json["left"] == []
    assert once(wb, clock.at()).json["ran"] == [] and claims(wb) == []

    # A month of downtime: each job once, in order.
    missed = once(wb, clock.at(days=32))
    assert missed.status == 0, missed.describe()
    assert [(ran["job"], ran["reason"]) for ran in missed.json["ran"]] == [
        ("backup", "missed"), ("prune", "missed"), ("verify", "missed"), ("drill", "missed"),
    ]  # fmt: skip
    assert once(wb, clock.at(days=32, seconds=60)).json["ran"] == []
    assert [event["outcome"] for event in events(wb)] == ["done"] * 5
    assert "another agent" not in wb.run("agent", "--once", as_json=False).stdout


def test_failures_are_attempts_and_told(production, wb, place, clock):
    inbox = Inbox()
    try:
        text = wb.config.read_text().replace("\n[alert]\n", f'\n[alert]\nslack_url = "{inbox.url}/slack"\n')
        wb.config.write_text(text)
        wb.config.chmod(0o600)
        bad = once(wb, {**clock.at(), "WALKBACK_POSTGRESQL_CONNINFO": "host=/nowhere"})
        assert bad.status == 1 and bad.json["health"] == "critical", bad.describe()
        assert bad.json["ran"][0]["exit_status"] == 1 and outcomes(wb, "backup") == ["failed"]
        assert inbox.sent("/slack")[0]["text"].startswith("CRITICAL")
        # Not again at once; a minute later it is a retry.
        assert once(wb, clock.at()).json["ran"] == []
        again = once(wb, clock.at(seconds=61))
        assert again.status == 0 and outcomes(wb, "backup") == ["failed", "done"], again.describe()
    finally:
        inbox.stop()

    # What cannot even begin is in the history, too, and a repository that is away is said.
    refused = place / "refused"
    drills_in(wb, refused)
    refused.chmod(0)
    outcome = once(wb, clock.at(days=32))
    assert outcome.status == 1 and outcomes(wb, "drill") == ["failed"], outcome.describe()
    assert "before it began" in events(wb, "drill")[0]["error"]
    refused.chmod(0o700)
    wb.repository.rename(place / "away")
    wb.refused("agent", "--once", status=1).says("repository")
    (place / "away").rename(wb.repository)


def test_of_agents_at_once_one_does_the_work(production, wb, clock):
    for day in range(1, 4):
        agents = []
        for _ in range(4):
            agents.append(
                subprocess.Popen(
                    wb.command("agent", "--once"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                    env={**os.environ, **clock.at(days=2 * day)},
                )  # fmt: skip
            )
        said = [(agent.communicate(timeout=120), agent.returncode) for agent in agents]
        assert all(status == 0 for _, status in said), said
        ran = [job["job"] for (out, _), _ in said for job in json.loads(out)["ran"]]
        assert sorted(ran) == ["backup", "prune", "verify"], said
        for kind in ("backup", "prune", "verify"):
            assert outcomes(wb, kind) == ["done"] * day, events(wb)
    assert claims(wb) == []


def test_asked_to_end_it_interrupts_what_runs(production, wb, start_agent):
    # The archiver stands still, so the backup waits for its WAL.
    archiver = production.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'archiver'")
    os.kill(archiver, signal.SIGSTOP)
    try:
        for signal_number, wanted in ((signal.SIGTERM, ["failed"]), (signal.SIGKILL, ["failed", "killed"])):
            before = len(events(wb, "backup"))
            agent = start_agent(wb)
            wait_until(lambda: outcomes(wb, "backup")[before:] == ["no_end"], lambda: f"a backup: {agent.said}", timeout_s=90)
            agent.process.send_signal(signal_number)
            agent.process.wait(timeout=30)
            # Killed, the kernel ends its child.
            wait_until(lambda: processes_of(wb) == [], "its job to end", timeout_s=30)
            assert outcomes(wb, "backup")[before] in wanted and len(outcomes(wb, "backup")) == before + 1, agent.said
            if signal_number == signal.SIGTERM:
                assert agent.process.returncode == 0 and claims(wb) == []
                assert "the agent has ended" in agent.said
    finally:
        os.kill(archiver, signal.SIGCONT)


def test_killed_three_times_it_ends_healthy_with_nothing_lost(production, wb, place, chance, start_agent):
    ask_for_no_drill(wb)
    drills_in(wb, place / "drills")
    schedule(wb, backup=EVERY_MINUTE, prune=EVERY_MINUTE, verify=EVERY_MINUTE, drill=EVERY_MINUTE)
    production.sql("CREATE TABLE payments (id int, note text)")
    paid = 0

    def pay():
        nonlocal paid
        paid += 1
        production.sql("INSERT INTO payments SELECT %s, repeat('x', 500) FROM generate_series(1, 20)", paid)

    def live(seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pay()
            time.sleep(0.1)

    # An hour in `./dev soak agent`, a third of it between kills.
    lifetime = float(os.environ.get("WALKBACK_AGENT_SECONDS", "36"))
    began = time.monotonic()
    for _ in range(3):
        agent = start_agent(wb)
        live(chance.uniform(0.3, lifetime / 3))
        agent.kill()

    agent = start_agent(wb)
    live(began + lifetime - time.monotonic())
    deadline = time.monotonic() + 140
    done = lambda: outcomes(wb, "backup").count("done") >= 2 and outcomes(wb, "drill").count("done") >= 1 and outcomes(wb, "verify").count("done") >= 1
    while not done():
        assert time.monotonic() < deadline, f"{events(wb)}\n{agent.said}"
        live(1)
    assert agent.memory_kb() < MEMORY_KB
    assert agent.end() == 0, agent.said
    wait_until(lambda: processes_of(wb) == [], "all of it to end")
    assert list((place / "drills").iterdir()) == []
    assert len(claims(wb)) <= 1, "of one that was killed while its job ended"

    production.archive_everything()
    status = Status(wb)
    assert status.outcome.status == HEALTHY, status.outcome.describe()
    copy = wb.recover("--latest", into=place / "copy")
    assert copy.sql("SELECT count(*), max(id) FROM payments") == [(paid * 20, paid)]


def test_two_that_stay_do_the_work_of_one(production, wb, start_agent):
    schedule(wb, backup=EVERY_MINUTE, prune=EVERY_MINUTE)
    agents = [start_agent(wb), start_agent(wb)]
    # The first backup, and the next two minutes.
    enough = lambda: outcomes(wb, "backup").count("done") >= 3 and outcomes(wb, "prune").count("done") >= 2
    wait_until(enough, lambda: f"{events(wb)}\n{agents[0].said}\n{agents[1].said}", timeout_s=170)
    assert [agent.end() for agent in agents] == [0, 0]
    begun = [re.findall(r"(?:backup|prune) begins \((\w+)\)", agent.said) for agent in agents]
    assert sum(map(len, begun)) == len(events(wb)), f"{events(wb)}\n{begun}"
    for kind in ("backup", "prune"):
        minutes = [event["started_at"][:16] for event in events(wb, kind)][1:]
        assert len(minutes) == len(set(minutes)) and set(outcomes(wb, kind)) == {"done"}, events(wb)
    assert claims(wb) == []


def test_a_server_that_is_down_is_waited_for(production, wb, start_agent):
    production.stop()
    agent = start_agent(wb)
    wait_until(lambda: "failed" in outcomes(wb, "backup"), lambda: f"an attempt: {agent.said}")
    production.start()
    wait_until(lambda: outcomes(wb, "backup")[-1] == "done", lambda: f"a backup: {agent.said}", timeout_s=120)
    assert agent.end() == 0, agent.said


def test_a_port_that_is_taken_keeps_it_from_nothing_else(production, wb, start_agent):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        wb.environment["WALKBACK_METRICS_LISTEN"] = address
        agent = start_agent(wb)
        wait_until(lambda: "done" in outcomes(wb, "backup"), lambda: f"a backup: {agent.said}")
        assert f"metrics: {address} is taken" in agent.said, agent.said

    def answers():
        try:
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
                return b"walkback_health_state" in answer.read()
        except OSError:
            return False

    wait_until(answers, lambda: f"figures: {agent.said}", timeout_s=120)
    assert agent.end() == 0, agent.said


def test_an_objective_makes_a_backup_when_replay_would_take_longer(production, wb, place):
    production.sql("CREATE TABLE payments (id int, note text)")
    pay = lambda rows: production.sql("INSERT INTO payments SELECT g, repeat('x', 500) FROM generate_series(1, %s) g", rows)
    wb.backup()
    drills_in(wb, place / "drills")
    pay(20000)
    production.archive_everything()
    wb.done("drill")
    measured = events(wb, "drill")[-1]["drill"]
    took = measured["timings"]
    rate = measured["wal_bytes"] / took["replay_s"]
    # What lies there now is within it, and a little more is not.
    since = measured["wal_bytes"] + (48 << 20)
    objective_s = max(round(since / rate), int(took["restore_s"]) + 2)
    schedule(wb, backup="0 0 1 1 *", verify="never", prune="never", drill="never", recovery_time_objective=f"{objective_s} seconds")
    assert once(wb).json["ran"] == []

    before = production.lsn()
    while production.value("SELECT pg_current_wal_lsn() - %s::pg_lsn", str(before)) < 1.3 * objective_s * rate:
        pay(20000)
    outcome = once(wb)
    assert [(ran["job"], ran["reason"]) for ran in outcome.json["ran"]] == [("backup", "objective")], outcome.describe()
    assert [backup["type"] for backup in wb.backups()] == ["full", "incremental"]
    assert once(wb).json["ran"] == []
