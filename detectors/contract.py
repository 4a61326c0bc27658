"""The rules that every detector must follow, and a function that checks a detector against them.

>>> from detectors.contract import check_detector
>>> check_detector(MyDetector(period=24))  # doctest: +SKIP

Each rule is a function below. Its docstring is the text of the error.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.base import Array, Bounds, Detector
from detectors.errors import ContractError

__all__ = ["RULES", "ContractError", "check_detector", "healthy_counts"]

FIELDS = ("expected", "lower", "upper", "score")


def check_detector(detector: Detector, *, days: int = 30) -> None:
    """Check a configured detector against every rule of the contract.

    Parameters
    ----------
    detector
        An instance. The rules apply to all parameters, so check one instance per kind of setting. A small `period`
        makes the check fast.
    days
        Length of the test series in periods. It must exceed the history that the detector needs.

    Raises
    ------
    ContractError
        The message names the first broken rule. Any exception or warning of the detector breaks the current rule.
    """
    rng = np.random.default_rng(20)
    values = healthy_counts(detector.period, days, rng)
    for rule in RULES:
        try:
            with warnings.catch_warnings(), np.errstate(all="warn"):
                warnings.simplefilter("error")
                rule(detector, values.copy())
        except Exception as error:
            claim = " ".join((rule.__doc__ or rule.__name__).split())
            detail = str(error) or type(error).__name__
            raise ContractError(f"{detector!r} breaks the contract: {claim} ({detail})") from error


def healthy_counts(period: int, days: int, rng: np.random.Generator) -> Array:
    """Return three series of counts with a daily shape and no incidents, (3, T). They end in the middle of a day."""
    columns = days * period + period // 2
    shape = 1 + 0.5 * np.sin(2 * np.pi * np.arange(columns) / period)
    counts: Array = rng.poisson(shape * np.array([[20.0], [300.0], [5000.0]])).astype(np.float64)
    return counts


def _differing(left: Bounds, right: Bounds, tolerance: float = 1e-9) -> str | None:
    """Name of the first array that differs, or None."""
    for name in FIELDS:
        a, b = getattr(left, name), getattr(right, name)
        if a.shape != b.shape or not np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True):
            return name
    return None


def _require_equal(left: Bounds, right: Bounds, what: str, tolerance: float = 1e-9) -> None:
    name = _differing(left, right, tolerance)
    _require(name is None, f"{name} differs {what}")


def _require(holds: bool | np.bool_, otherwise: str) -> None:
    if not holds:
        raise ContractError(otherwise)


def _detect(detector: Detector, values: NDArray[Any], denominator: Array | None = None) -> Bounds:
    return detector.detect(values, _denominator(detector, values) if denominator is None else denominator)


def _detect_last(detector: Detector, values: NDArray[Any], denominator: Array | None = None) -> Bounds:
    return detector.detect_last(values, _denominator(detector, values) if denominator is None else denominator)


def _denominator(detector: Detector, values: NDArray[Any]) -> Array | None:
    """Counts for a detector of ratios, which requires a denominator; otherwise None."""
    return np.full(values.shape, 50.0) if getattr(detector, "kind", None) == "ratio" else None


def _parameters(detector: Detector, values: Array) -> None:
    """A frozen keyword-only dataclass stores the parameters unchanged; name and summary are set."""
    cls = type(detector)
    _require("__dataclass_fields__" in cls.__dict__, f"{cls.__name__} lacks @dataclass(frozen=True, kw_only=True)")
    declared = dataclasses.fields(detector)
    _require(all(field.kw_only for field in declared), "a parameter is positional")
    given = {field.name: getattr(detector, field.name) for field in declared if field.init}
    again = cls(**given)
    _require(all(getattr(again, name) is value for name, value in given.items()), "a parameter is changed")
    _require(again == detector and hash(again) == hash(detector), "equal parameters give unequal detectors")
    try:
        setattr(detector, declared[0].name, given[declared[0].name])
    except dataclasses.FrozenInstanceError:
        pass
    else:
        raise ContractError("a parameter can be assigned")
    _require(isinstance(cls.name, str) and isinstance(cls.summary, str), "name or summary is not a string")


def _shapes(detector: Detector, values: Array) -> None:
    """The four arrays are float64 and have the shape of the values."""
    for given in (values, values[0], values[:, :0], values[:0]):
        bounds = _detect(detector, given)
        for name in FIELDS:
            array = getattr(bounds, name)
            _require(array.shape == given.shape, f"{name} has the shape {array.shape} for {given.shape}")
            _require(array.dtype == np.float64, f"{name} is {array.dtype}")


def _speaks(detector: Detector, values: Array) -> None:
    """A healthy series with enough history gets scores, most of them inside the band."""
    scores = _detect(detector, values).score[:, -detector.period :]
    _require(np.isfinite(scores).any(), "no score is finite; is the series long enough (days=)?")
    _require(np.mean(np.abs(scores) > 1) < 0.5, "most scores are outside")


def _scores(detector: Detector, values: Array) -> None:
    """Lower <= expected <= upper; |score| > 1 if and only if the value is outside the band; no score without value."""
    odd = _with_incidents(values)
    bounds = _detect(detector, odd)
    for lower, upper in ((bounds.lower, bounds.expected), (bounds.expected, bounds.upper)):
        _require(not (lower > upper).any(), "the band is not in order")
    _require(np.isnan(bounds.score[np.isnan(odd)]).all(), "a missing value has a score")
    known = ~np.isnan(bounds.score) & ~np.isnan(bounds.lower) & ~np.isnan(bounds.upper)
    outside = (odd < bounds.lower) | (odd > bounds.upper)
    _require((outside == bounds.is_anomaly)[known].all(), "score and band disagree")
    below = odd < bounds.expected
    _require((np.where(below, bounds.score <= 0, bounds.score >= 0))[known].all(), "a score has the wrong sign")


def _causality(detector: Detector, values: Array) -> None:
    """The band of a column depends on the columns before it only, not on its own value or the future."""
    odd = _with_incidents(values)
    whole = _detect(detector, odd)
    columns = odd.shape[1]
    for cut in (columns // 2, columns - detector.period - 1, columns - 1):
        _require_equal(_detect(detector, odd[:, :cut]), whole[:, :cut], f"when the series is cut at column {cut}")
        changed = odd.copy()
        changed[:, cut:] = np.where(np.arange(columns - cut) % 3 == 0, np.nan, 7 * np.nan_to_num(odd[:, cut:]) + 1)
        bounds = _detect(detector, changed)
        _require_equal(bounds[:, :cut], whole[:, :cut], f"when the columns from {cut} on change")
        for name in ("expected", "lower", "upper"):
            same = np.allclose(getattr(bounds, name)[:, cut], getattr(whole, name)[:, cut], 1e-9, 1e-9, equal_nan=True)
            _require(same, f"{name} of column {cut} differs when its own value changes")


def _determinism(detector: Detector, values: Array) -> None:
    """The same input gives the same output, regardless of calls in between."""
    first = _detect(detector, values)
    _detect(detector, values[::-1] * 2)
    _require_equal(first, _detect(detector, values), "at the second call", 0.0)


def _mutation(detector: Detector, values: Array) -> None:
    """The input is not modified."""
    odd = _with_incidents(values)
    denominator = np.full(odd.shape, 50.0)
    before = odd.copy()
    _detect(detector, odd)
    _detect_last(detector, odd)
    _detect(detector, odd, denominator)
    _require(np.array_equal(odd, before, equal_nan=True) and (denominator == 50).all(), "an array is changed")


def _batch(detector: Detector, values: Array) -> None:
    """A batch of series gives the same result as each series alone."""
    odd = _with_incidents(values)
    together = _detect(detector, odd)
    for i, series in enumerate(odd):
        _require_equal(_detect(detector, series), together[i], f"in series {i}")


def _last(detector: Detector, values: Array) -> None:
    """`detect_last` equals the newest column of `detect`."""
    odd = _with_incidents(values)
    period, columns = detector.period, odd.shape[1]
    denominator = np.nan_to_num(odd) + 30
    for stop in {1, 2, period, period + 1, columns - period // 2, columns - 1, columns}:
        given = odd[:, :stop]
        _require_equal(_detect_last(detector, given), _detect(detector, given)[:, -1], f"at {stop} columns")
        _require_equal(
            _detect_last(detector, given[0]), _detect(detector, given[0])[-1], f"at {stop} columns of one series"
        )
        share, counts = given / denominator[:, :stop], denominator[:, :stop]
        _require_equal(
            _detect_last(detector, share, counts), _detect(detector, share, counts)[:, -1], f"for {stop} ratios"
        )


def _layout(detector: Detector, values: Array) -> None:
    """The memory layout (C or Fortran order) and float32 input make no difference."""
    odd = _with_incidents(values)
    counts = np.nan_to_num(odd) + 30
    for given, denominator in ((odd, _denominator(detector, odd)), (odd / counts, counts)):
        narrow = given.astype(np.float32)
        wanted = _detect(detector, narrow.astype(np.float64), denominator)
        by_slot = np.ascontiguousarray(narrow.T).T
        events = None if denominator is None else np.asfortranarray(denominator)
        _require_equal(_detect(detector, by_slot, events), wanted, "slot by slot")
        _require_equal(_detect_last(detector, by_slot, events), wanted[:, -1], "slot by slot, in detect_last")


def _gaps(detector: Detector, values: Array) -> None:
    """Missing values and a missing day give no warning, and scores resume after them."""
    rng = np.random.default_rng(21)
    holes = np.where(rng.random(values.shape) < 0.2, np.nan, values)
    middle = values.shape[1] // 2
    holes[:, middle : middle + detector.period] = np.nan
    bounds = _detect(detector, holes)
    _require(np.isnan(bounds.score[np.isnan(holes)]).all(), "a missing value has a score")
    _require(np.isfinite(bounds.score[:, -detector.period :]).any(), "no score at the end")
    _detect_last(detector, holes)


def _padding(detector: Detector, values: Array) -> None:
    """Missing days in front change nothing, whether all series have them or some."""
    odd = _with_incidents(values)
    period, columns = detector.period, odd.shape[1]
    for days in (1, 30):
        padded = np.concatenate([np.full((len(odd), days * period), np.nan), odd], axis=1)
        _require_equal(_detect(detector, padded)[:, -columns:], _detect(detector, odd), f"after {days} missing days")
        _require_equal(_detect_last(detector, padded), _detect_last(detector, odd), f"after {days} missing days")
    late = odd.copy()
    late[1, : 3 * period] = np.nan
    alone = odd[1, 3 * period :]
    _require_equal(_detect(detector, late)[1, 3 * period :], _detect(detector, alone), "in a series that begins later")
    _require_equal(_detect_last(detector, late)[1], _detect_last(detector, alone), "in a series that begins later")


def _holes(detector: Detector, values: Array) -> None:
    """A hole is no history: with one, a slot is judged only after as many known values, of the slot or in all."""
    series = values[0]
    whole = _learnt(detector, series)
    total = min(total for _, total in whole)
    holes = series.copy()
    holes[total // 4 : total // 4 + min(detector.period, total // 2)] = np.nan
    for slot, (wanted, got) in enumerate(zip(whole, _learnt(detector, holes), strict=True)):
        _require(got[0] >= wanted[0] or got[1] >= total, f"slot {slot} after {got[0]} days instead of {wanted[0]}")


def _learnt(detector: Detector, series: Array) -> list[tuple[int, int]]:
    """For each slot the number of known values before its first score: those of the slot, and all."""
    known = ~np.isnan(series)
    scored = np.isfinite(_detect(detector, series).score)
    learnt = []
    for slot in range(detector.period):
        columns = np.flatnonzero(scored[slot :: detector.period])
        first = slot + int(columns[0]) * detector.period if columns.size else len(series)
        learnt.append((int(known[slot : first : detector.period].sum()), int(known[:first].sum())))
    return learnt


def _degenerate(detector: Detector, values: Array) -> None:
    """Constant, short and entirely missing series give no warning and no anomaly."""
    for constant in (0.0, 0.1, 7.0, np.nan):
        for columns in (1, 2, 3, detector.period, detector.period + 1, values.shape[1]):
            flat = np.full((2, columns), constant)
            for bounds in (_detect(detector, flat), _detect_last(detector, flat)):
                _require(not bounds.is_anomaly.any(), f"{columns} columns of {constant}")


def _promises(detector: Detector, values: Array) -> None:
    """The detector has the invariances (shift, scale) that it promises."""
    _require(detector.promises <= {"shift", "scale"}, "promises are 'shift' and 'scale'")
    plain = _detect(detector, values)
    for promise, factor, constant in (("shift", 1.0, -1000.0), ("scale", 250.0, 0.0), ("scale", 0.004, 0.0)):
        if promise in detector.promises:
            moved = _detect(detector, values * factor + constant)
            expected, lower, upper = (a * factor + constant for a in (plain.expected, plain.lower, plain.upper))
            _require_equal(
                moved, Bounds(expected, lower, upper, plain.score), f"after x * {factor:g} + {constant:g}", 1e-6
            )


def _denominators(detector: Detector, values: Array) -> None:
    """A denominator of 0 means no data; a denominator affects the bands of its column and of later columns only."""
    denominator = values + 1
    denominator[:, ::5] = 0
    share = np.floor(denominator / 5) / np.maximum(denominator, 1)
    bounds = _detect(detector, share, denominator)
    _require(np.isnan(bounds.score[:, ::5]).all(), "a ratio without denominator has a score")
    cut = values.shape[1] - detector.period
    denominator[:, cut:] *= 3
    later = _detect(detector, share, denominator)
    _require_equal(bounds[:, :cut], later[:, :cut], "when later denominators change")


def _with_incidents(values: Array) -> Array:
    """Add an outage, a spike, missing points and a constant run."""
    odd = values.copy()
    columns = odd.shape[1]
    odd[:, columns // 3 : columns // 3 + 5] = 0
    odd[:, -3:-1] *= 4
    odd[:, columns // 2 + 1 :: 17] = np.nan
    odd[0, columns // 4 : columns // 4 + 20] = odd[0, columns // 4]
    return odd


RULES: tuple[Callable[[Detector, Array], None], ...] = (
    _parameters,
    _shapes,
    _speaks,
    _scores,
    _determinism,
    _causality,
    _mutation,
    _batch,
    _last,
    _layout,
    _gaps,
    _padding,
    _holes,
    _degenerate,
    _promises,
    _denominators,
)
