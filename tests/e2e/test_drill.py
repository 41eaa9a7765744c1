"""A drill recovers, proves, and leaves nothing behind but what it found, whatever happens to it."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness.cluster import BINARIES, is_alive, wait_until
from harness.repositories import Repository
from harness.trees import archive_snapshot, damaged, only_wal_was_added

FAILED, REFUSED, UNREACHABLE = 6, 1, 3


@pytest.fixture
def shop(production, wb, place):
    """A database with something in it, a backup, and changes since."""
    production.sql("CREATE DATABASE shop")
    production.sql(
        "CREATE TABLE payments AS SELECT g AS id, repeat(md5(g::text), 4) AS note FROM generate_series(1, 20000) g",
        database="shop",
    )
    production.sql("CREATE INDEX payments_id ON payments (id)", database="shop")
    wb.backup()
    production.sql("DELETE FROM payments WHERE id > 15000", database="shop")
    production.archive_everything()
    (place / "drills").mkdir()
    return production


def drill(wb, place, *options, **run):
    return wb.run("drill", "--into", place / "drills", *options, **run)


def proofs(report):
    return {proof["name"]: proof["outcome"] for proof in report["drill"]["proofs"]}


def proof_of(report, name):
    return next(proof for proof in report["drill"]["proofs"] if proof["name"] == name)


def checks(wb, *checks):
    lines = []
    for check in checks:
        lines += ["", "[[drill.checks]]", *(f"{key} = {json.dumps(value)}" for key, value in check.items())]
    with open(wb.config, "a") as config:
        config.write("\n".join(lines) + "\n")


def processes_in(directory):
    """Of any kind, whose working directory or command line lies there."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or not is_alive(entry.name):
            continue
        try:
            cwd = os.readlink(entry / "cwd")
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
        except (PermissionError, FileNotFoundError, ProcessLookupError):
            continue
        if cwd.startswith(str(directory)) or (str(directory) in command and "postgres" in command):
            found.append((entry.name, command))
    return found


def nothing_is_left(place):
    assert list((place / "drills").iterdir()) == []
    assert processes_in(place / "drills") == []


def test_a_drill_proves_what_it_recovered_and_leaves_nothing(shop, wb, place):
    checks(
        wb,
        {"name": "payments", "database": "shop", "sql": "SELECT count(*) FROM payments", "expect": 15000},
        {"name": "newest", "database": "shop", "sql": "SELECT max(id) = 15000 FROM payments"},
    )
    before = archive_snapshot(wb.repository)

    outcome = drill(wb, place, "--check", "SELECT count(*) > 0 FROM pg_class")

    assert outcome.status == 0, outcome.describe()
    report = outcome.json
    assert proofs(report) == dict.fromkeys(("target", "checks", "row_counts", "indexes", "page_checksums"), "proved")
    assert report["drill"]["passed"] and report["drill"]["proved"]
    assert [answer["found"] for answer in report["drill"]["checks"]] == ["15000", "t", "t"]
    assert report["drill"]["rows"]["rows"] == 15000 and report["drill"]["rows"]["tables"] == 1
    timings = report["drill"]["timings"]
    assert 0 < timings["restore_s"] + timings["replay_s"] + timings["prove_s"] <= timings["total_s"] * 1.01
    assert report["drill"]["bytes_written"] > 1 << 20 and report["drill"]["bytes_fetched"] > 0
    nothing_is_left(place)
    # Nothing of it reached the archive: neither WAL nor a timeline's number.
    after = archive_snapshot(wb.repository)
    evidence = {name for name in after.keys() - before.keys() if "/drills/" in name}
    assert len(evidence) == 1 and only_wal_was_added(before, {name: after[name] for name in after.keys() - evidence})
    assert not any(Path(name).name.startswith("00000002") for name in after)
    assert not list(wb.repository.glob("clusters/*/*/timelines/*"))

    event = wb.done("history")["events"][-1]
    assert event["kind"] == "drill" and event["outcome"] == "done"
    assert event["drill"]["timings"] == timings and event["id"] == report["drill"]["id"]
    assert event["drill"]["target"] == "latest"


def test_rows_are_held_against_the_last_drill(shop, wb, place):
    first = drill(wb, place).json["drill"]
    assert first["rows"]["compared_with"] is None and first["rows"]["remarks"] == []
    shop.sql("DELETE FROM payments", database="shop")
    shop.archive_everything()

    second = drill(wb, place)

    assert second.status == 0, "deleting rows is no failure of the backup"
    rows = second.json["drill"]["rows"]
    assert rows["compared_with"] == first["id"]
    assert rows["remarks"] == ["shop.public.payments is empty; it had 15000 rows"]


def test_a_moment_chosen_by_chance_is_chosen_again_by_its_seed(shop, wb, place):
    for _ in range(3):
        shop.sql("INSERT INTO payments VALUES (1, '')", database="shop")
        shop.archive_everything()
    # While it stands the window does not grow, and the same seed means the same moment.
    shop.stop()
    first = drill(wb, place, "--random")
    assert first.status == 0, first.describe()
    random = first.json["drill"]["random"]
    assert random["window"]["from"] <= random["time"] <= random["window"]["to"]

    again = drill(wb, place, "--random", "--seed", random["seed"]).json["drill"]

    assert again["random"] == random
    assert again["target_lsn"] == first.json["drill"]["target_lsn"]
    nothing_is_left(place)


def test_a_target_is_named_as_in_recover(shop, wb, place):
    shop.sql("SELECT pg_create_restore_point('here')")
    shop.sql("TRUNCATE payments", database="shop")
    shop.archive_everything()
    report = drill(wb, place, "--name", "here").json["drill"]
    assert report["rows"]["rows"] == 15000 and report["target"] == "name"
    wb.refused("drill", "--name", "nowhere", "--into", place / "drills", status=UNREACHABLE)


def test_a_check_that_is_not_answered_as_expected_fails_it(shop, wb, place):
    checks(wb, {"name": "payments", "database": "shop", "sql": "SELECT count(*) FROM payments", "expect": 20000})

    outcome = drill(wb, place)

    assert outcome.status == FAILED, outcome.describe()
    assert not outcome.json["drill"]["passed"]
    assert proof_of(outcome.json, "checks")["details"] == ["payments (database shop): found 15000, expected 20000"]
    assert proofs(outcome.json)["page_checksums"] == "proved", "the other proofs are made all the same"
    assert "error: the drill failed: checks" in outcome.stderr
    nothing_is_left(place)
    event = wb.done("history")["events"][-1]
    assert event["outcome"] == "failed" and event["error"] == "not as it must be: checks"
    # What a check found is nobody's business who only lists the repository.
    plain = [path.read_text() for path in wb.repository.glob("clusters/*/events/*.json")]
    assert not any("payments" in text or "15000" in text for text in plain)


def test_a_failed_one_can_be_kept_and_looked_at(shop, wb, place):
    outcome = drill(wb, place, "--keep", "--check", "SELECT false")
    assert outcome.status == FAILED
    kept = Path(outcome.json["drill"]["kept"])
    assert (kept / "data/PG_VERSION").exists() and not (kept / "data/postmaster.pid").exists()
    text = drill(wb, place, "--keep", "--check", "SELECT false", as_json=False).stdout
    # Neither this drill nor the next takes what was kept.
    assert kept.exists()
    start = next(line.strip() for line in text.splitlines() if "pg_ctl" in line)
    ask = next(line.strip() for line in text.splitlines() if line.strip().startswith("psql"))
    subprocess.run(start, shell=True, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=60)
    answer = subprocess.run(
        f"{ask} -d shop -Atc 'SELECT count(*) FROM payments'", shell=True, check=True, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "15000"


def test_a_damaged_page_fails_it(shop, wb, place):
    path = shop.sql("SELECT pg_relation_filepath('payments')", database="shop")[0][0]
    shop.stop()
    # It lay there before the backup, and nothing has read it since.
    with damaged(shop.pgdata / path, 5 * 8192 + 4000, 0xFF):
        shop.start()
        assert wb.run("backup", "--full").status == 4
        shop.archive_everything()
        shop.stop()
    shop.start()

    outcome = drill(wb, place)

    assert outcome.status == FAILED, outcome.describe()
    found = proofs(outcome.json)
    assert found["page_checksums"] == found["row_counts"] == found["indexes"] == "failed"
    [page] = proof_of(outcome.json, "page_checksums")["details"]
    assert path.split("/")[-1] in page and "block 5" in page
    nothing_is_left(place)


def test_a_damaged_pack_fails_it(shop, wb, place):
    pack = max(wb.packs(), key=lambda path: path.stat().st_size)
    with damaged(pack, pack.stat().st_size // 2, 0xFF):
        outcome = drill(wb, place)
        assert outcome.status == FAILED, outcome.describe()
        assert proofs(outcome.json) == {"target": "failed"}
        nothing_is_left(place)
    assert drill(wb, place).status == 0
    assert [event["outcome"] for event in wb.done("history")["events"] if event["kind"] == "drill"] == ["failed", "done"]


def test_a_cluster_without_page_checksums_is_proved_as_far_as_it_goes(make_cluster, make_walkback, place):
    production = make_cluster("pg")
    subprocess.run([BINARIES / "pg_checksums", "--disable", "-D", production.pgdata], check=True, capture_output=True)
    production.start()
    wb = make_walkback().protect(production)
    wb.backup()
    production.archive_everything()
    (place / "drills").mkdir()
    outcome = drill(wb, place)
    assert outcome.status == 0 and not outcome.json["drill"]["proved"]
    assert proofs(outcome.json)["page_checksums"] == "not_proved"
    assert "as far as it could be proved" in drill(wb, place, as_json=False).stdout


def test_the_server_is_alone(shop, wb, place):
    """Asked from within, by a check of the drill's own."""
    ask = [
        "SELECT current_setting('listen_addresses') = ''",
        "SELECT current_setting('archive_mode') = 'off'",
        "SELECT current_setting('unix_socket_permissions') = '0700'",
        f"SELECT current_setting('unix_socket_directories') LIKE '{place}/drills/drill-%'",
        f"SELECT current_setting('data_directory') LIKE '{place}/drills/drill-%'",
        "SELECT current_setting('primary_conninfo') = '' AND current_setting('archive_cleanup_command') = ''",
        "SELECT current_setting('recovery_end_command') = '' AND current_setting('ssl') = 'off'",
        "SELECT current_setting('autovacuum') = 'off' AND current_setting('shared_preload_libraries') = ''",
        "SELECT inet_server_addr() IS NULL",
        "SELECT current_setting('wal_keep_size') = '0'",
    ]
    options = [part for sql in ask for part in ("--check", sql)]
    shop.sql("ALTER SYSTEM SET shared_preload_libraries = auto_explain, pg_stat_statements")
    shop.restart()
    wb.backup()
    shop.archive_everything()
    outcome = drill(wb, place, *options)
    assert outcome.status == 0, proof_of(outcome.json, "checks")["details"]


# Where it must not lie


def refused(wb, place, directory, *words):
    refusal = wb.refused("drill", "--into", directory, status=REFUSED).says(*words)
    assert refusal.kind == "conflict"
    assert not any("drill-" in name for name in os.listdir(directory if Path(directory).exists() else place))


def test_never_near_the_live_cluster(shop, wb, place):
    space = place / "space"
    space.mkdir()
    shop.sql(f"CREATE TABLESPACE fast LOCATION '{space}'")
    shop.sql("CREATE TABLE readings TABLESPACE fast AS SELECT 1")
    refused(wb, place, shop.pgdata, "data directory")
    refused(wb, place, shop.pgdata / "base", "data directory")
    refused(wb, place, shop.pgdata / "new/deeper", "data directory")
    refused(wb, place, space, "tablespace")
    refused(wb, place, next(space.glob("PG_15_*")), "tablespace")
    for number, (target, whose) in enumerate(((shop.pgdata, shop.pgdata), (shop.pgdata / "base", shop.pgdata), (space, space))):
        link = place / f"link{number}"
        link.symlink_to(target)
        refused(wb, place, link, whose)
        refused(wb, place, link / "below", whose)
    refused(wb, place, wb.repository, "repository")
    # A configuration that does not name the cluster: it is found by its processes.
    text = wb.config.read_text()
    wb.config.write_text(text.replace(f'pgdata = "{shop.pgdata}"', 'pgdata = "/nowhere"'))
    refused(wb, place, space / "new", "running cluster")
    wb.config.write_text(text)


def test_nor_behind_a_bind_mount_of_it(shop, wb, place):
    """In a mount namespace of its own, where an ordinary user may have one."""
    space = place / "space"
    space.mkdir()
    shop.sql(f"CREATE TABLESPACE fast LOCATION '{space}'")
    (place / "mounted").mkdir()
    (place / "link").symlink_to(place / "mounted")
    places = ((shop.pgdata, "the live cluster's data directory"), (shop.pgdata / "base", "the live cluster's data directory"),
              (space, "tablespace"))  # fmt: skip
    for target, whose in places:
        mounted = [
            "unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
            f'mount --bind {target} {place}/mounted && exec unshare --user --map-user={os.getuid()} "$@"',
            "sh",
        ]  # fmt: skip
        tried = subprocess.run([*mounted, "true"], capture_output=True, text=True)
        if tried.returncode != 0:
            pytest.skip(f"this user may not mount, even for himself: {tried.stderr.strip()}")
        for directory in ("mounted", "mounted/new", "link/new"):
            done = subprocess.run(
                [*mounted, *wb.command("drill", "--into", place / directory)], capture_output=True, text=True,
                env={**os.environ, **wb.environment}, timeout=60,
            )  # fmt: skip
            assert done.returncode == REFUSED, done.stderr
            assert whose in done.stderr and json.loads(done.stdout)["error"]["kind"] == "conflict"
            assert not list(target.glob("drill-*")) and not (target / "new").exists()


def test_room_is_looked_for_first(shop, wb, place):
    tried = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "true"], capture_output=True, text=True
    )
    if tried.returncode != 0:
        pytest.skip(f"this user may not mount, even for himself: {tried.stderr.strip()}")
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
         f'mount -t tmpfs -o size=8m,mode=0777 none {place}/drills && exec unshare --user --map-user={os.getuid()} "$@"',
         "sh", *wb.command("drill", "--into", place / "drills")],
        capture_output=True, text=True, env={**os.environ, **wb.environment}, timeout=60,
    )  # fmt: skip
    assert done.returncode == REFUSED and json.loads(done.stdout)["error"]["kind"] == "no_space", done.stderr


def test_nothing_says_where(shop, wb):
    wb.refused("drill", status=2).says("--into")


# Killed


def started(wb, place, *options):
    """A drill in the middle of its proofs: its server answers, and a check takes its time."""
    process = wb.start("drill", "--into", place / "drills", "--check", "SELECT pg_sleep(120) IS NOT NULL", *options)
    sleeping = lambda: any("SELECT" in command for _, command in processes_in(place / "drills"))
    wait_until(sleeping, lambda: f"its check to be asked: {process.poll()}", timeout_s=120)
    return process


def guards_of(process):
    """Its children that wait for its death."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [pid for pid in children if b"scratch-guard" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def gone_after_a_moment(place, timeout_s=20):
    wait_until(
        lambda: not list((place / "drills").iterdir()) and not processes_in(place / "drills"),
        lambda: f"nothing to be left: {list((place / 'drills').iterdir())} {processes_in(place / 'drills')}",
        timeout_s,
    )


def test_killed_it_leaves_nothing(shop, wb, place):
    process = started(wb, place)
    assert len(guards_of(process)) == 1
    killed_at = time.monotonic()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    gone_after_a_moment(place)
    print(f"gone {time.monotonic() - killed_at:.1f} s after the kill")
    assert wb.done("history")["events"][-1]["outcome"] == "killed"


def killed_with_its_guard(wb, place):
    """What is left of it."""
    process = started(wb, place)
    [guard] = guards_of(process)
    os.kill(int(guard), signal.SIGKILL)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_until(lambda: not processes_in(place / "drills"), "the kernel to end the server", timeout_s=20)
    [left] = (place / "drills").iterdir()
    return left


def test_killed_with_its_guard_an_agent_that_starts_does_the_rest(shop, wb, place):
    killed_with_its_guard(wb, place)
    wb.environment |= {"WALKBACK_DRILL_DIRECTORY": str(place / "drills"), "WALKBACK_SCHEDULE_DRILL": "never"}
    agent = wb.start("agent", as_json=False)
    gone_after_a_moment(place)
    agent.terminate()
    agent.communicate(timeout=60)
    assert agent.returncode == 0


def test_killed_with_its_guard_the_server_goes_and_the_next_drill_does_the_rest(shop, wb, place):
    left = killed_with_its_guard(wb, place)
    precious = place / "drills/precious"
    precious.mkdir()
    (precious / "file").write_text("x")

    outcome = drill(wb, place)

    assert outcome.status == 0, outcome.describe()
    assert f"removed {left}" in outcome.stderr
    assert sorted((place / "drills").iterdir()) == [precious], "what is no drill's stays"


def test_killed_while_it_restores_it_leaves_nothing(shop, wb, place, chance):
    whole_s = wb.timed("drill", "--into", place / "drills")
    for part in range(4):
        process = wb.start("drill", "--into", place / "drills")
        try:
            process.wait(timeout=whole_s * (part + chance.random()) / 4)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        gone_after_a_moment(place)
    assert drill(wb, place).status == 0


def test_interrupted_it_cleans_up_itself(shop, wb, place):
    process = wb.start("drill", "--into", place / "drills")
    wait_until(lambda: list((place / "drills").iterdir()), "its directory")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    nothing_is_left(place)


def test_prune_takes_nothing_from_under_it(shop, wb, place):
    text = wb.config.read_text()
    wb.config.write_text(text.replace("# count = 0", "count = 1"))
    old = wb.backups()[0]["id"]
    process = started(wb, place, "--immediate")
    try:
        wb.backup()
        shop.archive_everything()
        wb.done("prune")
        assert old in [backup["id"] for backup in wb.backups()]
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    gone_after_a_moment(place)
    wb.done("prune")
    assert old not in [backup["id"] for backup in wb.backups()]
