"""The log that cron writes: a time on every line, and few lines."""

import re

from pipeline.core import clock
from pipeline.warehouse.tables import RUNS
from tests.process.conftest import MakeProject
from tests.process.project import OUTAGE_START, moment
from tests.process.saying import assert_readable, outcomes, run

COMMAND = ("feedpulse", "run")
LOCALLY = "--local-scheduler"

CHECK = """
import sys
from pipeline.commands.main import main
code = main(["run", "Alerts", "--local-scheduler", *sys.argv[1:]])
print("imported:", *(name for name in %r if name in sys.modules))
sys.exit(code)
"""
HEAVY = ("pandas", "matplotlib", "statsmodels", "telebot", "chdb", "jinja2", "reporting.channels.telegram.api")


def test_a_run_is_one_line(new_project: MakeProject) -> None:
    project = new_project("embedded")
    says = (
        ("Alerts", -1, r"Alerts: 5 slots checked \(10:30 to 11:30\), 6 metrics and \d+ slices, \d+\.\d s"),
        ("Alerts", 1, r"Alerts: 2 slots checked \(11:45 to 12:00\), 6 metrics and \d+ slices, 1 message, \d+\.\d s"),
        ("Alerts", 1, r"Alerts: nothing to do, \d+\.\d s"),
        (
            "Morning",
            1,
            r"Morning: 2 days loaded \(2026-11-10 to 2026-11-11\), days .+ checked, report .+ to 1 chat, \d+\.\d s",
        ),
    )
    for root, slots, expected in says:
        finished = run(project, COMMAND, root, LOCALLY, *moment(OUTAGE_START + slots * clock.SLOT))
        assert finished.code == 0, finished.log
        assert_readable(finished, 3 if root == "Morning" else 1)  # the back-fill says how far it is
        assert re.search(expected, finished.log.splitlines()[-1]), finished.log
    for _ in range(2):
        presses = run(project, COMMAND, "Presses", LOCALLY, "--wait-minutes", "58")  # an outbox has nothing to wait for
        assert (presses.code, presses.log) == (0, "")
    assert outcomes(project) == [("Alerts", "ok")] * 3 + [("Morning", "ok"), ("Presses", "ok")]
    assert project.rows(RUNS, "error") == [repr(("",))] * 5


def test_supervision_imports_nothing_heavy(new_project: MakeProject) -> None:
    project = new_project("embedded")
    checked = project.run("python", "-c", CHECK % (HEAVY,), *moment(OUTAGE_START))
    assert checked.code == 0, checked.log
    assert checked.output.splitlines()[-1] == "imported:"
