"""A bucket and a directory hold one repository: either is enough when the other is lost."""

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
