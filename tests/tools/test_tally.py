"""The last line of a test run counts every test, those included that never got to say how they ended."""

import subprocess
from pathlib import Path

TALLY = Path(__file__).resolve().parents[2] / "tools/tally"

PASSED = '<testcase name="a" classname="S"/>'
FAILED = '<testcase name="b" classname="S"><failure message="no"/></testcase>'
SKIPPED = '<testcase name="c" classname="S"><skipped/></testcase>'


def tally(directory):
    done = subprocess.run([TALLY, directory], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout.splitlines()


def report(directory, name, *cases):
    (directory / name).write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")


def test_reports_and_verdicts_are_added(tmp_path):
    report(tmp_path, "walkback_pg_test.xml", PASSED, PASSED)
    report(tmp_path, "e2e.xml", PASSED, SKIPPED)
    (tmp_path / "format.verdict").write_text("passed\n")
    status, lines = tally(tmp_path)
    assert (status, lines[-1]) == (0, "4 passed, 0 failed")


def test_one_failure_fails_the_run_and_is_named(tmp_path):
    report(tmp_path, "e2e.xml", PASSED, FAILED)
    status, lines = tally(tmp_path)
    assert (status, lines[-1]) == (1, "1 passed, 1 failed")
    assert "failed: S: b" in lines


def test_a_program_that_died_counts_though_it_wrote_no_report(tmp_path):
    report(tmp_path, "walkback_pg_test.xml", PASSED)
    report(tmp_path, "ctest.junit", '<testcase name="pg"/>', '<testcase name="wal" status="fail"><failure/></testcase>')
    assert tally(tmp_path)[1][-1] == "1 passed, 1 failed"


def test_a_failure_in_a_report_is_not_counted_again_for_its_program(tmp_path):
    report(tmp_path, "walkback_pg_test.xml", PASSED, FAILED)
    report(tmp_path, "ctest.junit", '<testcase name="pg" status="fail"><failure/></testcase>')
    assert tally(tmp_path)[1][-1] == "1 passed, 1 failed"


def test_no_tests_at_all_is_a_failure(tmp_path):
    assert tally(tmp_path) == (1, ["0 passed, 0 failed"])
