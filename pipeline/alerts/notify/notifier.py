"""Incidents told: which message is posted, edited or answered, and sent once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.alerts.evaluation import Evaluation
from pipeline.alerts.incidents import actions, calendar, rules
from pipeline.alerts.incidents.incident import Incident, NoticeKind
from pipeline.alerts.incidents.policy import notice
from pipeline.core import clock
from pipeline.warehouse.delivery_log import TableDeliveryLog
from reporting import delivery
from reporting.delivery import Delivered

if TYPE_CHECKING:
    from pipeline.alerts.root_cause.adtributor import Slices
    from pipeline.alerts.root_cause.explanation import Explanation
    from reporting.channels.base import Channel
    from reporting.message import Message


@dataclass(frozen=True)
class Notified:
    """What came of telling.

    Attributes
    ----------
    incidents : list of Incident
        As people know of them now.
    link : str
        Where to look at the last message; '' if there is no such address.
    refusals : list of Exception
        Of addresses that would not take what others took.
    """

    incidents: list[Incident]
    link: str
    refusals: list[Exception]


def notify(judgement: Evaluation, to: "Mapping[str, Channel]", *, may_alarm: bool) -> Notified:
    """Tell people what there is to tell of a slot.

    Parameters
    ----------
    judgement : Judgement
        The slot.
    to : mapping of str to Channel
        Who.
    may_alarm : bool
        Whether the slot is fresh enough to call anybody.

    Raises
    ------
    reporting.errors.ReportingError
        If something reached nobody: it is to be told again.
    """
    slot = judgement.moment.series.slot
    now = max(clock.utcnow(), slot + clock.SLOT)
    may_alarm = may_alarm and not calendar.is_quiet(slot)
    after: list[Incident] = []
    done: list[Delivered] = []
    for incident in judgement.incidents:
        is_muted = actions.is_muted(incident, judgement.actions, [*judgement.recent, *judgement.incidents], now)
        may_call = may_alarm and not is_muted
        kind = notice(incident, slot, rules.current_rules(), may_alarm=may_call)
        if is_muted and kind == "close":
            kind = "edit"
        done += _tell(incident, kind, judgement, to, may_call=may_call)
        after.append(incident.told(kind))
    for incident in judgement.corrected:
        if incident.notified:
            done.append(show(incident, judgement, to))
        after.append(incident)
    links = [delivered.link for delivered in done if delivered.link]
    return Notified(
        after, links[-1] if links else "", [refusal for delivered in done for refusal in delivered.refusals]
    )


def show(incident: Incident, judgement: Evaluation, to: "Mapping[str, Channel]") -> Delivered:
    """Edit an incident's message to what is known now."""
    return delivery.edit(_message(incident, judgement), to, TableDeliveryLog())


def _tell(
    incident: Incident, kind: NoticeKind, judgement: Evaluation, to: "Mapping[str, Channel]", *, may_call: bool
) -> list[Delivered]:
    if not kind:
        return []
    from pipeline.alerts.notify import compose

    message, log = _message(incident, judgement), TableDeliveryLog()
    if kind == "post":
        return [delivery.offer(message, to, log)]
    # An address that refused the post gets it while the incident goes on.
    done = [delivery.offer(message, to, log)] if may_call and not incident.ended else []
    done.append(delivery.edit(message, to, log))
    if kind in ("close", "worse", "still silent"):
        said = judgement.actions.get(incident.incident_id, ())
        answer = compose.compose_reply(incident, kind, judgement.moment, _explain(incident, judgement), said)
        done.append(delivery.reply(answer, compose.message_key(incident), to, log))
    return done


def _message(incident: Incident, judgement: Evaluation) -> "Message":
    from pipeline.alerts.notify import compose

    said = judgement.actions.get(incident.incident_id, ())
    return compose.compose_post(incident, judgement.moment, _explain(incident, judgement), said)


def _explain(incident: Incident, judgement: Evaluation) -> "Explanation | None":
    from pipeline.alerts.root_cause import explanation

    if incident.silent_since is not None or incident.outcome == "late data":
        return None
    return explanation.explain(judgement.moment.series, incident, judgement.moment.checks, wider(incident, judgement))


def wider(incident: Incident, judgement: Evaluation) -> "dict[str, list[Slices]]":
    """The dimensions that are not kept by slot, from raw events."""
    from pipeline.alerts.root_cause import raw_slices

    return raw_slices.read(incident, judgement.moment.series.slot)
