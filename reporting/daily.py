"""Composes the morning report: the metrics of a day, their changes, and a picture of the last seven days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from reporting import plots, texts
from reporting.causes import Cause, RatioSplit, explanation_lines
from reporting.decoration import optional
from reporting.errors import ReportingError
from reporting.formatting import Format, change, known, value
from reporting.message import Message, escape, shorten
from reporting.texts.base import Texts, inline

DAYS_DRAWN = 7
CORRECTIONS_SHOWN = 2
_LABEL_LIMIT = 40
_SHORT_LABEL_LIMIT = 20


@dataclass(frozen=True)
class Gap:
    """Rows of a day that a source table lacks.

    Parameters
    ----------
    source : str
        Name of the table.
    start, end : str
        Local times between which it has no rows, such as "18:00"; both are empty if rows of the whole day are missing,
        and `end` is empty if they are missing to the end of the day.
    rows, usual : int
        Number of rows of the day and of a usual day, if there are only far fewer than usual; otherwise 0.
    """

    source: str
    start: str = ""
    end: str = ""
    rows: int = 0
    usual: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether the day has no rows."""
        return not (self.start or self.rows)


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
        By day; the report uses the day and the 13 days before it. A day that is absent, None or not finite is
        missing.
    gaps : mapping of date to Gap
        The days whose values are not comparable, because rows are missing. They have no changes and no points.
    """

    name: str
    label: str
    kind: Format
    values: Mapping[date, float | None]
    gaps: Mapping[date, Gap] = field(default_factory=dict)

    def comparable(self, day: date) -> float | None:
        """The value of a day; None if it is missing or not comparable."""
        return None if day in self.gaps else self.values.get(day)


@dataclass(frozen=True)
class Correction:
    """Numbers that replaced those of a report that was sent.

    Parameters
    ----------
    at : datetime
        When, in the analysts' zone.
    changes : sequence of (str, str, float or None, float or None)
        Label and kind of each metric that changed, its value before and its value since.
    """

    at: datetime
    changes: Sequence[tuple[str, Format, float | None, float | None]]


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
    corrections : sequence of Correction
        How the report was corrected since it was sent, oldest first. The newest are shown.
    without_actions : str
        The table of the day if no row of it is of an action that is counted; '' otherwise.
    """

    day: date
    metrics: Sequence[DailyMetric]
    slots_checked: int
    slots_expected: int
    alerts: int
    causes: Sequence[Cause] = ()
    splits: Sequence[RatioSplit] = ()
    corrections: Sequence[Correction] = ()
    without_actions: str = ""

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
    corrected = [_corrected(correction, words) for correction in report.corrections[-CORRECTIONS_SHOWN:]]
    if any(corrected):
        lines += [*(f"<i>{escape(line)}</i>" for line in corrected if line), ""]
    gaps = dict.fromkeys(metric.gaps[report.day] for metric in report.metrics if report.day in metric.gaps)
    if gaps:
        lines += [*(f"<b>{escape(_missing_rows(gap, report.day, words))}</b>" for gap in gaps), ""]
    if report.without_actions:
        source = shorten(report.without_actions, _LABEL_LIMIT)
        lines += [f"<b>{escape(words.no_actions_on(words.short_date(report.day), source))}</b>", ""]
    for metric in report.metrics:
        label, today = shorten(metric.label, _LABEL_LIMIT), _value(metric, report.day, words)
        lines.append(f"<b>{escape(label)}: {escape(today)}</b>")
        if report.day not in metric.gaps:
            lines.append(escape(_changes(metric, report.day, words)))
    what = f"cause in the report of {report.day}"
    explained = optional(what, lambda: explanation_lines(report.causes, report.splits, words))
    if explained:
        lines += ["", *(escape(line) for line in explained)]
    checked = escape(words.slots_checked(report.slots_checked, report.slots_expected))
    if report.slots_checked < report.slots_expected:
        checked = f"<b>{checked}</b>"
    return "\n".join([*lines, "", f"{checked}, {escape(words.alerts(report.alerts))}"])


def _corrected(correction: Correction, words: Texts) -> str:
    """Write what a correction changed; '' if no number is written otherwise than before."""
    changes = []
    for label, kind, *values in correction.changes:
        before, after = (value(kind, amount, words) for amount in values)
        if before != after:
            changes.append(f"{shorten(inline(label), _SHORT_LABEL_LIMIT)} {before} → {after}")
    moment = f"{words.short_date(correction.at.date())} {correction.at:%H:%M}"
    return words.corrected(moment, ", ".join(changes)) if changes else ""


def _missing_rows(gap: Gap, day: date, words: Texts) -> str:
    source = shorten(gap.source, _LABEL_LIMIT)
    if gap.rows:
        return words.few_rows_on(words.short_date(day), source, words.number(gap.rows), words.number(gap.usual))
    return words.no_data_on(words.short_date(day), source, gap.start, gap.end)


def _value(metric: DailyMetric, day: date, words: Texts) -> str:
    written, gap = value(metric.kind, metric.values.get(day), words), metric.gaps.get(day)
    if gap is None:
        return written
    if gap.is_empty:
        return words.NO_DATA
    return f"{written} {words.until(gap.start)}" if gap.start and not gap.end else f"{written} ({words.INCOMPLETE})"


def _changes(metric: DailyMetric, day: date, words: Texts, brief: bool = False) -> str:
    changes = []
    for name, days in ((words.VS_YESTERDAY, 1), (words.vs_last(day), 7)):
        before = metric.comparable(day - timedelta(days=days))
        changed = change(metric.kind, metric.values.get(day), before, words, brief)
        changes.append(f"{name}: {changed or words.MISSING}")
    return "; ".join(changes)


def _title(report: DailyReport, words: Texts) -> str:
    return words.report_title(words.full_date(report.day))


def _picture(report: DailyReport, title: str, words: Texts) -> bytes:
    panels = [panel(metric, report.day, words) for metric in report.metrics]
    return plots.draw_weeks(panels, title, words.THIS_WEEK, words.WEEK_BEFORE)


def panel(metric: DailyMetric, day: date, words: Texts) -> plots.WeekPanel:
    """Make the panel of a metric: a point per day, and a note in place of the point of a day that lacks rows."""
    days = [day - timedelta(days=back) for back in reversed(range(DAYS_DRAWN))]
    amounts = _comparable(metric, days)
    before = _comparable(metric, [day - timedelta(days=7) for day in days])
    notes = [_note(metric.gaps.get(day), words) for day in days]
    labels, unit = _labels(metric.kind, amounts, words)
    label = shorten(metric.label, _LABEL_LIMIT)
    return plots.WeekPanel(
        title=f"{label}: {_value(metric, day, words)}",
        changes="" if day in metric.gaps else _changes(metric, day, words, brief=True),
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
