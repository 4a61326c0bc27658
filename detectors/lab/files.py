"""Options of the commands that read files: how files are read and laid on a grid, the same for all of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from detectors.lab.rate import parse_duration

if TYPE_CHECKING:
    from detectors.lab.grid import Layout
    from detectors.lab.series import Series
    from detectors.reader.format import Format

COLUMNS = ("time", "value", "label", "series", "numerator", "denominator", "least", "greatest")
FILES = (
    "The columns are found by their usual names (timestamp, time, date, ds; value, y; label, is_anomaly; series; "
    "numerator and denominator of a ratio; least and greatest of each point's inside), or named with the options. "
    "Delimiter, decimal comma and encoding are found. Times are dates, seconds, milliseconds or microseconds since "
    "1970, YYYYMMDD or YYYYMMDDHH. What is assumed is printed."
)


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of reading to a command."""
    group = command.add_argument_group("how files are read", FILES)
    for role in COLUMNS:
        group.add_argument(f"--{role}", metavar="COLUMN", help=f"the column of the {role}")
    group.add_argument(
        "--labels", metavar="FILE", help="a CSV file of incidents, with the columns start and end, or time and label"
    )
    group.add_argument("--kind", choices=("count", "ratio", "value"), help="the kind of the values (default: found)")
    group.add_argument(
        "--every",
        metavar="STEP",
        help="merge the points of each slot of this length, such as 15min, 1h or 1d: sums of counts, means of others",
    )
    group.add_argument("--zone", help="time zone of the wall clock, for example Europe/Moscow (default: UTC)")
    group.add_argument("--dayfirst", action="store_true", help="05/01/2026 and 05.01.2026 are the 5th of January")
    group.add_argument("--decimal", choices=(".", ","), help="the decimal mark (default: found)")
    group.add_argument("--delimiter", metavar="CHARACTER", help="the delimiter (default: found)")
    group.add_argument("--encoding", metavar="NAME", help="the encoding, such as cp1251 (default: found)")


def file_format(options: argparse.Namespace) -> Format:
    """Return what the options say of the columns."""
    from detectors.reader.format import Format

    columns = {role: getattr(options, role) for role in COLUMNS}
    mark = None if options.delimiter is None else options.delimiter.replace("\\t", "\t")
    return Format(
        **columns, day_first=options.dayfirst, decimal=options.decimal, delimiter=mark, encoding=options.encoding
    )


def layout(options: argparse.Namespace, step: float | None = None) -> Layout:
    """Return how the options lay rows on a grid."""
    from detectors.lab.grid import Layout
    from detectors.reader.windows import read_windows

    made = Layout(
        zone=options.zone,
        step=step,
        every=None if options.every is None else parse_duration(options.every),
        kind=options.kind,
    )
    if options.labels is None:
        return made
    return replace(made, windows=read_windows(Path(options.labels), file_format(options)))


def say(series: Iterable[Series]) -> None:
    """Print on stderr what was assumed and corrected, each remark about files once."""
    said: set[str] = set()
    for item in series:
        for remark in item.read_as:
            if remark not in said:
                print(remark, file=sys.stderr)
                said.add(remark)
        for note in item.notes:
            print(f"{item.name}: {note}", file=sys.stderr)
