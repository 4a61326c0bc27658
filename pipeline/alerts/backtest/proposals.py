"""What a week of alerts was worth to people, and a setting that would have spared them the false ones."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import detectors
from pipeline.alerts.backtest import replay
from pipeline.alerts.backtest.replay import Replayed
from pipeline.alerts.incidents.actions import Action
from pipeline.alerts.incidents.incident import Incident
from pipeline.core import overrides, settings

REPLAYED_DAYS = 28
MONTH_DAYS = 30
SENSITIVITIES = (0.9, 0.8, 0.7, 0.6, 0.5)
"""Tried in this order: the least change that spares most of the false alarms."""


@dataclass(frozen=True)
class Change:
    """A setting that could be changed."""

    section: str
    setting: str
    value: str
    now: str


@dataclass(frozen=True)
class Effect:
    """What a change would have done."""

    change: Change
    messages_a_month: int
    confirmed: int
    missed: int


def is_confirmed(said: Sequence[Action]) -> bool:
    """Whether somebody took an incident seriously."""
    kinds = {action.kind for action in said}
    return "false_alarm" not in kinds and bool(kinds & {"acknowledge", "new_normal"})


def is_false(said: Sequence[Action]) -> bool:
    """Whether somebody called an incident a false alarm."""
    return any(action.kind == "false_alarm" for action in said)


def false_alarms(incidents: Sequence[Incident], said: Mapping[str, Sequence[Action]]) -> Counter[str]:
    """How many false alarms each metric led."""
    return Counter(one.members[0].metric for one in incidents if is_false(said.get(one.incident_id, ())))


def propose(
    incidents: Sequence[Incident], said: Mapping[str, Sequence[Action]], last: date, least: int
) -> list[Effect]:
    """For each metric with `least` false alarms or more: the least change that would have spared most of them.

    Parameters
    ----------
    incidents : sequence of Incident
        Of the last `REPLAYED_DAYS` days.
    said : mapping
        What people said of them.
    last : date
        The last day; those before are played with each setting that is tried.
    least : int
        So many false alarms of a metric are worth a change.
    """
    confirmed = [one for one in incidents if is_confirmed(said.get(one.incident_id, ()))]
    often = [metric for metric, count in false_alarms(incidents, said).items() if count >= least]
    if not often:
        return []
    first = last - timedelta(days=REPLAYED_DAYS - 1)
    replay.measure_history(first, last)
    ours = replay.play(first, last, "luigi.cfg")
    found = []
    for metric in often:
        false = [
            one for one in incidents if one.members[0].metric == metric and is_false(said.get(one.incident_id, ()))
        ]
        for change in _changes(metric):
            theirs = _played(change, first, last)
            spared = sum(not replay.overlaps(one, theirs.incidents) for one in false)
            missed = sum(not replay.overlaps(one, theirs.incidents) for one in confirmed)
            if 2 * spared > len(false) and not missed:
                fewer = (len(theirs.heard) - len(ours.heard)) * MONTH_DAYS / REPLAYED_DAYS
                found.append(Effect(change, round(fewer), len(confirmed), missed))
                break
    return found


def _changes(metric: str) -> Iterator[Change]:
    chosen = settings.metric(metric)
    section = f"metric.{metric}"
    now = settings.options(section).get("detector_params", "")
    if any(field.name == "sensitivity" for field in dataclasses.fields(detectors.find(chosen.detector))):
        usual = float(chosen.detector_params.get("sensitivity", 1.0))
        for factor in SENSITIVITIES:
            changed = {**chosen.detector_params, "sensitivity": round(usual * factor, 3)}
            yield Change(section, "detector_params", json.dumps(changed), now)


def _played(change: Change, first: date, last: date) -> Replayed:
    sections = {name: settings.options(name) for name in ("alerts", "calendar", *settings.metric_sections())}
    own = sections.setdefault(change.section, {})
    # Parameters belong to the method that they were written for: it is named beside them.
    own.setdefault("detector", settings.metric(change.section.removeprefix("metric.")).detector)
    own[change.setting] = change.value
    with overrides.overridden({name: options for name, options in sections.items() if options}):
        return replay.play(first, last, change.value)
