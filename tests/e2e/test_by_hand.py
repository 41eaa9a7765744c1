"""docs/by-hand.md, as it stands there: what walkback stored is read with age or gpg, zstd, protoc and a shell."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from harness.repositories import KINDS

REPOSITORIES = KINDS
SOURCE = Path(__file__).resolve().parent.parent.parent


def page():
    """The page's commands, in its order."""
    return "".join(re.findall(r"```sh\n(.*?)```", (SOURCE / "docs/by-hand.md").read_text(), re.S))


def downloaded(wb, place):
    """The repository as a directory: of a bucket every object is fetched with s3cmd."""
    if not wb.store.gateway:
        return wb.repository
    for name in wb.store.snapshot():
        (place / "download" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(wb.store.fetched(name), place / "download" / name)
    return place / "download"


def private_key(wb, repository, place):
    if not wb.store.gpg:
        return wb.config.with_suffix(".owner.key")
    [wrapped] = repository.glob("keys/*.gpg")
    (place / "gpg.key").write_text(wb.store.gpg.gpg("--decrypt", wrapped))
    return place / "gpg.key"


def test_a_segment_and_a_relation_are_taken_out_by_hand(production, wb, place):
    production.sql("CREATE TABLE payments AS SELECT g AS id, md5(g::text) AS note FROM generate_series(1, 60000) g")
    production.sql("VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) payments")
    wb.backup()
    # Some of its pages come from the backup before.
    production.sql("UPDATE payments SET id = id WHERE id < 30")
    production.sql("VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) payments")
    production.sql("CHECKPOINT")
    relation = production.value("SELECT pg_relation_filepath('payments')")
    backup = wb.backup()
    segment = production.archive_everything()
    repository = downloaded(wb, place)
    [cluster] = (path for path in (repository / "clusters/main").iterdir() if path.name.isdigit())
    work = place / "by hand"
    work.mkdir()

    done = subprocess.run(
        ["bash", "-eu", "-c", page()], cwd=work, capture_output=True, text=True, timeout=300,
        env={**os.environ, "CLUSTER": str(cluster), "KEY": str(private_key(wb, repository, place)), "SEGMENT": segment,
             "RELATION": relation, "BACKUP": backup["id"], "PROTO": str(SOURCE / "src")},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert (work / segment).read_bytes() == (production.pgdata / "pg_wal" / segment).read_bytes()
    pages = (production.pgdata / relation).read_bytes()
    assert len(pages) > 3 * 1024 * 1024, "several frames"
    assert (work / "relation").read_bytes() == pages
