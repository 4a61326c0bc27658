"""Special days: public holidays, the days around them, and both ends of a month. Pure except for luigi.cfg.

A special day is unlike its weekday. It is no history of other days, and is compared with earlier days of its class: the
median of what these were relative to their forecasts moves its forecast, and their spread widens its band.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np

from detectors.base import Bounds
from detectors.statistics import SIGMAS_PER_MAD, median
from pipeline.core import settings
from pipeline.core.errors import SettingsError
from pipeline.core.process import once
from pipeline.slots.series import Array, ratio

LEAST_KNOWN = 3
"""With fewer earlier days of its class a special day has no learnt effect, and a band of `UNKNOWN_TIMES` the width."""
UNKNOWN_TIMES = 3.0
EDGE_TIMES = 1.5
"""The same for the days around holidays and the ends of months, most of which are like other days."""
NORMAL_SIGMAS = 4.5
"""How many standard deviations of the learnt effects the band is wide."""


def classes(days: Sequence[date]) -> dict[date, str]:
    """Return the class of each special day; empty without ``[clock] holidays``.

    Raises
    ------
    SettingsError
        If the country is unknown, or the library of holidays is not installed.
    """
    country = settings.ClockSettings().holidays
    if not country or not days:
        return {}
    years = range(days[0].year - 1, days[-1].year + 2)
    free = _free_days(country, tuple(years))
    found: dict[date, str] = {}
    for day in days:
        before, after = day - timedelta(days=1), day + timedelta(days=1)
        if day in free:
            # A holiday at a weekend is a day at a weekend.
            found[day] = "holiday" if day.weekday() < 5 else "holiday at a weekend"
        elif after in free and after.weekday() < 5:
            found[day] = "day before a holiday"
        elif before in free and before.weekday() < 5:
            found[day] = "day after a holiday"
        elif after.day == 1:
            found[day] = "last day of a month"
        elif day.day == 1:
            found[day] = "first day of a month"
    return found


def check() -> None:
    """Raise on a mistake in ``[clock] holidays``."""
    classes([date(2026, 1, 1)])


@once
def _free_days(country: str, years: tuple[int, ...]) -> frozenset[date]:
    try:
        import holidays
    except ImportError as error:
        raise SettingsError(
            f"[clock] holidays = {country} needs the library of holidays: pip install 'feedpulse[holidays]'."
        ) from error
    try:
        return frozenset(holidays.country_holidays(country, years=years))
    except NotImplementedError as error:
        raise SettingsError(
            f"[clock] holidays = {country}: no holidays are known for it; name a country by its ISO code, such as RU."
        ) from error


def compared_with_like(bounds: Bounds, values: Array, days: Sequence[date], special: Mapping[date, str]) -> Bounds:
    """Move and widen the band of the newest day if it is special.

    Parameters
    ----------
    bounds : Bounds
        The bands of all days, (R, D), which were learnt without special days.
    values : ndarray, shape (R, D)
        The values, with those of special days.
    days : sequence of date
        The day of each column.
    special : mapping
        The class of each special day.
    """
    kind = special.get(days[-1])
    if kind is None:
        return bounds
    alike = [column for column, day in enumerate(days[:-1]) if special.get(day) == kind]
    expected, lower, upper = (array[:, -1] for array in (bounds.expected, bounds.lower, bounds.upper))
    if alike:
        effects = ratio(values[:, alike], bounds.expected[:, alike])
        known = np.count_nonzero(~np.isnan(effects), axis=1) >= LEAST_KNOWN
        effect = np.where(known, median(effects), 1.0)
        spread = np.where(known, SIGMAS_PER_MAD * median(np.abs(effects - effect[:, np.newaxis])), 0.0)
    else:
        known, effect, spread = np.zeros(len(values), dtype=bool), np.ones(len(values)), np.zeros(len(values))
    times = np.where(known, 1.0, UNKNOWN_TIMES if kind == "holiday" else EDGE_TIMES)
    below, above = (
        np.maximum(gap * effect * times, NORMAL_SIGMAS * spread * expected)
        for gap in (expected - lower, upper - expected)
    )
    newest = Bounds.from_band(values[:, -1], expected * effect, expected * effect - below, expected * effect + above)
    arrays = (
        np.append(array[:, :-1], last[:, np.newaxis], axis=1)
        for array, last in zip(bounds.arrays, newest.arrays, strict=True)
    )
    expected, lower, upper, score = arrays
    return Bounds(expected, lower, upper, score)
