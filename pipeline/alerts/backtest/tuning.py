"""``feedpulse compare | tune``: runs the detectors' lab on the history of the metrics in the warehouse.

`tune` replays its choice through the alerts, with slices and incidents of several metrics. It widens the band until the
messages fit the budget. It lists the same messages as `replay`.
"""

import argparse
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from datetime import timedelta
from typing import cast

import numpy as np
from luigi.configuration import LuigiConfigParser, get_config

from detectors import DetectorError, Extremes
from detectors.lab import cli
from detectors.lab.candidates import Candidate, config
from detectors.lab.series import Series
from detectors.lab.tuning import Tuning
from pipeline import slots
from pipeline.alerts import detection
from pipeline.alerts.backtest import replay
from pipeline.alerts.detection.inside import inside_of, lengths
from pipeline.core import clock, overrides, settings
from pipeline.core.errors import SettingsError
from pipeline.slots import Part

DAY = timedelta(days=1)
ATTEMPTS = 6
WIDER = 1.25


def compare(options: argparse.Namespace) -> int:
    """Compare detectors on the history of the metrics."""
    settings.check()
    with _errors():
        return cli.compare(options, read(options.days))


def tune(options: argparse.Namespace) -> int:
    """Choose a detector and its sensitivity by the messages that they would have sent."""
    settings.check()
    with _errors():
        tuning = cli.run_tune(options, read(options.days), settings.AlertSettings().recovery_slots)
        print(cli.choices_text(tuning))
        return 0 if tuning.best and _confirm(tuning, tuning.best.candidate) else 1


def _confirm(tuning: Tuning, candidate: Candidate) -> bool:
    """Replay the choice through the alerts and widen its band to fit the budget. Print its messages and settings."""
    for _ in range(ATTEMPTS):
        sections = config(candidate, tuning.series)
        played = _play(tuning, sections)
        if played.messages_a_week <= tuning.budget:
            break
        print(
            f"As {candidate} the alerts would send {len(played.messages)} messages in the first {played.days} days, "
            "more than the budget has for the whole time. The band is widened, so it catches less than the table says."
        )
        candidate = candidate.scaled(WIDER)
    else:
        print(
            f"The alerts send more than {tuning.budget:g} messages a week with a band as wide as that of {candidate}: "
            "raise the budget."
        )
        return False
    print(
        f"\nAs {candidate} the alerts would have sent {len(played.messages)} messages in {played.days} days, "
        f"{played.messages_a_week:.1f} a week, including replies:"
    )
    for sent in played.messages:
        at = clock.to_local(sent.slot + clock.SLOT)
        shown = ", ".join(f"{name(member.part)} {member.worst:+.0%}" for member in sent.incident.shown)
        print(f"{at:%a %Y-%m-%d %H:%M}  {sent.kind}: {shown}")
    print(f"\nFor luigi.cfg:\n\n{sections.rstrip()}")
    return True


def name(part: Part) -> str:
    """Return the name of a metric, or of a slice of it."""
    return part.metric if part.is_total else f"{part.metric} ({part.dimension} {part.value})"


def _play(tuning: Tuning, sections: str) -> replay.Replayed:
    """Play the whole days of the scored history under the current settings, but with these detectors."""
    chosen = ConfigParser(interpolation=None)
    chosen.read_string(sections)
    configuration = cast(LuigiConfigParser, get_config())
    ours = {
        name: dict(configuration.items(name, raw=True))
        for name in configuration.sections()
        if name in overrides.OVERRIDDEN or name.startswith("metric.")
    }
    for options in ours.values():
        options.pop("detector", None)
        options.pop("detector_params", None)
    for section in chosen.sections():
        ours.setdefault(section, {}).update(chosen[section])
    first = max(series.moment(cut) for series, (cut, _) in zip(tuning.series, tuning.cuts, strict=True)).date()
    last = min(series.moment(series.values.size - 1) for series in tuning.series).date()
    with overrides.overridden(ours):
        first, last = first + DAY, min(last, clock.yesterday())
        return replay.play(first, last, "tune", most=tuning.budget * ((last - first).days + 1) / 7)


def _extremes(totals: slots.Series, part: Part, kept: slice) -> Extremes | None:
    """What is known of the inside of a total's slots."""
    length = lengths(totals).get(part.metric)
    if length is None or totals.sub_slots is None:
        return None
    return inside_of(totals.sub_slots, [part], length, {}).extremes((0, kept))


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except DetectorError as error:
        raise SettingsError(str(error)) from error


def read(days: int) -> list[Series]:
    """Read the totals of the monitored metrics, each from its first to its last measured slot.

    Parameters
    ----------
    days : int
        Maximum length of the history, which ends with the last closed slot.

    Raises
    ------
    SettingsError
        If `days` is below 1 or nothing is measured.
    """
    if days < 1:
        raise SettingsError(f"--days {days}: must be 1 or more.")
    monitors = detection.monitors()
    slot = clock.last_closed_slot()
    totals = slots.read([monitor.metric for monitor in monitors], slot, days)
    first = clock.to_local(slot).replace(tzinfo=None) - (totals.values.shape[1] - 1) * clock.SLOT
    series = []
    for monitor, values, denominators in zip(monitors, totals.values, totals.denominators, strict=True):
        # A slot that is not measured has a NaN denominator. A denominator of zero is measured.
        measured = np.flatnonzero(~np.isnan(denominators))
        if not measured.size:
            continue
        kept = slice(measured[0], measured[-1] + 1)
        series.append(
            Series(
                name=monitor.metric.name,
                values=values[kept],
                period=clock.SLOTS_A_DAY,
                start=first + int(measured[0]) * clock.SLOT,
                zone=clock.zone().key,
                denominator=denominators[kept] if monitor.metric.kind == "ratio" else None,
                direction=monitor.settings.direction,
                declared=monitor.metric.kind,
                extremes=_extremes(totals, Part(monitor.metric.name), kept),
            )
        )
    if not series:
        raise SettingsError(
            f"no slot of the {days} days before {slot:%Y-%m-%d %H:%M} (UTC) is measured: run `feedpulse run Alerts` "
            f"first; it measures the last {settings.AlertSettings().history_days} days."
        )
    return series
