"""One repository in two places: what is acknowledged is in each that is required, and one alone is enough."""

import filecmp
import shutil
from pathlib import Path

import pytest

REPOSITORIES = ("file-age",)


class Places:
    """Both as directories, to look into."""

    def __init__(self, wb):
        self.first = Path(wb.repository)
        self.second = self.first.with_name(self.first.name + ".second")

    def names(self, place):
        return {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file() and ".tmp" not in path.parts}

    def written_down(self):
        """In the first place: what the second missed."""
        return [name for name in self.names(self.first) if name.startswith("behind/")]

    def assert_same(self):
        names = self.names(self.first)
        assert names == self.names(self.second)
        assert all(filecmp.cmp(self.first / name, self.second / name, shallow=False) for name in names)

    def away(self, place):
        place.rename(place.with_name(place.name + ".away"))

    def back(self, place):
        shutil.rmtree(place, ignore_errors=True)
        place.with_name(place.name + ".away").rename(place)


def require_no_second(wb):
    text = wb.config.read_text()
    section, rest = text.split("[second_repository]")
    wb.config.write_text(section + "[second_repository]" + rest.replace("# required = true", "required = false", 1))


@pytest.fixture
def places(production, make_walkback, make_cluster):
    wb = make_walkback()
    places = Places(wb)
    places.wb = wb
    wb.init(production, "--second-repository", f"file://{places.second}")
    production.restart()
    production.archive_everything()
    production.sql("CREATE TABLE payments AS SELECT generate_series(1, 1000) AS id")
    return places


def payments(copy):
    return copy.value("SELECT count(*) FROM payments")


def test_everything_is_in_both(production, places, place):
    wb = places.wb
    wb.backup()
    production.archive_everything()
    places.assert_same()
    found = {finding["what"]: finding["level"] for finding in wb.done("check")["check"]["findings"]}
    assert found["places"] == "ok"
    for lost in (places.first, places.second):
        places.away(lost)
        copy = wb.recover("--latest", into=place / f"without.{lost.name}")
        assert payments(copy) == 1000
        places.back(lost)


def test_no_segment_is_acknowledged_that_a_required_place_lacks(production, places):
    wb = places.wb
    for lost in (places.first, places.second):
        segment = production.switch_wal()
        production.archive_everything()
        places.away(lost)
        path = production.pgdata / "pg_wal" / segment
        wb.refused("wal-push", path)
        places.back(lost)
        assert wb.push(path).status == 0
    places.assert_same()


def test_a_place_that_is_not_required_catches_up_by_itself(production, places, place):
    wb = places.wb
    require_no_second(wb)
    places.away(places.second)
    wb.backup()
    production.sql("INSERT INTO payments VALUES (1001)")
    production.archive_everything()
    assert places.written_down()
    places.back(places.second)
    # A backup compares the places whole; a push would do it a minute after the outage.
    for times in places.first.glob("behind/*"):
        times.rename(times.with_name(f"{int(times.name) - 120:012}"))
    production.switch_wal()
    production.archive_everything()
    assert not places.written_down()
    places.assert_same()
    places.away(places.first)
    wb.refused("recover", "--latest", "--into", place / "may-be-behind")


def test_a_place_that_is_added_later_is_given_everything(production, make_walkback, place):
    wb = make_walkback().protect(production)
    wb.backup()
    production.archive_everything()
    places = Places(wb)
    text = wb.config.read_text()
    assert "# url" in text.split("[second_repository]")[1]
    wb.config.write_text(text.replace('[second_repository]\n# url = ""', f'[second_repository]\nurl = "file://{places.second}"'))
    assert wb.init(production, "--second-repository", f"file://{places.second}")["init"]["objects_copied"] > 5
    production.archive_everything()
    places.assert_same()
    wb.done("check")
