"""Who can read what: the owner everything, the database host names and sizes, a thief of either nothing."""

import os
import re
import stat
import subprocess

import pytest

from harness.cluster import check_indexes, quoted, wait_until
from harness.contents import contents
from harness.trees import damaged

NEEDLE = "a secret in a table 4711"

REPOSITORIES = ("file-age",)


@pytest.fixture
def owner_key(wb):
    return wb.config.with_suffix(".owner.key")


@pytest.fixture
def host_key(wb, place):
    """The host's age key alone: age does not know the key that signs, which lies beside it."""
    lines = wb.config.with_suffix(".host.key").read_text().splitlines()
    alone = place / "host.alone"
    alone.write_text("".join(f"{line}\n" for line in lines if line.startswith("AGE-SECRET-KEY-1")))
    return alone


@pytest.fixture
def haystack(production, wb):
    """A table with a text in it, in a backup and in archived WAL; the segment that the text is in."""
    production.sql(f"CREATE TABLE haystack AS SELECT '{NEEDLE} ' || g AS text FROM generate_series(1, 500) g")
    production.sql("CHECKPOINT")
    wb.backup()
    production.sql(f"INSERT INTO haystack VALUES ('{NEEDLE} after the backup')")
    return production.archive_everything()


def age(key, path):
    return subprocess.run(["age", "-d", "-i", key, path], capture_output=True, timeout=60)


def unzstd(data):
    return subprocess.run(["zstd", "-d", "-q", "-c"], input=data, check=True, capture_output=True, timeout=60).stdout


def objects(wb, pattern):
    return sorted(path for path in wb.repository.rglob(pattern) if path.is_file())


def test_init_makes_keys_that_only_their_user_can_read_and_says_so_loudly(make_cluster, make_walkback, place):
    production = make_cluster().start()
    wb = make_walkback()
    said = wb.run("--quiet", "init", "--pgdata", production.pgdata, "--repository", wb.store.url,
                  "--conninfo", production.conninfo)  # fmt: skip
    assert said.status == 0
    owner, host = wb.config.with_suffix(".owner.key"), wb.config.with_suffix(".host.key")
    for key in (owner, host):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "WITHOUT IT NOTHING STORED FOR IT CAN BE RESTORED" in said.stderr and str(owner) in said.stderr
    assert "AGE-SECRET-KEY" not in said.stdout + said.stderr
    public = subprocess.run(["age-keygen", "-y", owner], check=True, capture_output=True, text=True).stdout.strip()
    assert public in wb.config.read_text()


def test_with_the_private_key_away_the_host_does_all_but_read(production, wb, haystack, owner_key, place):
    safe = place / "safe.key"
    owner_key.rename(safe)
    production.sql("INSERT INTO haystack SELECT 'and more' FROM generate_series(1, 1000)")
    segment = production.archive_everything()
    backup = wb.backup()
    listed = wb.done("list")
    assert backup["id"] in str(listed["backups"])
    production.sql("INSERT INTO haystack VALUES ('after the backup')")
    production.archive_everything()
    [window] = wb.done("list")["windows"]
    assert not window["wal_unread"] and window["to"] > backup["stopped_at"], "its indexes say"
    indexes = objects(wb, "*.index.zst.age")
    for index in indexes:
        index.rename(index.with_suffix(".away"))
    [window] = wb.done("list")["windows"]
    assert window["wal_unread"] and window["to"] == backup["stopped_at"]
    for index in indexes:
        index.with_suffix(".away").rename(index)
    assert wb.done("history") and wb.done("key", "list")
    assert wb.push(production.pgdata / "pg_wal" / segment).status == 0, "again, without reading it back"

    wb.refused("recover", "--latest", "--into", place / "copy").says("private key", "WALKBACK_ENCRYPTION_IDENTITY_FILE")
    assert not (place / "copy").exists()
    assert wb.run("wal-get", segment, place / "got").status == 200, "no PostgreSQL may take it for the end of WAL"

    copy = wb.recover("--latest", into=place / "copy", environment={"WALKBACK_ENCRYPTION_IDENTITY_FILE": str(safe)})
    assert copy.table("haystack") == production.table("haystack")


def test_a_push_that_lags_behind_a_checkpoint_costs_the_host_no_full_read(production, wb, owner_key, place):
    """Each segment is gone from pg_wal when the next one is archived, and the host cannot read it back."""
    production.sql("CREATE TABLE payments AS SELECT g AS id, repeat(md5(g::text), 9) AS note FROM generate_series(1, 40000) g")
    production.sql("CREATE TABLE other AS SELECT * FROM payments")
    wb.backup()
    safe = place / "away.key"
    owner_key.rename(safe)
    command = production.value("SHOW archive_command") + " && rm %p"
    production.sql(f"ALTER SYSTEM SET archive_command = {quoted(command)}")
    production.sql("SELECT pg_reload_conf()")
    wait_until(lambda: production.value("SHOW archive_command") == command, "the setting")
    # Page images, of which one lies across most segments' ends: each round changes every page behind a checkpoint.
    for _ in range(4):
        production.sql("CHECKPOINT")
        production.sql("UPDATE payments SET note = reverse(note) WHERE id % 8 = 0")
    production.archive_everything()
    assert wb.run("index").json["index"]["incomplete"] > 0, "no record lies across two segments"
    report = wb.done("backup")
    assert report["reason"] == ""
    assert report["backup"]["bytes_read"] < report["backup"]["bytes_raw"] * 0.8
    held = contents(production)
    safe.rename(owner_key)
    copy = wb.recover("--immediate", into=place / "copy")
    assert copy.report["backup"] == report["backup"]["id"]
    assert contents(copy) == held
    check_indexes(copy)


def test_nothing_on_the_host_opens_a_page_or_a_segment(wb, haystack, owner_key, host_key):
    packs, segments = objects(wb, "packs/**/*.age"), objects(wb, f"{haystack}.zst.age")
    assert packs and segments
    assert any(NEEDLE.encode() in unzstd(age(owner_key, pack).stdout) for pack in packs)
    assert NEEDLE.encode() in unzstd(age(owner_key, segments[0]).stdout)
    for path in packs + segments:
        refused = age(host_key, path)
        assert refused.returncode != 0 and b"no identity matched" in refused.stderr, path
    for path in objects(wb, "*"):
        assert NEEDLE.encode() not in path.read_bytes(), path
    manifest = objects(wb, "manifest*")[0]
    assert age(host_key, manifest).returncode == 0
    assert NEEDLE.encode() not in unzstd(age(host_key, manifest).stdout), "names and hashes, no rows"
    for path in objects(wb, "*.index.zst.age"):
        assert NEEDLE.encode() not in unzstd(age(host_key, path).stdout)


@pytest.mark.parametrize("what", ["segment", "manifest", "pack"])
def test_one_byte_changed_in_an_encrypted_object_is_found(production, wb, haystack, place, chance, what):
    path = {
        "segment": wb.stored_segment(haystack), "manifest": wb.manifests()[0], "pack": wb.packs()[0],
    }[what]  # fmt: skip
    for attempt in range(int(os.environ.get("WALKBACK_CHANGES", "4"))):
        at = chance.randrange(path.stat().st_size)
        into = place / f"copy{attempt}"
        with damaged(path, at, 1 << chance.randrange(8)):
            if what == "segment":
                assert wb.get(haystack, place / "got").status not in (0, 1), f"byte {at}"
            refusal = wb.refused("recover", "--latest", "--into", into, "--no-start")
            # A changed stanza of the header is a key that is not ours.
            assert refusal.kind in ("corrupt", "denied"), f"byte {at} of {path}: {refusal}"
        assert not (into / "global/pg_control").exists(), f"byte {at} of {path}"
    wb.recover("--latest", into=place / "whole", no_start=True)


def test_every_object_is_as_its_name_says(wb, haystack):
    for path in objects(wb, "*"):
        encrypted = path.read_bytes().startswith(b"age-encryption.org/v1\n")
        assert encrypted == (path.suffix == ".age") or path.parent.name == "keys", path
        assert encrypted or path.suffix == ".json" or path.parent.name == "keys", path


def test_a_repository_that_is_there_is_not_given_a_key_of_ours(production, wb, place):
    """A bare machine, or another host: whoever can write to the bucket must not choose who reads."""
    other = type(wb)(place / "other" / "walkback.toml", wb.store)
    (place / "other").mkdir()
    public = re.search(r"age1[0-9a-z]+", wb.config.read_text())[0]
    arguments = ["init", "--pgdata", production.pgdata, "--repository", wb.store.url, "--conninfo", production.conninfo]
    other.refused(*arguments).says("whom to encrypt to", f"--recipient {public}")
    assert not list((place / "other").iterdir())
    other.done(*arguments, "--recipient", public)
    assert public in other.config.read_text()
    assert not other.config.with_suffix(".owner.key").exists()


def test_the_repository_and_the_key_are_enough_on_a_new_machine(production, wb, haystack, owner_key, place):
    safe = place / "stick.key"
    owner_key.rename(safe)
    bare = type(wb)(place / "nowhere" / "walkback.toml", wb.store, {
        "WALKBACK_REPOSITORY_URL": wb.store.url, "WALKBACK_REPOSITORY_ENCRYPTION": "age",
        "WALKBACK_ENCRYPTION_IDENTITY_FILE": str(safe),
    })  # fmt: skip
    window = bare.done("list")["windows"][0]
    assert not window["wal_unread"]
    copy = bare.recover("--latest", into=place / "copy")
    assert copy.value("SELECT count(*) FROM haystack") == 501
    copy.stop()
    said = bare.run("recover", "--latest", "--no-start", "--into", place / "other", as_json=False)
    start = next(line.strip() for line in said.stdout.splitlines() if "pg_ctl" in line)
    assert f"WALKBACK_ENCRYPTION_IDENTITY_FILE={safe}" in start
    subprocess.run(start, shell=True, check=True, capture_output=True, timeout=60, env={"PATH": "/usr/bin:/bin"})
    subprocess.run(re.sub(r".*?(/\S*pg_ctl).*", rf"\1 -D {place / 'other'} -m immediate stop", start),
                   shell=True, check=True, capture_output=True, timeout=60)  # fmt: skip
    safe.unlink()
    bare.refused("recover", "--latest", "--into", place / "third").says("there is no key file", "stick.key")


def test_a_key_that_others_can_read_is_refused(wb, haystack, owner_key, place):
    owner_key.chmod(0o644)
    wb.refused("recover", "--latest", "--into", place / "copy").says("chmod")
    assert not (place / "copy").exists()


def test_a_key_that_is_not_an_owners_is_named(wb, haystack, owner_key, place):
    owner_key.unlink()
    subprocess.run(["age-keygen", "-o", owner_key], check=True, capture_output=True)
    owner_key.chmod(0o600)
    wb.refused("recover", "--latest", "--into", place / "copy").says("not one of this repository's recipients", "age1")


def test_a_rotated_key_reads_what_was_stored_before(production, wb, haystack, owner_key, place):
    wb.done("key", "rotate", "--output", place / "new.key")
    new = subprocess.run(["age-keygen", "-y", place / "new.key"], check=True, capture_output=True, text=True).stdout
    old = re.search(r"age1[0-9a-z]+", wb.config.read_text())[0]
    wb.config.write_text(
        wb.config.read_text().replace(old, new.strip()).replace(str(owner_key), str(place / "new.key"))
    )
    owner_key.unlink()
    production.sql("INSERT INTO haystack VALUES ('after the rotation')")
    production.archive_everything()
    copy = wb.recover("--latest", into=place / "copy")
    assert copy.table("haystack") == production.table("haystack")
