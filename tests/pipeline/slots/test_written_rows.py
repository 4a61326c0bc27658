"""Reads of rows that were written twice and not merged yet, are too few, or have a verdict other than "ok"."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from pipeline.alerts.incidents import store
from pipeline.core.metrics import BY_NAME
from pipeline.etl import reconciliation
from pipeline.slots import history, series
from pipeline.slots.series import Part
from pipeline.warehouse import tables
from pipeline.warehouse.engines import Engine
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import place

DAY = date(2026, 11, 7)
NOON = datetime(2026, 11, 7, 12)
SLOT = timedelta(minutes=15)
PAIRS = 70_000
"""More than 65,536, up to which an approximate count of distinct values is exact."""


@pytest.fixture(autouse=True)
def _configured(warehouse: Engine, database: str) -> Iterator[None]:
    own = {"warehouse": {**place(warehouse), "database": database}, "source": {"database": database}}
    with configured(datetime(2026, 11, 9), clock={"timezone": "UTC"}, **own):
        yield


@pytest.fixture
def slot_metrics(warehouse: Engine) -> str:
    """The table, with merges stopped."""
    tables.open_warehouse()
    table = tables.full_name(tables.SLOT_METRICS)
    warehouse.execute(f"SYSTEM STOP MERGES {table}")
    return table


def write(warehouse: Engine, table: str, rows: Sequence[tuple[datetime, str, str, int]]) -> None:
    """Write views by slot, dimension and slice, as one part."""
    slots, dimensions, values, numerators = zip(*rows, strict=True)
    warehouse.insert(
        table,
        {
            "slot": slots,
            "metric": ["views"] * len(rows),
            "dimension": dimensions,
            "dimension_value": values,
            "numerator": numerators,
            "denominator": [1] * len(rows),
        },
    )


def newest(series: series.Series, count: int) -> dict[tuple[str, str], list[float]]:
    """By dimension and slice, the numerators of the last slots."""
    shown = series.numerators[:, -count:].tolist()
    return {(part.dimension, part.value): row for part, row in zip(series.parts, shown, strict=True)}


def test_the_latest_measurement_of_a_slot_counts(warehouse: Engine, slot_metrics: str) -> None:
    slots = [NOON - SLOT, NOON]
    first = {("total", "all"): [100, 200], ("os", "iOS"): [40, 10]}
    second = {("total", "all"): [300, 150], ("os", "iOS"): [20, 30]}
    for measured in (first, second):
        rows = [
            (slot, *names, count)
            for names, counts in measured.items()
            for slot, count in zip(slots, counts, strict=True)
        ]
        write(warehouse, slot_metrics, rows)
    series = history.read([BY_NAME["views"]], NOON, 1, slice_volume=0)
    assert newest(series, 2) == second


def test_a_slice_below_the_volume_is_not_read_however_often_it_was_written(
    warehouse: Engine, slot_metrics: str
) -> None:
    # A slice's volume is its average over the day before NOON's, NOON's day up to the slot, and an hour.
    measured_slots = 96 + 49 + 4
    volume = 2
    enough = volume * measured_slots
    rows = [
        (NOON, "total", "all", 1_000),
        (NOON, "os", "enough", enough),
        (NOON, "os", "short", enough - 1),
        (NOON, "country", "seldom", 1),
    ]
    for _ in range(2):
        write(warehouse, slot_metrics, rows)
    series = history.read([BY_NAME["views"]], NOON, 1, slice_volume=volume)
    assert newest(series, 1) == {("total", "all"): [1_000], ("os", "enough"): [enough]}
    assert newest(history.read([BY_NAME["views"]], NOON, 1), 1) == {("total", "all"): [1_000]}


def test_a_ratio_is_read_with_its_denominators_and_a_count_with_none(warehouse: Engine, slot_metrics: str) -> None:
    warehouse.insert(
        slot_metrics,
        {
            "slot": [NOON, NOON],
            "metric": ["ctr", "likes"],
            "dimension": ["total"] * 2,
            "dimension_value": ["all"] * 2,
            "numerator": [3, 3],
            "denominator": [12, 1],
        },
    )
    series = history.read([BY_NAME["ctr"], BY_NAME["likes"]], NOON, 1)
    assert series.values[:, -1].tolist() == [0.25, 3]
    assert np.isnan(series.values[:, :-1]).all()


def test_only_a_part_whose_latest_check_is_ok_is_healthy(warehouse: Engine) -> None:
    verdicts = ["ok", "anomaly", "no data", "no history", "planned"]
    total = Part("views")
    for rows in (
        [(NOON + i * SLOT, verdict) for i, verdict in enumerate(verdicts)],
        # Checked again: one is healthy now, the other is not any more. Then slots outside the interval.
        [(NOON + 5 * SLOT, "anomaly"), (NOON + 6 * SLOT, "ok")],
        [(NOON + 5 * SLOT, "ok"), (NOON + 6 * SLOT, "anomaly")],
        [(NOON - SLOT, "ok"), (NOON + 7 * SLOT, "ok")],
    ):
        record(warehouse, total, rows)
    found = store.load_checks(NOON, NOON + 7 * SLOT)
    healthy = {(slot, part) for slot, results in found.items() for part in results if results[part].verdict == "ok"}
    assert healthy == {(NOON, total), (NOON + 5 * SLOT, total)}
    # An early release wrote neither the slot's own score nor the weight.
    assert {(result.slot_score, result.weight) for of in found.values() for result in of.values()} == {(0.0, 1.0)}


def record(warehouse: Engine, part: Part, rows: Sequence[tuple[datetime, str]]) -> None:
    """Write checks of one part, by slot and verdict."""
    tables.open_warehouse()
    table = tables.full_name(tables.SLOT_CHECKS)
    warehouse.execute(f"SYSTEM STOP MERGES {table}")
    numbers = dict.fromkeys(("value", "expected", "lower", "upper", "score"), [0.0] * len(rows))
    names = {"metric": part.metric, "dimension": part.dimension, "dimension_value": part.value, "detector": "seasonal"}
    warehouse.insert(
        table,
        {
            "slot": [slot for slot, _ in rows],
            **{name: [value] * len(rows) for name, value in names.items()},
            **numbers,
            "verdict": [verdict for _, verdict in rows],
        },
    )


@pytest.mark.parametrize("kind", ["UInt32", "UInt64"])
def test_however_many_pairs_of_users_are_counted_exactly(warehouse: Engine, database: str, kind: str) -> None:
    attributes = "gender Int8, age Int16, os String, source String, country String, city String, exp_group Int8"
    warehouse.execute(
        f"CREATE TABLE {database}.feed_actions (user_id {kind}, action String, time DateTime, {attributes}) "
        "ENGINE = Memory"
    )
    warehouse.execute(
        f"CREATE TABLE {database}.message_actions (user_id {kind}, receiver_id {kind}, time DateTime, {attributes}) "
        "ENGINE = Memory"
    )
    # Each pair twice, spread over the day.
    warehouse.execute(
        f"INSERT INTO {database}.message_actions (user_id, receiver_id, time) "
        f"SELECT number % {PAIRS}, number % 7, toDateTime('{DAY} 00:00:00', 'UTC') + number % 86400 "
        f"FROM numbers({2 * PAIRS})"
    )
    raw = reconciliation.count_raw(DAY)
    assert (raw.rows.messages, raw.pairs) == (2 * PAIRS, PAIRS)
