"""An upgrade in the middle of an incident, from the code before 0.2.0, as it is in the project's history."""

import io
import subprocess
import tarfile
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.warehouse.tables import DAILY_METRICS, DAILY_TOTALS, INSTALLATION
from tests.documents import ROOT
from tests.process.conftest import MakeProject
from tests.process.project import NOW, OUTAGE_END, YESTERDAY, moment

BEFORE = "87152c095022065573e5e9fcab8bbce92d11056f"
REPORT = f"daily_report-{YESTERDAY}"


@pytest.fixture(scope="module")
def old_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project at the commit `BEFORE`."""
    archive = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"needs the project's history: commit {BEFORE} (a clone of depth 1 has not)")
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as opened:
        opened.extractall(folder, filter="data")
    return folder


@pytest.mark.long
def test_an_upgrade_in_an_incident(new_project: MakeProject, engine: str, old_code: Path) -> None:
    new = new_project(engine)
    new.configure(alerts={"catch_up_hours": "1"})
    old = new.with_settings()
    old.environment = {"PYTHONPATH": str(old_code)}
    assert old.task("Morning", *moment(NOW)).code == 0
    assert old.task("Alerts", *moment(NOW)).code == 0
    assert INSTALLATION not in old.tables()
    told = old.sent()
    (alert,) = (key for key in told if key != REPORT)
    days = {table: old.rows(table) for table in (DAILY_METRICS, DAILY_TOTALS)}

    assert new.task("Morning", *moment(NOW)).code == 0
    assert new.task("Alerts", *moment(NOW + timedelta(minutes=15))).code == 0
    assert new.sent() == told  # the incident goes on: edits, and no second report
    assert new.task("Alerts", *moment(OUTAGE_END + timedelta(minutes=77))).code == 0
    later = [key for key in new.sent() if key not in told]
    assert f"{alert}-recovered" in later
    assert all(key.startswith(alert) for key in later)
    assert {table: new.rows(table) for table in days} == days
    assert new.run("feedpulse", "verify", "--from", str(YESTERDAY), "--to", str(YESTERDAY)).code == 0
