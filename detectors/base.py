"""The base class of every method and the declaration of its parameters, for authors of methods."""

from __future__ import annotations

import typing
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.arrays import Array
from detectors.bounds import Bounds, Look, furthest, score_band
from detectors.errors import DetectorError
from detectors.extremes import Given, Inside, Pair
from detectors.validation import check_parameter, spread, to_array, validate

__all__ = ["Array", "Bounds", "Detector", "DetectorError", "Inside", "parameter", "score_band"]

T = TypeVar("T")


def parameter(default: T, *, above: float | None = None, least: float | None = None, most: float | None = None) -> T:
    """Declare a parameter of a detector.

    Parameters
    ----------
    default
        The default value.
    above, least, most
        Limits: the value must be greater than `above`, at least `least` and at most `most`.
    """
    declared: Any = field(default=default, metadata={"above": above, "least": least, "most": most})
    return typing.cast(T, declared)


@dataclass(frozen=True, kw_only=True)
class Detector(ABC):
    """A causal anomaly detector. It holds parameters and no state, so it can be shared and reused.

    A method is a frozen keyword-only dataclass with a `name`, a `summary` and `_detect`. It may override
    `_last_columns` and `_detect_last` if the newest column is much cheaper to compute than all columns. To write a
    method, copy ``detectors/methods/_template.py.txt`` and check it with `detectors.contract.check_detector`.

    Parameters
    ----------
    period
        Points in a day: 96 for a point every 15 minutes.
    """

    name: ClassVar[str]
    """The method's name in settings and on the command line."""
    summary: ClassVar[str]
    """When to use the method, in a phrase."""
    series_at_once: ClassVar[int] = 5_000
    """Maximum number of series per call of `_detect_last`, so that temporary arrays fit in the cache."""
    least_points: ClassVar[int] = 1
    """Fewest points in a day for which the method was made."""
    most_points: ClassVar[int | None] = None
    """Most points in a day for which the method was made; None = any number."""
    proportional: ClassVar[bool] = False
    """Whether both bounds' distances from `expected` are proportional to the parameter `multiplier`, which has no other
    effect. Then the scores at one multiplier tell those at any other."""
    registered: ClassVar[dict[str, type[Detector]]] = {}
    """The class of every named method whose module was imported, by name. `detectors.registry` reads it."""

    period: int = parameter(96, least=1)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            return
        known = Detector.registered.get(cls.name)
        if known is not None and _origin(known) != _origin(cls):
            raise DetectorError(f"two detectors are called {cls.name!r}: {_origin(known)} and {_origin(cls)}")
        Detector.registered[cls.name] = cls

    def __post_init__(self) -> None:
        types = typing.get_type_hints(type(self))
        for declared in fields(self):
            name = declared.name
            check_parameter(type(self).name, name, getattr(self, name), types[name], declared.metadata)

    @classmethod
    def is_for(cls, period: int) -> bool:
        """Whether the method was made for `period` points in a day."""
        return cls.least_points <= period and (cls.most_points is None or period <= cls.most_points)

    @classmethod
    def rates(cls) -> str:
        """Return for how many points a day the method was made, as text."""
        if cls.most_points is None:
            return "any rate" if cls.least_points == 1 else f"at least {cls.least_points} points a day"
        if cls.least_points == cls.most_points:
            return f"{cls.most_points} point{'s' * (cls.most_points > 1)} a day"
        return f"{cls.least_points} to {cls.most_points} points a day"

    @property
    def promises(self) -> frozenset[str]:
        """What the method promises with these parameters: some of "shift", "scale" and "quiet".

        "shift": adding a constant to the values moves the band by it and leaves the score unchanged. "scale": the
        same for multiplying the values by a positive factor. "quiet": on series that are 0 in three slots of
        four it sends at most one false notification a week (`detectors.sparse` generates such series).
        """
        return frozenset()

    @property
    def takes_extremes(self) -> bool:
        """Whether `detect` takes extremes. A method that does not refuses them."""
        return type(self)._score_extremes is not Detector._score_extremes

    def detect(
        self,
        values: ArrayLike,
        denominator: ArrayLike | None = None,
        extremes: Given | None = None,
    ) -> Bounds:
        """Compute the band and the score of every column. The band depends on earlier columns only.

        Parameters
        ----------
        values
            (T,) or (S, T): one series or S series, equally spaced, oldest first, NaN = missing.
        denominator
            For a ratio: the counts by which the values were divided, in the shape of `values` or broadcastable to it.
            A value is missing where its denominator is 0 or missing.
        extremes
            The least and the greatest sub-slot of each slot, in the shape of `values`. The band remains that of the
            value; the score is that of the furthest of the three.

        Returns
        -------
        Bounds
            Arrays in the shape of `values`.

        Raises
        ------
        DetectorError
            The input has the wrong shape or type, or holds invalid numbers, or the method takes no extremes.
        """
        table, counts, shape = validate(values, denominator)
        pair = self._pair(extremes, shape)
        groups = _late_starts(table, None, self.period)
        bounds = _unknown(table.shape, pair) if groups or not table.size else self._look(table, counts, pair)
        for rows, first in groups:
            columns = slice(first, None)
            events = None if counts is None else counts[rows, columns]
            part = self._look(table[rows, columns], events, _part(pair, rows, columns))
            for whole, known in zip(bounds.every, part.every, strict=True):
                whole[rows, columns] = known
        return bounds.map(lambda array: array.reshape(shape))

    def detect_last(
        self,
        values: ArrayLike,
        denominator: ArrayLike | None = None,
        extremes: Given | None = None,
    ) -> Bounds:
        """Compute the band and the score of the newest column. Equals ``detect(...)[..., -1]``, but is faster.

        Parameters
        ----------
        values, denominator, extremes
            As in `detect`, with at least one column.

        Returns
        -------
        Bounds
            Arrays of the shape () or (S,).

        Raises
        ------
        DetectorError
            The input has the wrong shape or type, or holds invalid numbers, or the method takes no extremes.
        """
        given = to_array(values, "values")
        events = None if denominator is None else to_array(denominator, "denominator")
        if given.ndim not in (1, 2):
            validate(given, events)
        if not given.shape[-1]:
            raise DetectorError("values have no columns: detect_last needs at least one")
        table = np.atleast_2d(given)
        events = None if events is None else np.atleast_2d(spread(events, given.shape))
        pair = self._pair(extremes, given.shape)
        groups = _late_starts(table, events, self.period)
        bounds = _unknown(table.shape[:1], pair) if groups else self._last_from(0, table, events, pair)
        for rows, first in groups:
            of_group = None if events is None else events[rows]
            part = self._last_from(first, table[rows], of_group, _part(pair, rows, slice(None)))
            for whole, known in zip(bounds.every, part.every, strict=True):
                whole[rows] = known
        return bounds.map(lambda array: array.reshape(given.shape[:-1]))

    def detect_day(
        self,
        values: ArrayLike,
        denominator: ArrayLike | None = None,
        extremes: Given | None = None,
    ) -> Bounds:
        """Compute the columns of the newest day, counted from the first column; days have `period` columns.

        Equals these columns of ``detect(...)``, but is faster for a method that forecasts day by day.

        Parameters
        ----------
        values, denominator, extremes
            As in `detect`, with at least one column.

        Returns
        -------
        Bounds
            Arrays (D,) or (S, D), where D is from 1 to `period`.
        """
        table, counts, shape = validate(values, denominator)
        if not table.size:
            raise DetectorError("values are empty: detect_day needs at least one column")
        pair = self._pair(extremes, shape)
        bounds = _unknown((len(table), table.shape[1] - self._today(table)), pair)
        for rows, first in _late_starts(table, None, self.period) or [(np.arange(len(table)), 0)]:
            columns = slice(first, None)
            events = None if counts is None else counts[rows, columns]
            part = self._look_day(table[rows, columns], events, _part(pair, rows, columns))
            for whole, known in zip(bounds.every, part.every, strict=True):
                whole[rows] = known
        return bounds.map(lambda array: array.reshape(*shape[:-1], -1))

    def _pair(self, extremes: Given | None, shape: tuple[int, ...]) -> Pair | None:
        if extremes is None:
            return None
        if not self.takes_extremes:
            raise DetectorError(f"{type(self).name} takes no extremes; give it the values only")
        return Pair.of(extremes, shape)

    def _last_from(self, first: int, table: NDArray[Any], events: NDArray[Any] | None, pair: Pair | None) -> Bounds:
        """Bounds (S,) of the newest column of `table`, (S, T), whose history begins at column `first`."""
        # Select the needed columns first: copying or checking all columns of 100,000 series is slow.
        known = table.shape[1] - first
        needs = self._last_columns(known) if pair is None else self._last_columns_with_extremes(known)
        columns = range(first, table.shape[1])[needs]
        needed = slice(columns.start, columns.stop, columns.step)
        parts = [_unknown((0,), pair).every]
        for start in range(0, len(table), self.series_at_once):
            some = slice(start, start + self.series_at_once)
            recent, counts, _ = validate(table[some, needed], None if events is None else events[some, needed], columns)
            bounds = self._detect_last(recent, counts)
            if pair is not None:
                inside = pair.part(some, needed).checked(columns)
                bounds = furthest(bounds, self._score_last_extremes(_twice(recent), _twice(counts), inside))
            parts.append(bounds.every)
        return Bounds(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    def _look(self, values: Array, denominator: Array | None, pair: Pair | None) -> Bounds:
        """Bounds (S, T) with the score of the furthest look."""
        bounds = self._detect(values, denominator)
        if pair is None:
            return bounds
        return furthest(bounds, self._score_extremes(_twice(values), _twice(denominator), pair.checked()))

    def _look_day(self, values: Array, denominator: Array | None, pair: Pair | None) -> Bounds:
        """Bounds (S, D) of the newest day with the score of the furthest look."""
        bounds = self._detect_day(values, denominator)
        if pair is None:
            return bounds
        return furthest(bounds, self._score_day_extremes(_twice(values), _twice(denominator), pair.checked()))

    def _today(self, values: Array) -> int:
        """The first column of the newest day."""
        columns: int = values.shape[1]
        return (columns - 1) // self.period * self.period

    @abstractmethod
    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        """Bounds (S, T) of read-only float64 `values` and `denominator` (S, T), where S and T are at least 1."""

    def _detect_day(self, values: Array, denominator: Array | None) -> Bounds:
        """Bounds (S, D) of the newest day."""
        return self._detect(values, denominator)[:, self._today(values) :]

    def _last_columns(self, columns: int) -> slice:
        """Return the slice of `columns` columns that `_detect_last` needs. The newest column must be its last."""
        return slice(columns)

    def _last_columns_with_extremes(self, columns: int) -> slice:
        """Return `_last_columns` if there are extremes, for `_score_last_extremes`."""
        return self._last_columns(columns)

    def _detect_last(self, values: Array, denominator: Array | None) -> Bounds:
        """Bounds (S,) of the newest column."""
        return self._detect(values, denominator)[:, -1]

    def _score_extremes(self, values: Array, denominator: Array | None, inside: Inside) -> Array:
        """Score (2 S, T) of extremes: at most 0 for the least, at least 0 for the greatest, NaN where unknown.

        A method that overrides it takes extremes. Three looks at a slot must not raise more false alarms than one: an
        extreme needs a band of its own, from its own past.

        Parameters
        ----------
        values, denominator
            The slots, as in `_detect`, in the rows of their extremes.
        inside
            The extremes.
        """
        raise NotImplementedError

    def _score_day_extremes(self, values: Array, denominator: Array | None, inside: Inside) -> Array:
        """Score (2 S, D) of the extremes of the newest day."""
        return self._score_extremes(values, denominator, inside)[:, self._today(values) :]

    def _score_last_extremes(self, values: Array, denominator: Array | None, inside: Inside) -> Array:
        """Score (2 S,) of the extremes of the newest column, of the columns that `_detect_last` gets."""
        return self._score_extremes(values, denominator, inside)[:, -1]


def _unknown(shape: tuple[int, ...], pair: Pair | None) -> Bounds:
    expected, lower, upper, score = np.full((4, *shape), np.nan)
    return Bounds(expected, lower, upper, score, None if pair is None else np.full(shape, Look.SLOT, dtype=np.int8))


def _part(pair: Pair | None, rows: Any, columns: slice) -> Pair | None:
    return None if pair is None else pair.part(rows, columns)


@overload
def _twice(array: Array) -> Array: ...
@overload
def _twice(array: Array | None) -> Array | None: ...
def _twice(array: Array | None) -> Array | None:
    return None if array is None else np.concatenate([array, array])


def _late_starts(
    values: NDArray[Any], denominator: NDArray[Any] | None, period: int
) -> list[tuple[NDArray[np.intp], int]]:
    """Group the series (S, T) by the first column of the day of their first known value.

    Days in front that hold nothing are no history, so no method gets to see them. A series without any value begins at
    column 0.

    Returns
    -------
    list of (rows, first)
        Empty if every series begins on the first day.
    """
    days = np.zeros(len(values), dtype=np.intp)
    unknown = np.arange(len(values))
    for day in range(-(-values.shape[1] // period)):
        columns = slice(day * period, (day + 1) * period)
        known = ~np.isnan(values[unknown, columns])
        if denominator is not None:
            known &= denominator[unknown, columns] > 0
        begins = known.any(axis=1)
        days[unknown[begins]] = day
        unknown = unknown[~begins]
        if not unknown.size:
            break
    if not days.any():
        return []
    return [(np.flatnonzero(days == day), int(day) * period) for day in np.unique(days)]


def _origin(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
