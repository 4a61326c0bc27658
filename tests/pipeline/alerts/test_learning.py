"""From when on a metric is checked, as its history is now."""

from datetime import date, datetime
from pathlib import Path

import pytest

from pipeline.alerts.detection import monitors
from pipeline.alerts.learning import Lack, lacking
from pipeline.core import clock
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.tables import SLOT_METRICS, full_name, open_warehouse
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import place

pytestmark = pytest.mark.one_engine("embedded")

BEGUN = datetime(2026, 11, 28, 12)
"""15:00 in Moscow."""


def test_days_are_counted_from_the_first_event_on(warehouse: Engine, database: str, tmp_path: Path) -> None:
    known = [BEGUN + i * clock.SLOT for i in range(15 * clock.SLOTS_A_DAY)]
    lost = datetime(2026, 11, 30).date()
    slots = [slot for slot in known if slot.date() != lost]
    with configured(
        BEGUN,
        clock={"timezone": "Europe/Moscow"},
        warehouse={**place(warehouse), "database": database},
        alerts={"metrics": "views,ctr"},
        delivery={"lock_path": str(tmp_path)},
    ):
        columns = {"metric": "views", "dimension": "total", "dimension_value": "all", "numerator": 5, "denominator": 1}
        rows = {name: [value] * len(slots) for name, value in columns.items()}
        open_warehouse().insert(full_name(SLOT_METRICS), {"slot": slots, **rows})
        nothing = Lack("ctr", 0, 14, date(2026, 12, 12))
        assert lacking(BEGUN, monitors()) == [Lack("views", 0, 14, date(2026, 12, 12)), nothing]
        # On the next day, before the time at which the source began: of the slots then a day is known.
        assert lacking(datetime(2026, 11, 29, 6), monitors())[0] == Lack("views", 1, 14, date(2026, 12, 12))
        # A day without rows makes it a day later.
        assert lacking(datetime(2026, 12, 3, 6), monitors())[0] == Lack("views", 4, 14, date(2026, 12, 13))
        assert lacking(datetime(2026, 12, 12, 13), monitors())[0] == Lack("views", 13, 14, date(2026, 12, 13))
        assert [lack.metric for lack in lacking(datetime(2026, 12, 13, 13), monitors())] == ["ctr"]
