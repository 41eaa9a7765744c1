"""verify: whatever happens to an object of a real backup or its WAL is found, and nothing is called proved that was not opened."""

import json
import os
import shutil
import signal

import pytest

from harness.cluster import wait_until
from harness.trees import damaged

REPOSITORIES = ("file", "file-age")

DAMAGE = 5


@pytest.fixture
def filled(production, wb):
    """Two backups, the second of which shares packs with the first, and WAL from before to behind them."""
    production.sql("CREATE TABLE notes AS SELECT g, md5(g::text) FROM generate_series(1, 30000) g")
    wb.backup()
    production.sql("UPDATE notes SET md5 = 'changed' WHERE g % 1000 = 0")
    production.sql("CREATE TABLE later (id int)")
    wb.backup()
    production.sql("INSERT INTO notes VALUES (0, 'after the backups')")
    production.archive_everything()
    production.stop()
    return wb


def verify(wb, *options, status=0, **how):
    outcome = wb.run("verify", *options, **how)
    assert outcome.status == status, outcome.describe()
    report = outcome.json["verify"]
    assert report["sound"] == (status == 0)
    return report


def found(report):
    return {finding["object"] for finding in report["findings"]}


def name_of(wb, path):
    """What walkback calls the object in this file."""
    return str(path.relative_to(wb.repository))


def objects(wb):
    """Everything that a recovery may need. keys/ and lineage.json are `check`'s."""
    return sorted(
        path
        for path in wb.repository.glob("clusters/*/*/**/*")
        if path.is_file()
        and not {"events", "verified", "timelines"} & set(path.parts)
        and path.name != "lineage.json"
    )


def is_beside(path):
    """An index, or the sign of changed settings, of a segment."""
    return ".index." in path.name or ".settings." in path.name


def records(wb):
    """Those of what was verified."""
    return list(wb.repository.glob("clusters/*/*/verified/*"))


class exchanged:
    """Two files have each other's names while this holds."""

    def __init__(self, one, other):
        self.paths = one, other

    def swap(self):
        one, other = self.paths
        aside = one.with_name("aside")
        one.rename(aside)
        other.rename(one)
        aside.rename(other)

    def __enter__(self):
        self.swap()

    def __exit__(self, *_):
        self.swap()


class away:
    def __init__(self, path):
        self.path, self.aside = path, path.with_name("aside")

    def __enter__(self):
        self.path.rename(self.aside)

    def __exit__(self, *_):
        self.aside.rename(self.path)


def test_what_is_there_is_proved_once_and_remembered(filled):
    first = verify(filled)
    assert first["proved"] and first["backups"] == 2 and first["bytes_read"] > 0
    assert first["objects"]["packs"]["proved"] == len(filled.packs())
    second = verify(filled)
    assert second["proved"] and second["bytes_read"] == 0
    deep = verify(filled, "--deep")
    assert deep["proved"] and deep["bytes_read"] == first["bytes_read"]
    kinds = [event["kind"] for event in filled.done("history")["events"]]
    assert kinds[-3:] == ["verify"] * 3
    text = filled.run("verify", as_json=False)
    assert "is proved" in text.stdout, text.describe()


def test_every_kind_of_loss_is_found_and_named(filled):
    verify(filled)
    segments = [path for path in objects(filled) if "wal" in path.parts and not is_beside(path)]
    packs, manifests = filled.packs(), filled.manifests()
    for path in (packs[0], packs[-1], manifests[0].with_name("summary.json"), segments[-2]):
        with away(path):
            report = verify(filled, status=DAMAGE)
            assert found(report) == {name_of(filled, path)}
            assert report["findings"][0]["trouble"] in ("missing", "gap")
    with away(manifests[1]):
        report = verify(filled, status=DAMAGE)
        assert found(report) == {name_of(filled, manifests[1])}, "the history knows that there was one"
    for one, other in ((packs[0], packs[-1]), (manifests[0], manifests[1]), (segments[-1], segments[-2])):
        with exchanged(one, other):
            assert {name_of(filled, one), name_of(filled, other)} <= found(verify(filled, "--deep", status=DAMAGE))
    names = [path.with_name(path.name.replace("manifest", "names")) for path in manifests]
    with exchanged(*names):
        assert found(verify(filled, "--deep", status=DAMAGE)) == {name_of(filled, path) for path in names}
    with away(names[0]):
        assert found(verify(filled, status=DAMAGE)) == {name_of(filled, names[0])}
    older = manifests[1].read_bytes()
    manifests[1].write_bytes(manifests[0].read_bytes())
    assert name_of(filled, manifests[1]) in found(verify(filled, "--deep", status=DAMAGE)), "rolled back"
    manifests[1].write_bytes(older)
    assert verify(filled, "--deep")["proved"]


def test_one_byte_changed_anywhere_is_found(filled, chance, place):
    paths = objects(filled)
    for attempt in range(int(os.environ.get("WALKBACK_CHANGES", "12"))):
        path = chance.choice(paths)
        at = chance.randrange(path.stat().st_size)
        whole = {name: filled.run("wal-get", name, place / f"w{attempt}") for name in wal_name(path)}
        with damaged(path, at, 1 << chance.randrange(8)):
            outcome = filled.run("verify", "--deep")
            if outcome.status == 0:
                # The rare bit of a zstd frame that changes nothing of what it holds.
                if ".settings." in path.name and path.suffix != ".age":
                    continue
                [name] = wal_name(path)
                assert path.suffix != ".age" and whole[name].status == 0, f"byte {at} of {path}"
                assert filled.run("wal-get", name, place / f"d{attempt}").status == 0
                assert (place / f"d{attempt}").read_bytes() == (place / f"w{attempt}").read_bytes(), f"byte {at} of {path}"
                continue
            assert outcome.status == DAMAGE, outcome.describe()
            assert name_of(filled, path) in found(outcome.json["verify"]), f"byte {at} of {path}: {outcome.describe()}"
    assert verify(filled, "--deep")["proved"]


def wal_name(path):
    is_wal = "wal" in path.parts and not is_beside(path)
    return [path.name.removesuffix(".age").removesuffix(".zst")] if is_wal else []


def test_without_the_owners_key_bytes_are_compared_and_nothing_is_called_proved(filled, place, chance):
    owner_key, safe = filled.config.with_suffix(".owner.key"), place / "safe.key"
    if not owner_key.exists():
        pytest.skip("a plain repository has no keys")
    owner_key.rename(safe)
    report = verify(filled)
    packs, segments = report["objects"]["packs"], report["objects"]["segments"]
    assert not report["proved"]
    assert packs["as_written"] == packs["objects"] == len(filled.packs()) and packs["bytes_read"] == packs["bytes"]
    assert segments["seen"] == segments["objects"] and segments["proved"] == 0
    for kind in ("manifests", "maps", "indexes"):
        assert report["objects"][kind]["proved"] == report["objects"][kind]["objects"] > 0, kind
    assert "without a private key" in filled.run("verify", as_json=False).stdout.replace("\n", " ")
    for path in (chance.choice(filled.packs()), chance.choice([path for path in objects(filled) if wal_name(path)])):
        with damaged(path, chance.randrange(path.stat().st_size), 1):
            assert found(verify(filled, "--deep", status=DAMAGE)) == {name_of(filled, path)}
    proved = verify(filled, environment={"WALKBACK_ENCRYPTION_IDENTITY_FILE": str(safe)})
    assert proved["proved"] and proved["objects"]["packs"]["read"] == len(filled.packs())


def test_killed_it_goes_on_where_it_was(production, wb, filled):
    """At 1 MiB a second, so that there is a middle to be killed in: once its first record is there."""
    production.start()
    production.sql("CREATE TABLE noise AS SELECT gen_random_uuid() AS a, gen_random_uuid() AS b FROM generate_series(1, 400000)")
    wb.backup()
    production.archive_everything()
    slow = {"WALKBACK_VERIFY_LIMIT_MIB_PER_S": "1", "WALKBACK_VERIFY_WORKERS": "1"}
    filled.environment |= slow
    process = filled.start("verify", "--deep")
    wait_until(lambda: records(filled) or process.poll() is not None, "a record of the verification")
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it was quicker than that"
    for variable in slow:
        filled.environment.pop(variable)
    rest = verify(filled, "--deep")
    assert rest["proved"] and rest["resumed_from"]
    whole = verify(filled, "--deep")
    assert whole["resumed_from"] is None and rest["bytes_read"] < whole["bytes_read"]


def test_a_lost_sign_of_changed_settings_is_found_and_made_again(production, wb):
    wb.backup()
    production.configure(max_connections=37)
    production.restart()
    production.sql("CREATE TABLE notes AS SELECT 1 AS id")
    production.archive_everything()
    verify(wb)
    whole = wb.done("index")["index"]["whole"]
    sign = max(wb.repository.glob("clusters/*/*/wal/*/*/*.settings.*"))
    content = sign.read_bytes()
    sign.unlink()
    for options in ((), ("--deep",)):
        [finding] = verify(wb, *options, status=DAMAGE)["findings"]
        assert (finding["trouble"], finding["object"]) == ("missing", name_of(wb, sign))
    index = wb.done("index")["index"]
    assert (index["wrong_sign"], index["whole"]) == (1, whole - 1)
    assert wb.done("index", "--rebuild")["index"]["rebuilt"] == 1
    assert sign.exists()
    assert verify(wb)["proved"] and wb.done("index")["index"]["whole"] == whole
    sign.write_bytes(content[: len(content) // 2])
    assert found(verify(wb, "--deep", status=DAMAGE)) == {name_of(wb, sign)}
    unsigned = [
        wrong
        for index in wb.repository.glob("clusters/*/*/wal/*/*/*.index.*")
        if not (wrong := index.with_name(index.name.replace(".index.", ".settings."))).exists()
    ]
    sign.write_bytes(content)
    wrong = max(unsigned)
    wrong.write_bytes(content)
    assert found(verify(wb, status=DAMAGE)) == {name_of(wb, wrong)}
    wb.done("index", "--rebuild")
    assert not wrong.exists()
    assert verify(wb, "--deep")["proved"]


def test_a_backup_that_is_gone_as_a_whole_is_a_loss_unless_a_prune_took_it(filled, place):
    manifest = filled.manifests()[0]
    folder, aside = manifest.parent, place / "aside"
    shutil.move(folder, aside)
    for options in ((), ("--deep",)):
        [finding] = verify(filled, *options, status=DAMAGE)["findings"]
        assert (finding["trouble"], finding["object"]) == ("missing", name_of(filled, manifest))
        assert finding["backups"] == [folder.name]
    shutil.move(aside, folder)
    assert verify(filled)["proved"]
    filled.done("prune", environment={"WALKBACK_RETENTION_COUNT": "1"})
    assert not manifest.exists()
    removed = [json.loads(path.read_text()).get("removed") for path in filled.repository.glob("clusters/*/events/*.end.json")]
    assert [folder.name] in removed
    assert verify(filled)["proved"] and verify(filled, "--deep")["proved"]


def test_a_damaged_lineage_is_a_finding_and_another_is_verified(filled):
    [lineage] = filled.repository.glob("clusters/*/*/lineage.json")
    content = lineage.read_text()
    lineage.write_text(content[: len(content) // 2])
    report = verify(filled, status=DAMAGE)
    assert found(report) == {name_of(filled, lineage)} and report["backups"] == 0
    lineage.unlink()
    report = verify(filled, status=DAMAGE)
    assert (report["findings"][0]["trouble"], found(report)) == ("missing", {name_of(filled, lineage)})
    other = lineage.parent.with_name("7") / "lineage.json"
    other.parent.mkdir()
    other.write_text("{")
    lineage.write_text(content)
    report = verify(filled, status=DAMAGE)
    assert found(report) == {name_of(filled, other)} and report["backups"] == 2


def test_a_segment_that_is_gone_says_what_is_lost_and_each_finding_is_said_once(filled):
    segments = [path for path in objects(filled) if "wal" in path.parts and not is_beside(path) and ".backup." not in path.name]
    with away(segments[-2]):
        [finding] = verify(filled, status=DAMAGE)["findings"]
        assert finding["lost"]["after"] and finding["lost"]["until"] is None
        text = filled.run("verify", as_json=False)
        assert text.status == DAMAGE
        assert "until a backup is taken" in text.stdout and "take a backup now" in text.stderr
        assert (text.stdout + text.stderr).count(name_of(filled, segments[-2])) == 1
        assert "1 object in trouble" in text.stderr and "index --rebuild" not in text.stderr
