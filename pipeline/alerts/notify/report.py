"""Composes the morning report: the metrics of a day, the cause of their biggest change, and the alerts of the day."""

import itertools
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pipeline.alerts.notify import day_incidents, reported
from pipeline.core import clock, settings
from pipeline.core.audience import DAYS_SHOWN, Reported, month_metrics
from pipeline.core.metrics import FEED, MESSAGES, OF_ACTIONS, Metric
from pipeline.etl import audience, gaps, results
from pipeline.warehouse.source import table_name
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import INCIDENTS, SLOT_CHECKS, full_name, open_warehouse
from reporting.decoration import optional
from reporting.delivery import Channels

if TYPE_CHECKING:
    from reporting import Message, daily
    from reporting.causes import Cause, RatioSplit

COMPARED_DAYS = 7
"""The report compares a day with the same weekday a week before."""


def message_key(day: date) -> str:
    """Return the key of the report of a day."""
    from reporting import daily

    return daily.message_key(day)


def compose_report(numbers: "daily.DailyReport") -> "Message":
    """Write and draw a report."""
    from reporting import daily  # slow: imports the drawing

    return daily.compose(numbers, settings.ReportSettings().language)


def figures(day: date, metrics: Sequence[Reported], alerts_to: Channels) -> "daily.DailyReport":
    """Collect the numbers of the report of a day.

    Parameters
    ----------
    day : datetime.date
        A loaded local day. Earlier days are shown if they are loaded.
    metrics : sequence of Metric or AudienceMetric
        The metrics in the order of the report.
    alerts_to : mapping of str to Channel
        The channels of the alerts, to whose messages the report links.
    """
    from reporting import daily

    language = settings.ReportSettings().language
    before = day - timedelta(days=COMPARED_DAYS)
    first = day - timedelta(days=DAYS_SHOWN - 1)
    totals = audience.totals(metrics, first, day)
    checked, alarmed = _alerts_of(day)
    found = optional(f"check for missing rows in the report of {day}", lambda: gaps.find_gaps(first, day))
    lacking = found or {FEED: {}, MESSAGES: {}}
    plain = [metric for metric in metrics if isinstance(metric, Metric)]
    comparable = [metric for metric in plain if not {day, before} & lacking[metric.table].keys()]
    what = f"cause in the report of {day}"
    causes, splits = optional(what, lambda: _explained(totals, comparable, day, before)) or ((), ())
    return daily.DailyReport(
        day=day,
        metrics=[
            daily.DailyMetric(
                name=metric.name,
                label=metric.label_in(language, daily=True),
                kind=metric.format,
                values={on: counts.value for on, counts in totals[metric.name].items()},
                gaps={on: _gap(metric.table, gap) for on, gap in lacking[metric.table].items()},
            )
            for metric in metrics
        ],
        slots_checked=checked,
        slots_expected=len(clock.day_slots(day)),
        alerts=alarmed,
        causes=causes,
        splits=splits,
        corrections=_corrections(reported.load(day, day).get(day, []), metrics),
        without_actions=_without_actions(day, totals),
        month=optional(f"month so far in the report of {day}", lambda: _month(day)),
        incidents=optional(f"incidents in the report of {day}", lambda: day_incidents.of_day(day, alerts_to)) or (),
    )


def _month(day: date) -> "daily.MonthSoFar | None":
    """Sum the days of the month so far, and the same days of the month before; unknown unless all are loaded."""
    from reporting import daily

    metrics = month_metrics()
    if not metrics:
        return None
    language, first = settings.ReportSettings().language, day.replace(day=1)
    last_before = first - timedelta(days=1)
    first_before, until_before = last_before.replace(day=1), last_before.replace(day=min(day.day, last_before.day))
    totals = results.day_totals(metrics, first_before, day)

    def value(metric: Metric, start: date, end: date) -> float | None:
        days = [totals[metric.name].get(on) for on in clock.days(start, end)]
        counts = [each for each in days if each is not None]
        if len(counts) < len(days):
            return None
        denominator = sum(each.denominator for each in counts) if metric.kind == "ratio" else 1
        return results.Counts(sum(each.numerator for each in counts), denominator).value

    return daily.MonthSoFar(
        first,
        day,
        first_before,
        until_before,
        [
            (
                metric.label_in(language, daily=True),
                metric.format,
                value(metric, first, day),
                value(metric, first_before, until_before),
            )
            for metric in metrics
        ],
    )


def reported_numbers(numbers: "daily.DailyReport") -> reported.Numbers:
    """Return the values of the day that a report shows."""
    return {metric.name: metric.values.get(numbers.day) for metric in numbers.metrics}


def _without_actions(day: date, totals: results.Totals) -> str:
    """Return the name of the feed if no row of a day is of an action that is counted; else ''."""
    shown = [totals[metric.name].get(day) for metric in OF_ACTIONS if metric.name in totals]
    if any(counts and counts.numerator for counts in shown):
        return ""
    what = f"check for actions in the report of {day}"
    return table_name(FEED) if optional(what, lambda: results.has_no_action(day)) else ""


def _corrections(versions: Sequence[reported.Version], metrics: Sequence[Reported]) -> "list[daily.Correction]":
    from reporting import daily

    language = settings.ReportSettings().language
    corrections = []
    for before, after in itertools.pairwise(versions):
        changes = []
        for metric in metrics:
            if metric.name in reported.changed(before.numbers, after.numbers):
                values = before.numbers[metric.name], after.numbers[metric.name]
                changes.append((metric.label_in(language, daily=True), metric.format, *values))
        corrections.append(daily.Correction(clock.to_local(after.at), changes))
    return corrections


def _gap(table: str, gap: gaps.Gap) -> "daily.Gap":
    from reporting import daily

    source = table_name(table)
    if gap.kind == "few":
        return daily.Gap(source, rows=gap.rows, usual=gap.usual)
    start, end = (f"{clock.to_local(moment):%H:%M}" for moment in (gap.start, gap.end))
    return daily.Gap(source, "" if gap.kind == "empty" else start, end if gap.kind == "stretch" else "")


def _explained(
    totals: results.Totals, metrics: Sequence[Metric], day: date, before: date
) -> "tuple[Sequence[Cause], Sequence[RatioSplit]]":
    """Explain the biggest change; nothing if no change is big enough."""
    from pipeline.alerts.notify import compose
    from pipeline.alerts.root_cause import days

    metric = days.metric_to_explain(totals, metrics, day, before)
    if metric is None:
        return (), ()
    now, then = totals[metric.name][day], totals[metric.name][before]
    explanation = days.explain(metric, now, then, results.day_slices(metric, day, before))
    return compose.cause_of(explanation), compose.split_of(explanation)


def _alerts_of(day: date) -> tuple[int, int]:
    """Number of checked slots of a day, and number of its incidents that people were notified of."""
    start, end = clock.day_bounds(day)
    bounds = {"start": str(start), "end": str(end)}
    ((checked,),) = open_warehouse().query(statement("slots_checked", slot_checks=full_name(SLOT_CHECKS)), bounds)
    ((alarmed,),) = open_warehouse().query(statement("incidents_alarmed", incidents=full_name(INCIDENTS)), bounds)
    return checked, alarmed
