"""What `status` says, and that it says it as it promises: exit status, level and findings agree."""

HEALTHY, WARNING, CRITICAL = 0, 1, 2
LEVELS = ["healthy", "warning", "critical"]


def ask_for_no_drill(wb):
    """In the configuration that `init` wrote."""
    text = wb.config.read_text()
    assert text.count("# drill_age = ") == 1
    wb.config.write_text(text.replace('# drill_age = "35 days"', 'drill_age = ""'))


class Status:
    def __init__(self, wb, environment=None):
        self.outcome = wb.run("status", environment=environment)
        self.said = self.outcome.json
        assert "error" not in self.said, self.outcome.describe()
        assert LEVELS[self.outcome.status] == self.said["status"], self.outcome.describe()
        worst = max((LEVELS.index(finding["level"]) for finding in self.said["findings"]), default=0)
        assert worst == self.outcome.status, self.outcome.describe()
        for finding in self.said["findings"]:
            assert bool(finding["hint"]) == (finding["level"] != "healthy"), finding

    def __getitem__(self, rule):
        """The worst that the rule says."""
        found = [finding for finding in self.said["findings"] if finding["rule"] == rule]
        assert found, f"nothing of {rule}: {self.outcome.describe()}"
        return found[0]

    def level(self, rule):
        return self[rule]["level"]

    def wrong(self):
        return {finding["rule"] for finding in self.said["findings"] if finding["level"] != "healthy"}

    def not_known(self):
        return {one["rule"] for one in self.said["not_known"]}
