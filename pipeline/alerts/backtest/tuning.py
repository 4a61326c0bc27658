"""``feedpulse compare | tune``: the detectors' lab on the warehouse's own history of the metrics.

What `tune` chooses is then replayed through the alerts themselves, slices and incidents of several metrics included,
and its band widened where those would send more than the budget: what it lists is what `replay` lists.
"""

import argparse
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from datetime import timedelta
from typing import cast

import numpy as np
from luigi.configuration import LuigiConfigParser, get_config

from detectors import DetectorError
from detectors.lab import cli
from detectors.lab.candidates import Candidate, config
from detectors.lab.series import Series
from detectors.lab.tune import Tuning
from pipeline.alerts.backtest import replay
from pipeline.alerts.detection.monitors import monitors
from pipeline.core import clock, overrides, settings
from pipeline.core.errors import SettingsError
from pipeline.slots import history
from pipeline.slots.series import Part

DAY = timedelta(days=1)
ATTEMPTS = 6
WIDER = 1.25


def compare(options: argparse.Namespace) -> int:
    """Compare detectors on the metrics' history."""
    settings.check()
    with _errors():
        return cli.compare(options, read(options.days))


def tune(options: argparse.Namespace) -> int:
    """Choose a detector and its sensitivity by the messages that it would have sent."""
    settings.check()
    with _errors():
        found = cli.run_tune(options, read(options.days), settings.AlertSettings().recovery_slots)
        print(cli.choices_text(found))
        return 0 if found.best and _confirm(found, found.best.candidate) else 1


def _confirm(found: Tuning, candidate: Candidate) -> bool:
    """Replay the choice through the alerts, widen its band to the budget, print its messages and what to paste."""
    for _ in range(ATTEMPTS):
        sections = config(candidate, found.series)
        played = _play(found, sections)
        if played.messages_a_week <= found.budget:
            break
        print(
            f"As {candidate} the alerts would send {played.messages_a_week:.1f} messages a week: a wider band, which "
            "catches less than the table says."
        )
        candidate = candidate.scaled(WIDER)
    else:
        print(
            f"The alerts send more than {found.budget:g} messages a week with a band as wide as that of {candidate}: "
            "raise the budget."
        )
        return False
    print(
        f"\nAs {candidate} the alerts would have sent {len(played.heard)} messages in {played.days} days, "
        f"{played.messages_a_week:.1f} a week; replies are counted:"
    )
    for heard in played.heard:
        at = clock.to_local(heard.slot + clock.SLOT)
        shown = ", ".join(f"{name(member.part)} {member.worst:+.0%}" for member in heard.incident.shown)
        print(f"{at:%a %Y-%m-%d %H:%M}  {heard.kind}: {shown}")
    print(f"\nFor luigi.cfg:\n\n{sections.rstrip()}")
    return True


def name(part: Part) -> str:
    """A metric, or a slice of it, in a line."""
    return part.metric if part.is_total else f"{part.metric} ({part.dimension} {part.value})"


def _play(found: Tuning, sections: str) -> replay.Replayed:
    """Play the whole days of the scored history by our settings, but with these detectors."""
    chosen = ConfigParser(interpolation=None)
    chosen.read_string(sections)
    configuration = cast(LuigiConfigParser, get_config())
    sections_now = [one for one in configuration.sections() if one in overrides.OVERRIDDEN or one.startswith("metric.")]
    ours = {one: dict(configuration.items(one, raw=True)) for one in sections_now}
    for options in ours.values():
        options.pop("detector", None)
        options.pop("detector_params", None)
    for section in chosen.sections():
        ours.setdefault(section, {}).update(chosen[section])
    first = max(series.moment(cut) for series, (cut, _) in zip(found.series, found.cuts, strict=True)).date()
    last = min(series.moment(series.values.size - 1) for series in found.series).date()
    with overrides.overridden(ours):
        return replay.play(first + DAY, min(last, clock.yesterday()), "tune")


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
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
    watched = monitors()
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
            f"no slot of the {days} days before {slot:%Y-%m-%d %H:%M} (UTC) is measured: run `feedpulse run Alerts` "
            f"first, it measures the last {settings.AlertSettings().history_days} days."
        )
    return series
