"""What `Daily` and `Morning` say of slots that nobody checks."""

from datetime import datetime
from pathlib import Path

import pytest

from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.incidents import store
from pipeline.tasks.supervision import watch
from pipeline.tasks.supervision.memory import State
from pipeline.tasks.supervision.notes import Notes
from pipeline.warehouse import runs
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.runs import Run
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import place


@pytest.mark.parametrize(("checked", "said"), [("09:15", False), ("08:00", True)])
def test_a_run_that_an_address_refuses_has_checked_its_slot(
    warehouse: Engine, database: str, tmp_path: Path, checked: str, said: bool
) -> None:
    with configured(
        clock={"now": "2026-11-12T09:31"},
        warehouse={**place(warehouse), "database": database},
        outbox={"path": str(tmp_path)},
    ):
        runs.record(
            [
                Run("Alerts", datetime(2026, 11, 12, 7), 1.0, "ok"),
                Run("Alerts", datetime(2026, 11, 12, 9, 30), 1.0, "failed", "slot 12:15 checked", "chat 1 refused"),
            ]
        )
        slot = datetime.fromisoformat(f"2026-11-12T{checked}")
        good = CheckResult("views", "total", "all", "seasonal", 5.0, 5.0, 1.0, 9.0, 0.0, "ok", 0.0, 1.0)
        store.save_checks([good], slot)
        state: State = {}
        watch.watch_slots(Notes(state, "Daily"))
    assert ("slots" in state["notes"]) == said
    titles = [path.read_text(encoding="utf-8").strip() for path in tmp_path.glob("*.txt")]
    assert titles == (["feedpulse: no slot was checked since 12 Nov 11:15"] if said else [])
