"""What the caller says about a file. The reader finds out the rest."""

from __future__ import annotations

from dataclasses import dataclass

from detectors.errors import DetectorError

ROLES = ("time", "value", "label", "series", "numerator", "denominator", "least", "greatest")


@dataclass(frozen=True, kw_only=True)
class Format:
    """How to read a file. None means that the reader finds out.

    Parameters
    ----------
    time, value, label, series, numerator, denominator, least, greatest
        Names of columns. A column without a name has its number as name: "1" is the first.
    day_first
        Whether 05/01/2026 is the 5th of January. Otherwise it is the 1st of May, and 05.01.2026 is refused.
    decimal
        "." or ",".
    delimiter
        One character.
    encoding
        A name that Python knows, such as "cp1251".
    """

    time: str | None = None
    value: str | None = None
    label: str | None = None
    series: str | None = None
    numerator: str | None = None
    denominator: str | None = None
    least: str | None = None
    greatest: str | None = None
    day_first: bool = False
    decimal: str | None = None
    delimiter: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        if self.decimal not in (None, ".", ","):
            raise DetectorError(f"the decimal mark must be . or , and not {self.decimal!r}")
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise DetectorError(f"the delimiter must be one character and not {self.delimiter!r}")

    def column(self, role: str) -> str | None:
        """Return the name that was given for a role of `ROLES`."""
        name: str | None = getattr(self, role)
        return name
