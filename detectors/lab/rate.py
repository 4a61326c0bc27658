"""The rate of a series: the step between its times, and how people say it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.arrays import Array
from detectors.errors import DetectorError

DAY_SECONDS = 86_400
_DIVISORS = np.array(
    [0.1, 0.2, 0.25, 0.5] + [second for second in range(1, DAY_SECONDS + 1) if DAY_SECONDS % second == 0], dtype=float
)
"""Steps in seconds that divide a day."""
_NEAR = 0.01
"""A step is a divisor of the day if it is within this share of it."""
_LOOSE, _MOST_LOOSE = 0.25, 0.1
"""A series is irregular if more than `_MOST_LOOSE` of its steps miss the grid by more than `_LOOSE` of a step."""
_ONE = {60.0: "minute", 3600.0: "hour", 86_400.0: "day"}
_LONG_GAP = 10
"""A gap of this number of steps says nothing about their regularity."""
_MONTH = (28 * DAY_SECONDS, 31 * DAY_SECONDS)


@dataclass(frozen=True)
class Rate:
    """A step that divides a day, and the jitter around it, both in seconds."""

    step: float
    jitter: float

    def __str__(self) -> str:
        about = "about " if self.jitter else ""
        return f"{about}{every(self.step)}" + (f", jitter {duration(self.jitter)}" if self.jitter else "")


def find_rate(seconds: Array, name: str) -> Rate:
    """Find the rate of ascending times: the usual step, as the nearest step that divides a day.

    The usual step is the mean of those near the median, so that neither gaps nor jitter move it.

    Parameters
    ----------
    seconds
        (N,) times in ascending order; repeats are skipped.
    name
        Name of the series in messages.

    Raises
    ------
    DetectorError
        There is one time, the step is more than a day or does not divide it, or the times are irregular. The message
        says the rate as people do.
    """
    steps = np.diff(seconds)
    steps = np.sort(steps[steps > 0])
    if not steps.size:
        raise DetectorError(f"{name}: one timestamp; a series needs at least two to determine its rate")
    median = float(steps[(steps.size - 1) // 2])
    near = steps[(steps > 0.5 * median) & (steps < 1.5 * median)]
    usual = float(near.mean())
    seen = f"{name}: a point {_seen(usual, float(np.median(np.abs(near - usual))))}"
    if usual > 1.5 * DAY_SECONDS:
        raise DetectorError(f"{seen}; the detectors compare days and need at least a point a day")
    own = np.abs(steps - np.rint(steps / usual) * usual)[steps < _LONG_GAP * usual]
    if np.mean(own > _LOOSE * usual) > _MOST_LOOSE:
        raise DetectorError(f"{seen}, which is too irregular; --every {_coarser(usual)} takes means over slots")
    step = float(_DIVISORS[np.argmin(np.abs(np.log(_DIVISORS / usual)))])
    # The ends of the series alone may move the mean of few steps.
    if abs(usual - step) > _NEAR * step + 2 * np.abs(near - usual).max() / near.size:
        raise DetectorError(f"{seen}, which does not divide a day; --every {_coarser(usual)} takes means over slots")
    misses = np.abs(steps - np.rint(steps / step) * step)[steps < _LONG_GAP * step]
    # A few rows off the grid are no jitter.
    jitters = np.sort(misses)[(misses.size - 1) // 2] > 1e-6 * step
    return Rate(step, float(np.quantile(misses, 0.95)) if jitters else 0.0)


def parse_duration(text: str) -> float:
    """Return the seconds of a text such as 15min, 1h, 30s or 1d.

    Raises
    ------
    DetectorError
        The text is no duration, or it does not divide a day.
    """
    units = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": DAY_SECONDS, "day": DAY_SECONDS}
    number = text.strip().rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = text.strip()[len(number) :].strip()
    try:
        seconds = float(number) * units[unit]
    except (ValueError, KeyError):
        raise DetectorError(f"{text!r} is not a duration; write 15min, 1h or 1d") from None
    if not seconds > 0 or DAY_SECONDS / seconds % 1:
        raise DetectorError(f"{text!r} does not divide a day; use for example 15min, 1h or 1d")
    return seconds


def duration(seconds: float) -> str:
    """Return a duration as people say it: "15 min", "1 h 30 min", "1 day", "0.5 s"."""
    if _MONTH[0] <= seconds <= _MONTH[1]:
        return "month"
    parts = []
    rest = round(seconds, 1 if seconds < 10 else 0)
    for unit, size in (("days", DAY_SECONDS), ("h", 3600), ("min", 60)):
        if rest >= size:
            count = int(rest // size)
            parts.append(f"{count} {'day' if unit == 'days' and count == 1 else unit}")
            rest -= count * size
    if rest or not parts:
        parts.append(f"{rest:g} s")
    return " ".join(parts[:2])


def every(seconds: float) -> str:
    """Return a rate as people say it: "every 15 min", "every hour", "every day"."""
    return f"every {_ONE.get(seconds) or duration(seconds)}"


def _seen(usual: float, spread: float) -> str:
    return f"about {every(usual)}" + (f", jitter {duration(spread)}" if spread and usual <= DAY_SECONDS else "")


def _coarser(usual: float) -> str:
    """A usual step at least twice as wide, as `parse_duration` reads it."""
    for text in ("1min", "5min", "15min", "1h"):
        if parse_duration(text) >= 2 * usual:
            return text
    return "1d"
