"""What explains a deviation, in a line: slices, or the two counts behind a ratio."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reporting.formatting import known
from reporting.message import shorten
from reporting.texts.base import Texts, inline

VALUES_SHOWN = 3
_DIMENSION_LIMIT = 20
_VALUE_LIMIT = 24
_LABEL_LIMIT = 40


@dataclass(frozen=True)
class Cause:
    """Which slices explain a deviation.

    Parameters
    ----------
    dimension : str
        What the slices are slices by, for people: "os".
    values : sequence of str
        The slices of it that explain the deviation, the most important first; none where no slice does.
    explained : float
        Their share of the whole deviation, a fraction: 0.93. Others may have gone the other way, so it may exceed 1.
    metric : str
        The label of the metric that deviated, where it is to be named.
    """

    dimension: str = ""
    values: Sequence[str] = ()
    explained: float = math.nan
    metric: str = ""


@dataclass(frozen=True)
class RatioSplit:
    """Which of the two counts behind a ratio moved it, and whether within slices or by their mix.

    Parameters
    ----------
    metric : str
        The ratio's label.
    numerator, denominator : str
        Labels of the two counts.
    numerator_change, denominator_change : float
        Their relative changes against what was expected: -0.31; NaN where unknown.
    mix : float
        The share of the ratio's change that the slices' shares of the denominator account for; the rest is the ratio
        within slices. NaN where unknown.
    """

    metric: str
    numerator: str
    denominator: str
    numerator_change: float
    denominator_change: float
    mix: float = math.nan


def cause_line(cause: Cause, words: Texts) -> str:
    """Return e.g. "os iOS explains 93%", or that nothing does."""
    metric = f"{shorten(cause.metric, _LABEL_LIMIT)}: " if cause.metric else ""
    if not cause.values or not _sayable(cause.explained):
        return metric + words.NOT_EXPLAINED
    shown = ", ".join(shorten(value, _VALUE_LIMIT) for value in cause.values[:VALUES_SHOWN])
    if len(cause.values) > VALUES_SHOWN:
        shown = f"{shown} {words.more(len(cause.values) - VALUES_SHOWN)}"
    slices = f"{shorten(cause.dimension, _DIMENSION_LIMIT)} {shown}".strip()
    return metric + words.explains(slices, words.percent(cause.explained, 0), len(cause.values) > 1)


def split_line(split: RatioSplit, words: Texts) -> str:
    """Return e.g. "CTR: likes fell (-31.0%), views +0.4%; 96% within slices, 4% by their mix", or "" if unknown."""
    counts = [(split.numerator, split.numerator_change), (split.denominator, split.denominator_change)]
    counts = [(shorten(label, _LABEL_LIMIT), change) for label, change in counts if _sayable(change)]
    if not counts:
        return ""
    counts.sort(key=lambda count: -_distance(count[1]))
    label, change = counts[0]
    parts = [words.moved(label, words.percent(change, signed=True), change > 0)]
    parts += [f"{inline(label)} {words.percent(change, signed=True)}" for label, change in counts[1:]]
    line = f"{shorten(split.metric, _LABEL_LIMIT)}: {', '.join(parts)}"
    if not _sayable(split.mix):
        return line
    return f"{line}; {words.rate_and_mix(words.percent(1 - split.mix, 0), words.percent(split.mix, 0))}"


def _sayable(share: float) -> bool:
    """Whether a share or a change means something; a division by next to nothing does not."""
    return known(share) and abs(share) < 1e6


def _distance(change: float) -> float:
    """How far a relative change is from none: doubling is as far as halving."""
    return abs(math.log1p(change)) if change > -1 else math.inf
