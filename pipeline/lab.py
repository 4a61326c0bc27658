"""``python -m pipeline compare | tune``: the detectors' lab on the warehouse's own history of the metrics."""

import argparse

import numpy as np

from detectors import DetectorError
from detectors.lab import cli
from detectors.lab.grid import Series
from pipeline import clock, history, settings
from pipeline.checks import watches
from pipeline.errors import SettingsError

HISTORY_DAYS = 365


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `compare` and `tune` to a command line."""
    for name, text, command in (("compare", cli.COMPARE_HELP, compare), ("tune", cli.TUNE_HELP, tune)):
        parser = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}, on the warehouse's own history of [alerts] metrics.",
        )
        parser.add_argument(
            "--days", type=int, default=HISTORY_DAYS, help="of history, as far as it goes back (default: %(default)s)"
        )
        cli.add_options(parser, name)
        parser.set_defaults(command=command)


def compare(options: argparse.Namespace) -> int:
    """Compare detectors on the metrics' history."""
    return _in_the_lab(options, tuning=False)


def tune(options: argparse.Namespace) -> int:
    """Choose a detector and its sensitivity by the messages that it would have sent."""
    return _in_the_lab(options, tuning=True)


def _in_the_lab(options: argparse.Namespace, *, tuning: bool) -> int:
    settings.check()
    series = read(options.days)
    try:
        if tuning:
            return cli.tune(options, series, recovery=settings.alerts().recovery_slots)
        return cli.compare(options, series)
    except DetectorError as error:
        raise SettingsError(str(error)) from error


def read(days: int) -> list[Series]:
    """Read the watched metrics' totals up to the last closed slot, each from its first measured slot to its last.

    Raises
    ------
    SettingsError
        Nothing is measured.
    """
    if days < 1:
        raise SettingsError(f"--days {days}: must be 1 or more.")
    watched = watches()
    slot = clock.last_closed_slot()
    found = history.read([watch.metric for watch in watched], slot, days)
    first = clock.to_local(slot).replace(tzinfo=None) - (found.values.shape[1] - 1) * clock.SLOT
    series = []
    for watch, values, denominators in zip(watched, found.values, found.denominators, strict=True):
        # A ratio without a denominator is measured too: there was nothing to divide by.
        measured = np.flatnonzero(~np.isnan(denominators))
        if not measured.size:
            continue
        kept = slice(measured[0], measured[-1] + 1)
        series.append(
            Series(
                name=watch.metric.name,
                values=values[kept],
                period=clock.SLOTS_A_DAY,
                start=first + int(measured[0]) * clock.SLOT,
                zone=clock.zone().key,
                denominator=denominators[kept] if watch.metric.kind == "ratio" else None,
                direction=watch.settings.direction,
                declared=watch.metric.kind,
            )
        )
    if not series:
        raise SettingsError(
            f"no slot of the {days} days before {slot:%Y-%m-%d %H:%M} (UTC) is measured: run `luigi --module pipeline "
            f"Alerts` first, it measures the last {settings.alerts().history_days} days."
        )
    return series
