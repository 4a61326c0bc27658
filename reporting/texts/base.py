"""What every language defines, and arithmetic that they share."""

from datetime import date, timedelta
from typing import Protocol

MINUS = "\u2212"
NO_BREAK_SPACE = "\u00a0"


class Texts(Protocol):
    """The names in a language's file. To add a language, copy ``en.py`` and translate it."""

    # Shown where there is no number to show.
    MISSING: str
    # Divisors of an axis and their names, largest first: (1000, "thousand").
    SCALES: tuple[tuple[float, str], ...]
    DAY_BEFORE: str
    WEEK_BEFORE: str
    NO_DATA: str
    # The legend of an alert's picture.
    ACTUAL: str
    EXPECTED: str
    USUAL_RANGE: str
    OUTSIDE: str
    THIS_SLOT: str

    def number(self, value: float, decimals: int = 0, signed: bool = False) -> str:
        """Return e.g. "1,234.5"; a minus is always shown, a plus if `signed`."""

    def percent(self, fraction: float, decimals: int = 1, signed: bool = False) -> str:
        """Return e.g. "20.3%" for 0.203."""

    def points(self, fraction: float, decimals: int = 1) -> str:
        """Return a difference of two ratios in percentage points, signed: "+0.4 pp" for 0.004."""

    def full_date(self, day: date) -> str:
        """Return e.g. "Monday, 2 November 2026"."""

    def short_date(self, day: date) -> str:
        """Return e.g. "2 Nov"."""

    def weekday(self, day: date) -> str:
        """Return e.g. "Mon"."""

    def duration(self, length: timedelta) -> str:
        """Return e.g. "2 h 15 min"; whole minutes."""

    def report_title(self, day: str) -> str:
        """Return the heading of the morning report."""

    def slots_checked(self, checked: int, expected: int) -> str:
        """Return e.g. "96 of 96 slots checked"."""

    def alerts(self, count: int) -> str:
        """Return e.g. "2 alerts"."""

    def compared(self, value: str, expected: str) -> str:
        """Return a value beside its expectation: "0, expected 156"."""

    def back_to_normal(self, outcome: str) -> str:
        """Return that an incident ended, with what `compared` says."""

    def usual_range(self, lower: str, upper: str) -> str:
        """Return the band; either bound may be empty, not both."""

    def since(self, moment: str) -> str:
        """Return since when an incident lasts."""

    def lasted(self, start: str, end: str, length: str) -> str:
        """Return when an ended incident was and how long it lasted."""

    def found_by(self, detector: str) -> str:
        """Return which detector decided."""

    def more(self, count: int) -> str:
        """Return what stands for `count` metrics that did not fit: "and 3 more"."""


def fixed(value: float, decimals: int, signed: bool, group: str, point: str) -> str:
    """`value` with `decimals` and a language's separators, one character each; what rounds to zero has no sign."""
    text = f"{abs(value):,.{decimals}f}"
    sign = ""
    if text.strip("0.,"):
        sign = MINUS if value < 0 else "+" if signed else ""
    return sign + text.translate(str.maketrans(",.", group + point))


def days_hours_minutes(length: timedelta) -> tuple[int, int, int]:
    """`length` in days, hours and minutes."""
    hours, minutes = divmod(int(length.total_seconds()) // 60, 60)
    return hours // 24, hours % 24, minutes
