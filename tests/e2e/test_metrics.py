"""`metrics` says to Prometheus what `status` says to people: read by the real promtool, scraped by a real Prometheus."""

import http.server
import json
import os
import re
import subprocess
import threading
import urllib.parse
import urllib.request
from functools import partial
from pathlib import Path

import pytest

from harness.cluster import free_port, wait_until
from harness.health import HEALTHY, Status, ask_for_no_drill

PROMETHEUS = Path(os.environ.get("WALKBACK_PROMETHEUS", "/usr/bin"))
SAMPLE = re.compile(r'^(\w+)\{cluster="main"(?:,(.*))?\} (\S+)$')


class Metrics:
    """One answer, by name and by the labels beside the cluster's."""

    def __init__(self, text):
        self.text = text
        self.samples = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                name, labels, value = SAMPLE.match(line).groups()
                self.samples[name, labels or ""] = float(value)

    def __getitem__(self, name):
        return self.samples[name, ""]

    @property
    def names(self):
        return {name for name, _ in self.samples}


@pytest.fixture
def contrib():
    return Path(__file__).parents[2] / "contrib" / "prometheus"


def metrics(wb):
    done = wb.run("metrics", as_json=False)
    assert done.status == 0, done.describe()
    return Metrics(done.stdout)


def promtool(*arguments, cwd=None, stdin=None):
    done = subprocess.run([PROMETHEUS / "promtool", *arguments], cwd=cwd, input=stdin, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stdout + done.stderr
    return done.stdout


def test_the_figures_are_those_of_status(production, wb, place):
    wb.backup()
    production.archive_everything()
    wb.done("verify")
    ask_for_no_drill(wb)
    production.sql("SELECT pg_create_physical_replication_slot('sta_nd', true)")
    status = Status(wb)
    said = metrics(wb)
    promtool("check", "metrics", stdin=said.text)
    assert status.outcome.status == HEALTHY and said["walkback_health_state"] == 0
    assert said["walkback_backups"] == 1 and said["walkback_wal_gaps"] == 0
    assert said["walkback_last_backup_age_seconds"] < 300
    assert said["walkback_last_backup_stored_bytes"] > 100_000
    assert said["walkback_archive_lag_seconds"] == 0 and said["walkback_archiver_on"] == 1
    assert said.samples["walkback_slot_active", 'slot="sta_nd"'] == 0
    for source in ("server", "repository"):
        assert said.samples["walkback_source_up", f'source="{source}"'] == 1

    # What goes wrong is a figure; what cannot be seen has none.
    for segment in sorted(wb.repository.glob("clusters/*/*/wal/*/*/*.zst"))[-1:]:
        segment.unlink()
    production.stop()
    status = Status(wb)
    said = metrics(wb)
    promtool("check", "metrics", stdin=said.text)
    assert said["walkback_health_state"] == status.outcome.status == 2
    assert said.samples["walkback_source_up", 'source="server"'] == 0
    assert not {"walkback_archiver_on", "walkback_slot_active", "walkback_server_info"} & said.names

    directory = place / "textfile"
    directory.mkdir()
    assert wb.run("metrics", "--textfile", directory, as_json=False).stdout == ""
    [file] = directory.iterdir()
    assert file.name == "walkback.prom" and file.stat().st_mode & 0o777 == 0o644
    assert Metrics(file.read_text()).names == said.names
    refused = wb.run("metrics", "--textfile", place / "missing", as_json=False)
    assert refused.status == 1 and "missing" in refused.stderr, refused.describe()
    assert wb.run("metrics").status == 2


def test_rules_alert_on_what_there_is(contrib):
    promtool("test", "rules", "walkback-alerts-test.yml", cwd=contrib)
    rules = (contrib / "walkback-alerts.yml").read_text()
    documented = set(re.findall(r"^\| `(walkback_\w+)`", (contrib.parents[1] / "docs" / "metrics.md").read_text(), re.M))
    asked = set(re.findall(r"\bwalkback_\w+", "\n".join(re.findall(r"^ +expr: (.*)$", rules, re.M))))
    assert len(asked) > 15 and asked <= documented, asked - documented


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    """A directory over HTTP on loopback, as node_exporter serves its text files."""
    servers = []

    def start(directory):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=directory))
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_address[1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def prometheus(place, contrib):
    """A server with our rules, their waits shortened, that scrapes what a port of loopback answers."""
    started = []

    def start(scraped, path="/metrics"):
        rules = re.sub(r"for: \d+[mh]", "for: 1s", (contrib / "walkback-alerts.yml").read_text())
        (place / "rules.yml").write_text(rules)
        (place / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: [{place}/rules.yml]\n"
            f"scrape_configs: [{{job_name: walkback, metrics_path: {path},"
            f" static_configs: [{{targets: ['127.0.0.1:{scraped}']}}]}}]\n"
        )
        port = free_port()
        log = open(place / "prometheus.log", "w")
        server = subprocess.Popen(
            [PROMETHEUS / "prometheus", f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/tsdb",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log, stderr=log, cwd=place,
        )  # fmt: skip
        started.append(server)
        return port

    yield start
    for server in started:
        server.terminate()
        server.wait(timeout=30)


def ask(port, path):
    """The data of an answer; nothing while the server is not up."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=10) as answer:
            return json.load(answer)["data"]
    except OSError:
        return None


def value(port, query):
    data = ask(port, "query?query=" + urllib.parse.quote(query))
    return [float(each["value"][1]) for each in data["result"]] if data else None


@pytest.mark.parametrize("command", ["metrics", "agent"])
def test_a_prometheus_scrapes_walkback_itself(production, wb, prometheus, command):
    listen = f"127.0.0.1:{free_port()}"
    wb.environment["WALKBACK_METRICS_LISTEN"] = listen
    process = wb.start(command, *(["--listen", listen] if command == "metrics" else []), as_json=False)
    try:
        port = prometheus(listen.rsplit(":")[1])
        wait_until(lambda: value(port, 'walkback_source_up{source="server"}') == [1], "the first scrape")
        with urllib.request.urlopen(f"http://{listen}/metrics", timeout=10) as answer:
            promtool("check", "metrics", stdin=answer.read().decode())
        # A port has one listener.
        taken = wb.run("metrics", "--listen", listen, as_json=False)
        assert taken.status == 2 and "taken" in taken.stderr, taken.describe()
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_prometheus_scrapes_them_and_alerts(production, wb, place, prometheus, serve):
    directory = place / "textfile"
    directory.mkdir()
    production.sql("CREATE TABLE payments (id int)")

    def gather():
        assert wb.run("metrics", "--textfile", directory, as_json=False).status == 0

    gather()
    port = prometheus(serve(directory), "/walkback.prom")

    def firing():
        data = ask(port, "alerts") or {"alerts": []}
        return {each["labels"]["alertname"] for each in data["alerts"] if each["state"] == "firing"}

    wait_until(lambda: value(port, "walkback_backups") == [0], "the first scrape")
    wait_until(lambda: "WalkbackNoBackup" in firing(), "the alert that there is no backup")
    wb.backup()
    gather()
    wait_until(lambda: value(port, "walkback_backups") == [1], "the scrape of the backup")
    wait_until(lambda: "WalkbackNoBackup" not in firing(), "the alert to end")
    production.stop()
    gather()
    wait_until(lambda: "WalkbackSourceDown" in firing(), "the alert that the server cannot be seen")


def test_the_dashboard_asks_for_what_there_is(production, wb, place, prometheus, serve, contrib):
    """Every query of every panel is understood by a real Prometheus and, of a cluster in which all was done once, answered."""
    wb.environment["WALKBACK_STATUS_RECOVERY_TIME_OBJECTIVE"] = "10min"
    production.sql("SELECT pg_create_physical_replication_slot('sta_nd', true)")
    wb.backup()
    production.archive_everything()
    wb.done("verify")
    wb.done("drill", "--into", place / "drill")
    directory = place / "textfile"
    directory.mkdir()
    assert wb.run("metrics", "--textfile", directory, as_json=False).status == 0
    said = Metrics((directory / "walkback.prom").read_text())
    port = prometheus(serve(directory), "/walkback.prom")
    wait_until(lambda: value(port, "walkback_backups") == [1], "the first scrape")

    dashboard = json.loads((contrib.parent / "grafana" / "walkback.json").read_text())
    queries = [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(queries) > 25
    # Growth and the rate of WAL take a while to be seen; what is wrong and what cannot be seen is nothing here.
    young = {"walkback_repository_growth_bytes_per_second", "walkback_pg_wal_bytes_per_second"}
    for title, query in queries:
        asked = set(re.findall(r"\bwalkback_\w+", query))
        assert asked and asked - young <= said.names, f"{title}: {asked - said.names}"
        for cluster, answered in (("main", True), ("other", False)):
            found = value(port, query.replace("$cluster", cluster))
            assert found is not None, f"{title}: Prometheus does not understand {query}"
            filtered = re.search(r"(>|==) [\d.]+$", query) or asked & young or "increase(" in query
            assert bool(found) == answered or (answered and filtered), f"{title}: {query}: {found}"
    [variable] = [one for one in dashboard["templating"]["list"] if one["name"] == "cluster"]
    assert ask(port, "label/cluster/values?match[]=walkback_build_info") == ["main"], variable
    # Panels neither overlap nor leave the grid.
    taken = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells
