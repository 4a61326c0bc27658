"""What a detector is, what it returns and how it is found by name.

Exceptions::

    ValueError
    └── DetectorError              bad input, unknown method or parameter
        └── ContractError          detectors.contract: a method breaks a rule
"""

from __future__ import annotations

import importlib
import math
import numbers
import typing
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint
    from types import ModuleType

Array = NDArray[np.float64]
T = TypeVar("T")

ENTRY_POINT_GROUP = "detectors"

JUST_ABOVE_ONE = math.nextafter(1.0, 2.0)
_POINTS_WORTH_COMPILING = 250_000
"""About a hundred series of four weeks: a quiet check never comes near, and never waits for a compiler."""


class DetectorError(ValueError):
    """Bad input to a detector, or no such detector or parameter."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """What a detector says about each value; all four arrays have the shape of the values.

    Attributes
    ----------
    expected, lower, upper
        The band, in the units of the values. NaN where the history does not suffice, and where a method only scores.
    score
        Signed distance from `expected` in band widths: outside the band if and only if ``abs(score) > 1``.
        NaN = cannot say (the value or its history is missing).
    """

    expected: Array
    lower: Array
    upper: Array
    score: Array

    @classmethod
    def from_band(cls, values: Array, expected: Array, lower: Array, upper: Array) -> Bounds:
        """Score `values` against a band; the arrays broadcast."""
        score = score_band(values, expected, lower, upper)
        expected, lower, upper = (np.broadcast_to(array, score.shape) for array in (expected, lower, upper))
        return cls(expected, lower, upper, score)

    @property
    def is_anomaly(self) -> NDArray[np.bool_]:
        """True where the score says anomaly; False where it says healthy or cannot say."""
        return np.abs(self.score) > 1

    def __getitem__(self, key: Any) -> Bounds:
        """Index all four arrays alike: ``bounds[..., -1]`` is the newest column."""
        arrays = (self.expected, self.lower, self.upper, self.score)
        return Bounds(*(np.asarray(array[key]) for array in arrays))


def score_band(values: Array, expected: Array, lower: Array, upper: Array) -> Array:
    """Signed distance of `values` from `expected` in widths of the band on their side.

    Whether a value is outside is decided by comparison with the bound and the quotient is then clamped to agree:
    arithmetic alone is wrong by one unit in the last place at the edge. A zero-width band gives 0 when equal, else
    +-inf; an infinite bound gives 0 on its side; NaN in, NaN out.
    """
    kernels = kernels_for(values)
    if kernels:
        arrays = np.broadcast_arrays(values, expected, lower, upper)
        score = np.empty(arrays[0].shape)
        kernels.score_band(*(np.ascontiguousarray(array).ravel() for array in arrays), score.ravel())
        return score
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        gap = values - expected
        width = np.where(gap > 0, upper - expected, expected - lower)
        score = np.where((gap == 0) & ~np.isnan(width), 0.0, gap / width)
        score = np.where(values > upper, np.maximum(score, JUST_ABOVE_ONE), score)
        score = np.where(values < lower, np.minimum(score, -JUST_ABOVE_ONE), score)
        return np.where((values >= lower) & (values <= upper), np.clip(score, -1.0, 1.0), score)


def kernels_for(values: Array) -> ModuleType | None:
    """Compiled loops for so many values; None if they are too few to repay the import, or numba is not to be had."""
    if values.size < _POINTS_WORTH_COMPILING:
        return None
    try:
        return importlib.import_module("detectors.kernels")
    except ImportError:
        return None


def parameter(default: T, *, above: float | None = None, least: float | None = None, most: float | None = None) -> T:
    """Declare a detector's parameter: its default and, if it has one, its limit.

    Parameters
    ----------
    default
        The value when none is given.
    above, least, most
        The value must be greater than `above`; at least `least`; at most `most`.
    """
    declared: Any = field(default=default, metadata={"above": above, "least": least, "most": most})
    return typing.cast(T, declared)


@dataclass(frozen=True, kw_only=True)
class Detector(ABC):
    """A causal anomaly detector: parameters and nothing else, so it can be shared and reused.

    A method is a frozen keyword-only dataclass with a `name`, a `summary` and `_detect`; `_detect_last` is worth
    writing when the newest column is much cheaper than all. ``detectors/methods/_template.py.txt`` is one to copy;
    `detectors.contract.check_detector` checks the rules.

    Parameters
    ----------
    period
        Points in a day: 96 for quarters of an hour.
    """

    name: ClassVar[str]
    """How the method is called in settings and on the command line."""
    summary: ClassVar[str]
    """When to use it, in a phrase."""
    series_at_once: ClassVar[int] = 5_000
    """Series whose newest columns are judged together, so that temporary arrays stay in the processor's cache."""

    period: int = parameter(96, least=1)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            _register(cls)

    def __post_init__(self) -> None:
        types = typing.get_type_hints(type(self))
        for declared in fields(self):
            _check_parameter(self, declared.name, types[declared.name], declared.metadata)

    @property
    def promises(self) -> frozenset[str]:
        """Which of "shift" and "scale" the method keeps, with these parameters.

        A constant added to the values (shift), or a positive factor on them (scale), moves the band alike and leaves
        the score.
        """
        return frozenset()

    def detect(self, values: ArrayLike, denominator: ArrayLike | None = None) -> Bounds:
        """Judge every column from the columns before it.

        Parameters
        ----------
        values
            (T,) or (S, T): one series or S at once, equally spaced, oldest first, NaN = missing.
        denominator
            Of a ratio: the counts that `values` were divided by, of the shape of `values` or broadcast to it.
            Where it is 0 or missing, the value is missing.

        Returns
        -------
        Bounds
            Arrays of the shape of `values`.

        Raises
        ------
        DetectorError
            The input is no such array.
        """
        table, counts, shape = _validate(values, denominator)
        bounds = self._detect(table, counts) if table.size else Bounds(*(np.empty(table.shape) for _ in range(4)))
        return Bounds(*(array.reshape(shape) for array in _arrays(bounds)))

    def detect_last(self, values: ArrayLike, denominator: ArrayLike | None = None) -> Bounds:
        """Judge the newest column only: equal to ``detect(values, denominator)[..., -1]``, and fast.

        Takes what `detect` takes, at least one column; the arrays returned have the shape () or (S,).
        """
        recent = _to_array(values, "values")
        events = None if denominator is None else _to_array(denominator, "denominator")
        numbers = range(0)
        if recent.ndim and not recent.shape[-1]:
            raise DetectorError("values have no columns: detect_last judges the newest one")
        if recent.ndim in (1, 2):
            # Of a hundred thousand series only what is needed is looked at, let alone copied.
            columns = self._last_columns(recent.shape[-1])
            if events is not None:
                events = _spread(events, recent.shape)[..., columns]
            numbers, recent = range(recent.shape[-1])[columns], recent[..., columns]
        if recent.ndim != 2 or len(recent) <= self.series_at_once:
            return self._validated_last(recent, events, numbers)
        parts = []
        for first in range(0, len(recent), self.series_at_once):
            rows = slice(first, first + self.series_at_once)
            part = self._validated_last(recent[rows], None if events is None else events[rows], numbers)
            parts.append(_arrays(part))
        return Bounds(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    def _validated_last(self, recent: NDArray[Any], events: NDArray[Any] | None, numbers: range) -> Bounds:
        table, counts, shape = _validate(recent, events, numbers)
        bounds = self._detect_last(table, counts) if table.size else Bounds(*(np.empty(0) for _ in range(4)))
        return Bounds(*(array.reshape(shape[:-1]) for array in _arrays(bounds)))

    @abstractmethod
    def _detect(self, values: Array, denominator: Array | None) -> Bounds:
        """Bounds of shape (S, T) for read-only float64 `values` and `denominator` of that shape, S and T at least 1."""

    def _last_columns(self, columns: int) -> slice:
        """Those of so many columns that `_detect_last` gets: what the band of the newest depends on, itself last."""
        return slice(columns)

    def _detect_last(self, values: Array, denominator: Array | None) -> Bounds:
        """Bounds of shape (S,) for the newest column."""
        return self._detect(values, denominator)[:, -1]


def _arrays(bounds: Bounds) -> tuple[Array, Array, Array, Array]:
    return bounds.expected, bounds.lower, bounds.upper, bounds.score


def _check_parameter(detector: Detector, name: str, kind: type, limits: typing.Mapping[str, float | None]) -> None:
    value = getattr(detector, name)
    choices = typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()
    is_bool = isinstance(value, bool | np.bool_)
    valid, wanted = {
        int: (isinstance(value, numbers.Integral) and not is_bool, "a whole number"),
        float: (isinstance(value, numbers.Real) and not is_bool and math.isfinite(value), "a finite number"),
        bool: (is_bool, "true or false"),
    }.get(kind, (value in choices if choices else True, f"one of {', '.join(map(str, choices))}"))
    above, least, most = (limits.get(limit) for limit in ("above", "least", "most"))
    if above is not None:
        valid, wanted = valid and value > above, f"{wanted} above {above:g}"
    if least is not None:
        valid, wanted = valid and value >= least, f"{wanted}, at least {least:g}"
    if most is not None:
        valid, wanted = valid and value <= most, f"{wanted}, at most {most:g}"
    if not valid:
        raise DetectorError(f"{type(detector).name}: {name} must be {wanted}, not {value!r}")


def _validate(
    values: ArrayLike, denominator: ArrayLike | None, numbers: range | None = None
) -> tuple[Array, Array | None, tuple[int, ...]]:
    """Read-only (S, T) float64 arrays of the input, and the shape it came in; `numbers` are the columns' own."""
    table = _to_floats(values, "values")
    if table.ndim not in (1, 2):
        raise DetectorError(f"values must have the shape (T,) or (S, T), not {table.shape}")
    shape = table.shape
    counts = None
    if denominator is not None:
        counts = _spread(_to_floats(denominator, "denominator"), shape)
        if not np.all((counts >= 0) & (counts < np.inf) | np.isnan(counts)):
            raise DetectorError("denominator must hold counts: zero or more, finite, NaN = missing")
        table = np.where(counts > 0, table, np.nan)
    if np.isinf(table).any():
        column = int(np.argwhere(np.isinf(table))[0][-1])
        column = column if numbers is None else numbers[column]
        raise DetectorError(f"values are infinite at column {column}; NaN is how a missing value is told")
    return _two_dimensional(table), None if counts is None else _two_dimensional(counts), shape


def _spread(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise DetectorError(f"denominator has the shape {array.shape}, values have {shape}") from None


def _to_array(given: Any, what: str) -> NDArray[Any]:
    try:
        # numpy.ma is imported only where a subclass of an array may be one of its own: a quiet check never needs it.
        masked = (
            isinstance(given, np.ndarray) and type(given) is not np.ndarray and isinstance(given, np.ma.MaskedArray)
        )
        array = np.asarray(np.ma.filled(given.astype(np.float64), np.nan) if masked else given)
        if array.dtype.kind not in "biufO":
            raise TypeError
        return array if array.dtype.kind != "O" else array.astype(np.float64)
    except (TypeError, ValueError):
        raise DetectorError(f"{what} must be numbers in an array of the shape (T,) or (S, T), NaN = missing") from None


def _to_floats(given: Any, what: str) -> Array:
    return _to_array(given, what).astype(np.float64, copy=False)


def _two_dimensional(array: Array) -> Array:
    # A read-only view: a method that writes into its caller's data fails at once.
    table = np.atleast_2d(array).view()
    table.flags.writeable = False
    return table


_registry: dict[str, type[Detector]] = {}


def _register(cls: type[Detector]) -> None:
    known = _registry.get(cls.name)
    if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise DetectorError(f"two detectors are called {cls.name!r}: {_origin(known)} and {_origin(cls)}")
    _registry[cls.name] = cls


def _origin(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _load_methods() -> None:
    """Import every file of ``detectors/methods``: that registers them."""
    import pkgutil

    import detectors.methods as methods

    for module in pkgutil.iter_modules(methods.__path__):
        importlib.import_module(f"{methods.__name__}.{module.name}")


def _load_method(name: str) -> None:
    """Import the method's own file alone, where there is one of its name: a check does not pay for the others."""
    from importlib.util import find_spec

    if name.isidentifier() and find_spec(module := f"detectors.methods.{name}"):
        importlib.import_module(module)


def _entry_points() -> Iterator[EntryPoint]:
    from importlib.metadata import entry_points

    yield from entry_points(group=ENTRY_POINT_GROUP)


def _load(entry_point: EntryPoint) -> type[Detector]:
    try:
        cls = entry_point.load()
    except Exception as error:  # somebody else's code: whatever it raises, say whose it is
        raise DetectorError(f"detector {entry_point.name!r} ({entry_point.value}) cannot be loaded: {error}") from error
    if not (isinstance(cls, type) and issubclass(cls, Detector) and getattr(cls, "name", None) == entry_point.name):
        raise DetectorError(f"entry point {entry_point.name!r} ({entry_point.value}) is no Detector of that name")
    return cls


def available() -> list[str]:
    """Names of all methods: built in, registered by subclassing, and offered by installed packages."""
    _load_methods()
    return sorted({*_registry, *(entry_point.name for entry_point in _entry_points())})


def find(name: str) -> type[Detector]:
    """Class of the method `name`; raises `DetectorError` with the names there are."""
    if name not in _registry:
        _load_method(name)
    if name not in _registry:
        _load_methods()
    if name in _registry:
        return _registry[name]
    for entry_point in _entry_points():
        if entry_point.name == name:
            return _load(entry_point)
    raise DetectorError(f"no detector is called {name!r}; there are: {', '.join(available())}")


def create(name: str, **parameters: Any) -> Detector:
    """Make the detector `name`.

    Parameters
    ----------
    name
        One of `available()`.
    **parameters
        The method's own; those left out have their defaults.

    Raises
    ------
    DetectorError
        No such method or parameter (the message lists those there are), or a value it cannot have.
    """
    cls = find(name)
    known = [declared.name for declared in fields(cls) if declared.init]
    unknown = [given for given in parameters if given not in known]
    if unknown:
        raise DetectorError(f"{name} has no parameter {unknown[0]!r}; it has: {', '.join(known)}")
    return cls(**parameters)
