"""Slots of an outage: when its incident counts as silence."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pipeline.alerts.detection import monitors
from pipeline.alerts.evaluation import evaluate
from pipeline.alerts.incidents import current_rules, step, store
from pipeline.core import clock
from pipeline.core.metrics import FEED, MESSAGES
from pipeline.slots.completeness import Completeness
from pipeline.warehouse.engines import EmbeddedEngine
from pipeline.warehouse.tables import SLOT_METRICS, full_name, open_warehouse
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import fresh_database, place

SLOT = clock.SLOT
OUTAGE = datetime(2026, 11, 12, 9)
DAYS = 9


@pytest.fixture(autouse=True)
def outage(embedded_warehouse: EmbeddedEngine, tmp_path: Path) -> Iterator[None]:
    """100 messages a slot for nine days, then none."""
    count = DAYS * clock.SLOTS_A_DAY
    with fresh_database(embedded_warehouse) as database:
        sections = {
            "clock": {"timezone": "UTC"},
            "warehouse": {**place(embedded_warehouse), "database": database},
            "alerts": {"metrics": "messages_sent", "history_days": "8", "detector_params": '{"min_days": 7}'},
            "delivery": {"lock_path": str(tmp_path / "locks")},
        }
        with configured(OUTAGE + SLOT, **sections):
            open_warehouse().insert(
                full_name(SLOT_METRICS),
                {
                    "slot": [OUTAGE + (i - count) * SLOT for i in range(count + 1)],
                    "metric": ["messages_sent"] * (count + 1),
                    "dimension": ["total"] * (count + 1),
                    "dimension_value": ["all"] * (count + 1),
                    "numerator": np.array([100] * count + [0]),
                    "denominator": np.ones(count + 1, dtype=np.int64),
                },
            )
            yield


@pytest.mark.parametrize(
    ("table", "since", "silent_since"),
    [
        (MESSAGES, OUTAGE, OUTAGE),  # its first slot
        (MESSAGES, OUTAGE - timedelta(hours=1), OUTAGE - timedelta(hours=1)),
        (MESSAGES, OUTAGE + SLOT, None),  # a missed slot that is caught up: the silence began after it
        (FEED, OUTAGE, None),
    ],
)
def test_an_outage_is_silence_from_its_first_slot_on(
    table: str, since: datetime, silent_since: datetime | None
) -> None:
    rules, state = current_rules(), store.load_state(OUTAGE)
    results = evaluate(OUTAGE, monitors(), state, rules).results.values()
    silent = Completeness((), {table: since}, {}).silent_at(OUTAGE)
    (incident,) = step(state, results, OUTAGE, rules, silent).state.current
    assert (incident.opened, incident.silent_since) == (OUTAGE, silent_since)
