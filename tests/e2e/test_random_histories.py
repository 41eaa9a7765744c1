"""Whatever happened to the cluster and to the archive: a plan says yes exactly when a recovery succeeds."""

import os
import random

import pytest

from harness.history import SEGMENT_BYTES, History, judge, rows_of

HISTORIES = int(os.environ.get("WALKBACK_HISTORIES", "5"))
TARGETS = 8
UNREACHABLE = 3


@pytest.fixture(params=range(HISTORIES))
def history(request, make_cluster, make_walkback, place, seed):
    production = make_cluster("pg", f"--wal-segsize={SEGMENT_BYTES >> 20}", wal_keep_size="4GB", min_wal_size="2MB").start()
    history = History(place, make_walkback().protect(production), random.Random(f"{seed}/{request.param}"))
    history.make(production)
    history.damage()
    return history


def test_a_plan_says_yes_exactly_when_a_recovery_succeeds(history, place, seed):
    said = {True: 0, False: 0}
    for number, target in enumerate(history.targets(TARGETS)):
        story = "\n".join([f"seed {seed}, {target}, after:", *history.log])
        plan = history.wb.run("plan", *target.arguments())
        says_yes = plan.status == 0
        said[says_yes] += 1
        if says_yes:
            copy = history.wb.recover(*target.arguments(), into=place / f"recovered{number}")
            wrong = target.difference(rows_of(copy))
            assert not wrong, f"{story}\nrecovered to something else: {wrong}\n{plan.describe()}"
            copy.end()
        else:
            assert plan.status == UNREACHABLE, f"{story}\n{plan.describe()}"
            by = judge(history, target)
            assert by is None, f"{story}\nPostgreSQL gets there from {by}; the plan says: {plan.describe()}"
    print(f"measured: {said[True]} targets reached, {said[False]} refused")
