"""The life of an incident, slot by slot. Pure: states and checks in, states out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from detectors.episodes import Tracker
from pipeline.checks import Check


@dataclass(frozen=True)
class Incident:
    """One metric's stretch of anomalous slots, as of some slot."""

    incident_id: str
    """``metric:first slot``."""
    metric: str
    opened: datetime
    """Its first anomalous slot, naive UTC."""
    last_anomaly: datetime
    """Its last anomalous slot so far."""
    good_slots: int = 0
    """Good slots in a row since."""
    notified: bool = False
    """Whether people were told."""
    ended: bool = False
    """Whether enough good slots followed."""


def advance(
    open_incidents: Iterable[Incident], checks: Sequence[Check], slot: datetime, recovery: int
) -> list[Incident]:
    """Move every incident on by one slot.

    An anomaly opens an incident or keeps it open; `recovery` slots that are ok in a row end it. A slot without data or
    history says nothing: the incident stays as it is. An incident whose metric is no longer checked ends.

    Parameters
    ----------
    open_incidents : iterable of Incident
        As of the slot before.
    checks : sequence of Check
        One a metric.
    slot : datetime
        The slot of the checks, naive UTC.
    recovery : int
        How many good slots in a row end an incident.

    Returns
    -------
    list of Incident
        All that are open now or have just ended, in the order of the checks.
    """
    before = {incident.metric: incident for incident in open_incidents}
    after = []
    for check in checks:
        incident = before.pop(check.metric, None)
        flagged = check.verdict == "anomaly"
        if flagged:
            incident = incident or Incident(f"{check.metric}:{slot:%Y-%m-%dT%H%M}", check.metric, slot, slot)
            incident = replace(incident, last_anomaly=slot)
        if incident is None:
            continue
        if check.verdict in ("anomaly", "ok"):
            # The rule that ends an episode is the one that the detectors are compared by.
            episode = Tracker(gap=recovery, position=incident.good_slots + 1, count=1).step(flagged)
            good_slots = episode.position - 1 - episode.end
            incident = replace(incident, good_slots=good_slots, ended=episode.episode is None)
        after.append(incident)
    return after + [replace(incident, ended=True) for incident in before.values()]


def news(incidents: Iterable[Incident], slot: datetime) -> list[Incident]:
    """Those of the incidents that people should hear of now: anomalous and not told yet, or told and ended."""
    return [
        incident
        for incident in incidents
        if (incident.ended and incident.notified) or (incident.last_anomaly == slot and not incident.notified)
    ]
