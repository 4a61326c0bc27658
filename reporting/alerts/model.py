"""The data of an incident's message."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reporting.causes import Cause, RatioSplit
from reporting.errors import ReportingError
from reporting.formatting import Format

State = Literal["opened", "ongoing", "ended"]
Status = Literal["opened", "growing", "no_data", "recovered", "new_normal", "data_late", "false_alarm", "withdrawn"]
Unit = Literal["slot", "day"]
Action = Literal["acknowledge", "mute", "unmute", "false_alarm", "new_normal", "reopen"]
Refusal = Literal["unreadable", "foreign", "refused", "unknown"]


@dataclass(frozen=True)
class AlertMetric:
    """One metric in an alert.

    Parameters
    ----------
    name : str
        Its identifier.
    label : str
        Its name for readers, in the language of the message.
    kind : {"count", "ratio", "average"}
        A ratio is a fraction (0.203), written in percent. An average is a number per something (3.21).
    state : {"opened", "ongoing", "ended"}
        State in this slot: "opened" in the first anomalous slot, "ongoing" in later ones, "ended" in the first normal
        one.
    value, expected, lower, upper : float
        Value, expectation and band in the slot; NaN if unknown, bounds may be infinite.
    since : datetime
        Start of the first anomalous slot, aware, local.
    until : datetime or None
        End of the last anomalous slot, aware, local; None while the anomaly lasts.
    times : sequence of datetime
        Starts of T slots up to this one, ascending, aware, local; the newest are drawn.
    values, band_expected, band_lower, band_upper : array_like of float, shape (T,)
        Values, expectations and bounds of these slots; NaN if unknown.
    part : str
        The slice, for readers: "os iOS"; empty for the total.
    worst_at : datetime or None
        Start of the slot with the value furthest from its expectation, aware, local.
    worst_value, worst_expected : float
        Value and expectation in that slot.
    told : float
        The relative change that people were told of last; NaN if none.
    drift, drift_days : float, int
        Of an alert about days: the mean relative change a day over so many days; NaN if it is no drift.
    before : sequence of array_like, each of shape (T,)
        The values of these slots a day before and a week before; empty if they are not drawn.
    others : sequence of (datetime, datetime)
        Beginnings and ends of its other incidents, aware, local.
    minutes : (datetime, datetime) or None
        If only minutes of a slot deviate: their beginning and end, aware, local.
    minutes_value, minutes_expected : float
        Value and expectation in these minutes; NaN if unknown.

    Raises
    ------
    ReportingError
        If the series differ in length, a time has no zone, or an ended metric has no `until`.
    """

    name: str
    label: str
    kind: Format
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
    part: str = ""
    worst_at: datetime | None = None
    worst_value: float = math.nan
    worst_expected: float = math.nan
    told: float = math.nan
    drift: float = math.nan
    drift_days: int = 0
    before: Sequence[Sequence[float] | NDArray[np.float64]] = ()
    others: Sequence[tuple[datetime, datetime]] = ()
    minutes: tuple[datetime, datetime] | None = None
    minutes_value: float = math.nan
    minutes_expected: float = math.nan

    def __post_init__(self) -> None:
        lengths = [len(series) for series in (self.times, *self.history(), *self.before)]
        if len(set(lengths)) > 1:
            raise ReportingError(f"alert on {self.name}: times, values and bands have {lengths} points; give the same")
        ends = (end for other in self.others for end in other)
        moments = (self.since, self.until or self.since, self.worst_at or self.since, *self.times, *ends)
        moments += self.minutes or ()
        if any(time.tzinfo is None for time in moments):
            raise ReportingError(f"alert on {self.name}: every time needs a time zone")
        if self.state == "ended" and self.until is None:
            raise ReportingError(f"alert on {self.name}: an ended metric needs `until`")

    def history(self) -> tuple[Sequence[float] | NDArray[np.float64], ...]:
        """Return values, expectations, lower and upper bounds."""
        return self.values, self.band_expected, self.band_lower, self.band_upper

    @property
    def severity(self) -> float:
        """Distance of the value from its band, in half-widths of the band on that side; 0 inside the band."""
        # Comparisons with NaN are false: an unknown bound is never crossed.
        if self.value < self.lower:
            excess, half = self.lower - self.value, self.expected - self.lower
        elif self.value > self.upper:
            excess, half = self.value - self.upper, self.upper - self.expected
        else:
            return 0.0
        return excess / half if half > 0 else float("inf")

    @property
    def is_severe(self) -> bool:
        """Whether a total that deviates has at most half or at least twice of what was expected."""
        # Comparisons with NaN are false.
        is_far = self.value <= self.expected / 2 or self.value >= 2 * self.expected > 0
        return is_far and not self.part and self.state != "ended"


@dataclass(frozen=True)
class Loss:
    """Difference between a count and its expectation, summed over the incident.

    Parameters
    ----------
    label : str
        The count's name for readers.
    amount : float
        Sum of values minus sum of expectations; negative if events were lost.
    """

    label: str
    amount: float


@dataclass(frozen=True)
class Correction:
    """What people were told of a metric before its late rows arrived, beside what it was.

    Parameters
    ----------
    label : str
        The metric for readers, with its slice.
    kind : {"count", "ratio", "average"}
        As of `AlertMetric`.
    told, told_expected : float
        Value and expectation that were told to be the worst.
    worst, worst_expected : float
        The worst value as it is known now, and its expectation; NaN if nothing deviated.
    """

    label: str
    kind: Format
    told: float
    told_expected: float
    worst: float = math.nan
    worst_expected: float = math.nan


@dataclass(frozen=True)
class Handling:
    """A button that somebody pressed, or a mute by command.

    Parameters
    ----------
    action : {"acknowledge", "mute", "unmute", "false_alarm", "new_normal", "reopen"}
        The button.
    user : str
        Name of the person.
    at : datetime
        Time of the press, aware, local.
    until : datetime or None
        End of the mute, aware, local; None for every other action.
    why : str
        The reason that was given; '' if none.

    Raises
    ------
    ReportingError
        If a time has no zone, or `until` is missing for a mute or given for another action.
    """

    action: Action
    user: str
    at: datetime
    until: datetime | None = None
    why: str = ""

    def __post_init__(self) -> None:
        if any(moment is not None and moment.tzinfo is None for moment in (self.at, self.until)):
            raise ReportingError("alert: the time of a pressed button needs a time zone")
        if (self.action == "mute") != (self.until is not None):
            raise ReportingError(
                f"alert: {self.action} by {self.user!r}: a mute needs `until`, other actions have none"
            )


@dataclass(frozen=True)
class Alert:
    """An incident as of one slot.

    Parameters
    ----------
    slot_start, slot_end : datetime
        The newest slot, aware, local; of an incident that ended, its last one.
    metrics : sequence of AlertMetric
        The metrics to show, in any order; at least one.
    links : sequence of (str, str)
        Label and http(s) URL.
    key : str
        Key of the message, the same for all its edits; if empty, it is made from the slot.
    status : str
        "opened" in the first message. While the incident lasts: "growing", or "no_data" if a table has no rows. At its
        end: "recovered", "new_normal", "data_late", "false_alarm", or "withdrawn" if it came from a wrong clock.
    since, until : datetime or None
        Beginning and end, aware, local; by default the first `since` and the last `until` of the metrics.
    source : str
        The table without rows or with late rows.
    causes : sequence of Cause
        Slices that explain it, the most important first; empty if they were not computed.
    splits : sequence of RatioSplit
        How counts moved its ratios, the most important first.
    losses : sequence of Loss
        Events lost or gained: so far, or in total once it ended.
    handled : sequence of Handling
        Pressed buttons, in order.
    buttons : sequence of (action, str)
        Buttons to show, with the data of each: at most 64 bytes.
    mute : timedelta
        Duration of a mute.
    late_until : datetime or None
        When late rows last changed it, aware, local.
    corrections : sequence of Correction
        What people were told that late rows have corrected.
    unit : {"slot", "day"}
        What it is about. Every time of an alert about days is a local midnight, and a day takes the place of a slot.
    culprit : AlertMetric or None
        The slices that explain it best, to be drawn below the metrics.
    is_final : bool
        False if the slot still receives rows, so that its counts can rise.
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
    late_until: datetime | None = None
    corrections: Sequence[Correction] = ()
    unit: Unit = "slot"
    culprit: AlertMetric | None = None
    is_final: bool = True

    def __post_init__(self) -> None:
        if not self.metrics:
            raise ReportingError("alert: no metrics, so there is nothing to send")
        moments = (self.slot_start, self.slot_end, self.since, self.until, self.late_until)
        if any(moment is not None and moment.tzinfo is None for moment in moments):
            raise ReportingError("alert: every time needs a time zone")

    @property
    def is_over(self) -> bool:
        """Whether the incident has ended."""
        return self.status in ("recovered", "new_normal", "data_late", "false_alarm", "withdrawn")

    @property
    def is_severe(self) -> bool:
        """Whether it lasts, and rows are missing or a metric is far from its expectation."""
        return not self.is_over and (self.status == "no_data" or any(metric.is_severe for metric in self.metrics))

    @property
    def is_about_rows(self) -> bool:
        """Whether rows are missing or were late: then the worst values do not measure the incident."""
        return self.status in ("no_data", "data_late", "withdrawn")

    @property
    def began(self) -> datetime:
        """The beginning."""
        return self.since or min((metric.since for metric in self.metrics), key=instant)

    @property
    def ended(self) -> datetime:
        """The end; while the incident lasts, the end of the newest slot."""
        ends = [metric.until for metric in self.metrics if metric.until is not None]
        if self.until or not self.is_over:
            return self.until or self.slot_end
        return max(ends, key=instant, default=self.slot_end)

    @property
    def length(self) -> timedelta:
        """The duration so far, or in total once the incident ended."""
        return instant(self.ended) - instant(self.began)

    @property
    def message_key(self) -> str:
        """The key of its message."""
        return self.key or f"alert-{slot_name(self.slot_start)}"


def slot_name(slot: datetime) -> str:
    """Return the name of a slot in the key of a message."""
    return f"{slot.astimezone(UTC):%Y-%m-%dT%H%MZ}"


def instant(moment: datetime) -> datetime:
    """Return a time in UTC, to compare and subtract.

    Python compares and subtracts two times of one zone by the wall clock, which is an hour off when clocks change.
    """
    return moment.astimezone(UTC)
