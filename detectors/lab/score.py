"""``python -m detectors score``: the band and the score of every value of a file."""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from detectors.bounds import Bounds
from detectors.lab import files
from detectors.lab.candidates import Candidate
from detectors.lab.cli import FEW
from detectors.lab.rate import DAY_SECONDS
from detectors.lab.series import Series, detect

if TYPE_CHECKING:
    from detectors.lab.grid import Laid
    from detectors.reader.rows import Rows

OUTPUT = ("timestamp", "value", "expected", "lower", "upper", "score", "is_anomaly")


@dataclass(frozen=True)
class Scored:
    """A series with its bounds, and the timestamp of each column that has a row, as written."""

    series: Series
    bounds: Bounds
    timestamps: dict[int, str]


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to a command line."""
    command = commands.add_parser(
        "score",
        help="compute the band and the score of every value of a series",
        description=f"Reads a CSV file and writes {','.join(OUTPUT)}, in the order of time; with several series in the "
        "file also the column series. The kind of the values is found and used by methods that know kinds.",
    )
    command.add_argument("--detector", required=True, metavar="NAME", help="a name that `list` prints")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="KEY=VALUE",
        help="set a parameter; can be repeated. period=POINTS_PER_DAY is found otherwise",
    )
    command.add_argument("file", nargs="?", default="-", metavar="FILE", help="a CSV file; - (the default) is stdin")
    files.add_options(command)


def run(options: argparse.Namespace) -> None:
    """Read the file, score it and write the result."""
    from detectors.lab.readers import read_one

    parameters = dict(options.set)
    method = Candidate(options.detector, tuple(parameters.items()))
    made = method.made()  # before the file is read, so that a mistake in the command is said at once
    step = DAY_SECONDS / made.period if "period" in parameters else None
    given = read_one(options.file, files.layout(options, step), files.file_format(options))
    terminal = sys.stderr.isatty()
    if terminal:
        for laid, rows in given:
            print(f"{laid.series.name}: {len(rows.lines)} rows", file=sys.stderr)
            print(f"scoring {laid.series.values.size} values with {options.detector}", file=sys.stderr)
    scored = [_score(method, laid, rows, merged=options.every is not None) for laid, rows in given]
    write(sys.stdout, scored)
    files.say([one.series for one in scored])
    for one in scored:
        for remark in _remarks(method, one):
            print(f"{one.series.name}: {remark}", file=sys.stderr)


def _setting(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def _score(method: Candidate, laid: Laid, rows: Rows, merged: bool) -> Scored:
    series = laid.series
    bounds = detect(method.detector(series), series)
    if merged:
        known = np.flatnonzero(~np.isnan(series.values)).tolist()
        return Scored(series, bounds, {column: f"{series.moment(column).isoformat()}" for column in known})
    first: dict[int, str] = {}
    for column, text in zip(laid.columns.tolist(), rows.timestamps, strict=True):
        first.setdefault(column, text)
    return Scored(series, bounds, dict(sorted(first.items())))


def _remarks(method: Candidate, scored: Scored) -> list[str]:
    """What the reader of a result must know: rate and kind, whether the method suits, and how much was judged."""
    series = scored.series
    remarks = [f"a point {series.rate_said}, kind {series.kind_said}"]
    if series.extremes is not None:
        used = "are" if method.detector(series).takes_extremes else f"are NOT, {method.name} takes none,"
        remarks.append(f"the least and the greatest point inside each slot {used} part of the score")
    if doubt := method.doubted(series):
        remarks.append(f"WARNING: {doubt}")
    remark = judged_text(int(np.count_nonzero(~np.isnan(scored.bounds.score))), series.known)
    return [*remarks, remark] if remark else remarks


def judged_text(judged: int, known: int) -> str | None:
    """Return a warning if little of the known values was judged."""
    if judged >= FEW * known:
        return None
    return (
        f"WARNING: only {judged} of {known} values were judged ({judged / max(known, 1):.0%}); the others have too "
        "little history for this method"
    )


def write(stream: TextIO, scored: Sequence[Scored]) -> None:
    """Write rows with their bounds as CSV. A cell is empty where the number or the score is missing."""
    writer = csv.writer(stream, lineterminator="\n")
    several = len(scored) > 1
    writer.writerow((*OUTPUT, "series") if several else OUTPUT)
    for one in scored:
        columns = np.array(list(one.timestamps), dtype=np.intp)
        arrays = (one.series.values, *one.bounds.arrays)
        for text, *numbers in zip(one.timestamps.values(), *(array[columns].tolist() for array in arrays), strict=True):
            verdict = "" if math.isnan(numbers[-1]) else int(abs(numbers[-1]) > 1)
            row = [text, *("" if math.isnan(number) else number for number in numbers), verdict]
            writer.writerow([*row, one.series.name] if several else row)
