"""Composes the morning report: the metrics of a day, their changes, and a picture of the last seven days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from reporting import plots, texts
from reporting.causes import Cause, RatioSplit, explanation_lines
from reporting.decoration import optional
from reporting.errors import ReportingError
from reporting.formatting import Format, change, known, value
from reporting.message import Message, escape, shorten
from reporting.texts.base import Texts

DAYS_DRAWN = 7
_LABEL_LIMIT = 40


@dataclass(frozen=True)
class DailyMetric:
    """One metric over the last days.

    Parameters
    ----------
    name : str
        Its identifier.
    label : str
        Its name for readers, in the language of the report.
    kind : {"count", "ratio", "average"}
        A ratio is a fraction (0.203) and is written in percent; an average is a number per something (3.21).
    values : mapping of date to float or None
        By day; the report uses the day and the 7 days before it. A day that is absent, None or not finite is
        missing.
    """

    name: str
    label: str
    kind: Format
    values: Mapping[date, float | None]


@dataclass(frozen=True)
class DailyReport:
    """The data of the morning report.

    Parameters
    ----------
    day : date
        The reported day, in the analysts' zone.
    metrics : sequence of DailyMetric
        In the order of the report; at least one.
    slots_checked, slots_expected : int
        Number of the day's slots that the alerts checked, and number of its slots (92, 96 or 100).
    alerts : int
        Number of alerts of the day.
    causes : sequence of Cause
        Slices that explain the biggest change.
    splits : sequence of RatioSplit
        How the two counts moved the ratio, if the biggest change is that of a ratio.
    """

    day: date
    metrics: Sequence[DailyMetric]
    slots_checked: int
    slots_expected: int
    alerts: int
    causes: Sequence[Cause] = ()
    splits: Sequence[RatioSplit] = ()

    def __post_init__(self) -> None:
        if not self.metrics:
            raise ReportingError("daily report: no metrics; name at least one in the settings")


def message_key(day: date) -> str:
    """Return the key of the report of a day."""
    return f"daily_report-{day.isoformat()}"


def compose(report: DailyReport, language: str) -> Message:
    """Write and draw the report of one day.

    Each metric has its change from the day before and from the same weekday a week before. If that day is missing or
    zero, the change is "-".

    Parameters
    ----------
    report : DailyReport
        The numbers.
    language : str
        Name of a module of `reporting.texts`.

    Returns
    -------
    Message
        Text and picture; without the picture if it cannot be drawn.

    Raises
    ------
    SettingsError
        If the language is unknown.
    """
    words = texts.load(language)
    title, key = _title(report, words), message_key(report.day)
    return Message(
        key=key,
        title=title,
        html=html(report, words),
        picture=optional(f"picture of {key}", lambda: _picture(report, title, words)),
    )


def html(report: DailyReport, words: Texts) -> str:
    """Return the text."""
    lines = [f"<b>{escape(_title(report, words))}</b>", ""]
    for metric in report.metrics:
        today = metric.values.get(report.day)
        label = shorten(metric.label, _LABEL_LIMIT)
        lines.append(f"<b>{escape(label)}: {escape(value(metric.kind, today, words))}</b>")
        changes = []
        for name, days in ((words.DAY_BEFORE, 1), (words.WEEK_BEFORE, 7)):
            before = metric.values.get(report.day - timedelta(days=days))
            changes.append(f"{name}: {change(metric.kind, today, before, words) or words.MISSING}")
        lines.append(escape("; ".join(changes)))
    what = f"cause in the report of {report.day}"
    explained = optional(what, lambda: explanation_lines(report.causes, report.splits, words))
    if explained:
        lines += ["", *(escape(line) for line in explained)]
    checked = escape(words.slots_checked(report.slots_checked, report.slots_expected))
    if report.slots_checked < report.slots_expected:
        checked = f"<b>{checked}</b>"
    return "\n".join([*lines, "", f"{checked}, {escape(words.alerts(report.alerts))}"])


def _title(report: DailyReport, words: Texts) -> str:
    return words.report_title(words.full_date(report.day))


def _picture(report: DailyReport, title: str, words: Texts) -> bytes:
    days = [report.day - timedelta(days=back) for back in reversed(range(DAYS_DRAWN))]
    return plots.draw_bars([panel(metric, days, words) for metric in report.metrics], title)


def panel(metric: DailyMetric, days: Sequence[date], words: Texts) -> plots.BarPanel:
    """Make the panel of a metric: a bar per day."""
    ticks = [f"{words.weekday(day)}\n{day.day}" for day in days]
    amounts = [metric.values.get(day) for day in days]
    heights = np.array([amount if known(amount) else np.nan for amount in amounts], dtype=np.float64)
    label = shorten(metric.label, _LABEL_LIMIT)
    highest = np.abs(heights[np.isfinite(heights)]).max(initial=0)
    scale, unit = _scale(metric.kind, highest, words)
    if not unit or highest / scale >= 1e4:
        return plots.BarPanel(label, "", ticks, heights, [value(metric.kind, amount, words) for amount in amounts])
    decimals = 1 if highest / scale >= (10 if unit == "%" else 100) else 2
    labels = [words.number(h / scale, decimals) if np.isfinite(h) else words.MISSING for h in heights]
    return plots.BarPanel(label, unit, ticks, heights, labels)


def _scale(kind: Format, highest: float, words: Texts) -> tuple[float, str]:
    """Return the divisor and the unit of the labels over bars: numbers of up to four digits need none."""
    if kind == "ratio":
        return 0.01, "%"
    return next(((scale, unit) for scale, unit in words.SCALES if highest >= max(scale, 1e4)), (1.0, ""))
