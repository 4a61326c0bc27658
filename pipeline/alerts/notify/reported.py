"""The numbers that reports show: those that were sent first, and those of each correction."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pipeline.core import clock
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import REPORTED, full_name, insert, open_warehouse

Numbers = Mapping[str, float | None]
"""Values by metric; None where there is none."""


@dataclass(frozen=True)
class Version:
    """The numbers of a report since some time.

    Attributes
    ----------
    at : datetime
        When they were composed, naive UTC.
    numbers : mapping
        Values by metric.
    """

    at: datetime
    numbers: Numbers


def load(first: date, last: date) -> dict[date, list[Version]]:
    """Read the versions of the reports of the days from `first` to `last`: as sent first, then each correction."""
    rows = open_warehouse().query(
        statement("reported_numbers", reported=full_name(REPORTED)), {"first": str(first), "last": str(last)}
    )
    versions: dict[date, dict[int, tuple[int, dict[str, float | None]]]] = {}
    for day, correction, seconds, metric, value in rows:
        _, numbers = versions.setdefault(day, {}).setdefault(correction, (seconds, {}))
        numbers[metric] = None if math.isnan(value) else value
    return {
        day: [Version(clock.from_epoch(seconds), numbers) for seconds, numbers in found.values()]
        for day, found in versions.items()
    }


def save(day: date, correction: int, numbers: Numbers) -> None:
    """Write a version of the report of a day; 0 is the report as it is sent first."""
    insert(
        REPORTED,
        {
            "event_date": [day] * len(numbers),
            "correction": [correction] * len(numbers),
            "metric": list(numbers),
            "value": [math.nan if value is None else float(value) for value in numbers.values()],
            "at": [clock.utcnow().replace(microsecond=0)] * len(numbers),
        },
    )


def changed(before: Numbers, after: Numbers) -> list[str]:
    """Return the metrics of both versions whose values differ."""
    return [metric for metric in after if metric in before and before[metric] != after[metric]]
