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
from detectors.checks import FIELDS, denominator_for, healthy_counts, require, require_equal, with_incidents
from detectors.contract_extremes import RULES_OF_EXTREMES
from detectors.contract_sparse import RULES_OF_SPARSE
from detectors.errors import ContractError

__all__ = ["RULES", "ContractError", "check_detector", "healthy_counts"]


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


def _detect(detector: Detector, values: NDArray[Any], denominator: Array | None = None) -> Bounds:
    return detector.detect(values, denominator_for(detector, values) if denominator is None else denominator)


def _detect_last(detector: Detector, values: NDArray[Any], denominator: Array | None = None) -> Bounds:
    return detector.detect_last(values, denominator_for(detector, values) if denominator is None else denominator)


def _parameters(detector: Detector, values: Array) -> None:
    """A frozen keyword-only dataclass stores the parameters unchanged; name and summary are set."""
    cls = type(detector)
    require("__dataclass_fields__" in cls.__dict__, f"{cls.__name__} lacks @dataclass(frozen=True, kw_only=True)")
    declared = dataclasses.fields(detector)
    require(all(field.kw_only for field in declared), "a parameter is positional")
    given = {field.name: getattr(detector, field.name) for field in declared if field.init}
    again = cls(**given)
    require(all(getattr(again, name) is value for name, value in given.items()), "a parameter is changed")
    require(again == detector and hash(again) == hash(detector), "equal parameters give unequal detectors")
    try:
        setattr(detector, declared[0].name, given[declared[0].name])
    except dataclasses.FrozenInstanceError:
        pass
    else:
        raise ContractError("a parameter can be assigned")
    require(isinstance(cls.name, str) and isinstance(cls.summary, str), "name or summary is not a string")


def _shapes(detector: Detector, values: Array) -> None:
    """The four arrays are float64 and have the shape of the values."""
    for given in (values, values[0], values[:, :0], values[:0]):
        bounds = _detect(detector, given)
        for name in FIELDS:
            array = getattr(bounds, name)
            require(array.shape == given.shape, f"{name} has the shape {array.shape} for {given.shape}")
            require(array.dtype == np.float64, f"{name} is {array.dtype}")


def _speaks(detector: Detector, values: Array) -> None:
    """A healthy series with enough history gets scores, most of them inside the band."""
    scores = _detect(detector, values).score[:, -detector.period :]
    require(np.isfinite(scores).any(), "no score is finite; is the series long enough (days=)?")
    require(np.mean(np.abs(scores) > 1) < 0.5, "most scores are outside")


def _scores(detector: Detector, values: Array) -> None:
    """Lower <= expected <= upper; |score| > 1 if and only if the value is outside the band; no score without value."""
    odd = with_incidents(values)
    bounds = _detect(detector, odd)
    for lower, upper in ((bounds.lower, bounds.expected), (bounds.expected, bounds.upper)):
        require(not (lower > upper).any(), "the band is not in order")
    require(np.isnan(bounds.score[np.isnan(odd)]).all(), "a missing value has a score")
    known = ~np.isnan(bounds.score) & ~np.isnan(bounds.lower) & ~np.isnan(bounds.upper)
    outside = (odd < bounds.lower) | (odd > bounds.upper)
    require((outside == bounds.is_anomaly)[known].all(), "score and band disagree")
    below = odd < bounds.expected
    require((np.where(below, bounds.score <= 0, bounds.score >= 0))[known].all(), "a score has the wrong sign")


def _causality(detector: Detector, values: Array) -> None:
    """The band of a column depends on the columns before it only, not on its own value or the future."""
    odd = with_incidents(values)
    whole = _detect(detector, odd)
    columns = odd.shape[1]
    for cut in (columns // 2, columns - detector.period - 1, columns - 1):
        require_equal(_detect(detector, odd[:, :cut]), whole[:, :cut], f"when the series is cut at column {cut}")
        changed = odd.copy()
        changed[:, cut:] = np.where(np.arange(columns - cut) % 3 == 0, np.nan, 7 * np.nan_to_num(odd[:, cut:]) + 1)
        bounds = _detect(detector, changed)
        require_equal(bounds[:, :cut], whole[:, :cut], f"when the columns from {cut} on change")
        for name in ("expected", "lower", "upper"):
            same = np.allclose(getattr(bounds, name)[:, cut], getattr(whole, name)[:, cut], 1e-9, 1e-9, equal_nan=True)
            require(same, f"{name} of column {cut} differs when its own value changes")


def _determinism(detector: Detector, values: Array) -> None:
    """The same input gives the same output, regardless of calls in between."""
    first = _detect(detector, values)
    _detect(detector, values[::-1] * 2)
    require_equal(first, _detect(detector, values), "at the second call", 0.0)


def _mutation(detector: Detector, values: Array) -> None:
    """The input is not modified."""
    odd = with_incidents(values)
    denominator = np.full(odd.shape, 50.0)
    before = odd.copy()
    _detect(detector, odd)
    _detect_last(detector, odd)
    _detect(detector, odd, denominator)
    require(np.array_equal(odd, before, equal_nan=True) and (denominator == 50).all(), "an array is changed")


def _batch(detector: Detector, values: Array) -> None:
    """A batch of series gives the same result as each series alone."""
    odd = with_incidents(values)
    together = _detect(detector, odd)
    for i, series in enumerate(odd):
        require_equal(_detect(detector, series), together[i], f"in series {i}")


def _last(detector: Detector, values: Array) -> None:
    """`detect_last` equals the newest column of `detect`."""
    odd = with_incidents(values)
    period, columns = detector.period, odd.shape[1]
    denominator = np.nan_to_num(odd) + 30
    for stop in {1, 2, period, period + 1, columns - period // 2, columns - 1, columns}:
        given = odd[:, :stop]
        require_equal(_detect_last(detector, given), _detect(detector, given)[:, -1], f"at {stop} columns")
        require_equal(
            _detect_last(detector, given[0]), _detect(detector, given[0])[-1], f"at {stop} columns of one series"
        )
        share, counts = given / denominator[:, :stop], denominator[:, :stop]
        require_equal(
            _detect_last(detector, share, counts), _detect(detector, share, counts)[:, -1], f"for {stop} ratios"
        )


def _layout(detector: Detector, values: Array) -> None:
    """The memory layout (C or Fortran order) and float32 input make no difference."""
    odd = with_incidents(values)
    counts = np.nan_to_num(odd) + 30
    for given, denominator in ((odd, denominator_for(detector, odd)), (odd / counts, counts)):
        narrow = given.astype(np.float32)
        wanted = _detect(detector, narrow.astype(np.float64), denominator)
        by_slot = np.ascontiguousarray(narrow.T).T
        events = None if denominator is None else np.asfortranarray(denominator)
        require_equal(_detect(detector, by_slot, events), wanted, "slot by slot")
        require_equal(_detect_last(detector, by_slot, events), wanted[:, -1], "slot by slot, in detect_last")


def _gaps(detector: Detector, values: Array) -> None:
    """Missing values and a missing day give no warning, and scores resume after them."""
    rng = np.random.default_rng(21)
    holes = np.where(rng.random(values.shape) < 0.2, np.nan, values)
    middle = values.shape[1] // 2
    holes[:, middle : middle + detector.period] = np.nan
    bounds = _detect(detector, holes)
    require(np.isnan(bounds.score[np.isnan(holes)]).all(), "a missing value has a score")
    require(np.isfinite(bounds.score[:, -detector.period :]).any(), "no score at the end")
    _detect_last(detector, holes)


def _padding(detector: Detector, values: Array) -> None:
    """Missing days in front change nothing, whether all series have them or some."""
    odd = with_incidents(values)
    period, columns = detector.period, odd.shape[1]
    for days in (1, 30):
        padded = np.concatenate([np.full((len(odd), days * period), np.nan), odd], axis=1)
        require_equal(_detect(detector, padded)[:, -columns:], _detect(detector, odd), f"after {days} missing days")
        require_equal(_detect_last(detector, padded), _detect_last(detector, odd), f"after {days} missing days")
    late = odd.copy()
    late[1, : 3 * period] = np.nan
    alone = odd[1, 3 * period :]
    require_equal(_detect(detector, late)[1, 3 * period :], _detect(detector, alone), "in a series that begins later")
    require_equal(_detect_last(detector, late)[1], _detect_last(detector, alone), "in a series that begins later")


def _holes(detector: Detector, values: Array) -> None:
    """A hole is no history: with one, a slot is judged only after as many known values, of the slot or in all."""
    series = values[0]
    whole = _learnt(detector, series)
    total = min(total for _, total in whole)
    holes = series.copy()
    holes[total // 4 : total // 4 + min(detector.period, total // 2)] = np.nan
    for slot, (wanted, got) in enumerate(zip(whole, _learnt(detector, holes), strict=True)):
        require(got[0] >= wanted[0] or got[1] >= total, f"slot {slot} after {got[0]} days instead of {wanted[0]}")


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
                require(not bounds.is_anomaly.any(), f"{columns} columns of {constant}")


def _promises(detector: Detector, values: Array) -> None:
    """The detector has the invariances (shift, scale) that it promises."""
    require(detector.promises <= {"shift", "scale", "quiet"}, "promises are 'shift', 'scale' and 'quiet'")
    plain = _detect(detector, values)
    for promise, factor, constant in (("shift", 1.0, -1000.0), ("scale", 250.0, 0.0), ("scale", 0.004, 0.0)):
        if promise in detector.promises:
            moved = _detect(detector, values * factor + constant)
            expected, lower, upper = (a * factor + constant for a in (plain.expected, plain.lower, plain.upper))
            require_equal(
                moved, Bounds(expected, lower, upper, plain.score), f"after x * {factor:g} + {constant:g}", 1e-6
            )


def _denominators(detector: Detector, values: Array) -> None:
    """A denominator of 0 means no data; a denominator affects the bands of its column and of later columns only."""
    denominator = values + 1
    denominator[:, ::5] = 0
    share = np.floor(denominator / 5) / np.maximum(denominator, 1)
    bounds = _detect(detector, share, denominator)
    require(np.isnan(bounds.score[:, ::5]).all(), "a ratio without denominator has a score")
    cut = values.shape[1] - detector.period
    denominator[:, cut:] *= 3
    later = _detect(detector, share, denominator)
    require_equal(bounds[:, :cut], later[:, :cut], "when later denominators change")


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
    *RULES_OF_EXTREMES,
    *RULES_OF_SPARSE,
)
