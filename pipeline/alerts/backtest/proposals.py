"""Which alerts people confirmed or rejected, and a setting that would have avoided the false ones."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import detectors
from pipeline.alerts.backtest import replay
from pipeline.alerts.backtest.replay import Replayed
from pipeline.alerts.incidents import Incident
from pipeline.alerts.incidents.actions import Action
from pipeline.core import overrides, settings

REPLAYED_DAYS = 28
MONTH_DAYS = 30
SENSITIVITIES = (0.9, 0.8, 0.7, 0.6, 0.5)
"""Tried in this order: the smallest change that avoids most of the false alarms is proposed."""


@dataclass(frozen=True)
class Change:
    """A change of one setting."""

    section: str
    setting: str
    value: str
    now: str


@dataclass(frozen=True)
class Effect:
    """The effect that a change would have had."""

    change: Change
    messages_a_month: int
    confirmed: int
    missed: int


def is_confirmed(pressed: Sequence[Action]) -> bool:
    """Whether somebody acknowledged an incident or declared it the new normal, and nobody called it false."""
    kinds = {action.kind for action in pressed}
    return "false_alarm" not in kinds and bool(kinds & {"acknowledge", "new_normal"})


def is_false(pressed: Sequence[Action]) -> bool:
    """Whether somebody called an incident a false alarm."""
    return any(action.kind == "false_alarm" for action in pressed)


def false_alarms(incidents: Sequence[Incident], actions: Mapping[str, Sequence[Action]]) -> Counter[str]:
    """Count the false alarms by the metric that each began with."""
    return Counter(
        incident.members[0].metric for incident in incidents if is_false(actions.get(incident.incident_id, ()))
    )


def propose(
    incidents: Sequence[Incident], actions: Mapping[str, Sequence[Action]], last: date, least: int
) -> list[Effect]:
    """Propose, for each metric with `least` false alarms or more, the smallest change that avoids most of them.

    Parameters
    ----------
    incidents : sequence of Incident
        Of the last `REPLAYED_DAYS` days.
    actions : mapping
        What people said of them, by incident.
    last : date
        The last of the days that are played with each setting that is tried.
    least : int
        The number of false alarms of a metric from which on a change is proposed.
    """
    confirmed = [incident for incident in incidents if is_confirmed(actions.get(incident.incident_id, ()))]
    false = [incident for incident in incidents if is_false(actions.get(incident.incident_id, ()))]
    often = [metric for metric, count in false_alarms(incidents, actions).items() if count >= least]
    if not often:
        return []
    first = last - timedelta(days=REPLAYED_DAYS - 1)
    replay.measure_history(first, last)
    ours = replay.play(first, last, "luigi.cfg")
    effects = []
    for metric in often:
        of_metric = [incident for incident in false if incident.members[0].metric == metric]
        for change in _changes(metric):
            theirs = _play(change, first, last)
            avoided = sum(not replay.overlaps(incident, theirs.incidents) for incident in of_metric)
            missed = sum(not replay.overlaps(incident, theirs.incidents) for incident in confirmed)
            if 2 * avoided > len(of_metric) and not missed:
                fewer = (len(theirs.messages) - len(ours.messages)) * MONTH_DAYS / REPLAYED_DAYS
                effects.append(Effect(change, round(fewer), len(confirmed), missed))
                break
    return effects


def _changes(metric: str) -> Iterator[Change]:
    chosen = settings.metric(metric)
    section = f"metric.{metric}"
    now = settings.options(section).get("detector_params", "")
    if any(field.name == "sensitivity" for field in dataclasses.fields(detectors.find(chosen.detector))):
        usual = float(chosen.detector_params.get("sensitivity", 1.0))
        for factor in SENSITIVITIES:
            changed = {**chosen.detector_params, "sensitivity": round(usual * factor, 3)}
            yield Change(section, "detector_params", json.dumps(changed), now)


def _play(change: Change, first: date, last: date) -> Replayed:
    sections = {name: settings.options(name) for name in ("alerts", "calendar", *settings.metric_sections())}
    own = sections.setdefault(change.section, {})
    # Parameters are those of one method, so the section must name the method too.
    own.setdefault("detector", settings.metric(change.section.removeprefix("metric.")).detector)
    own[change.setting] = change.value
    with overrides.overridden({name: options for name, options in sections.items() if options}):
        return replay.play(first, last, change.value)
