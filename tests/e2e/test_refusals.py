"""What must be refused is refused: two lines that say what and what to do, a status, and nothing lost."""

import os
import re
import shutil
import time
from pathlib import Path

import pytest

from harness.cluster import wait_until
from harness.trees import damaged, only_wal_was_added, snapshot
from harness.walkback import unzstd

# Exit statuses, from docs/cli.md.
USAGE = 2
UNREACHABLE = 3


@pytest.fixture
def held(production, wb):
    """A complete segment that PostgreSQL has not archived: its archiver is told to fail."""
    production.sql("ALTER SYSTEM SET archive_command = '/bin/false'")
    production.sql("SELECT pg_reload_conf()")
    wait_until(lambda: production.value("SHOW archive_command") == "/bin/false", "the setting")
    production.sql("CREATE TABLE filler AS SELECT md5(g::text) FROM generate_series(1, 20000) g")
    path = production.pgdata / "pg_wal" / production.switch_wal()
    assert wb.stored_segment(path.name) is None
    return path


def stored(wb, segment):
    return unzstd(wb.stored_segment(segment.name))


class TestWalPush:
    def test_two_at_once_of_one_segment_both_succeed(self, wb, held):
        pushes = [wb.start("wal-push", held) for _ in range(4)]
        for push in pushes:
            _, stderr = push.communicate(timeout=60)
            assert push.returncode == 0, stderr
        assert stored(wb, held) == held.read_bytes()

    def test_the_same_segment_again_is_success(self, wb, held):
        assert wb.push(held).status == 0
        before = snapshot(wb.repository)
        assert wb.push(held).status == 0
        assert snapshot(wb.repository) == before

    def test_a_segment_that_the_server_still_writes(self, production, wb, held, place):
        production.sql("CREATE TABLE more AS SELECT 1")
        current = production.pgdata / "pg_wal" / production.value("SELECT pg_walfile_name(pg_current_wal_lsn())")
        wb.refused("wal-push", current, status=1).says(current.name, "not finished", "pg_switch_wal()")
        assert wb.stored_segment(current.name) is None
        production.switch_wal()
        assert wb.push(current).status == 0
        assert stored(wb, current) == current.read_bytes()
        # Finished, and not marked: as where archive_mode is off.
        (current.parent / "archive_status" / f"{current.name}.ready").unlink()
        assert wb.push(current).status == 0
        # What a lost server wrote last.
        last = production.pgdata / "pg_wal" / production.value("SELECT pg_walfile_name(pg_current_wal_lsn())")
        production.stop("immediate")
        shutil.copy(last, place / last.name)
        assert wb.push(place / last.name).status == 0

    def test_the_same_name_with_other_bytes(self, wb, held, place):
        assert wb.push(held).status == 0
        other = changed_copy(held, place / "other", at=held.stat().st_size // 2)
        before = snapshot(wb.repository)
        refusal = wb.refused("wal-push", other, status=1).says(held.name)
        assert refusal.kind == "conflict"
        assert snapshot(wb.repository) == before
        assert stored(wb, held) == held.read_bytes()

    def test_a_segment_of_another_cluster(self, wb, make_cluster, place):
        stranger = make_cluster("stranger").start()
        for _ in range(8):
            name = stranger.switch_wal()
        before = snapshot(wb.repository)
        wb.refused("wal-push", stranger.pgdata / "pg_wal" / name, status=1).says("system identifier")
        assert only_wal_was_added(before, snapshot(wb.repository)) and wb.stored_segment(name) is None

    @pytest.mark.parametrize("length", [0, 100, 8192, 5_000_000, 16 * 1024 * 1024 - 1])
    def test_a_truncated_segment(self, wb, held, place, length):
        (place / "cut").mkdir()
        cut = place / "cut" / held.name
        cut.write_bytes(held.read_bytes()[:length])
        wb.refused("wal-push", cut, status=1).says(held.name)
        assert wb.stored_segment(held.name) is None
        assert wb.push(held).status == 0
        assert stored(wb, held) == held.read_bytes()

    def test_a_segment_under_another_segments_name(self, wb, held, place):
        (place / "misnamed").mkdir()
        misnamed = place / "misnamed" / "0000000100000000000000EE"
        shutil.copy(held, misnamed)
        wb.refused("wal-push", misnamed, status=1).says(misnamed.name)
        assert wb.stored_segment(misnamed.name) is None

    def test_a_file_that_is_not_there(self, wb, place):
        wb.refused("wal-push", place / "0000000100000000000000EE", status=1)

    def test_history_backup_and_partial_names_are_kept_as_they_are(self, wb, held, place):
        for name, content in [
            ("0000000A.history", b"1\t0/5000000\tno recovery target specified\n"),
            (f"{held.name}.00000028.backup", b"START WAL LOCATION: 0/2000028\n"),
            (f"{held.name}.partial", held.read_bytes()),
        ]:
            (place / name).write_bytes(content)
            assert wb.push(place / name).status == 0, name
            assert wb.get(name, place / "got").status == 0, name
            assert (place / "got").read_bytes() == content


def changed_copy(path, folder, at):
    """A copy with one byte changed, under the same name."""
    folder.mkdir(exist_ok=True)
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    (folder / path.name).write_bytes(content)
    return folder / path.name


class TestTheRepository:
    def test_without_permission(self, production, wb, held):
        with read_only(wb.repository):
            assert wb.refused("wal-push", held, status=1).kind == "denied"
            assert wb.refused("backup").kind == "denied"
        assert wb.stored_segment(held.name) is None and wb.backups() == []
        assert wb.push(held).status == 0
        assert stored(wb, held) == held.read_bytes()

    def test_gone(self, wb, held, place):
        wb.repository.rename(place / "away")
        wb.refused("wal-push", held).says(wb.repository)
        wb.refused("list").says(wb.repository)
        wb.refused("backup")
        wb.refused("recover", "--latest", "--into", place / "copy")
        outcome = wb.get(held.name, place / "got")
        assert outcome.status > 125, "PostgreSQL would take this for the end of the WAL"
        assert not wb.repository.exists(), "a repository that is gone is not made anew"
        (place / "away").rename(wb.repository)
        assert wb.push(held).status == 0
        assert stored(wb, held) == held.read_bytes()

    def test_without_space(self, small_disk, production, make_walkback):
        repository, filler = small_disk / "repository", small_disk / "filler"
        wb = make_walkback("small", repository)
        wb.protect(production)
        production.sql("ALTER SYSTEM SET archive_command = '/bin/false'")
        production.sql("SELECT pg_reload_conf()")
        production.sql("CREATE TABLE filler AS SELECT random() FROM generate_series(1, 200000) g")
        segment = production.pgdata / "pg_wal" / production.switch_wal()
        fill_up(filler)
        before = snapshot(repository)

        assert wb.refused("wal-push", segment, status=1).kind == "no_space"
        assert wb.refused("backup").kind == "no_space"

        assert wb.stored_segment(segment.name) is None and wb.backups() == []
        assert before.items() <= snapshot(repository).items(), "what was there is still there"
        filler.unlink()
        assert wb.push(segment).status == 0
        assert stored(wb, segment) == segment.read_bytes()

    def test_a_full_repository_can_be_pruned(self, small_disk, production, make_walkback):
        repository, filler = small_disk / "repository", small_disk / "filler"
        wb = make_walkback("small", repository)
        wb.protect(production)
        wb.backup()
        wb.backup("--full")
        assert len(wb.backups()) == 2
        production.sql("ALTER SYSTEM SET archive_command = '/bin/false'")
        production.sql("SELECT pg_reload_conf()")
        fill_up(filler)
        wb.done("prune", environment={"WALKBACK_RETENTION_COUNT": "1"})
        assert len(wb.backups()) == 1
        [again] = repository.glob("clusters/*/reserve*")
        assert again.stat().st_size >= 1 << 20

    def test_wal_get_says_absent_only_for_what_is_not_in_the_archive(self, wb, place):
        assert wb.get("0000000100000000000000EE", place / "got").status == 1
        assert wb.get("00000007.history", place / "got").status == 1
        assert not (place / "got").exists()

    @pytest.mark.parametrize("broken", ["the folder is a link to what is away", "the folder is away", "a log's folder"])
    def test_wal_get_never_says_absent_of_an_archive_that_cannot_be_seen(self, wb, held, place, broken):
        assert wb.push(held).status == 0
        wal = next(wb.repository.glob("clusters/*/*/wal"))
        folder = wb.stored_segment(held.name).parent if broken == "a log's folder" else wal
        folder.rename(place / "away")
        if broken != "the folder is away":
            folder.symlink_to("/mnt/nowhere")
        for name in (held.name, "0000000100000000000000EE"):
            outcome = wb.get(name, place / "got")
            assert outcome.status > 125, outcome.describe()
        assert not (place / "got").exists()

    @pytest.mark.parametrize("what", ["segment", "manifest", "summary", "pack"])
    def test_one_byte_changed_is_found_and_named(self, production, wb, place, chance, what):
        production.sql("CREATE TABLE notes AS SELECT g, md5(g::text) FROM generate_series(1, 20000) g")
        wb.backup()
        segment = production.archive_everything()
        original = (production.pgdata / "pg_wal" / segment).read_bytes()
        summaries = [manifest.parent / "summary.json" for manifest in wb.manifests()]
        paths = {"segment": [wb.stored_segment(segment)], "manifest": wb.manifests(), "summary": summaries, "pack": wb.packs()}[what]
        for attempt in range(int(os.environ.get("WALKBACK_CHANGES", "4"))):
            path = chance.choice(paths)
            at = chance.randrange(path.stat().st_size)
            with damaged(path, at, 1 << chance.randrange(8)):
                into = place / f"copy{attempt}"
                # The rare bit of a zstd frame that changes nothing of what it holds: the window's size, say.
                if what == "segment" and wb.get(segment, place / f"got{attempt}").status == 0:
                    assert (place / f"got{attempt}").read_bytes() == original, f"byte {at} of {path}"
                    continue
                refusal = wb.refused("recover", "--latest", "--into", into, "--no-start")
                refusal.says(path.name.split(".")[0] if what in ("segment", "pack") else path.parent.name)
                assert refusal.kind == "corrupt", f"byte {at} of {path}"
                assert not (into / "global/pg_control").exists(), f"byte {at} of {path}"
        wb.recover("--latest", into=place / "whole", no_start=True)


class read_only:
    """Nothing may be written below `root` while this holds."""

    def __init__(self, root):
        self.folders = [Path(folder) for folder, _, _ in os.walk(root)]

    def __enter__(self):
        for folder in self.folders:
            folder.chmod(0o500)

    def __exit__(self, *_):
        for folder in self.folders:
            folder.chmod(0o700)


def fill_up(path):
    with open(path, "wb") as file:
        try:
            while True:
                file.write(bytes(64 * 1024))
                file.flush()
        except OSError:
            pass


@pytest.fixture
def history(production, wb):
    """A backup, a commit, a restore point, and the end of what is archived."""
    production.sql("CREATE TABLE notes (id int)")
    early = production.value("WITH t AS (INSERT INTO notes VALUES (0) RETURNING 1) SELECT pg_current_xact_id()::text FROM t")
    wb.backup()
    production.sql("INSERT INTO notes VALUES (1)")
    production.sql("SELECT pg_create_restore_point('point')")
    production.archive_everything()
    return early


class TestTargets:
    @pytest.mark.parametrize(
        "target",
        [["--to", "2001-01-01 00:00:00Z"], ["--lsn", "0/1000028"]],
    )
    def test_before_the_first_backup(self, wb, history, place, target):
        [backup] = wb.backups()
        refuse_target(wb, place, *target).says(nearest(backup))

    def test_a_transaction_before_the_first_backup(self, wb, history, place):
        refuse_target(wb, place, "--xid", history)

    @pytest.mark.parametrize(
        "target",
        [["--to", "2199-01-01 00:00:00Z"], ["--lsn", "FF/0"], ["--xid", "4000000"], ["--before-xid", "4000000"]],
    )
    def test_after_the_last_commit(self, wb, history, place, target):
        refuse_target(wb, place, *target)

    def test_a_time_on_a_server_at_rest_and_what_makes_it_reachable(self, production, wb, history, place):
        time.sleep(2)
        target = production.value("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || 'Z'")
        refuse_target(wb, place, "--to", target).says("last archived", "CHECKPOINT; SELECT pg_switch_wal()")
        time.sleep(2)  # a checkpoint's time is in whole seconds
        production.archive_everything()
        refuse_target(wb, place, "--to", target)
        production.sql("CHECKPOINT")
        production.archive_everything()
        assert wb.recover("--to", target, into=place / "copy").table("notes") == [(0,), (1,)]

    def test_a_name_nobody_gave(self, wb, history, place):
        refuse_target(wb, place, "--name", "pont").says("pont")

    def test_on_a_timeline_that_does_not_exist(self, wb, history, place):
        refuse_target(wb, place, "--latest", "--timeline", "7").says("7")

    def test_in_a_gap(self, production, wb, place):
        production.sql("CREATE TABLE notes (id int)")
        wb.backup()
        production.sql("SELECT pg_create_restore_point('before')")
        production.archive_everything()
        lost = production.archive_everything()
        production.sql("SELECT pg_create_restore_point('after')")
        production.archive_everything()
        wb.stored_segment(lost).unlink()

        refuse_target(wb, place, "--name", "after").says(lost)
        assert wb.done("list")["gaps"], "list shows it"
        wb.recover("--name", "before", into=place / "copy")

    @pytest.mark.parametrize("time", ["yesterdayish", "2026-13-01 00:00", "25:61", "", "10 fortnights ago"])
    def test_a_time_that_cannot_be_read_names_the_forms_that_can(self, wb, history, place, time):
        refusal = wb.refused("recover", "--to", time, "--into", place / "copy", status=USAGE)
        refusal.says("times are read as", "2026-11-22 15:46", "ago")
        assert not (place / "copy").exists()

    @pytest.mark.parametrize("target", [[], ["--latest", "--xid", "5"], ["--xid", "five"], ["--lsn", "here"]])
    def test_not_exactly_one_target_or_one_that_is_no_number(self, wb, history, place, target):
        wb.refused("recover", *target, "--into", place / "copy", status=USAGE)
        assert not (place / "copy").exists()


def without_clock(message):
    return re.sub(r"it is now .*", "", message)


def refuse_target(wb, place, *target):
    """Refused by recover before anything is written, and by plan in the same words."""
    before = snapshot(wb.repository)
    refusal = wb.refused("recover", *target, "--into", place / "copy", status=UNREACHABLE)
    assert not (place / "copy").exists()
    assert without_clock(wb.refused("plan", *target).message) == without_clock(refusal.message)
    assert set(before) <= set(snapshot(wb.repository))
    return refusal


def nearest(backup):
    """The hour in which the first backup stopped: the earliest time that works."""
    return re.match(r"\d{4}-\d\d-\d\d", backup["stopped_at"]).group(0)


class TestTheTargetDirectory:
    def test_that_is_not_empty(self, wb, history, place):
        (place / "copy").mkdir()
        (place / "copy" / "precious").write_text("mine")
        wb.refused("recover", "--latest", "--into", place / "copy").says(place / "copy")
        assert [path.name for path in (place / "copy").iterdir()] == ["precious"]
        assert (place / "copy/precious").read_text() == "mine"

    @pytest.mark.parametrize("where", ["itself", "inside", "symlink", "dotted"])
    def test_that_belongs_to_a_running_server(self, production, wb, history, place, where):
        (place / "link").symlink_to(production.pgdata)
        into = {
            "itself": production.pgdata,
            "inside": production.pgdata / "base" / "new",
            "symlink": place / "link",
            "dotted": place / "pg" / "base" / "..",
        }[where]
        pid, files = production.pid(), set(snapshot(production.pgdata / "base"))
        wb.refused("recover", "--latest", "--into", into)
        assert production.pid() == pid
        assert set(snapshot(production.pgdata / "base")) == files
        assert production.value("SELECT count(*) FROM notes") == 2

    def test_of_a_tablespace_that_is_live(self, production, wb, place):
        (place / "space").mkdir()
        production.sql(f"CREATE TABLESPACE fast LOCATION '{place / 'space'}'")
        production.sql("CREATE TABLE readings TABLESPACE fast AS SELECT 1")
        wb.backup()
        production.archive_everything()
        production.sql("CHECKPOINT")
        before = snapshot(place / "space")
        same = f"{place / 'space'}={place / 'space'}"
        wb.refused("recover", "--latest", "--into", place / "copy", "--tablespace", same).says(place / "space")
        wb.refused("recover", "--latest", "--into", place / "copy", "--tablespace", f"/nowhere={place / 'new'}").says("/nowhere")
        assert snapshot(place / "space") == before
        assert not (place / "copy").exists()

    def test_an_empty_one_is_fine(self, wb, history, place):
        (place / "copy").mkdir()
        copy = wb.recover("--latest", into=place / "copy")
        assert copy.value("SELECT count(*) FROM notes") == 2


class TestTheConfiguration:
    def test_an_unknown_key_is_named_with_the_closest_known_one(self, wb):
        text = wb.config.read_text()
        key = re.search(r"^(repository|pgdata|\w{5,}) *=", text, re.M).group(1)
        misspelt = key[:-2] + key[-1]
        wb.config.write_text(re.sub(rf"^{key} *=", f"{misspelt} =", text, count=1, flags=re.M))
        wb.refused("list", status=USAGE).says(misspelt, key)

    def test_text_that_is_no_toml(self, wb):
        wb.config.write_text("this is = = not\n")
        wb.refused("list", status=USAGE).says(wb.config)

    def test_a_file_that_is_not_there(self, wb):
        wb.config.unlink()
        wb.refused("list", status=USAGE).says(wb.config)

    def test_an_unknown_command_and_an_unknown_option(self, wb):
        wb.refused("backpu", status=USAGE)
        wb.refused("list", "--no-such-option", status=USAGE)

    def test_init_does_not_overwrite_a_repository_of_another_cluster(self, wb, make_cluster, make_walkback):
        stranger = make_cluster("stranger").start()
        other = make_walkback("other", wb.repository)
        before = snapshot(wb.repository)
        other.refused("init", "--pgdata", stranger.pgdata, "--repository", f"file://{wb.repository}",
                      "--conninfo", stranger.conninfo, "--encryption", "none", "--apply")  # fmt: skip
        assert before.items() <= snapshot(wb.repository).items()
