"""Small synthetic series of each kind, for examples, notebooks and tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Array
from detectors.errors import DetectorError
from detectors.noise import Kind
from detectors.sparse import SPARSE, sparse_series

if TYPE_CHECKING:
    import pandas

KINDS = ("count", "ratio", "value", "daily", *SPARSE)
_START = datetime(2026, 1, 5)  # a Monday
_DAYS, _DAILY_DAYS = 35, 200


@dataclass(frozen=True, eq=False, kw_only=True)
class Example:
    """A series with two incidents. All arrays have the shape (T,).

    Attributes
    ----------
    values, denominator
        Input of a detector; the denominator is None except for a ratio.
    labels
        True in an incident.
    period
        Points in a day.
    kind
        What a method with the parameter `kind` needs: "count", "ratio" or "value".
    """

    values: Array
    denominator: Array | None
    labels: NDArray[np.bool_]
    period: int
    kind: Kind

    @property
    def times(self) -> NDArray[np.datetime64]:
        """The time of each point, from Monday 2026-01-05 on."""
        step = np.timedelta64(86_400 // self.period, "s")
        times: NDArray[np.datetime64] = np.datetime64(_START, "s") + np.arange(self.values.size) * step
        return times

    def to_frame(self) -> pandas.DataFrame:
        """Return a DataFrame with the columns of a CSV file, which `detectors.lab` takes as it is."""
        import pandas as pd

        columns: dict[str, Any] = {"timestamp": self.times, "value": self.values}
        if self.denominator is not None:
            columns["denominator"] = self.denominator
        return pd.DataFrame({**columns, "label": self.labels.astype(int)})


def load_example(name: str = "count", *, seed: int = 0) -> Example:
    """Make a small synthetic series.

    Parameters
    ----------
    name
        "count": events per 15 minutes over five weeks, with an outage of two hours and a spike. "ratio": a share of
        these events, which falls by a third for three hours, twice. "value": a temperature every 15 minutes, also below
        zero, which jumps twice. "daily": events per day over 200 days, with a missing half of a day, twice.
        "errors", "purchases", "bursts": series that are 0 in most slots (`detectors.sparse`), far above their usual
        values twice.
    seed
        Another seed gives another series of the same shape.

    Returns
    -------
    Example
        The series with its labels.

    Raises
    ------
    DetectorError
        There is no example of this name.

    Examples
    --------
    >>> import detectors
    >>> example = detectors.load_example("ratio")
    >>> example.values.shape, example.period, int(example.labels.sum())
    ((3360,), 96, 24)
    """
    if name not in KINDS:
        raise DetectorError(f"there is no example {name!r}; there are: {', '.join(KINDS)}")
    rng = np.random.default_rng([seed, KINDS.index(name)])
    period, days = (1, _DAILY_DAYS) if name == "daily" else (96, _DAYS)
    columns = np.arange(days * period)
    shape = 1 + 0.6 * np.sin(2 * np.pi * columns / 96 - 2.2) if period > 1 else np.ones(columns.size)
    week = np.where(columns // period % 7 >= 5, 0.75, 1.0)
    rate = (400.0 if period > 1 else 20_000.0) * shape * week * np.exp(_wander(rng, columns.size))
    first, second = _incidents(name, period, days)
    labels = np.zeros(columns.size, dtype=bool)
    labels[first], labels[second] = True, True
    if name in SPARSE:
        values = sparse_series(name, rng, series=1, columns=columns.size, period=period)[0]
        values[labels] += np.ceil(values.max()) * rng.integers(8, 20, labels.sum())
        kind: Kind = "count" if name == "purchases" else "value"
        return Example(values=values, denominator=None, labels=labels, period=period, kind=kind)
    if name == "value":
        values = 8 * (shape - 1) + 4 * _wander(rng, columns.size) / 0.03 * 0.2 + rng.normal(0, 0.3, columns.size)
        values[first] += 9
        values[second] -= 9
        return Example(values=np.round(values, 2), denominator=None, labels=labels, period=period, kind="value")
    if name == "ratio":
        chance = np.where(labels, 0.2, 0.3)
        views = rng.poisson(rate).astype(float)
        values = rng.binomial(views.astype(int), chance) / np.maximum(views, 1)
        return Example(values=values, denominator=views, labels=labels, period=period, kind="ratio")
    rate[first] = 0 if name == "count" else rate[first] / 2
    rate[second] = 2 * rate[second] if name == "count" else rate[second] / 2
    counts = rng.poisson(rate).astype(float)
    return Example(values=counts, denominator=None, labels=labels, period=period, kind="count")


def _incidents(name: str, period: int, days: int) -> tuple[slice, slice]:
    if period == 1:
        return slice(days - 40, days - 39), slice(days - 15, days - 14)
    first, second = (days - 9) * period + 48, (days - 3) * period + 60
    lengths = {"count": (8, 4), "ratio": (12, 12), "value": (6, 6)}.get(name, (4, 2))
    return slice(first, first + lengths[0]), slice(second, second + lengths[1])


def _wander(rng: np.random.Generator, columns: int) -> Array:
    """AR(1) noise with a standard deviation of 0.03."""
    memory = 0.9
    noise = rng.normal(0, 0.03 * np.sqrt(1 - memory**2), columns)
    for column in range(1, columns):
        noise[column] += memory * noise[column - 1]
    return noise
