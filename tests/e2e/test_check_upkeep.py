"""What would fail at three in the morning is refused, or said by `check`: who is told, what is kept, what runs when."""

import json
import signal
import time

import pytest

from harness.cluster import wait_until
from harness.history import Clock
from harness.inbox import Inbox, MailServer, Silence, make_certificate, tell

SECRET = "/services/T0/B0/s3cr3t"
DAY = 86400


def check(wb, environment=None):
    """The findings, by what they are of."""
    outcome = wb.run("check", "--no-proof", environment=environment)
    assert "s3cr3t" not in outcome.stdout + outcome.stderr, outcome.describe()
    said = outcome.json["check"]
    assert (outcome.status == 0) == said["ok"], outcome.describe()
    return {finding["what"]: finding for finding in said["findings"]}


def by_mail(server, **keys):
    return {"smtp_url": server.url, "email_from": "walkback@db1.example.org", "email_to": ["dba@example.org"], **keys}


# Who is told


def test_channels_are_tried_and_nobody_is_told(production, wb, inbox, mail_server):
    assert "nobody is told" in check(wb)["alerts"]["text"]
    tell(wb, slack_url=inbox.url + SECRET, webhook_url=inbox.url + "/hook", pagerduty_key="s3cr3t",
         pagerduty_url=inbox.url + "/pager", dead_mans_switch_url=inbox.url + "/ping", command="exit 1", **by_mail(mail_server))  # fmt: skip
    found = check(wb)
    channels = {what.removeprefix("alert: "): one["level"] for what, one in found.items() if what.startswith("alert: ")}
    assert channels == dict.fromkeys(("slack", "webhook", "pagerduty", "email", "command", "dead_mans_switch"), "ok")
    asked = [(method, path) for method, path, _ in inbox.requests]
    assert asked == [("POST", SECRET), ("HEAD", "/hook"), ("POST", "/pager"), ("HEAD", "/")]
    assert inbox.sent(SECRET) == [{}] and inbox.sent("/pager")[0]["event_action"] == "resolve"
    assert mail_server.mails() == []


def test_one_that_redirects_elsewhere_is_said(production, wb, inbox):
    elsewhere = Inbox()
    try:
        inbox.status, inbox.headers = 301, {"Location": elsewhere.url + SECRET}
        tell(wb, slack_url=inbox.url + SECRET, webhook_url=inbox.url + SECRET)
        found = check(wb)
        for channel in ("alert: slack", "alert: webhook"):
            assert found[channel]["level"] == "failed" and elsewhere.url.removeprefix("http://") in found[channel]["text"]
            assert "redirects" in found[channel]["text"] and found[channel]["hint"]
        assert elsewhere.requests == []
    finally:
        elsewhere.stop()


def test_one_that_never_answers_is_said_in_time(production, wb):
    silence = Silence()
    try:
        tell(wb, webhook_url=f"http://{silence.address}{SECRET}", dead_mans_switch_url=f"http://{silence.address}/ping",
             smtp_url=f"smtp://{silence.address}", email_from="walkback@example.org", email_to=["dba@example.org"])  # fmt: skip
        started = time.monotonic()
        found = check(wb)
        assert time.monotonic() - started < 40, "somebody sits and waits"
        for channel in ("webhook", "dead_mans_switch", "email"):
            assert found[f"alert: {channel}"]["level"] == "failed" and found[f"alert: {channel}"]["hint"]
    finally:
        silence.stop()


def test_a_wrong_smtp_password_is_said(production, wb, place):
    server = MailServer(place / "mail", user="walkback", password="right")
    try:
        tell(wb, **by_mail(server, smtp_user="walkback", smtp_password="s3cr3t"))
        found = check(wb)["alert: email"]
        assert found["level"] == "failed" and "user or password is refused" in found["text"] and found["hint"]
        right = {"WALKBACK_ALERT_SMTP_PASSWORD": "right"}
        assert check(wb, right)["alert: email"]["level"] == "ok"
        assert server.logins == [False, True] and server.mails() == []
    finally:
        server.stop()


def test_what_a_mail_server_would_refuse_is_said(production, wb, place, mail_server):
    tell(wb, **by_mail(mail_server))
    mail_server.mailbox.unknown = "dba@example.org"
    found = check(wb)["alert: email"]
    assert found["level"] == "failed" and "no mail for dba@example.org (it answered 550)" in found["text"]
    asks_who = MailServer(place / "mail", user="walkback", password="right")
    try:
        found = check(wb, {"WALKBACK_ALERT_SMTP_URL": asks_who.url})["alert: email"]
        assert found["level"] == "failed" and "wants a user and a password, or TLS" in found["text"]
        assert "smtp_user" in found["hint"] and asks_who.mails() == []
    finally:
        asks_who.stop()


def test_a_mail_server_that_asks_over_tls_only(production, wb, place):
    certificate = make_certificate(place / "mail.pem")
    server = MailServer(place / "mail", user="walkback", password="s3cr3t", certificate=certificate)
    try:
        tell(wb, **by_mail(server, smtp_user="walkback", smtp_password="s3cr3t"))
        # On this host it need not be asked for.
        found = check(wb)["alert: email"]
        assert found["level"] == "failed" and "TLS" in found["hint"] and server.logins == []
        over_tls = {"WALKBACK_ALERT_SMTP_SECURITY": "tls"}
        found = check(wb, over_tls)["alert: email"]
        assert found["level"] == "failed" and "certificate" in found["text"]
        trusted = {**over_tls, "WALKBACK_ALERT_SMTP_CA_FILE": str(certificate)}
        assert check(wb, trusted)["alert: email"]["level"] == "ok"
        assert server.logins == [True] and server.mails() == []
    finally:
        server.stop()


def test_they_are_looked_at_though_the_repository_is_away(production, wb, place):
    wb.repository.rename(place / "away")
    tell(wb, webhook_url="http://127.0.0.1:9" + SECRET)
    found = check(wb)
    assert found["repository"]["level"] == found["alert: webhook"]["level"] == "failed"


def test_a_channel_that_cannot_be_one_is_refused(production, wb):
    tell(wb, smtp_url="smtp://127.0.0.1:25")
    found = check(wb)["alerts"]
    assert found["level"] == "failed" and "email_from" in found["text"]


# What is kept


def test_a_window_longer_than_what_is_there_has_the_date_from_which_it_holds(production, wb, place):
    wb.backup()
    production.archive_everything()
    asked = {"WALKBACK_RETENTION_WINDOW": "14 days"}
    clock = Clock(place / "later")
    young = check(wb, asked)["retention"]
    assert young["level"] == "ok" and "asks for 14 d" in young["text"]
    assert time.strftime("whole on %Y-%m-%d", time.localtime(time.time() + 14 * DAY)) in young["text"]
    clock.set(15 * DAY)
    assert "any moment of the last 14 d" in check(wb, {**asked, **clock.environment})["retention"]["text"]
    tier = check(wb, {**asked, "WALKBACK_RETENTION_DAILY": "7"})["retention"]
    assert tier["level"] == "warning" and "keeps nothing" in tier["text"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("RETENTION_WINDOW", "0 days"), ("RETENTION_WINDOW", "2000 years"), ("RETENTION_COUNT", "-1"), ("RETENTION_DAILY", "-1"),
     ("SCHEDULE_BACKUP", "0 0 30 2 *"), ("SCHEDULE_DRILL", "61 * * * *"), ("SCHEDULE_RECOVERY_TIME_OBJECTIVE", "0 min")],
)  # fmt: skip
def test_rules_and_expressions_that_can_never_match_are_refused(make_walkback, make_cluster, key, value):
    wb = make_walkback()
    wb.config.write_text(f'[repository]\nurl = "{wb.store.url}"\nencryption = "none"\n')
    wb.refused("check", environment={f"WALKBACK_{key}": value}, status=2).says(f"WALKBACK_{key}")


# What runs when


def test_an_objective_that_nothing_here_can_keep_is_said(production, wb, place):
    production.sql("CREATE TABLE payments AS SELECT g AS id, repeat(md5(g::text), 8) AS note FROM generate_series(1, 400000) g")
    wb.backup()
    production.archive_everything()
    wanted = {"WALKBACK_SCHEDULE_RECOVERY_TIME_OBJECTIVE": "10min"}
    assert "no drill has measured" in check(wb, wanted)["objective"]["text"]
    drill = wb.start("drill", "--into", place / "drills")
    wait_until(lambda: list(place.glob("drills/drill-*/*/base")), "files to be restored")
    drill.send_signal(signal.SIGSTOP)  # however fast the disk is
    time.sleep(1)
    drill.send_signal(signal.SIGCONT)
    said, errors = drill.communicate(timeout=120)
    assert drill.returncode == 0, errors
    assert json.loads(said)["drill"]["timings"]["restore_s"] >= 1
    assert "objective" not in check(wb, wanted)
    for whose in ("SCHEDULE", "STATUS"):
        found = check(wb, {f"WALKBACK_{whose}_RECOVERY_TIME_OBJECTIVE": "1 second"})["objective"]
        assert found["level"] == "warning" and "restoring a backup alone took" in found["text"] and found["hint"]


def test_a_zone_that_is_none_is_said(production, wb):
    found = check(wb, {"WALKBACK_SCHEDULE_ZONE": "Middle/Earth"})["schedule"]
    assert found["level"] == "failed" and "schedule.zone" in found["text"]
