"""Backups days apart, one after another."""

from pathlib import Path

DAY = 86400


class PassingTime:
    """For walkback alone: the server and its archiver live in the present."""

    def __init__(self, wb):
        self.wb = wb
        self.offset = 0
        wb.environment["WALKBACK_BACKUP_REREAD_DAYS"] = "1"

    def backup(self, *options):
        """Longer after the last than every page takes to be read again."""
        self.offset += 2 * DAY
        return self.soon_after(*options)

    def soon_after(self, *options):
        # Not from a file, as history.Clock: libfaketime would read that at every look at the clock.
        library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
        clock = {"LD_PRELOAD": str(library), "FAKETIME": f"{self.offset:+d}", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        return self.wb.run("backup", *options, environment=clock)
