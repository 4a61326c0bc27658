"""Verification: checks that loaded days still equal the source; the command ``feedpulse verify``."""

from collections.abc import Iterator, Sequence
from datetime import date

from pipeline.core import clock
from pipeline.core.metrics import FEED, MESSAGES, METRICS, Metric, slot_measures
from pipeline.etl import reconciliation
from pipeline.etl.reconciliation import Difference, RawDay
from pipeline.warehouse.markers import done, update_id
from pipeline.warehouse.source import source
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import DAILY_METRICS, DAILY_TOTALS, SLOT_METRICS, full_name, open_warehouse

Totals = dict[str, tuple[int, int]]


def verify(first: date, last: date) -> bool:
    """Print a line for each day of the zone, with what is wrong; progress goes to stderr.

    Returns
    -------
    bool
        Whether every day is loaded and equals the source.
    """
    from tqdm import tqdm

    clock.require_closed_day(last)
    days = clock.days(first, last)
    print(f"{'day':<10}  {'feed rows':>13}  {'messages':>13}  result")
    days_off = 0
    for day in tqdm(days, unit="day", disable=None, leave=False):
        raw = reconciliation.count_raw(day)
        problems = list(_problems(day, raw))
        days_off += bool(problems)
        result = "; ".join(problems) or "ok"
        tqdm.write(f"{day}  {raw.rows.feed:>13,}  {raw.rows.messages:>13,}  {result}")
    print(f"{len(days)} days checked, {days_off} off")
    return not days_off


def _problems(day: date, raw: RawDay) -> Iterator[str]:
    """Describe what is wrong with a day."""
    marker = update_id(DAILY_METRICS, day)
    load = done([marker]).get(marker)
    if load is None:
        yield "not loaded (or being loaded again)"
        return
    if change := reconciliation.moved(load.raw, raw.rows):
        remedy = "`feedpulse run Daily --etl-reload-days N` reloads the changed days among the last N"
        yield f"changed since its load: {change}; {remedy}"
        return
    totals = _raw_totals(day)
    differences = reconciliation.differences(full_name(DAILY_METRICS), day, raw)
    differences += _compare("daily_totals", _loaded_totals(day), totals, METRICS)
    differences += _compare("slot_metrics of the day", _slot_sums(day), totals, [m for m in METRICS if m.is_additive])
    yield from map(str, differences)


def _compare(table: str, loaded: Totals | None, raw: Totals, metrics: Sequence[Metric]) -> list[Difference]:
    """Compare a table's metrics with the source's; no differences if the table does not cover the day."""
    if loaded is None:
        return []
    return [
        Difference(f"{metric.name} in {table}{part}", loaded_number, "in the source", raw_number)
        for metric in metrics
        for part, loaded_number, raw_number in zip(
            ("", " (denominator)"), loaded.get(metric.name, (0, 0)), raw.get(metric.name, (0, 0)), strict=True
        )
        if loaded_number != raw_number
    ]


def _raw_totals(day: date) -> Totals:
    """Compute a day's metrics from its events."""
    events = source()
    totals: Totals = {}
    for kind in (FEED, MESSAGES):
        measures = events.over(kind, slot_measures(kind))
        time = events.column(kind, "time")
        sql = statement("raw_totals", measures=measures, source=events.table(kind), time=time)
        rows = events.engine.query(sql, reconciliation.bounds(day, day))
        totals |= {name: (numerator, denominator) for name, numerator, denominator in rows}
    return totals


def _loaded_totals(day: date) -> Totals:
    """Read a day's metrics from the table that the report reads; a duplicate row counts twice."""
    bound = {"first": str(day), "last": str(day), "metrics": tuple(metric.name for metric in METRICS)}
    rows = open_warehouse().query(statement("day_totals", daily_totals=full_name(DAILY_TOTALS)), bound)
    totals: Totals = {}
    for _, name, numerator, denominator in rows:
        before = totals.get(name, (0, 0))
        totals[name] = (before[0] + numerator, before[1] + denominator)
    return totals


def _slot_sums(day: date) -> Totals | None:
    """Sum up a day's additive metrics over its slots; None unless every slot is measured."""
    additive = {metric.name: metric for metric in METRICS if metric.is_additive}
    bound = {**reconciliation.bounds(day, day), "metrics": tuple(additive)}
    rows = open_warehouse().query(statement("slot_sums", slot_metrics=full_name(SLOT_METRICS)), bound)
    slots = len(clock.day_slots(day))
    if len(rows) < len(additive) or any(count < slots for _, count, *_ in rows):
        return None
    return {
        name: (numerator, denominator if additive[name].slot_denominator else 1)
        for name, _, numerator, denominator in rows
    }
