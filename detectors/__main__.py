"""``python -m detectors list | score | compare | tune``: the detectors on CSV files."""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from detectors import Bounds, Detector, DetectorError, available, create, find
from detectors.arrays import Array
from detectors.lab import cli as lab
from detectors.rows import RATIO, Rows, parse_rows, read_rows

OUTPUT = ("timestamp", "value", "expected", "lower", "upper", "score", "is_anomaly")
DAY_SECONDS = 86_400
MAX_COLUMNS = 10_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns
    -------
    int
        Exit code: 0; 1 if the lab has no answer; 2 for invalid input, with one line on stderr.
    """
    options = parser().parse_args(arguments)
    code = 0
    try:
        if options.command == "list":
            for name in available():
                print(_describe(find(name)))
        elif options.command == "score":
            _score(create(options.detector, **dict(options.set)), options.file)
        else:
            code = lab.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # for example `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (DetectorError, OSError, UnicodeDecodeError) as error:
        print(f"detectors: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return code


def parser() -> argparse.ArgumentParser:
    """Describe the arguments."""
    made = argparse.ArgumentParser(prog="python -m detectors", description="Anomaly detectors on CSV files.")
    commands = made.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="list each method, its parameters and when to use it")
    score = commands.add_parser(
        "score",
        help="compute the band and the score of every value of a series",
        description="Reads a CSV file with the header timestamp,value[,numerator,denominator]. Timestamps are ISO "
        "8601 or Unix seconds, ascending, `period` of them per day. An empty value is computed as numerator / "
        f"denominator if these are given, and is missing otherwise. Writes {','.join(OUTPUT)}.",
    )
    score.add_argument("--detector", required=True, metavar="NAME", help="a name that `list` prints")
    score.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="KEY=VALUE",
        help="set a parameter; can be repeated",
    )
    score.add_argument("file", nargs="?", default="-", metavar="FILE", help="a CSV file; - (the default) is stdin")
    lab.add_commands(commands)
    return made


def _setting(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def _describe(method: type[Detector]) -> str:
    parameters = ", ".join(f"{field.name}={json.dumps(field.default)}" for field in fields(method))
    return f"{method.name}({parameters}): {method.summary}"


def _score(detector: Detector, file: str) -> None:
    (rows,) = (parse_rows(sys.stdin, "stdin", RATIO) if file == "-" else read_rows(Path(file), RATIO)).values()
    columns = columns_of(rows, detector.period)
    values = on_grid(rows.values, columns)
    denominator = None if rows.denominators is None else on_grid(rows.denominators, columns)
    if sys.stderr.isatty():
        print(f"scoring {values.size} values with {detector.name}", file=sys.stderr)
    write_bounds(sys.stdout, rows, detector.detect(values, denominator)[columns])


def columns_of(rows: Rows, period: int) -> NDArray[np.int64]:
    """Return the column of each row on the grid of `period` columns per day that begins at the first row.

    Raises
    ------
    DetectorError
        A row is out of order, off the grid or too far from the first. The message names its line.
    """
    backwards = np.flatnonzero(np.diff(rows.seconds) <= 0)
    if backwards.size:
        i = int(backwards[0]) + 1
        what = "repeats" if rows.seconds[i] == rows.seconds[i - 1] else "is earlier than"
        raise DetectorError(f"{rows.at(i)}: timestamp {rows.timestamps[i]} {what} that of {rows.at(i - 1)}")
    step = DAY_SECONDS / period
    after = rows.seconds - rows.seconds[0]
    columns: NDArray[np.int64] = np.rint(after / step).astype(np.int64)
    off = np.flatnonzero(np.abs(columns * step - after) > 1e-3)
    if off.size:
        i = int(off[0])
        raise DetectorError(
            f"{rows.at(i)}: timestamp {rows.timestamps[i]} is not on the grid of {step:g} s that begins at "
            f"{rows.at(0)}; --set period=POINTS_PER_DAY changes the step"
        )
    if columns[-1] >= MAX_COLUMNS:
        raise DetectorError(f"{rows.at(-1)}: timestamp {rows.timestamps[-1]} is {columns[-1]} points after the first")
    return columns


def on_grid(numbers: Array, columns: NDArray[np.int64]) -> Array:
    """Lay numbers on their columns; NaN where there is no row."""
    grid = np.full(columns[-1] + 1, np.nan)
    grid[columns] = numbers
    return grid


def write_bounds(stream: TextIO, rows: Rows, bounds: Bounds) -> None:
    """Write rows with their bounds as CSV. A cell is empty where the number or the score is missing."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(OUTPUT)
    for timestamp, *numbers in zip(
        rows.timestamps, *(array.tolist() for array in (rows.values, *bounds.arrays)), strict=True
    ):
        verdict = "" if math.isnan(numbers[-1]) else int(abs(numbers[-1]) > 1)
        writer.writerow([timestamp, *("" if math.isnan(number) else number for number in numbers), verdict])


if __name__ == "__main__":
    sys.exit(main())
