"""Between walkback and its bucket everything goes wrong, by seed: what is acknowledged is there, what fails says so,
and nothing hangs."""

import os
import time

import pytest

from harness.bad_network import BadNetwork, FarNetwork
from harness.cluster import wait_until

REPOSITORIES = ("s3-age",)
SEEDS = int(os.environ.get("WALKBACK_NETWORKS", "5"))
TIMEOUT_S = 20  # of one operation; a command is a few of them, one after another
LONGEST_COMMAND_S = 150


@pytest.fixture
def networks(wb, seed):
    """One after another, each with a seed of its own."""
    made = []

    def make(number):
        made.append(BadNetwork(wb.store.gateway.endpoint, f"{seed}/{number}"))
        return made[-1]

    yield make
    for network in made:
        network.stop()


def through(wb, network, *arguments):
    """A command over that network: done, or refused in two lines, in time."""
    started = time.monotonic()
    outcome = wb.run(
        *arguments, timeout_s=LONGEST_COMMAND_S,
        environment={"WALKBACK_S3_ENDPOINT": network.endpoint, "WALKBACK_S3_TIMEOUT_S": str(TIMEOUT_S)},
    )  # fmt: skip
    assert time.monotonic() - started < LONGEST_COMMAND_S
    assert outcome.status == 0 or "error: " in outcome.stderr and "hint: " in outcome.stderr, outcome.describe()
    assert "terminate called" not in outcome.stderr and "assumption" not in outcome.stderr, outcome.describe()
    return outcome


def test_what_is_acknowledged_is_there_and_right(production, wb, place, networks):
    production.sql("CREATE TABLE payments AS SELECT g AS id, md5(g::text) AS note FROM generate_series(1, 20000) g")
    done = 0
    for number in range(SEEDS):
        network = networks(number)
        production.sql("ALTER SYSTEM SET archive_command = '/bin/false'")
        production.sql("SELECT pg_reload_conf()")
        wait_until(lambda: production.value("SHOW archive_command") == "/bin/false", "the setting")
        production.sql("UPDATE payments SET note = note || '+' WHERE id % 10 = 0")
        segment = production.pgdata / "pg_wal" / production.switch_wal()
        pushed = through(wb, network, "wal-push", segment)
        if pushed.status == 0:
            assert wb.stored_segment(segment.name), "acknowledged, and not there"
            got = place / f"got{number}"
            assert wb.get(segment.name, got).status == 0 and got.read_bytes() == segment.read_bytes()
        production.sql("ALTER SYSTEM RESET archive_command")
        wb.done("init", "--pgdata", production.pgdata, "--repository", wb.store.url, "--conninfo", production.conninfo,
                "--apply")  # fmt: skip

        before = {backup["id"] for backup in wb.backups()}
        backed_up = through(wb, network, "backup")
        new = {backup["id"] for backup in wb.backups()} - before
        assert backed_up.status != 0 or backed_up.json["backup"]["id"] in new
        done += (pushed.status == 0) + (backed_up.status == 0)
        if not wb.backups():
            continue
        production.archive_everything()
        copy = wb.recover("--latest", into=place / f"copy{number}")
        assert copy.table("payments") == production.table("payments"), "whatever is listed restores"
        copy.end()

        fetched = place / f"fetched{number}"
        status = through(wb, network, "wal-get", segment.name, fetched).status
        assert status in (0, 200), "never 'not in the archive'"
        assert status != 0 or fetched.read_bytes() == segment.read_bytes()
        recovered = through(wb, network, "recover", "--latest", "--no-start", "--into", place / f"again{number}")
        done += recovered.status == 0
        assert recovered.status == 0 or not (place / f"again{number}" / "global" / "pg_control").exists()
        assert network.faults
    # One 403 in a command of many requests ends it, rightly: how many get through is the seed's.
    assert done > 0, "with retries some of it gets through"


def test_a_backup_keeps_eight_uploads_under_way(production, wb):
    """A bucket far away is as fast as what is under way at once, not as one request after another."""
    production.sql("CREATE TABLE noise AS SELECT string_agg(md5(random()::text), '') AS text"
                   " FROM generate_series(1, 3000000) g GROUP BY g % 20000")  # fmt: skip
    production.sql("ALTER TABLE noise ALTER text SET STORAGE EXTERNAL")
    wb.environment["WALKBACK_S3_PART_MIB"] = "5"  # a small database has parts enough then
    far = FarNetwork(wb.store.gateway.endpoint, wanted=8)
    try:
        through(wb, far, "backup")
    finally:
        far.stop()
    assert far.most_puts >= 8
