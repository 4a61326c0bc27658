"""Writes the values of metrics and their changes, in any language."""

import math
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Literal

from reporting.texts.base import NO_BREAK_SPACE, Texts

Format = Literal["count", "ratio", "average"]
"""A count of events, a ratio that is written in percent, or an average per something, written as a plain number."""

# Greater numbers are written with an exponent.
READABLE = 1e15


def ranges(days: Iterable[date], between: str) -> str:
    """Write days in order shortly: "2026-11-01 to 2026-11-03, 2026-11-07", with " to " in `between`."""
    stretches: list[list[date]] = []
    for day in days:
        if stretches and day - stretches[-1][-1] == timedelta(days=1):
            stretches[-1].append(day)
        else:
            stretches.append([day])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}{between}{run[-1]}" for run in stretches)


def known(value: float | None) -> bool:
    """Return whether there is a finite number."""
    return value is not None and math.isfinite(value)


def value(kind: Format, amount: float | None, texts: Texts) -> str:
    """Write a count ("1,234"), a ratio ("20.3%") or an average ("3.21"), or "-" if it is missing.

    Ratios and averages have at least three significant digits.
    """
    if amount is None or not math.isfinite(amount):
        return texts.MISSING
    if abs(amount) >= READABLE:
        return f"{amount:.2e}".replace("e+", "e")
    if kind == "ratio":
        return texts.percent(amount, _percent_decimals(amount))
    if kind == "average":
        return texts.number(amount, _decimals(amount))
    return texts.number(amount, 0 if abs(amount) >= 10 or amount == round(amount) else 1)


def change(kind: Format, amount: float | None, reference: float | None, texts: Texts, brief: bool = False) -> str:
    """Write the change from `reference` to `amount`: "+2.3%".

    For a ratio it is "+0.40 pp, +2.0%", for an average "+0.06, +2.0%": "+2%" of a CTR of 20% could be read as 22%. If
    `brief`, only the first of the two. The result is empty if a number is missing or the reference is not positive.
    """
    if amount is None or reference is None or not math.isfinite(amount) or not math.isfinite(reference):
        return ""
    if reference <= 0 or max(abs(amount), reference) >= READABLE:
        return ""
    relative = amount / reference - 1
    if not math.isfinite(relative) or abs(relative) >= READABLE:
        return ""
    # "-100%" means exactly zero: a fall from 10,000 to 1 is "-100.0%".
    decimals = 0 if relative and relative.is_integer() else 1
    percent = texts.percent(relative, decimals, signed=True)
    if kind == "count":
        return percent
    if kind == "average":
        difference = texts.number(amount - reference, _decimals(reference), signed=True)
    else:
        difference = texts.points(amount - reference, _percent_decimals(reference) + 1)
    return difference if brief else f"{difference}, {percent}"


def ticks(kind: Format, amounts: Sequence[float], texts: Texts) -> list[str]:
    """Write the evenly spaced values of an axis, as short as they stay distinct: "0", "2.5 billion"."""
    step = amounts[1] - amounts[0] if len(amounts) > 1 else 1.0
    if kind == "ratio":
        return [texts.percent(amount, _step_decimals(100 * step)) for amount in amounts]
    highest = max(amounts)
    scale, unit = next(((s, f"{NO_BREAK_SPACE}{u}") for s, u in texts.SCALES if highest >= max(s, 1e6)), (1.0, ""))
    if highest / scale >= READABLE:
        return [value(kind, amount, texts) for amount in amounts]
    return [texts.number(amount / scale, _step_decimals(step / scale)) + unit if amount else "0" for amount in amounts]


def _step_decimals(step: float) -> int:
    """Return the decimals that keep multiples of `step` (1, 2 or 5 times a power of ten) distinct."""
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _decimals(amount: float) -> int:
    """Return the decimals that leave three significant digits of a number, at most four."""
    if amount == 0:
        return 0
    return min(4, max(0, 2 - math.floor(math.log10(abs(amount)))))


def _percent_decimals(fraction: float) -> int:
    """Return the decimals that leave three significant digits of a percentage: one to four."""
    if fraction == 0:
        return 0
    return min(4, max(1, 1 - math.floor(math.log10(abs(fraction) * 10))))
