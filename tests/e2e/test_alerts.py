"""`status --alert` tells those who are to be told, once, and again when it is well: real servers receive what they would."""

import pytest

from harness.health import CRITICAL, HEALTHY, Status, ask_for_no_drill
from harness.inbox import MailServer, tell

SECRET = "/services/T0/B0/s3cr3t"


@pytest.fixture
def well(production, wb):
    wb.backup()
    production.archive_everything()
    wb.done("verify")
    ask_for_no_drill(wb)
    return wb


def alert(wb, environment=None):
    outcome = wb.run("status", "--alert", environment=environment)
    assert "s3cr3t" not in outcome.stdout + outcome.stderr, outcome.describe()
    return outcome


# Where no server is: critical.
BAD = {"WALKBACK_POSTGRESQL_CONNINFO": "host=/nowhere"}


def test_slack_and_mail_are_told_once_and_when_it_is_well_again(production, well, inbox, mail_server):
    tell(well, slack_url=inbox.url + SECRET, dead_mans_switch_url=inbox.url + "/ping",
              smtp_url=mail_server.url, email_from="walkback@db1.example.org", email_to=["dba@example.org"])  # fmt: skip
    assert alert(well).status == HEALTHY
    assert [path for _, path, _ in inbox.requests] == ["/ping"] and mail_server.mails() == []

    assert alert(well, BAD).status == CRITICAL
    assert alert(well, BAD).status == CRITICAL
    [said] = inbox.sent(SECRET)
    assert said["text"].startswith("CRITICAL: cluster main on ")
    [attachment] = said["attachments"]
    assert attachment["color"] == "#a30200" and "*server*" in attachment["text"]
    assert {field["title"] for field in attachment["fields"]} == {"Last backup", "WAL lag", "Total size", "Issues"}
    [mail] = mail_server.mails()
    assert mail["Subject"].startswith("[walkback] CRITICAL: cluster main on ") and mail["To"] == "dba@example.org"
    assert "CRITICAL server: " in mail.get_payload()
    # Nothing was pinged while it was critical.
    assert len([path for _, path, _ in inbox.requests if path == "/ping"]) == 1

    assert alert(well).status == HEALTHY
    assert inbox.sent(SECRET)[1]["attachments"][0]["color"] == "#2eb886"
    assert len(mail_server.mails()) == 2
    state = well.config.with_suffix(".alert.state").read_text()
    assert "s3cr3t" not in state


def test_an_alert_that_cannot_be_sent_is_a_finding(production, well, inbox):
    tell(well, slack_url=inbox.url + SECRET)
    inbox.status = 404
    outcome = alert(well, BAD)
    found = [finding for finding in outcome.json["findings"] if finding["rule"] == "alert"]
    assert outcome.status == CRITICAL and found[0]["level"] == "critical" and "404" in found[0]["text"]
    # Also for whoever only looks, until it works.
    assert Status(well).level("alert") == "critical"
    inbox.status = 302
    inbox.headers = {"Location": "http://127.0.0.1:9/elsewhere"}
    outcome = alert(well, BAD)
    assert "redirects to 127.0.0.1:9" in outcome.stdout
    inbox.status, inbox.headers = 200, {}
    alert(well, BAD)
    assert Status(well).level("alert") == "healthy"


def test_a_test_alert_says_what_works(production, well, inbox, mail_server):
    well.refused("status", "--test-alert", status=CRITICAL).says("[alert]")
    tell(well, slack_url=inbox.url + SECRET, webhook_url="http://127.0.0.1:9/s3cr3t", smtp_url=mail_server.url,
              email_from="walkback@example.org", email_to=["dba@example.org"], command="exit 3")  # fmt: skip
    outcome = well.run("status", "--test-alert")
    said = {one["channel"]: one for one in outcome.json["test_alert"]}
    assert outcome.status == CRITICAL
    assert said["slack"]["sent"] and said["email"]["sent"]
    assert not said["webhook"]["sent"] and "s3cr3t" not in outcome.stdout
    assert not said["command"]["sent"] and "3" in said["command"]["error"]
    assert mail_server.mails()[0]["Subject"].startswith("[walkback] TEST")
    # It was a test: nothing is remembered of it.
    assert Status(well).outcome.status == HEALTHY


def test_a_file_with_a_webhook_must_not_be_readable_by_everybody(well, inbox):
    tell(well, slack_url=inbox.url + SECRET)
    well.config.chmod(0o644)
    well.refused("status").says("chmod 0600")


def test_a_wrong_password_is_a_finding(production, well, place):
    server = MailServer(place / "guarded", user="walkback", password="s3cr3t")
    try:
        tell(well, smtp_url=server.url, smtp_user="walkback", smtp_password="s3cr3t-no-more",
             email_from="walkback@example.org", email_to=["dba@example.org"])  # fmt: skip
        [found] = [finding for finding in alert(well, BAD).json["findings"] if finding["rule"] == "alert"]
        assert found["level"] == "critical" and "user or password is refused" in found["text"]
        assert server.logins == [False] and server.mails() == []
        well.config.write_text(well.config.read_text().replace("s3cr3t-no-more", "s3cr3t"))
        alert(well, BAD)
        assert Status(well).level("alert") == "healthy" and len(server.mails()) == 1
    finally:
        server.stop()


def test_a_mail_server_that_is_gone(production, well, mail_server):
    tell(well, smtp_url=mail_server.url, email_from="walkback@example.org", email_to=["dba@example.org"])
    mail_server.stop()
    outcome = alert(well, BAD)
    assert outcome.status == CRITICAL
    assert [f["level"] for f in outcome.json["findings"] if f["rule"] == "alert"] == ["critical"]
