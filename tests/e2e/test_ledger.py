"""Recovery to random instants gives exactly what the ledger says each table held."""

import os
import time
from datetime import timedelta

from harness import wal
from harness.ledger import Ledger, difference, state_of
from harness.repositories import KINDS

INSTANTS = int(os.environ.get("WALKBACK_INSTANTS", "6"))
REPOSITORIES = KINDS if INSTANTS > 6 else ("file", "s3-age")


def workload(production, wb, seed):
    """Two backups and two bulk deletes in the middle of the traffic."""
    ledger = Ledger(production, seed).prepare().start()
    time.sleep(0.5)
    first = wb.backup()
    time.sleep(1.0)
    ledger.delete_everything("payments")
    time.sleep(0.6)
    wb.backup()
    time.sleep(0.5)
    ledger.delete_everything("accounts")
    time.sleep(0.6)
    ledger.stop()
    production.archive_everything()
    ledger.read_wal()
    ledger.reachable_from = wal.lsn_number(first["stop_lsn"])
    return ledger


def reachable(ledger, records):
    return [record for record in records if record.lsn > ledger.reachable_from]


def between_start_and_commit(ledger, chance):
    """A commit of somebody else while a bulk DELETE was under way: its rows must all be there."""
    mistake = chance.choice(ledger.bulk_deletes)
    end = ledger.commit_of(mistake.xid)
    during = [c for c in reachable(ledger, ledger.commits()) if c.time > mistake.began and c.lsn < end.lsn]
    return chance.choice(during or [end])


def to_time_in_a_bulk_delete(ledger, chance):
    commit = between_start_and_commit(ledger, chance)
    return ["--to", commit.time.isoformat()], ledger.state_at_time(commit.time)


def to_xid_in_a_bulk_delete(ledger, chance):
    commit = between_start_and_commit(ledger, chance)
    return ["--xid", commit.xid], ledger.state_after(commit.lsn)


def before_a_bulk_delete(ledger, chance):
    mistake = ledger.commit_of(chance.choice(ledger.bulk_deletes).xid)
    return ["--before-xid", mistake.xid], ledger.state_before(mistake.lsn)


def to_time(ledger, chance):
    """Between two commits, or at one; not beside a restore point, whose own time pg_waldump does not tell."""
    commits = reachable(ledger, ledger.commits())[:-1]
    while True:
        instant = chance.choice(commits).time + timedelta(microseconds=chance.choice([0, 0, 1, -1, 700]))
        margin = timedelta(milliseconds=2)
        beside = any(a - margin < instant < b + margin for a, b in ledger.restore_points.values())
        if not beside and instant >= commits[0].time:
            return ["--to", instant.isoformat()], ledger.state_at_time(instant)


def to_xid(ledger, chance):
    commit = chance.choice(reachable(ledger, ledger.commits()))
    return ["--xid", commit.xid], ledger.state_after(commit.lsn)


def before_xid(ledger, chance):
    commit = chance.choice(reachable(ledger, ledger.commits()))
    return ["--before-xid", commit.xid], ledger.state_before(commit.lsn)


def to_lsn(ledger, chance):
    lsn = chance.choice([lsn for lsn in ledger.lsns if lsn > ledger.reachable_from])
    return ["--lsn", wal.lsn_text(lsn)], ledger.state_before(lsn)


def to_name(ledger, chance):
    point = chance.choice(reachable(ledger, [e for e in ledger.endings if e.kind == "restore point"]))
    return ["--name", point.name], ledger.state_before(point.lsn)


def to_latest(ledger, chance):
    return ["--latest"], ledger.latest_state()


# The instants inside a bulk DELETE come first: every run has them.
WAYS = [to_time_in_a_bulk_delete, to_lsn, to_time, before_a_bulk_delete, to_xid_in_a_bulk_delete, to_name, to_latest,
        before_xid, to_xid]  # fmt: skip


def test_recovery_to_random_instants_gives_what_the_ledger_says(production, wb, place, seed, chance):
    ledger = workload(production, wb, seed)
    assert not difference(ledger.latest_state(), state_of(production)), "the ledger itself is wrong"

    ways = WAYS[:2] + chance.sample(WAYS[2:], len(WAYS) - 2)
    for number in range(INSTANTS):
        target, expected = ways[number % len(ways)](ledger, chance)
        copy = wb.recover(*target, into=place / f"copy{number}")
        wrong = difference(expected, state_of(copy))
        assert not wrong, f"seed {seed}, recovered with {' '.join(map(str, target))}:\n{wrong}"
        copy.end()

    assert not difference(ledger.latest_state(), state_of(production)), "production was touched"
