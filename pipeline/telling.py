"""Incidents told: which message is posted, edited or answered, and sent once."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline import actions, clock, deliveries, explaining, planned, settings
from pipeline.causes import Slices
from pipeline.incidents import Incident, News, news
from pipeline.judging import Judgement

if TYPE_CHECKING:
    from reporting.channels.base import Channel


def tell(judgement: Judgement, to: "Mapping[str, Channel]", *, may_alarm: bool) -> tuple[list[Incident], str]:
    """Tell people what there is to tell of a slot.

    Parameters
    ----------
    judgement : Judgement
        The slot.
    to : mapping of str to Channel
        Who.
    may_alarm : bool
        Whether the slot is fresh enough to call anybody.

    Returns
    -------
    incidents : list of Incident
        As people know of them now.
    link : str
        Where to look at the last message; '' if there is no such address.
    """
    slot = judgement.moment.series.slot
    now = max(clock.now().replace(tzinfo=None), slot + clock.SLOT)
    may_alarm = may_alarm and not planned.is_quiet(slot)
    after, link = [], ""
    for incident in judgement.incidents:
        is_muted = actions.is_muted(incident, judgement.actions, [*judgement.recent, *judgement.incidents], now)
        kind = news(incident, slot, settings.rules(), may_alarm=may_alarm and not is_muted)
        if is_muted and kind == "close":
            kind = "edit"
        told, found = _tell(incident, kind, judgement, to)
        after.append(told)
        link = found or link
    return after, link


def show(incident: Incident, judgement: Judgement, to: "Mapping[str, Channel]") -> str:
    """Edit an incident's message to what is known now."""
    from pipeline import alerting

    explanation = _explain(incident, judgement)
    said = judgement.actions.get(incident.incident_id, ())
    message = alerting.compose_post(incident, judgement.moment, explanation, said)
    return deliveries.edit(message, to).link


def _tell(incident: Incident, kind: News, judgement: Judgement, to: "Mapping[str, Channel]") -> tuple[Incident, str]:
    if not kind:
        return incident, ""
    from pipeline import alerting

    said = judgement.actions.get(incident.incident_id, ())
    if kind == "post":
        message = alerting.compose_post(incident, judgement.moment, _explain(incident, judgement), said)
        link = deliveries.deliver(message, to).link
        return incident.told(kind), link
    link = show(incident, judgement, to)
    if kind in ("close", "worse", "still silent"):
        answer = alerting.compose_reply(incident, kind, judgement.moment, _explain(incident, judgement), said)
        link = deliveries.reply(answer, alerting.message_key(incident), to).link or link
    return incident.told(kind), link


def _explain(incident: Incident, judgement: Judgement) -> explaining.Explanation | None:
    if incident.silent_since is not None or incident.outcome == "late data":
        return None
    return explaining.explain(judgement.moment.series, incident, judgement.moment.checks, wider(incident, judgement))


def wider(incident: Incident, judgement: Judgement) -> dict[str, list[Slices]]:
    """The dimensions that are not kept by slot, from raw events."""
    from pipeline import raw_slices

    return raw_slices.read(incident, judgement.moment.series.slot)
