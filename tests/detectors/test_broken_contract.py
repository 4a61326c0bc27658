"""Detectors that each break one rule of the contract, and the error that names it."""

from __future__ import annotations

import re
from functools import cache

import pytest

from detectors import Detector
from detectors.contract import RULES, ContractError, check_detector
from tests.detectors import broken, broken_further


@pytest.mark.parametrize("sound", [broken.Sound, broken_further.TakesExtremes, broken_further.Quiet])
def test_a_sound_detector_passes(sound: type[Detector]) -> None:
    check_detector(sound(period=12))


BROKEN: list[tuple[type[Detector], str]] = [
    (broken.SeesTheFuture, "future"),
    (broken.SeesItself, "its own value changes"),
    (broken.Random, "same input gives the same output"),
    (broken.Mutates, "read-only"),
    (broken.MutatesThroughItsView, "an array is changed"),
    (broken.MixesSeries, "A batch of series"),
    (broken.LastDiffers, "detect_last"),
    (broken.LastSeesTooLittle, "detect_last"),
    (broken.LastForgetsTheDenominator, "for .* ratios"),
    (broken.ReadsMemory, "differs slot by slot"),
    (broken.LastReadsMemory, "slot by slot, in detect_last"),
    (broken.LastRoundsFloat32, "slot by slot, in detect_last"),
    (broken.WarnsOnGaps, "Mean of empty slice"),
    (broken.NeverRecovers, "scores resume after them"),
    (broken.CountsColumns, "slot 0 after 4 days instead of 5"),
    (broken.LooksAtTheFront, "after 1 missing days"),
    (broken.Mute, "healthy series"),
    (broken.CriesWolf, "healthy series"),
    (broken.FlagsConstants, "no anomaly"),
    (broken.UpsideDown, "not in order"),
    (broken.ScoreForgetsTheBand, "score and band disagree"),
    (broken.ScoresTheMissing, "missing value has a score"),
    (broken.WrongSign, "wrong sign"),
    (broken.Narrow, "expected is float32"),
    (broken.WrongShape, "shape"),
    (broken.BreaksItsPromise, "promises"),
    (broken.BreaksItsShift, r"after x \* 1 \+ -1000"),
    (broken.ChangesItsParameter, "a parameter is changed"),
    (broken.Undecorated, "lacks @dataclass"),
    (broken.LaterDenominators, "denominator"),
    (broken_further.IgnoresExtremes, "no error that says 'no extremes'"),
    (broken_further.AlarmsTheUnknown, "with unknown extremes"),
    (broken_further.SeesBothSides, "the least is too high"),
    (broken_further.ForgetsExtremes, "an outage within a slot does not speak"),
    (broken_further.SeesFutureExtremes, "A score depends on the extremes"),
    (broken_further.LastExtremeDiffers, "With extremes too, `detect_last`"),
    (broken_further.ExtremesBreakTheShift, "keeps its promises .* with extremes"),
    (broken_further.AlarmsAtErrors, r"\d false notifications a week on errors\)"),
    (broken_further.AlarmsAtMinutes, r"\d false notifications a week on errors with extremes\)"),
    (broken_further.SleepsThroughAll, "200 times the greatest value of errors is inside the band"),
    (broken_further.NeverSpeaksOfErrors, "most of the second half of errors has no score"),
]


@cache
def refusal(wrong: type[Detector]) -> str:
    with pytest.raises(ContractError) as caught:
        check_detector(wrong(period=12))
    return str(caught.value)


@pytest.mark.parametrize(("wrong", "what"), BROKEN)
def test_broken_detectors_are_caught(wrong: type[Detector], what: str) -> None:
    assert re.search(what, refusal(wrong))


def test_every_rule_has_a_detector_that_breaks_it() -> None:
    refusals = [refusal(wrong) for wrong, _ in BROKEN]
    for rule in RULES:
        claim = " ".join((rule.__doc__ or "").split())
        assert any(claim in text for text in refusals), claim
