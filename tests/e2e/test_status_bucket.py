"""`status` of a repository in a bucket: what its answers say of its clock, and one that does not answer."""

import time

from harness.health import CRITICAL, HEALTHY, Status, ask_for_no_drill
from harness.history import Clock

REPOSITORIES = ("s3-age",)


def test_the_buckets_clock_and_silence(production, wb, place):
    wb.backup()
    production.archive_everything()
    wb.done("verify")
    ask_for_no_drill(wb)
    status = Status(wb)
    assert status.outcome.status == HEALTHY, status.outcome.describe()
    clock = Clock(place / "later")
    clock.set(120)
    texts = [f["text"] for f in Status(wb, clock.environment).said["findings"] if f["rule"] == "clock"]
    assert any("bucket" in text and "behind" in text for text in texts), texts
    # A port where nobody listens.
    started = time.monotonic()
    status = Status(wb, {"WALKBACK_S3_ENDPOINT": "http://127.0.0.1:9"})
    assert status.outcome.status == CRITICAL and status.level("repository") == "critical"
    assert status.level("server") == "healthy"
    assert time.monotonic() - started < 40, "somebody sits and waits"
