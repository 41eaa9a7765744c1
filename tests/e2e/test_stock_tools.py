"""A person with `zstd` can read what walkback wrote."""

import json
import subprocess

from harness.walkback import unzstd

SEGMENT_BYTES = 16 * 1024 * 1024


def test_a_wal_object_decompresses_to_the_segment(production, wb):
    segment = production.archive_everything()
    original = (production.pgdata / "pg_wal" / segment).read_bytes()
    assert len(original) == SEGMENT_BYTES
    assert unzstd(wb.stored_segment(segment)) == original


def test_packs_decompress_and_hold_the_tables(production, wb):
    production.sql("CREATE TABLE notes AS SELECT 'needle in a haystack ' || g AS text FROM generate_series(1, 2000) g")
    production.sql("CHECKPOINT")
    relation = (production.pgdata / production.value("SELECT pg_relation_filepath('notes')")).read_bytes()
    wb.backup()

    packs = [unzstd(pack) for pack in wb.packs()]

    assert packs
    assert any(relation[:8192] in pack for pack in packs), "a table's first page, as it was"


def test_a_manifest_decompresses(production, wb):
    wb.backup()
    [manifest] = wb.manifests()
    assert len(unzstd(manifest)) > 0


def test_a_summary_ends_with_the_hash_of_what_stands_before(production, wb):
    wb.backup()
    [manifest] = wb.manifests()
    summary = manifest.parent / "summary.json"
    said = json.loads(summary.read_text())
    counted = subprocess.run("head -n -2 | sha256sum", shell=True, stdin=summary.open(), check=True, capture_output=True, text=True)
    assert said["id"] == manifest.parent.name
    assert counted.stdout.split()[0] == said["sha256"]


def test_wal_get_gives_the_segment_back(production, wb, place):
    segment = production.archive_everything()
    assert wb.get(segment, place / "got").status == 0
    assert (place / "got").read_bytes() == (production.pgdata / "pg_wal" / segment).read_bytes()
