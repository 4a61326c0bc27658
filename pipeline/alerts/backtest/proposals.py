"""Counts the alerts that people confirmed or rejected, and proposes settings that would have avoided false alarms."""

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
from pipeline.alerts.incidents.actions import Action, standing
from pipeline.core import clock, overrides, settings

REPLAYED_DAYS = 28
MONTH_DAYS = 30
SENSITIVITIES = (0.9, 0.8, 0.7, 0.6, 0.5)
"""Factors to try, in this order. The smallest change that avoids most of the false alarms is proposed."""


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
    """Difference in messages per month; negative means fewer."""
    confirmed: int
    """Number of confirmed incidents."""
    missed: int
    """Number of confirmed incidents that the change would have missed."""


def is_confirmed(pressed: Sequence[Action]) -> bool:
    """Whether somebody acknowledged an incident or declared it the new normal, and nobody declared it a false alarm."""
    kinds = {action.kind for action in standing(pressed)}
    return "false_alarm" not in kinds and bool(kinds & {"acknowledge", "new_normal"})


def is_false(pressed: Sequence[Action]) -> bool:
    """Whether somebody declared an incident a false alarm."""
    return any(action.kind == "false_alarm" for action in standing(pressed))


def false_alarms(incidents: Sequence[Incident], actions: Mapping[str, Sequence[Action]]) -> Counter[str]:
    """Count the false alarms by the first metric of each incident."""
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
        Incidents that opened before the replay began are left out.
    actions : mapping
        The presses of buttons, by incident id.
    last : date
        The last day of the replay.
    least : int
        The minimum number of false alarms of a metric for a proposal.
    """
    first = last - timedelta(days=REPLAYED_DAYS - 1)
    incidents = [incident for incident in incidents if incident.opened >= clock.day_bounds(first)[0]]
    confirmed = [incident for incident in incidents if is_confirmed(actions.get(incident.incident_id, ()))]
    false = [incident for incident in incidents if is_false(actions.get(incident.incident_id, ()))]
    often = [metric for metric, count in false_alarms(incidents, actions).items() if count >= least]
    if not often:
        return []
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
                difference = (len(theirs.messages) - len(ours.messages)) * MONTH_DAYS / REPLAYED_DAYS
                effects.append(Effect(change, round(difference), len(confirmed), missed))
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
    # The parameters belong to one method, so the section must also name the method.
    own.setdefault("detector", settings.metric(change.section.removeprefix("metric.")).detector)
    own[change.setting] = change.value
    with overrides.overridden({name: options for name, options in sections.items() if options}):
        return replay.play(first, last, change.value)
