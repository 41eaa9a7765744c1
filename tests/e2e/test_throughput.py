"""How fast a backup goes to a bucket: measured in soak, on a machine that does nothing else."""

import os
import subprocess
import time

import pytest

from harness.repositories import Repository

REPOSITORIES = ("s3-age",)

MIB = 1 << 20
SIZE_MIB = int(os.environ.get("WALKBACK_THROUGHPUT_MIB", "0"))
ROUNDS = 3
PART_MIB = 8
PARTS = 32
WANTED = 0.8

pytestmark = pytest.mark.skipif(SIZE_MIB == 0, reason="WALKBACK_THROUGHPUT_MIB says how large a database to measure with")


def fill(production):
    """Text that compresses about 3 to 1, as tables of a business do."""
    production.sql("CREATE TABLE payments (id bigint, customer int, at timestamptz, note text, detail jsonb)")
    while production.value("SELECT pg_table_size('payments')") < SIZE_MIB * MIB:
        production.sql(
            "INSERT INTO payments SELECT g, g % 1000, now() - g * interval '1 s', md5(g::text) || ' paid by card ' || g % 97,"
            " jsonb_build_object('method', 'card', 'iban', md5((g * 7)::text), 'amount', g % 10000, 'currency', 'EUR')"
            " FROM generate_series(1, 400000) g"
        )
    production.sql("CHECKPOINT")


def backup_rate(wb):
    """Stored bytes a second, of the quickest of a few."""
    rates = []
    for _ in range(ROUNDS):
        backup = wb.backup()
        rates.append(backup["bytes_stored"] / backup["duration_s"])
    return max(rates)


def put_rate(store, place):
    """What the server takes from curl, with as many requests under way as walkback has."""
    file = place / "part"
    file.write_bytes(os.urandom(PART_MIB * MIB))
    variables = store.gateway.variables
    uploads = [word for i in range(PARTS) for word in ("-T", file, f"{store.gateway.endpoint}/{store.bucket}/put/{i}")]
    rates = []
    for _ in range(ROUNDS):
        started = time.monotonic()
        subprocess.run(
            ["curl", "-sS", "--fail", "--parallel", "--parallel-max", "8", "--aws-sigv4", "aws:amz:us-east-1:s3",
             "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD",
             "--user", f"{variables['AWS_ACCESS_KEY_ID']}:{variables['AWS_SECRET_ACCESS_KEY']}", *uploads],
            check=True, capture_output=True, timeout=300,
        )  # fmt: skip
        rates.append(PARTS * PART_MIB * MIB / (time.monotonic() - started))
    return max(rates)


def test_a_bucket_is_as_fast_as_its_server_or_a_directory(production, make_walkback, place):
    fill(production)
    bucket = make_walkback().protect(production)
    to_bucket = backup_rate(bucket)
    server = put_rate(bucket.store, place)
    directory = make_walkback("directory", Repository("file-age", place / "directory"))
    directory.init(production, "--replace-archive-command")
    to_directory = backup_rate(directory)
    share = to_bucket / min(to_directory, server)
    measured = (
        f"to a bucket {to_bucket / MIB:.0f} MiB/s, to a directory {to_directory / MIB:.0f}, the server takes {server / MIB:.0f}:"
        f" {share:.2f} of the smaller"
    )
    print("measured:", measured)
    assert share >= WANTED, measured
