"""`cost` estimates what is paid for: its requests are compared with those that a real S3 server is asked."""

import urllib.request

import pytest

from harness.cluster import free_port, wait_until
from harness.request_counter import RequestCounter

REPOSITORIES = ("s3-age",)


@pytest.fixture
def counter(wb):
    """Everything goes through it, the server's archive_command too."""
    counter = RequestCounter(wb.store.gateway.endpoint)
    text = wb.config.read_text()
    assert wb.store.gateway.endpoint in text
    wb.config.write_text(text.replace(wb.store.gateway.endpoint, counter.endpoint))
    wb.environment["WALKBACK_S3_ENDPOINT"] = counter.endpoint
    yield counter
    counter.stop()


def counted(counter, action):
    counter.reset()
    action()
    return counter.counts()


def close(estimated, real, what):
    """Within a few requests or a fifth."""
    for kind in ("put", "list", "get"):
        apart = abs(estimated[kind] - real[kind])
        assert apart <= max(3, 0.2 * real[kind]), f"{what}: {kind}: estimated {estimated}, counted {real}"


def test_the_estimate_is_what_is_counted(production, wb, counter, place):
    production.sql("CREATE TABLE t AS SELECT g, repeat(md5(g::text), 10) v FROM generate_series(1, 100000) g")
    production.archive_everything()
    wb.backup()
    changed = lambda: production.sql("UPDATE t SET g = g + 1 WHERE g % 1000 = 0")
    changed()
    production.archive_everything()
    # What the backup left was archived by now; a segment more may end by the clock.
    changed()
    several = counted(counter, production.archive_everything)
    real = {"WAL segments archived": {kind: count / counter.pushes() for kind, count in several.items()}}
    # The segment that it ends, and PostgreSQL's own file for it, are archived meanwhile.
    real["backups"] = counted(counter, wb.backup)
    segment = real["WAL segments archived"]
    for kind in ("put", "list", "get"):
        real["backups"][kind] -= segment[kind]
    production.archive_everything()
    wb.done("verify")
    real["prunes"] = counted(counter, lambda: wb.done("prune"))
    real["verifies"] = counted(counter, lambda: wb.done("verify"))
    real["looks of the agent, each minute"] = counted_look(wb, counter)
    real["metrics of the agent, each hour"] = {"put": 0, "list": 1, "get": 1}

    wb.environment["WALKBACK_METRICS_LISTEN"] = "127.0.0.1:1"
    said = wb.done("cost")["cost"]
    [there] = said["places"]
    each = {one["what"]: one["each"] for one in there["requests"]}
    for what, counts in real.items():
        close(each[what], counts, what)
    # A minute says nothing of a month.
    assert said["measured_over_s"] is None and all(one["times"] is None for one in there["requests"])

    # What is stored is what the server lists.
    listed = {}
    for line in wb.store.gateway.s3cmd("ls", "-r", f"{wb.store.url}/clusters/").splitlines():
        _, _, size, name = line.split()
        listed[name] = int(size)
    assert there["objects"] == len(listed) and there["bytes"] == sum(listed.values())
    classes = {one["class"]: one for one in there["classes"]}
    assert classes["packs"]["bytes"] == sum(size for name, size in listed.items() if "/packs/" in name)
    assert classes["packs"]["storage_class"] == "STANDARD"
    assert said["compression"]["wal"]["raw"] % (16 << 20) == 0
    assert said["month"] == pytest.approx(there["storage"] + there["request_total"])

    # The same at other prices, in STANDARD_IA.
    dear = {"WALKBACK_COST_STANDARD_GB_MONTH": "23", "WALKBACK_COST_STANDARD_PUT_1000": "5", "WALKBACK_COST_STANDARD_GET_1000": "0.4",
            "WALKBACK_COST_IA_GB_MONTH": "12.5", "WALKBACK_S3_PACK_STORAGE_CLASS": "STANDARD_IA"}  # fmt: skip
    [infrequent] = wb.done("cost", environment=dear)["cost"]["places"]
    packs = next(one for one in infrequent["classes"] if one["class"] == "packs")
    assert packs["storage_class"] == "STANDARD_IA"
    assert packs["month"] == pytest.approx(packs["bytes"] / 2**30 * 12.5 + infrequent["smallest_size"])
    text = wb.run("cost", as_json=False).stdout
    assert text.splitlines()[0].startswith("cluster main: ") and "Requests are not known" in text, text


def counted_look(wb, counter):
    """The second of a program that looks again and again; the first reads what it then remembers."""
    listen = f"127.0.0.1:{free_port()}"
    process = wb.start("metrics", "--listen", listen, as_json=False)

    def look():
        try:
            with urllib.request.urlopen(f"http://{listen}/metrics", timeout=60) as answer:
                return answer.read()
        except OSError:
            return None

    try:
        wait_until(look, "the first look")
        return counted(counter, look)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_a_look_asks_little_of_a_bucket(production, wb, counter):
    """Each minute, for ever: a few listings, and nothing of what was read before."""
    production.sql("CREATE TABLE t (id int)")
    for _ in range(8):
        production.sql("INSERT INTO t SELECT generate_series(1, 1000)")
        production.archive_everything()
    wb.backup()
    look = counted_look(wb, counter)
    assert look["put"] == 0 and look["list"] <= 8 and look["get"] <= 7, look


def test_a_directory_costs_its_disk(production, make_walkback, place):
    from harness.repositories import Repository

    wb = make_walkback("directory", Repository("file", place / "directory.repo")).protect(production)
    wb.backup()
    said = wb.done("cost")["cost"]
    assert said["month"] == 0 and said["places"][0]["requests"] == []
    stored = sum(path.stat().st_size for path in (wb.repository / "clusters").rglob("*") if path.is_file())
    assert said["places"][0]["bytes"] == stored
    priced = wb.done("cost", environment={"WALKBACK_COST_DIRECTORY_GB_MONTH": "0.1"})["cost"]
    assert priced["month"] == pytest.approx(stored / 2**30 * 0.1)
    refused = wb.refused("cost", environment={"WALKBACK_COST_DIRECTORY_GB_MONTH": "cheap"}, status=2)
    refused.says("a price")
