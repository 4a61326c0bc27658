"""``python -m detectors list | score | compare | tune``: the methods on a command line, files in, files out."""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from detectors import Bounds, Detector, DetectorError, available, create, find
from detectors.arrays import Array
from detectors.lab import cli as lab

REQUIRED = ("timestamp", "value")
OPTIONAL = ("numerator", "denominator")
OUTPUT = ("timestamp", "value", "expected", "lower", "upper", "score", "is_anomaly")
DAY_SECONDS = 86_400
MAX_COLUMNS = 10_000_000


@dataclass(frozen=True)
class Table:
    """A CSV on its time grid: row i of the file is column `columns[i]`; columns without a row are missing."""

    timestamps: list[str]
    columns: NDArray[np.intp]
    values: Array
    denominator: Array | None


@dataclass(frozen=True)
class Row:
    """One row as read; NaN = missing."""

    line: int
    timestamp: str
    seconds: float
    value: float
    denominator: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0, 1 if the lab has no answer, or 2 for bad input, a line on stderr."""
    options = _parser().parse_args(arguments)
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
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (DetectorError, OSError, UnicodeDecodeError) as error:
        print(f"detectors: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m detectors", description="Anomaly detectors on CSV files.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="each method with its parameters and when to use it")
    score = commands.add_parser(
        "score",
        help="judge every value of a series",
        description="Reads timestamp,value[,numerator,denominator] with a header, timestamps in ISO 8601 or Unix "
        "seconds, ascending, `period` to a day; an empty value is missing, or numerator / denominator where those are "
        f"given. Writes {','.join(OUTPUT)}.",
    )
    score.add_argument("--detector", required=True, metavar="NAME", help="one of `list`")
    score.add_argument(
        "--set", action="append", default=[], type=_setting, metavar="KEY=VALUE", help="a parameter; can be repeated"
    )
    score.add_argument("file", nargs="?", default="-", metavar="FILE", help="CSV file; - (the default) is stdin")
    lab.add_commands(commands)
    return parser


def _setting(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def _describe(method: type[Detector]) -> str:
    parameters = ", ".join(f"{one.name}={json.dumps(one.default)}" for one in fields(method))
    return f"{method.name}({parameters}): {method.summary}"


def _score(detector: Detector, file: str) -> None:
    if file == "-":
        table = read_table(sys.stdin, detector.period)
    else:
        with open(file, newline="", encoding="utf-8-sig") as stream:
            table = read_table(stream, detector.period)
    if sys.stderr.isatty():
        print(f"judging {len(table.values)} values by {detector.name}", file=sys.stderr)
    write_bounds(sys.stdout, table, detector.detect(table.values, table.denominator))


def read_table(lines: Iterable[str], period: int) -> Table:
    """Read a CSV and lay it on the grid of `period` columns a day that begins at its first row.

    Raises
    ------
    DetectorError
        A row is no row, out of order or off the grid; the message names its line.
    """
    reader = csv.reader(lines, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header)
        from tqdm import tqdm

        rows = list(tqdm(_rows(reader, header), desc="reading", unit=" rows", disable=None))
    except csv.Error as error:
        raise DetectorError(f"line {reader.line_num}: {error}") from None
    if not rows:
        raise DetectorError("the file holds no rows")
    columns = np.array(list(_columns(rows, DAY_SECONDS / period)))
    values = np.full(columns[-1] + 1, np.nan)
    values[columns] = [row.value for row in rows]
    denominator = None
    if "denominator" in header:
        denominator = np.full(len(values), np.nan)
        denominator[columns] = [row.denominator for row in rows]
    return Table([row.timestamp for row in rows], columns, values, denominator)


def _check_header(header: list[str]) -> None:
    wrong = [name for name in header if name not in REQUIRED + OPTIONAL or header.count(name) > 1]
    if wrong or any(name not in header for name in REQUIRED):
        what = f"column {wrong[0]!r} is unknown or repeated" if wrong else "no such header"
        raise DetectorError(f"line 1: {what}; it must be timestamp,value[,numerator,denominator]")


def _rows(reader: Any, header: list[str]) -> Iterator[Row]:
    for cells in reader:
        if not cells:
            continue
        line = reader.line_num
        if len(cells) != len(header):
            raise DetectorError(f"line {line}: {len(cells)} cells under {len(header)} columns")
        row = dict(zip(header, cells, strict=True))
        value, numerator, denominator = (_number(row.get(name, ""), name, line) for name in ("value", *OPTIONAL))
        if denominator < 0:
            raise DetectorError(f"line {line}: denominator {row['denominator']} is negative")
        if math.isnan(value) and denominator > 0:
            value = numerator / denominator
        yield Row(line, row["timestamp"], _seconds(row["timestamp"], line), value, denominator)


def _number(text: str, name: str, line: int) -> float:
    if not text.strip():
        return math.nan
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DetectorError(f"line {line}: {name} {text!r} is no finite number; leave it empty where it is missing")
    return number


def _seconds(text: str, line: int) -> float:
    """Unix seconds of a timestamp; without a zone it counts as UTC."""
    try:
        return float(int(text))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise DetectorError(f"line {line}: timestamp {text!r} is neither ISO 8601 nor Unix seconds") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _columns(rows: list[Row], step: float) -> Iterator[int]:
    previous = rows[0]
    for row in rows:
        if row is not previous and row.seconds <= previous.seconds:
            what = "repeats" if row.seconds == previous.seconds else "is earlier than"
            raise DetectorError(f"line {row.line}: timestamp {row.timestamp} {what} that of line {previous.line}")
        column = round((row.seconds - rows[0].seconds) / step)
        if abs(column * step - (row.seconds - rows[0].seconds)) > 1e-3:
            raise DetectorError(
                f"line {row.line}: timestamp {row.timestamp} is not on the grid of {step:g} s that begins at line "
                f"{rows[0].line}; --set period=POINTS_PER_DAY sets another"
            )
        if column >= MAX_COLUMNS:
            raise DetectorError(f"line {row.line}: timestamp {row.timestamp} is {column} points after the first")
        yield column
        previous = row


def write_bounds(stream: TextIO, table: Table, bounds: Bounds) -> None:
    """Write the rows of `table` with their bounds as CSV; empty = missing or cannot say."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(OUTPUT)
    arrays = (table.values, bounds.expected, bounds.lower, bounds.upper, bounds.score)
    for timestamp, *numbers in zip(table.timestamps, *(array[table.columns].tolist() for array in arrays), strict=True):
        verdict = "" if math.isnan(numbers[-1]) else int(abs(numbers[-1]) > 1)
        writer.writerow([timestamp, *("" if math.isnan(number) else number for number in numbers), verdict])


if __name__ == "__main__":
    sys.exit(main())
