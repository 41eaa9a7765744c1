"""`status` on a host that encrypts: green with the host's own key alone, and not with a wrong one."""

import shutil

import pytest

from harness.health import CRITICAL, HEALTHY, WARNING, Status, ask_for_no_drill

REPOSITORIES = ("file-age",)


@pytest.fixture
def well(production, wb):
    production.sql("CREATE TABLE payments AS SELECT g AS id FROM generate_series(1, 5000) g")
    wb.backup()
    production.archive_everything()
    wb.done("verify")
    ask_for_no_drill(wb)
    # The owner's private key lies elsewhere.
    wb.config.with_suffix(".owner.key").unlink()
    return wb


def test_the_hosts_own_key_is_enough(production, well):
    production.sql("DELETE FROM payments")
    production.archive_everything()
    status = Status(well, {"WALKBACK_STATUS_MASS_DELETE_ROWS": "1000000"})
    assert status.outcome.status == HEALTHY and status.not_known() == set(), status.outcome.describe()
    status = Status(well, {"WALKBACK_STATUS_MASS_DELETE_ROWS": "5000"})
    assert status["mass_delete"]["evidence"]["table"] == "public.payments"


def test_a_wrong_host_key_is_critical(production, well, make_cluster, make_walkback):
    other = make_walkback("other").protect(make_cluster("pg2").start())
    shutil.copy(other.config.with_suffix(".host.key"), well.config.with_suffix(".host.key"))
    status = Status(well)
    assert status.outcome.status == CRITICAL
    assert status.level("keys") == "critical" and "not one that the repository knows" in status["keys"]["text"]
    # What it cannot open it does not call well.
    assert "mass_delete" in status.not_known()


def test_a_key_that_others_can_read_or_that_is_gone(production, well):
    key = well.config.with_suffix(".host.key")
    key.chmod(0o644)
    status = Status(well)
    assert status.outcome.status == CRITICAL and status.level("keys") == "critical"
    assert "chmod" in status["keys"]["hint"]
    key.unlink()
    assert Status(well).level("keys") == "critical"


def test_a_recipient_that_the_repository_does_not_know(production, well, make_cluster, make_walkback):
    other = make_walkback("other").protect(make_cluster("pg2").start())
    theirs = other.done("key", "list")["keys"][0]["recipient"]
    ours = next(key["recipient"] for key in well.done("key", "list")["keys"] if key["role"] == "owner")
    status = Status(well, {"WALKBACK_ENCRYPTION_RECIPIENTS": f"{ours},{theirs}"})
    assert status.outcome.status == WARNING and theirs in status["keys"]["text"]
    assert "key add" in status["keys"]["hint"]
