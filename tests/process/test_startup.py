"""The imports of a check without findings: cron starts one every 15 minutes."""

from pipeline.core import clock
from tests.process.project import NOW, OUTAGE_START, Project, moment

HEAVY = ("pandas", "matplotlib", "statsmodels", "scipy", "telebot", "chdb", "jinja2")
DRAWING = ("reporting.alerts", "reporting.plots", "pipeline.alerts.root_cause")

CHECK = f"""
import sys
import luigi
task = ["--module", "pipeline", "Alerts", "--local-scheduler", *sys.argv[1:]]
assert luigi.run(task), "the task failed"
print("imported:", *(name for name in {HEAVY + DRAWING} if name in sys.modules))
"""


def test_a_check_of_a_healthy_slot_imports_nothing_heavy(project: Project) -> None:
    healthy = OUTAGE_START - clock.SLOT
    project.configure(status={"path": str(project.directory / "page")})
    prepared = project.task("Alerts", *moment(healthy))
    assert prepared.code == 0, prepared.log
    page = (project.directory / "page" / "index.html").read_text(encoding="utf-8")
    assert "Not well: 1 problem</h1>" in page  # [etl] start names days that no run has loaded
    assert "5 slots checked (10:30 to 11:30)" in page
    checked = project.run("python", "-c", CHECK, *moment(healthy + clock.SLOT))
    assert checked.code == 0, checked.log
    assert "1 CheckAlerts" in checked.log
    assert checked.output.splitlines()[-1] == "imported:"
    assert project.sent() == []


def test_the_guard_sees_what_an_alert_imports(project: Project) -> None:
    finished = project.run("python", "-c", CHECK, *moment(NOW))
    assert finished.code == 0, finished.log
    assert project.sent() != []
    assert "matplotlib" in finished.output.splitlines()[-1]
