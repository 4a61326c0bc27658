"""A series on a regular grid."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Array
from detectors.base import Detector
from detectors.bounds import Bounds
from detectors.errors import DetectorError
from detectors.extremes import Extremes
from detectors.lab.rate import DAY_SECONDS, every
from detectors.noise import Kind

Direction = Literal["both", "up", "down"]

_MOSTLY = 0.75
_REASONS = {
    "ratio": "there is a denominator",
    "count": "the values are whole and none is negative",
    "value": "some values are negative or not whole",
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Series:
    """One series on a regular grid.

    Parameters
    ----------
    name
        The name that reports show.
    values
        (T,), NaN = missing.
    period
        Points in a day.
    start
        Wall clock of column 0, without tzinfo.
    zone
        IANA name of the wall clock's time zone.
    denominator
        (T,) for a ratio, otherwise None.
    labels
        (T,) booleans, True = part of an incident; None = the series has no labels.
    direction
        Which deviations count: "both", "up" or "down".
    declared
        The kind of number if it is known; None derives it from the values.
    extremes
        The least and the greatest sub-slot of each point, arrays (T,); None if they are unknown.
    notes
        The corrections made on reading, one phrase each.
    read_as
        What the reader assumed of the file, one phrase each.

    Raises
    ------
    DetectorError
        An array has the wrong shape.
    """

    name: str
    values: Array
    period: int = 96
    start: datetime = datetime(2026, 1, 1)
    zone: str = "UTC"
    denominator: Array | None = None
    labels: NDArray[np.bool_] | None = None
    direction: Direction = "both"
    declared: Kind | None = None
    extremes: Extremes | None = None
    notes: tuple[str, ...] = field(default=())
    read_as: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for what, array in (("denominator", self.denominator), ("labels", self.labels)):
            if array is not None and array.shape != self.values.shape:
                raise DetectorError(f"{self.name}: {what} must have the shape of the values, not {array.shape}")
        if self.values.ndim != 1 or not self.values.size:
            raise DetectorError(f"{self.name}: values must have the shape (T,), T at least 1, not {self.values.shape}")

    @property
    def kind(self) -> Kind:
        """`declared`; by default "ratio" with denominators, "count" for whole values >= 0, otherwise "value"."""
        if self.declared is not None:
            return self.declared
        if self.denominator is not None:
            return "ratio"
        known = self.values[~np.isnan(self.values)]
        return "count" if known.size and bool(np.all((known >= 0) & (known == np.floor(known)))) else "value"

    @property
    def known(self) -> int:
        """Number of values that are not missing."""
        return int(np.count_nonzero(~np.isnan(self.values)))

    @property
    def zeros(self) -> float:
        """Share of the known values that are 0."""
        return float(np.count_nonzero(self.values == 0) / max(self.known, 1))

    @property
    def mostly_zero(self) -> bool:
        """Whether at least three values of four are 0: an error counter, rare purchases, bursts."""
        return self.zeros >= _MOSTLY

    @property
    def kind_said(self) -> str:
        """The kind and its reason."""
        return f"{self.kind} ({_REASONS[self.kind]})" if self.declared is None else self.kind

    @property
    def rate_said(self) -> str:
        """The rate as people say it: "every 15 min"."""
        return every(DAY_SECONDS / self.period)

    def moment(self, column: int) -> datetime:
        """Wall clock of a column, without tzinfo."""
        return self.start + timedelta(seconds=column * DAY_SECONDS / self.period)

    @property
    def digest(self) -> str:
        """SHA-256 of everything that a result depends on."""
        digest = hashlib.sha256(
            repr((self.name, self.period, self.start, self.zone, self.direction, self.kind)).encode()
        )
        for array in (self.values, self.denominator, self.labels):
            digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
        if self.extremes is not None:
            digest.update(repr(self.extremes.length).encode())
            for given in (self.extremes.least, self.extremes.greatest):
                digest.update(np.ascontiguousarray(given).tobytes())
        return digest.hexdigest()


def detect(detector: Detector, series: Series) -> Bounds:
    """Return the bounds of a series. Its extremes are given to methods that take them."""
    extremes = series.extremes if detector.takes_extremes else None
    return detector.detect(series.values, series.denominator, extremes)
