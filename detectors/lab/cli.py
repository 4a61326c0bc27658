"""Command line of the lab: ``python -m detectors compare | tune``."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detectors.lab import files
from detectors.lab.candidates import remarks

if TYPE_CHECKING:
    from detectors.lab.compare import Comparison
    from detectors.lab.series import Series
    from detectors.lab.tuning import Part, Tuning

FEW = 0.5
"""A result says so if less than this share of the values was judged."""
COMPARE_HELP = "show which incidents each detector catches and how many false messages it sends"
TUNE_HELP = "choose the detector and the sensitivity that keep a budget of messages"


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands `compare` and `tune` to a command line. They read files."""
    for name, text in (("compare", COMPARE_HELP), ("tune", TUNE_HELP)):
        command = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}. Reads CSV files, or folders of them. Incidents are injected "
            "into copies of series without labels.",
        )
        command.add_argument(
            "data", nargs="+", metavar="PATH", help="a CSV file (.csv or .csv.gz), or a folder of them"
        )
        add_options(command, name)
        files.add_options(command)


def add_options(command: argparse.ArgumentParser, name: str) -> None:
    """Add the options of `compare` or `tune` that do not depend on the source of the series."""
    if name == "tune":
        command.add_argument(
            "--budget", type=float, required=True, metavar="MESSAGES", help="messages per week over all series together"
        )
    command.add_argument(
        "--detector",
        action="append",
        metavar="SPEC",
        help='a method with parameters; "sigma multiplier=3,4" is two detectors; repeatable (default: all methods)',
    )
    command.add_argument(
        "--out", type=Path, default=Path(f"var/{name}"), help="folder for the results (default: %(default)s)"
    )
    command.add_argument(
        "--seed", type=at_least(0), default=0, help="seed of the injected incidents (default: %(default)s)"
    )
    command.add_argument(
        "--warmup",
        type=at_least(0, float),
        metavar="DAYS",
        help="days at the start that are not scored (default: half of the series, at most 14)",
    )
    command.add_argument(
        "--copies", type=int, help="copies of each series without labels (default: enough for every kind of incident)"
    )
    command.add_argument("--workers", type=at_least(1), help="number of processes (default: one per core)")
    if name == "compare":
        command.add_argument(
            "--plots", type=at_least(0), default=12, help="number of series drawn in the report (default: %(default)s)"
        )
        command.add_argument(
            "--point-adjusted", action="store_true", help="also show the point-adjusted F1, as papers report it"
        )


def at_least(least: int, kind: type[int] | type[float] = int) -> Callable[[str], float]:
    """Return an argparse type: a finite number (an integer if `kind` is int) of at least `least`."""

    def parse(text: str) -> float:
        try:
            number = kind(text)
        except ValueError:
            number = math.nan
        if not least <= number < math.inf:
            raise argparse.ArgumentTypeError(f"{text!r} is not a {'whole ' * (kind is int)}number of at least {least}")
        return number

    return parse


def run(options: argparse.Namespace) -> int:
    """Run `compare` or `tune` on files. Returns the exit code: 1 if no detector was ranked or keeps the budget."""
    from detectors.lab.readers import collect

    paths = [str(path) for path in options.data]
    series = collect(paths, layout=files.layout(options), file_format=files.file_format(options))
    files.say(series)
    return compare(options, series) if options.command == "compare" else tune(options, series)


def compare(options: argparse.Namespace, series: Sequence[Series]) -> int:
    """Compare, write the files and print the table. Returns the exit code."""
    from detectors.lab.compare import compare as run_compare
    from detectors.lab.report import write_report

    comparison = run_compare(list(series), **_common(options), point_adjusted=options.point_adjusted)
    comparison.write(options.out)
    report = write_report(comparison, options.out, plots=options.plots, workers=options.workers)
    print(comparison_text(comparison))
    print(f"\n{report}")
    return 0 if comparison.rows else 1


def tune(options: argparse.Namespace, series: Sequence[Series]) -> int:
    """Tune and print the choice, its messages and its settings. Returns the exit code."""
    tuning = run_tune(options, series)
    print(tuning_text(tuning))
    return 0 if tuning.best else 1


def run_tune(options: argparse.Namespace, series: Sequence[Series], recovery: int | None = None) -> Tuning:
    """Tune with the options of the command line."""
    from detectors.lab.tune import tune

    return tune(list(series), options.budget, **_common(options), recovery=recovery)


def _common(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "detectors": options.detector,
        "seed": options.seed,
        "warmup_days": options.warmup,
        "copies": options.copies,
        "workers": options.workers,
        "out": options.out,
    }


def comparison_text(comparison: Comparison) -> str:
    """Return the table of a comparison as text."""
    heads = ["detector", "event F1 [95 %]", "VUS-PR [95 %]", "recall", "precision", "false/week", "delay min",
             "repeats", "echoes", "s/10k points", "like the best"]  # fmt: skip
    costs = {row["detector"]: row["seconds_per_10000_points"] for row in comparison.costs()}
    lines = [
        [
            row.candidate,
            _estimate(row.f1, row.f1_interval),
            _estimate(row.vus, row.vus_interval),
            _number(row.recall),
            _number(row.precision),
            _number(row.false_per_week),
            _number(row.delay_minutes, 0),
            str(row.repeats),
            str(row.echoes),
            _number(costs[row.candidate], 3),
            "-" if math.isnan(row.behind[0]) else "yes" if row.like_the_best else "no",
            *([_number(row.adjusted_f1)] if comparison.point_adjusted else []),
        ]
        for row in comparison.rows
    ]
    events = comparison.rows[0].events if comparison.rows else 0
    detecting, scoring = (
        sum(row[f"{what}_seconds"] for row in comparison.costs()) for what in ("detecting", "scoring")
    )
    return "\n".join(
        [
            f"{comparison.origin['series']} series, {comparison.origin['points']} points, {events} incidents "
            f"({comparison.origin['labels']}); false/week is of one series",
            _table([*heads, *(["adjusted F1"] if comparison.point_adjusted else [])], lines),
            comparison.verdict,
            *remarks(comparison.series, list(comparison.candidates.values()), comparison.failures),
            *filter(
                None,
                (judged_text(row.candidate, row.judged_share) for row in comparison.rows),
            ),
            _origin(comparison.origin),
            f"CPU time: {detecting:.1f} s in the detectors, {scoring:.1f} s in scoring",
            *(f"not ranked, {name}: {why}" for name, why in comparison.failures.items()),
        ]
    )


def tuning_text(tuning: Tuning) -> str:
    """Return the result of tuning as text: choices, messages with dates, and sections of luigi.cfg."""
    if tuning.best is None:
        return choices_text(tuning)
    return "\n".join([choices_text(tuning), "", messages_text(tuning), "", settings_text(tuning)])


def settings_text(tuning: Tuning) -> str:
    """Return how to use the best choice: sections of luigi.cfg for slots of 15 minutes, otherwise Python."""
    assert tuning.best is not None
    if tuning.is_for_alerts:
        return f"For luigi.cfg:\n\n{tuning.config().rstrip()}"
    made = dict.fromkeys(tuning.best.candidate.code(item) for item in tuning.series)
    return "\n".join(
        ["There is no section for luigi.cfg, because the alerts judge slots of 15 minutes. In Python:", "", *made]
    )


def choices_text(tuning: Tuning) -> str:
    """Return the choices as a table, and an assessment of the best."""
    from detectors.lab.ranking import FEWEST_SERIES

    first, cut = tuning.cuts[0]
    example = tuning.series[0]
    start, middle, end = (example.moment(column) for column in (first, cut, example.values.size))
    lines = [
        f"{len(tuning.series)} series, {example.moment(0):%Y-%m-%d} to {end:%Y-%m-%d} ({example.zone})"
        + (" for the first of them" if len({(s.start, s.values.size) for s in tuning.series}) > 1 else ""),
        f"Chosen on {start:%Y-%m-%d} to {middle:%Y-%m-%d}, validated after that; the days before are warm-up.",
        f"Budget: {tuning.budget:g} messages a week over all series; "
        "series that open at the same time share a message.",
        _origin(tuning.origin),
    ]
    if tuning.choices:
        rows = [[str(c.candidate), *_part(c.earlier), *_part(c.later)] for c in tuning.choices]
        heads = ["detector", "messages/week", "recall", "later: messages/week", "recall"]
        lines += ["", _table(heads, rows)]
    lines += remarks(tuning.series, [choice.candidate for choice in tuning.choices], tuning.failures)
    lines += [text for choice in tuning.choices if (text := judged_text(str(choice.candidate), choice.judged))]
    lines += [f"over the budget or failed, {name}: {why}" for name, why in tuning.failures.items()]
    best = tuning.best
    if best is None:
        return "\n".join([*lines, "", f"The budget of {tuning.budget:g} messages a week cannot be met: raise it."])
    lines += ["", f"Chosen: {best.candidate}."]
    if tuning.alike:
        lines.append(f"Not different from it in recall: {', '.join(tuning.alike)}.")
    elif len(tuning.series) < FEWEST_SERIES and len(tuning.choices) > 1:
        lines.append("There are too few series for a test of significance: the order of recall is only a hint.")
    if best.later.per_week > tuning.budget:
        lines.append(
            f"On the later part it sends {best.later.per_week:.1f} messages a week, MORE than the budget: expect this "
            "rate, or set a smaller budget."
        )
    return "\n".join(lines)


def judged_text(name: str, share: float) -> str:
    """Return a warning if a method judged less than half of the values; otherwise an empty text."""
    if share >= FEW:
        return ""
    return (
        f"WARNING: {name} judged only {share:.0%} of the scored values, the others have too little history for it: its "
        "recall and its noise look smaller than they are"
    )


def messages_text(tuning: Tuning) -> str:
    """Return the messages of the best choice with their dates."""
    lines = [f"It would have sent {len(tuning.messages)} messages:"]
    for message in tuning.messages:
        lines.append(f"{message.moment:%a %Y-%m-%d %H:%M}")
        lines += [
            f"    {line.series}: {_value(line.value)}, expected {_value(line.expected)} "
            f"({_value(line.lower)} to {_value(line.upper)}); last anomalous {line.last:%a %H:%M}"
            for line in message.lines
        ]
    return "\n".join(lines)


def _origin(origin: Mapping[str, Any]) -> str:
    """Describe the data, the seed and the versions, which together with the command reproduce a run."""
    versions = ", ".join(f"{package} {version}" for package, version in origin["versions"].items())
    return f"Data {origin['data'][:16]}, seed {origin['seed']}, copies {origin['copies']}; {versions}"


def _part(part: Part) -> tuple[str, str]:
    return f"{part.per_week:.1f}", f"{_number(part.recall)} ({part.caught}/{part.incidents})"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = []
    for row in (heads, *rows):
        cells = [
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _estimate(value: float, ends: tuple[float, float]) -> str:
    return _number(value) + ("" if math.isnan(ends[0]) else f" [{ends[0]:.2f}, {ends[1]:.2f}]")


def _number(value: float, digits: int = 2) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _value(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
