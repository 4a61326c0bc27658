"""The alert of a slot: one message and one picture for everything that happened in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reporting import plots, texts
from reporting.errors import ReportingError
from reporting.message import Message, escape, link, parsed_length, shorten
from reporting.texts.base import Texts
from reporting.values import Kind, change, known, ticks, value

State = Literal["opened", "ongoing", "ended"]

# A caption of Telegram's is at most 1,024 UTF-16 code units; what fits there fits everywhere.
TEXT_LIMIT = 1024
# More panels than this are too small to read.
PANELS_DRAWN = 12
_LABEL_LIMIT = 40
_LINK_LABEL_LIMIT = 40
_LINKS_LIMIT = 240
_HISTORY = timedelta(hours=24)
_URGENCY = {"opened": 0, "ongoing": 1, "ended": 2}


@dataclass(frozen=True)
class AlertMetric:
    """One metric in an alert.

    Parameters
    ----------
    name : str
        Its identifier.
    label : str
        Its name for people, in the alert's language.
    kind : {"count", "ratio"}
        A ratio is a fraction (0.203) and is written in percent.
    state : {"opened", "ongoing", "ended"}
        What this slot is to the incident: its first, one of it, the first one after it.
    value, expected, lower, upper : float
        The slot's value, what the detector expected and its band; NaN where unknown, bounds may be infinite.
    since : datetime
        Start of the incident's first slot, aware, local.
    until : datetime or None
        End of its last slot, aware, local; None while it lasts.
    times : sequence of datetime
        Starts of T slots up to this one, ascending, aware, local; the last 24 hours of them are drawn.
    values, band_expected, band_lower, band_upper : array_like of float, shape (T,)
        Their values, expectations and bounds; NaN where unknown.
    detector : str
        What decided.

    Raises
    ------
    ReportingError
        If the history is of several lengths, a time has no zone, or an ended incident has no end.
    """

    name: str
    label: str
    kind: Kind
    state: State
    value: float
    expected: float
    lower: float
    upper: float
    since: datetime
    until: datetime | None
    times: Sequence[datetime]
    values: Sequence[float] | NDArray[np.float64]
    band_expected: Sequence[float] | NDArray[np.float64]
    band_lower: Sequence[float] | NDArray[np.float64]
    band_upper: Sequence[float] | NDArray[np.float64]
    detector: str

    def __post_init__(self) -> None:
        lengths = [len(series) for series in (self.times, *self._history())]
        if len(set(lengths)) > 1:
            raise ReportingError(f"alert on {self.name}: times, values and bands have {lengths} points; give the same")
        if any(time.tzinfo is None for time in (self.since, self.until or self.since, *self.times)):
            raise ReportingError(f"alert on {self.name}: every time needs a time zone")
        if self.state == "ended" and self.until is None:
            raise ReportingError(f"alert on {self.name}: an ended incident needs `until`")

    def _history(self) -> tuple[Sequence[float] | NDArray[np.float64], ...]:
        return self.values, self.band_expected, self.band_lower, self.band_upper

    @property
    def severity(self) -> float:
        """How far outside of its band the value is, in widths of the band's half on that side; 0 inside of it."""
        # Comparisons with NaN are false: an unknown bound is never crossed.
        if self.value < self.lower:
            excess, half = self.lower - self.value, self.expected - self.lower
        elif self.value > self.upper:
            excess, half = self.value - self.upper, self.upper - self.expected
        else:
            return 0.0
        return excess / half if half > 0 else float("inf")


@dataclass(frozen=True)
class Alert:
    """What happened in one slot.

    Parameters
    ----------
    slot_start, slot_end : datetime
        Aware, local.
    metrics : sequence of AlertMetric
        Everything to tell, in any order.
    links : sequence of (str, str)
        Label and http(s) address, complete.
    """

    slot_start: datetime
    slot_end: datetime
    metrics: Sequence[AlertMetric]
    links: Sequence[tuple[str, str]] = ()

    def __post_init__(self) -> None:
        if not self.metrics:
            raise ReportingError("alert: nothing happened, so there is nothing to send")
        if self.slot_start.tzinfo is None or self.slot_end.tzinfo is None:
            raise ReportingError("alert: the slot's start and end need a time zone")


def compose(alert: Alert, language: str) -> Message:
    """Write and draw one message about everything in the slot.

    What opened comes first, then what goes on, then what ended; the furthest outside of its band leads. The text fits a
    caption of Telegram: when it would not, details go first, then links, then the least severe metrics ("and 3 more").

    Parameters
    ----------
    alert : Alert
        The numbers.
    language : str
        A file of `reporting.texts`.

    Raises
    ------
    SettingsError
        If the language is unknown.
    """
    words = texts.load(language)
    metrics = sorted(alert.metrics, key=lambda metric: (_URGENCY[metric.state], -metric.severity, metric.name))
    title = _headline(metrics[0], words)
    if len(metrics) > 1:
        title = f"{title} {words.more(len(metrics) - 1)}"
    return Message(
        key=f"alert-{alert.slot_start.astimezone(UTC):%Y-%m-%dT%H%MZ}",
        title=title,
        html=_html(alert, metrics, words),
        picture=_picture(alert, metrics, words),
    )


def _html(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> str:
    """Return the fullest text that fits."""
    slot = f"<i>{escape(_slot(alert, words))}</i>"
    links = _links(alert.links)
    headlines = [f"<b>{escape(_headline(metric, words))}</b>" for metric in metrics]
    details = [escape(_details(metric, alert.slot_start, words)) for metric in metrics]

    def text(shown: int, detailed: int, with_links: bool) -> str:
        lines = []
        for index in range(shown):
            lines += [headlines[index], details[index]] if index < detailed else [headlines[index]]
        if shown < len(metrics):
            lines.append(escape(words.more(len(metrics) - shown)))
        return "\n".join([*lines, "", slot, *([links] if links and with_links else [])])

    count = len(metrics)
    attempts = [(count, detailed, True) for detailed in range(count, 0, -1)]
    attempts += [(count, 1, False)] + [(shown, 1, False) for shown in range(count - 1, 0, -1)]
    # The last attempt always fits: labels are shortened, so that one metric and the slot stay far below the limit.
    return next(html for html in (text(*attempt) for attempt in attempts) if parsed_length(html) <= TEXT_LIMIT)


def _headline(metric: AlertMetric, words: Texts) -> str:
    return f"{shorten(metric.label, _LABEL_LIMIT)}: {_outcome(metric, words)}"


def _outcome(metric: AlertMetric, words: Texts) -> str:
    """Return what happened: "0, expected 156 (-100%)"."""
    outcome = value(metric.kind, metric.value, words) if known(metric.value) else words.NO_DATA
    if known(metric.expected):
        outcome = words.compared(outcome, value(metric.kind, metric.expected, words))
    if metric.state == "ended":
        return words.back_to_normal(outcome)
    deviation = change(metric.kind, metric.value, metric.expected, words)
    return f"{outcome} ({deviation})" if deviation else outcome


def _details(metric: AlertMetric, slot_start: datetime, words: Texts) -> str:
    parts = []
    # Neither counts nor ratios go below zero, whatever a symmetric band says.
    lower = value(metric.kind, max(0.0, metric.lower), words) if known(metric.lower) else ""
    upper = value(metric.kind, metric.upper, words) if known(metric.upper) else ""
    if lower or upper:
        parts.append(words.usual_range(lower, upper))
    since = _moment(metric.since, slot_start, words)
    if metric.until is not None:
        # In UTC: Python subtracts two times of one zone by the wall clock, an hour wrong when clocks change.
        length = metric.until.astimezone(UTC) - metric.since.astimezone(UTC)
        parts.append(words.lasted(since, _moment(metric.until, slot_start, words), words.duration(length)))
    else:
        parts.append(words.since(since))
    parts.append(words.found_by(shorten(metric.detector, _LABEL_LIMIT)))
    return "; ".join(parts)


def _links(links: Sequence[tuple[str, str]]) -> str:
    """Return the first links, as many as fit a line."""
    shown: list[str] = []
    for label, url in links:
        added = [*shown, link(shorten(label, _LINK_LABEL_LIMIT), url)]
        if parsed_length(" · ".join(added)) > _LINKS_LIMIT:
            break
        shown = added
    return " · ".join(shown)


def _slot(alert: Alert, words: Texts) -> str:
    start = alert.slot_start
    return f"{words.full_date(start)}, {start:%H:%M}–{alert.slot_end:%H:%M} ({_offset(start)})"


def _offset(moment: datetime) -> str:
    """Return the zone of `moment` as "UTC+3"."""
    minutes = round((moment.utcoffset() or timedelta()) / timedelta(minutes=1))
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")


def _moment(moment: datetime, slot_start: datetime, words: Texts) -> str:
    """Return the time of day, with the date where it is another day than the slot's."""
    clock = f"{moment:%H:%M}"
    return clock if moment.date() == slot_start.date() else f"{words.short_date(moment)}, {clock}"


def _picture(alert: Alert, metrics: Sequence[AlertMetric], words: Texts) -> bytes:
    legend = plots.Legend(
        words.ACTUAL, words.EXPECTED, words.USUAL_RANGE, words.OUTSIDE, words.THIS_SLOT, words.NO_DATA
    )
    panels = [_panel(metric, alert.slot_start, words) for metric in metrics[:PANELS_DRAWN]]
    return plots.bands(panels, _slot(alert, words), legend, words.short_date)


def _panel(metric: AlertMetric, slot_start: datetime, words: Texts) -> plots.BandPanel:
    start = slot_start.astimezone(UTC) - _HISTORY
    recent = np.array([time.astimezone(UTC) >= start for time in metric.times], dtype=bool)
    values, expected, lower, upper = (np.asarray(series, dtype=np.float64)[recent] for series in metric._history())
    return plots.BandPanel(
        title=shorten(metric.label, _LABEL_LIMIT),
        subtitle=_outcome(metric, words),
        times=[time for time, drawn in zip(metric.times, recent, strict=True) if drawn],
        values=values,
        expected=expected,
        lower=np.maximum(lower, 0),
        upper=upper,
        now=slot_start,
        write=lambda amounts: ticks(metric.kind, amounts, words),
        from_zero=metric.kind == "count",
    )
