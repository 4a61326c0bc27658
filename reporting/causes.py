"""Writes the explanation of a deviation in one line: slices, or the two counts of a ratio."""

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
    """The slices that explain a deviation.

    Parameters
    ----------
    dimension : str
        Label of the dimension: "os".
    values : sequence of str
        The slices of the dimension that explain the deviation, the most important first; empty if none does.
    explained : float
        Their share of the deviation, a fraction: 0.93. It exceeds 1 if other slices deviate the other way.
    metric : str
        Label of the metric; empty if the line need not name it.
    """

    dimension: str = ""
    values: Sequence[str] = ()
    explained: float = math.nan
    metric: str = ""


@dataclass(frozen=True)
class RatioSplit:
    """How the two counts of a ratio moved it, within slices or by the mix of slices.

    Parameters
    ----------
    metric : str
        Label of the ratio.
    numerator, denominator : str
        Labels of the two counts.
    numerator_change, denominator_change : float
        Relative differences from their expectations: -0.31; NaN if unknown.
    mix : float
        Share of the ratio's change that comes from changed shares of the slices in the denominator; the rest comes from
        changed ratios within slices. NaN if unknown.
    """

    metric: str
    numerator: str
    denominator: str
    numerator_change: float
    denominator_change: float
    mix: float = math.nan


def explanation_lines(causes: Sequence[Cause], splits: Sequence[RatioSplit], words: Texts) -> list[str]:
    """Return the lines of causes, then those of ratios."""
    lines = [cause_line(cause, words) for cause in causes]
    return [*lines, *(line for split in splits if (line := split_line(split, words)))]


def cause_line(cause: Cause, words: Texts) -> str:
    """Return e.g. "os iOS explains 93%", or that no slice explains it."""
    metric = f"{shorten(cause.metric, _LABEL_LIMIT)}: " if cause.metric else ""
    if not cause.values or not _worth_showing(cause.explained):
        return metric + words.NOT_EXPLAINED
    shown = ", ".join(shorten(value, _VALUE_LIMIT) for value in cause.values[:VALUES_SHOWN])
    if len(cause.values) > VALUES_SHOWN:
        shown = f"{shown} {words.more(len(cause.values) - VALUES_SHOWN)}"
    slices = f"{shorten(cause.dimension, _DIMENSION_LIMIT)} {shown}".strip()
    return metric + words.explains(slices, words.percent(cause.explained, 0), len(cause.values) > 1)


def split_line(split: RatioSplit, words: Texts) -> str:
    """Return e.g. "CTR: likes fell (-31.0%), views +0.4%; 96% within slices, 4% by their mix", or "" if unknown."""
    counts = [(split.numerator, split.numerator_change), (split.denominator, split.denominator_change)]
    counts = [(shorten(label, _LABEL_LIMIT), change) for label, change in counts if _worth_showing(change)]
    if not counts:
        return ""
    counts.sort(key=lambda count: -_distance(count[1]))
    label, change = counts[0]
    parts = [words.moved(label, words.percent(change, signed=True), change > 0)]
    parts += [f"{inline(label)} {words.percent(change, signed=True)}" for label, change in counts[1:]]
    line = f"{shorten(split.metric, _LABEL_LIMIT)}: {', '.join(parts)}"
    if not _worth_showing(split.mix):
        return line
    return f"{line}; {words.rate_and_mix(words.percent(1 - split.mix, 0), words.percent(split.mix, 0))}"


def _worth_showing(share: float) -> bool:
    """Return whether a share or a change is worth showing; a division by almost zero is not."""
    return known(share) and abs(share) < 1e6


def _distance(change: float) -> float:
    """Return the size of a relative change; doubling and halving have the same size."""
    return abs(math.log1p(change)) if change > -1 else math.inf
