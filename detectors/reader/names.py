"""The names by which columns are known."""

from __future__ import annotations

import re

KNOWN: dict[str, tuple[str, ...]] = {
    "time": ("timestamp", "datetime", "time", "date", "ds", "ts", "timestamputc", "datetimeutc", "timeutc", "eventtime",
             "moment", "дата", "время", "датавремя"),
    "value": ("value", "y", "values", "val", "metricvalue", "значение"),
    "label": ("label", "isanomaly", "anomaly", "labels", "isoutlier", "outlier", "groundtruth", "anomalous"),
    "series": ("series", "seriesid", "uniqueid", "kpiid", "tsid", "metric", "metricname", "name", "item"),
    "numerator": ("numerator",),
    "denominator": ("denominator",),
    "least": ("least", "leastminute", "min", "minimum"),
    "greatest": ("greatest", "greatestminute", "max", "maximum"),
    "start": ("start", "begin", "from", "starttime", "startts", "startdate", "windowstart"),
    "end": ("end", "stop", "to", "endtime", "endts", "enddate", "windowend"),
}  # fmt: skip
"""Names of each role without case, spaces and marks, the most usual first."""
_INDEX = re.compile(r"|unnamed: ?\d+|index|rownames?", re.IGNORECASE)


def plain(name: str) -> str:
    """Return a name without case, spaces and marks."""
    return re.sub(r"[\W_]+", "", name).lower()


def role_of(name: str) -> str | None:
    """Return the role of a column with this name."""
    wanted = plain(name)
    return next((role for role, known in KNOWN.items() if wanted in known), None)


def is_index(name: str) -> bool:
    """Whether the name is that of an index which pandas or R wrote."""
    return bool(_INDEX.fullmatch(name.strip()))
