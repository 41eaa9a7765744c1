"""From a server that archives nothing to one whose WAL is proved to be in the repository."""

import os
import shlex

from harness.trees import snapshot
from harness.walkback import unzstd


def test_init_apply_sets_archiving_and_says_that_a_restart_is_due(make_cluster, make_walkback):
    production = make_cluster().start()
    wb = make_walkback()

    said = wb.init(production)["init"]

    assert said["restart_required"] is True and said["proved_segment"] is None
    production.restart()
    assert production.value("SHOW archive_mode") == "on"
    assert production.value("SHOW archive_timeout") == "1min"
    assert "wal-push %p" in production.value("SHOW archive_command")
    assert os.stat(wb.config).st_mode & 0o022 == 0, "nobody else may write the configuration"

    again = wb.init(production)["init"]
    assert again["restart_required"] is False
    segment = again["proved_segment"]
    assert unzstd(wb.stored_segment(segment)) == (production.pgdata / "pg_wal" / segment).read_bytes()


def test_init_without_apply_changes_nothing_of_the_server(make_cluster, make_walkback):
    production = make_cluster().start()
    before = production.sql("SELECT name, setting FROM pg_file_settings")

    said = make_walkback().init(production, apply=False)["init"]

    wanted = {setting["name"]: setting["wanted"] for setting in said["settings"]}
    assert wanted["archive_mode"] == "on" and "wal-push" in wanted["archive_command"]
    assert production.sql("SELECT name, setting FROM pg_file_settings") == before


def test_the_data_directory_may_be_given_by_any_of_its_paths(make_cluster, make_walkback, place):
    production = make_cluster().start()
    (place / "link").symlink_to(production.pgdata)
    wb = make_walkback()
    wb.done("init", "--pgdata", f"{place}/link/", "--repository", f"file://{wb.repository}",
            "--conninfo", production.conninfo, "--encryption", "none", "--apply")  # fmt: skip
    production.restart()
    assert wb.backup()["id"] == wb.backups()[0]["id"]


def test_without_conninfo_the_server_of_the_directory_is_named(make_cluster, make_walkback):
    production = make_cluster().start()
    wb = make_walkback()
    here = ("init", "--pgdata", production.pgdata, "--repository", f"file://{wb.repository}", "--encryption", "none")
    nowhere = {"PGHOST": str(wb.repository.parent / "nowhere")}
    hint = wb.refused(*here, environment=nowhere).says("--conninfo", f"port={production.port}").hint
    conninfo = shlex.split(hint[hint.index("--conninfo") :])[1]
    assert wb.done(*here, "--conninfo", f"{conninfo} user={production.user}", environment=nowhere)
    production.stop()
    wb.config.unlink()
    wb.refused(*here, "--new-repository", environment=nowhere).says(f"no server runs on {production.pgdata}")


def test_an_empty_repository_says_what_to_do_next(wb, place):
    assert wb.backups() == []
    wb.refused("recover", "--latest", "--into", place / "copy").says("backup")
    assert not (place / "copy").exists()


def test_results_go_to_stdout_and_progress_to_stderr_in_plain_lines(wb):
    outcome = wb.run("backup", as_json=False)
    assert outcome.status == 0 and outcome.stdout.strip()
    assert not {"\r", "\x1b"} & set(outcome.stdout + outcome.stderr), "this is no terminal"
    assert wb.run("--quiet", "backup", as_json=False).stderr == ""


def test_two_clusters_in_one_repository_do_not_mix(make_cluster, make_walkback, place):
    clusters = [make_cluster(name).start() for name in ("one", "two")]
    shared = place / "shared.repo"
    for cluster in clusters:
        wb = make_walkback(cluster.pgdata.name, shared)
        wb.done("--cluster", cluster.pgdata.name, "init", "--pgdata", cluster.pgdata, "--repository", f"file://{shared}",
                "--conninfo", cluster.conninfo, "--encryption", "none", "--apply")  # fmt: skip
        cluster.restart()
        cluster.sql(f"CREATE TABLE whose AS SELECT '{cluster.pgdata.name}' AS name")
        wb.backup()
        cluster.archive_everything()
    first = snapshot(shared / "clusters/one")
    for cluster in clusters:
        copy = make_walkback(cluster.pgdata.name, shared).recover("--latest", into=place / f"copy-{cluster.pgdata.name}")
        assert copy.sql("SELECT name FROM whose") == [(cluster.pgdata.name,)]
    assert {name: first[name] for name in first} == {
        name: digest for name, digest in snapshot(shared / "clusters/one").items() if name in first
    }
