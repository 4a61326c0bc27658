"""Draws the picture of the morning report: a panel per metric, of the last seven days."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from reporting import plots
from reporting.daily.model import DailyMetric, DailyReport, Gap
from reporting.daily.text import LABEL_LIMIT, changes, value_of
from reporting.formatting import Format, known, value
from reporting.message import shorten
from reporting.texts.base import Texts

DAYS_DRAWN = 7


def picture(report: DailyReport, title: str, words: Texts) -> bytes:
    """Draw the panels below each other."""
    panels = [panel(metric, report.day, words) for metric in report.metrics]
    return plots.draw_weeks(panels, title, words.THIS_WEEK, words.WEEK_BEFORE)


def panel(metric: DailyMetric, day: date, words: Texts) -> plots.WeekPanel:
    """Make the panel of a metric: a point per day, and a note in place of the point of a day that lacks rows."""
    days = [day - timedelta(days=back) for back in reversed(range(DAYS_DRAWN))]
    amounts = _comparable(metric, days)
    before = _comparable(metric, [day - timedelta(days=7) for day in days])
    notes = [_note(metric.gaps.get(day), words) for day in days]
    labels, unit = _labels(metric.kind, amounts, words)
    label = shorten(metric.label, LABEL_LIMIT)
    return plots.WeekPanel(
        title=f"{label}: {value_of(metric, day, words)}",
        changes="" if day in metric.gaps else changes(metric, day, words, brief=True),
        ticks=[f"{words.weekday(day)} {day.day}" for day in days],
        values=amounts,
        before=before,
        labels=["" if note else text for note, text in zip(notes, labels, strict=True)],
        unit=unit,
        weekend=[day.weekday() >= 5 for day in days],
        notes=notes,
    )


def _comparable(metric: DailyMetric, days: Sequence[date]) -> NDArray[np.float64]:
    amounts = [metric.comparable(day) for day in days]
    return np.array([amount if known(amount) else np.nan for amount in amounts], dtype=np.float64)


def _labels(kind: Format, amounts: NDArray[np.float64], words: Texts) -> tuple[list[str], str]:
    """Write the numbers over points as short as they fit, with their unit."""
    highest = np.abs(amounts[np.isfinite(amounts)]).max(initial=0)
    # Numbers of up to four digits need no unit.
    scale, unit = next(((scale, unit) for scale, unit in words.SCALES if highest >= max(scale, 1e4)), (1.0, ""))
    if kind == "ratio" or not unit or highest / scale >= 1e4:
        return [value(kind, amount, words) for amount in amounts], ""
    decimals = 1 if highest / scale >= 100 else 2
    return [
        words.number(amount / scale, decimals) if np.isfinite(amount) else words.MISSING for amount in amounts
    ], unit


def _note(gap: Gap | None, words: Texts) -> str:
    """Write why a day has no point."""
    if gap is None:
        return ""
    if gap.rows or gap.end:
        return words.INCOMPLETE.replace(" ", "\n")
    return f"{words.NO_DATA}\n{words.since(gap.start)}" if gap.start else words.NO_DATA
