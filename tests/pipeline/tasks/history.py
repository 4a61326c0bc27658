"""Loaded days without events: what `DailyMetrics` would have written, for tests of the check of days."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from pipeline.core import clock
from pipeline.core.metrics import METRICS
from pipeline.tasks import CheckDays, DailyMetrics
from pipeline.warehouse import markers
from pipeline.warehouse.markers import RawRows, Token, Version
from pipeline.warehouse.tables import DAILY_METRICS, DAILY_TOTALS, DAY_CHECKS, full_name, open_warehouse
from tests.pipeline.etl.stories import at, seen, sent
from tests.pipeline.tasks.mornings import Mornings, aware

WEEK = (1.0, 1.02, 1.03, 1.02, 1.05, 0.86, 0.82)
"""Monday first."""
SLICES = {
    "os": {"iOS": 0.4, "Android": 0.6},
    "gender": {"0": 0.45, "1": 0.55},
    "age": {"17": 0.1, "22": 0.3, "24": 0.1, "31": 0.3, "60": 0.15, "unknown": 0.05},
}
FIRST = date(2026, 9, 7)


@dataclass
class History:
    """Days from `FIRST` on, whose numbers tests change.

    Parameters
    ----------
    place : Mornings
        The warehouse.
    noise : float
        The noise of a day after its weekday.
    factors : dict
        By day: by what (metric, value of a slice or "") is multiplied.
    """

    place: Mornings
    noise: float = 0.01
    factors: dict[date, Mapping[tuple[str, str], float]] = field(default_factory=dict)
    loads: dict[date, int] = field(default_factory=dict)

    def numbers(self, day: date) -> dict[tuple[str, str, str], int]:
        """The counts of a day by metric, dimension and value; a total has the dimension ''."""
        rng = np.random.default_rng([3, day.toordinal()])
        level = WEEK[day.weekday()]
        changed = self.factors.get(day, {})
        counts: dict[tuple[str, str, str], int] = {}
        for metric, size in (("views", 200_000), ("likes", 40_000), ("messages_sent", 15_000)):
            whole = size * level * np.exp(self.noise * rng.standard_normal()) * changed.get((metric, ""), 1.0)
            for dimension, shares in SLICES.items():
                for value, share in shares.items():
                    counts[metric, dimension, value] = round(whole * share * changed.get((metric, value), 1.0))
            counts[metric, "", ""] = sum(counts[metric, "os", value] for value in SLICES["os"])
        for metric, size in (("feed_users", 9_000), ("messenger_users", 3_000)):
            whole = size * level * np.exp(self.noise * rng.standard_normal()) * changed.get((metric, ""), 1.0)
            counts[metric, "", ""] = round(whole)
        return counts

    def load(self, *days: date) -> None:
        """Write days as `DailyMetrics` does, with a marker; a day that is loaded again has other raw rows."""
        engine = open_warehouse()
        rows: dict[str, list[object]] = {"event_date": [], "metric": [], "numerator": [], "denominator": []}
        sliced: dict[str, list[object]] = {name: [] for name in ("event_date", "dimension", "dimension_value")}
        values = ("views", "likes", "messages_received", "messages_sent", "users_received", "users_sent")
        sliced |= {name: [] for name in values}
        for day in days:
            if day in self.loads:
                for table in (DAILY_TOTALS, DAILY_METRICS):
                    engine.execute(f"ALTER TABLE {full_name(table)} DROP PARTITION '{day}'")
            counts = self.numbers(day)
            for metric in METRICS:
                of = counts[metric.denominator, "", ""] if metric.kind == "ratio" else 1
                number = counts[(metric.numerator or metric.name), "", ""]
                for name, value in zip(rows, (day, metric.name, number, of), strict=True):
                    rows[name].append(value)
            for dimension, shares in SLICES.items():
                for value in shares:
                    numbers = {name: counts.get((name, dimension, value), 0) for name in values}
                    for name, item in {
                        "event_date": day,
                        "dimension": dimension,
                        "dimension_value": value,
                        **numbers,
                    }.items():
                        sliced[name].append(item)
            self.loads[day] = self.loads.get(day, 0) + 1
        engine.insert(full_name(DAILY_TOTALS), rows)
        engine.insert(full_name(DAILY_METRICS), sliced)
        for day in days:
            token = Token(DailyMetrics(date=day).output(), Version(0, self.loads[day]))
            markers.finish(token, RawRows(feed=1000 + self.loads[day]))

    def arrive(self, *days: date) -> None:
        """Give the source rows of each hour of days, so that no day has a gap."""
        hours = [at(day, hour + 0.1) for day in days for hour in range(24)]
        self.place.arrive([seen(1, hour) for hour in hours], [sent(1, 2, hour) for hour in hours])

    def morning(self, day: date) -> None:
        """Load a day, with those before it that are not loaded, and check it in the morning after."""
        with self.place.at(aware(day + timedelta(days=1), 7)):
            self.load(*(other for other in clock.days(FIRST, day) if other not in self.loads))
        self.check(day)

    def check(self, day: date) -> None:
        """Run `CheckDays` of a day in the morning after."""
        self.place.run(CheckDays(date=day), aware(day + timedelta(days=1), 7))

    def at(self, day: date, hour: float = 8) -> contextlib.AbstractContextManager[None]:
        """Act as a new process in the morning after a day."""
        return self.place.at(aware(day + timedelta(days=1), hour))

    def verdicts(self, day: date) -> dict[str, str]:
        """The verdicts of the totals of a day, by metric."""
        with self.at(day):
            rows = open_warehouse().query(
                f"SELECT metric, verdict FROM {full_name(DAY_CHECKS)} FINAL "
                f"WHERE event_date = '{day}' AND dimension = 'total'"
            )
        return {str(metric): str(verdict) for metric, verdict in rows}
