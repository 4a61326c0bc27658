"""What an incident's message tells: plain data, checked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reporting.causes import Cause, RatioSplit
from reporting.errors import ReportingError
from reporting.formatting import Kind

State = Literal["opened", "ongoing", "ended"]
Status = Literal["opened", "growing", "no_data", "recovered", "new_normal", "data_late", "false_alarm"]
Action = Literal["acknowledge", "mute", "false_alarm", "new_normal"]


@dataclass(frozen=True)
class AlertMetric:
    """One metric in an alert.

    Parameters
    ----------
    name : str
        Its identifier.
    label : str
        Its name for people, in the alert's language.
    kind : {"count", "ratio", "average"}
        A ratio is a fraction (0.203) and is written in percent; an average is a number per something (3.21).
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
    part : str
        The slice that it is of, for people: "os iOS"; empty for the total.
    worst_at : datetime or None
        Start of the incident's slot that was furthest from what was expected, aware, local.
    worst_value, worst_expected : float
        What it was and should have been.

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
    part: str = ""
    worst_at: datetime | None = None
    worst_value: float = math.nan
    worst_expected: float = math.nan

    def __post_init__(self) -> None:
        lengths = [len(series) for series in (self.times, *self._history())]
        if len(set(lengths)) > 1:
            raise ReportingError(f"alert on {self.name}: times, values and bands have {lengths} points; give the same")
        moments = (self.since, self.until or self.since, self.worst_at or self.since, *self.times)
        if any(time.tzinfo is None for time in moments):
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
class Loss:
    """How far a count was from what was expected, summed over the incident.

    Parameters
    ----------
    label : str
        The count's name for people.
    amount : float
        Values less expectations: negative is lost.
    """

    label: str
    amount: float


@dataclass(frozen=True)
class Handling:
    """What somebody did about the incident.

    Parameters
    ----------
    action : {"acknowledge", "mute", "false_alarm", "new_normal"}
        The button.
    user : str
        Who pressed it.
    at : datetime
        When, aware, local.
    until : datetime or None
        The end of a mute, aware, local; a mute needs it, and nothing else has it.

    Raises
    ------
    ReportingError
        If a time has no zone, or a mute no end.
    """

    action: Action
    user: str
    at: datetime
    until: datetime | None = None

    def __post_init__(self) -> None:
        if any(moment is not None and moment.tzinfo is None for moment in (self.at, self.until)):
            raise ReportingError("alert: the time of what somebody did needs a time zone")
        if (self.action == "mute") != (self.until is not None):
            raise ReportingError(f"alert: {self.action} by {self.user!r}: a mute needs `until`, nothing else has it")


@dataclass(frozen=True)
class Alert:
    """An incident, as of one slot.

    Parameters
    ----------
    slot_start, slot_end : datetime
        The newest slot, aware, local.
    metrics : sequence of AlertMetric
        Everything to tell, in any order.
    links : sequence of (str, str)
        Label and http(s) address, complete.
    key : str
        Names the message through all of its life; empty for one that is named by its slot.
    status : str
        "opened"; "growing" once it was told and goes on; "no_data" while a table has no rows. In the end "recovered",
        "new_normal", "data_late" or "false_alarm".
    since, until : datetime or None
        When it began and ended, aware, local; None for the first `since` and the last `until` of its metrics.
    source : str
        The table without rows, or whose rows were late.
    causes : sequence of Cause
        What explains it, the most important first; empty where nobody looked.
    splits : sequence of RatioSplit
        What moved its ratios, the most important first.
    losses : sequence of Loss
        What it cost, until now or in all.
    handled : sequence of Handling
        What people did about it, in order.
    buttons : sequence of (action, str)
        What people may do about it, with what the button's press will tell: at most 64 bytes.
    mute : timedelta
        How long the button "mute" mutes.
    """

    slot_start: datetime
    slot_end: datetime
    metrics: Sequence[AlertMetric]
    links: Sequence[tuple[str, str]] = ()
    key: str = ""
    status: Status = "opened"
    since: datetime | None = None
    until: datetime | None = None
    source: str = ""
    causes: Sequence[Cause] = ()
    splits: Sequence[RatioSplit] = ()
    losses: Sequence[Loss] = ()
    handled: Sequence[Handling] = ()
    buttons: Sequence[tuple[Action, str]] = ()
    mute: timedelta = timedelta(hours=2)

    def __post_init__(self) -> None:
        if not self.metrics:
            raise ReportingError("alert: nothing happened, so there is nothing to send")
        moments = (self.slot_start, self.slot_end, self.since, self.until)
        if any(moment is not None and moment.tzinfo is None for moment in moments):
            raise ReportingError("alert: every time needs a time zone")

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.status in ("recovered", "new_normal", "data_late", "false_alarm")

    @property
    def is_about_rows(self) -> bool:
        """Whether rows are missing or were late: what the metrics looked like meanwhile is not how bad it was."""
        return self.status in ("no_data", "data_late")

    @property
    def began(self) -> datetime:
        """When it began."""
        return self.since or min((metric.since for metric in self.metrics), key=instant)

    @property
    def ended(self) -> datetime:
        """When it ended; the end of the newest slot while it lasts."""
        ends = [metric.until for metric in self.metrics if metric.until is not None]
        if self.until or not self.is_over:
            return self.until or self.slot_end
        return max(ends, key=instant, default=self.slot_end)

    @property
    def length(self) -> timedelta:
        """How long it was, or is already, in real time."""
        # In UTC: Python subtracts two times of one zone by the wall clock, an hour wrong when clocks change.
        return self.ended.astimezone(UTC) - self.began.astimezone(UTC)

    @property
    def message_key(self) -> str:
        """What names its message."""
        return self.key or f"alert-{named(self.slot_start)}"


def named(slot: datetime) -> str:
    """Name a slot in a message's key."""
    return f"{slot.astimezone(UTC):%Y-%m-%dT%H%MZ}"


def instant(moment: datetime) -> datetime:
    """Order by real time: two times of one zone compare by the wall clock, an hour wrong when clocks change."""
    return moment.astimezone(UTC)
