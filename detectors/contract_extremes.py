"""The rules of the contract for detectors that take the extremes within each slot."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from detectors.base import Array, Bounds, Detector
from detectors.bounds import Look
from detectors.checks import denominator_for, require, require_equal, with_incidents
from detectors.errors import ContractError, DetectorError
from detectors.extremes import Extremes


def _inside(detector: Detector, values: Array) -> Extremes:
    """Return thirds of the slots, some of them unknown, with an outage and a peak of one third."""
    rng = np.random.default_rng(22)
    below, above = 0.02 * np.abs(rng.standard_normal((2, *values.shape)))
    least, greatest = values / 3 * (1 - np.minimum(below, 1)), values / 3 * (1 + above)
    least[:, 4::19], greatest[:, 7::23] = np.nan, np.nan
    least[:, -1] = 0
    greatest[:, -5] *= 5
    counts = denominator_for(detector, values)
    counts = None if counts is None else counts / 3
    return Extremes(least, greatest, counts, counts, length=1 / 3)


def _part(extremes: Extremes, key: tuple[slice | int, ...]) -> Extremes:
    """Return a copy of some series or columns."""
    least, greatest = (np.asarray(array)[key].copy() for array in (extremes.least, extremes.greatest))
    counts = extremes.least_denominator
    counts = None if counts is None else np.asarray(counts)[key]
    return Extremes(least, greatest, counts, counts, length=extremes.length)


def _detect(detector: Detector, values: Array, extremes: Extremes) -> Bounds:
    return detector.detect(values, denominator_for(detector, values), extremes)


def _spoke(bounds: Bounds) -> NDArray[np.int8]:
    if bounds.spoke is None:
        raise ContractError("with extremes, spoke is None")
    return bounds.spoke


def _taken(detector: Detector, values: Array) -> None:
    """Extremes are taken or refused by name; so are wrong shapes."""
    extremes = _inside(detector, values)
    wrong = Extremes(extremes.least, np.asarray(extremes.greatest)[:, 1:])
    cases = [(wrong, "extremes.greatest has the shape")] if detector.takes_extremes else [(extremes, "no extremes")]
    for given, message in cases:
        for detect in (detector.detect, detector.detect_last):
            try:
                detect(values, denominator_for(detector, values), given)
            except DetectorError as error:
                require(message in str(error), f"the error is: {error}")
            else:
                require(False, f"no error that says {message!r}")


def _unknown(detector: Detector, values: Array) -> None:
    """Unknown extremes change nothing."""
    odd = with_incidents(values)
    nothing = np.full(odd.shape, np.nan)
    counts = denominator_for(detector, odd)
    plain, unknown = detector.detect(odd, counts), _detect(detector, odd, Extremes(nothing, nothing, counts, counts))
    require_equal(plain, unknown, "with unknown extremes", 0.0)
    require(not _spoke(unknown).any(), "unknown extremes speak")


def _furthest(detector: Detector, values: Array) -> None:
    """The band remains that of the values; the score is that of the furthest look, and `spoke` names it."""
    odd = with_incidents(values)
    plain, both = detector.detect(odd, denominator_for(detector, odd)), _detect(detector, odd, _inside(detector, odd))
    spoke = _spoke(both)
    require(spoke.shape == odd.shape, "spoke has another shape")
    require_equal(plain, Bounds(*both.arrays[:3], plain.score), "in the band", 0.0)
    known = ~np.isnan(plain.score)
    require((np.isnan(both.score) == ~known).all(), "a score appears or disappears")
    require((np.abs(both.score) >= np.abs(plain.score))[known].all(), "another look is further")
    require((both.score == plain.score)[known & (spoke == Look.SLOT)].all(), "the slot's score is changed")
    require((both.score < 0)[spoke == Look.LEAST].all(), "the least is too high")
    require((both.score > 0)[spoke == Look.GREATEST].all(), "the greatest is too low")
    require((spoke[:, -1] == Look.LEAST).any(), "an outage within a slot does not speak")


def _causality(detector: Detector, values: Array) -> None:
    """A score depends on the extremes of its own column and of the columns before it only."""
    odd = with_incidents(values)
    extremes = _inside(detector, odd)
    whole = _detect(detector, odd, extremes)
    columns = odd.shape[1]
    cut = columns - detector.period - 1
    before = (slice(None), slice(cut))
    require_equal(_detect(detector, odd[before], _part(extremes, before)), whole[before], f"when cut at {cut}")
    changed = _part(extremes, (slice(None),))
    for array, factor in ((changed.least, 0.1), (changed.greatest, 9.0)):
        numbers = np.asarray(array)
        numbers[:, cut:] = np.where(np.arange(columns - cut) % 3 == 0, np.nan, factor * numbers[:, cut:])
    require_equal(_detect(detector, odd, changed)[before], whole[before], f"when the extremes from {cut} on change")


def _last(detector: Detector, values: Array) -> None:
    """With extremes too, `detect_last` equals `detect`, a batch equals its series, and nothing is modified."""
    odd = with_incidents(values)
    extremes = _inside(detector, odd)
    given = [np.asarray(array).copy() for array in (odd, extremes.least, extremes.greatest)]
    whole = _detect(detector, odd, extremes)
    require_equal(_detect(detector, odd[1], _part(extremes, (1,))), whole[1], "in a series alone")
    for stop in {1, odd.shape[1] - detector.period // 2, odd.shape[1]}:
        before = (slice(None), slice(stop))
        counts = denominator_for(detector, odd[before])
        last = detector.detect_last(odd[before], counts, _part(extremes, before))
        require_equal(last, whole[:, stop - 1], f"at {stop} columns")
        require((_spoke(last) == _spoke(whole)[:, stop - 1]).all(), f"spoke differs at {stop} columns")
    now = (odd, extremes.least, extremes.greatest)
    same = all(np.array_equal(a, np.asarray(b), equal_nan=True) for a, b in zip(given, now, strict=True))
    require(same, "an array is changed")


def _promises(detector: Detector, values: Array) -> None:
    """The detector keeps its promises (shift, scale) with extremes, too."""
    extremes = _inside(detector, values)
    plain = _detect(detector, values, extremes)
    for promise, factor, constant in (("shift", 1.0, -1000.0), ("scale", 250.0, 0.0)):
        if promise in detector.promises:
            least, greatest = (np.asarray(a) * factor + constant for a in (extremes.least, extremes.greatest))
            bounds = _detect(detector, values * factor + constant, Extremes(least, greatest))
            expected, lower, upper = (array * factor + constant for array in plain.arrays[:3])
            wanted = Bounds(expected, lower, upper, plain.score)
            require_equal(bounds, wanted, f"after x * {factor:g} + {constant:g}", 1e-6)


def _if_taken(rule: Callable[[Detector, Array], None]) -> Callable[[Detector, Array], None]:
    def rule_if_taken(detector: Detector, values: Array) -> None:
        if detector.takes_extremes:
            rule(detector, values)

    rule_if_taken.__doc__ = rule.__doc__
    return rule_if_taken


RULES_OF_EXTREMES: tuple[Callable[[Detector, Array], None], ...] = (
    _taken,
    *(_if_taken(rule) for rule in (_unknown, _furthest, _causality, _last, _promises)),
)
