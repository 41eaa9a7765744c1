"""A bucket and a directory hold one repository: either is enough when the other is lost."""

import socket
import time

REPOSITORIES = ("s3-age",)

NOBODY_LISTENS = {"WALKBACK_S3_ENDPOINT": "http://127.0.0.1:9", "WALKBACK_S3_TIMEOUT_S": "2"}


def test_each_is_enough(production, make_walkback, place):
    wb = make_walkback()
    directory = place / "directory"
    wb.init(production, "--second-repository", f"file://{directory}")
    production.restart()
    production.sql("CREATE TABLE payments AS SELECT generate_series(1, 1000) AS id")
    wb.backup()
    production.sql("DELETE FROM payments WHERE id > 900")
    production.archive_everything()
    in_directory = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    in_bucket = set(wb.store.snapshot())
    assert {name for name in in_directory ^ in_bucket if not name.startswith(".")} == set()

    copy = wb.recover("--latest", into=place / "from-directory", environment=NOBODY_LISTENS)
    assert copy.value("SELECT count(*) FROM payments") == 900
    directory.rename(place / "away")
    copy = wb.recover("--latest", into=place / "from-bucket")
    assert copy.value("SELECT count(*) FROM payments") == 900
    wb.refused("backup").says("directory")


def test_a_bucket_that_never_answers_holds_nothing_up_for_long(production, make_walkback, place):
    wb = make_walkback()
    wb.init(production, "--second-repository", f"file://{place / 'directory'}")
    production.restart()
    segment = production.switch_wal()
    production.archive_everything()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = {
            "WALKBACK_REPOSITORY_REQUIRED": "false",
            "WALKBACK_S3_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
        }
        began = time.monotonic()
        path = production.pgdata / "pg_wal" / segment
        assert wb.run("wal-push", path, environment=environment).status == 0
        # An operation on a bucket that answers may take ten minutes, all its attempts together.
        assert time.monotonic() - began < 60
