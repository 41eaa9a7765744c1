"""Backups days apart, one after another."""

from harness.history import Clock

DAY = 86400


class PassingTime:
    """For walkback alone: the server and its archiver live in the present."""

    def __init__(self, wb, place):
        self.wb = wb
        self.clock = Clock(place / "passing")
        wb.environment["WALKBACK_BACKUP_REREAD_DAYS"] = "1"

    def backup(self, *options):
        """Longer after the last than every page takes to be read again."""
        self.clock.set(self.clock.offset + 2 * DAY)
        return self.wb.run("backup", *options, environment=self.clock.environment)

    def soon_after(self, *options):
        return self.wb.run("backup", *options, environment=self.clock.environment)
