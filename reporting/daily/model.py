"""The data of the morning report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from reporting.causes import Cause, RatioSplit
from reporting.errors import ReportingError
from reporting.formatting import Format


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
class MonthSoFar:
    """Sums of the days of a month so far, beside those of the same days of the month before.

    Parameters
    ----------
    first, last, first_before, last_before : date
        The days that are summed. The month before may be shorter.
    metrics : sequence of (str, str, float or None, float or None)
        Label and kind of each metric, its value so far and that of the month before; None if a day is missing.
    """

    first: date
    last: date
    first_before: date
    last_before: date
    metrics: Sequence[tuple[str, Format, float | None, float | None]]


@dataclass(frozen=True)
class DayIncident:
    """An incident that people were told of, in one line.

    Parameters
    ----------
    label : str
        Its metric or slice for readers.
    worst : float
        The greatest relative deviation, signed; NaN if unknown.
    others : int
        How many more metrics or slices it has.
    start, end : datetime
        In the analysts' zone; `end` is None while it goes on.
    is_of_days : bool
        Whether whole days deviated: it is written without times.
    link : str
        The URL of its message; '' if it has none.
    """

    label: str
    worst: float
    start: datetime
    end: datetime | None = None
    others: int = 0
    is_of_days: bool = False
    link: str = ""


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
    month : MonthSoFar or None
        The month so far, if it is wanted.
    incidents : sequence of DayIncident
        Those of the day and those that go on, oldest first. As many are shown as the caption of a photo has room for.
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
    month: MonthSoFar | None = None
    incidents: Sequence[DayIncident] = ()

    def __post_init__(self) -> None:
        if not self.metrics:
            raise ReportingError("daily report: no metrics; name at least one in the settings")
