"""Delivers notices: posts, edits or replies, each once per address."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from pipeline.alerts import evaluation
from pipeline.alerts.evaluation import Evaluation
from pipeline.alerts.incidents import Notice, Rules, State
from pipeline.alerts.incidents.incident import message_key
from pipeline.alerts.notify.versions import shown_by
from pipeline.core import settings
from pipeline.warehouse.delivery_log import TableDeliveryLog
from reporting import delivery
from reporting.delivery import Channels, Delivered, Version

if TYPE_CHECKING:
    from pipeline.alerts.root_cause.explanation import Explanation
    from reporting.alerts import Alert


@dataclass(frozen=True)
class Notified:
    """The result of delivering notices.

    Attributes
    ----------
    link : str
        The web address of the last message that has one, otherwise ''.
    refusals : list of Exception
        Errors of addresses that refused a message that other addresses accepted.
    messages : int
        Notices that notified people or changed their messages.
    """

    link: str
    refusals: list[Exception]
    messages: int = 0

    @classmethod
    def of(cls, delivered: Sequence[Delivered], messages: int) -> "Notified":
        """Sum up what was delivered for some notices."""
        links = [result.link for result in delivered if result.link]
        return cls(links[-1] if links else "", [item for result in delivered for item in result.refusals], messages)


def notify_all(
    notices: Sequence[Notice], numbers: Evaluation, state: State, rules: Rules, channels: Channels
) -> Notified:
    """Explain and deliver notices. The message of an incident that ended tells its own last slot, not a later one.

    Parameters
    ----------
    notices : sequence of Notice
        The notices that are due after a slot.
    numbers : Evaluation
        The numbers of the slot.
    state : State
        The state after the slot.
    rules : Rules
        As for the check of a slot.
    channels : mapping of str to Channel
        The channels to deliver to.

    Raises
    ------
    reporting.errors.ReportingError
        As `notify`.
    """
    newest = numbers.series.slot
    by_slot: dict[datetime, list[Notice]] = {}
    for notice in notices:
        by_slot.setdefault(notice.incident.ended_at or newest, []).append(notice)
    delivered: list[Delivered] = []
    for slot, those in by_slot.items():
        own = numbers if slot == newest else evaluation.evaluate(slot, numbers.monitors, state, rules)
        delivered += _deliver(those, own, evaluation.explain(those, own), channels, newest)
    return Notified.of(delivered, len(notices))


def notify(
    notices: Sequence[Notice],
    numbers: Evaluation,
    explanations: "Mapping[str, Explanation]",
    channels: Channels,
    *,
    is_final: bool = True,
) -> Notified:
    """Compose each notice once and deliver it.

    Parameters
    ----------
    notices : sequence of Notice
        The notices that are due.
    numbers : Evaluation
        The numbers of the slot.
    explanations : mapping
        Explanations by incident id. An incident without an entry is not explained.
    channels : mapping of str to Channel
        The channels to deliver to.
    is_final : bool
        False if the slot still receives rows.

    Raises
    ------
    reporting.errors.ReportingError
        If no address accepted a message. The next run must repeat it.
    """
    delivered = _deliver(notices, numbers, explanations, channels, numbers.series.slot, is_final=is_final)
    return Notified.of(delivered, len(notices))


def _deliver(
    notices: Sequence[Notice],
    numbers: Evaluation,
    explanations: "Mapping[str, Explanation]",
    channels: Channels,
    newest: datetime,
    *,
    is_final: bool = True,
) -> list[Delivered]:
    """Compose and deliver notices from the numbers of a slot; `newest` is the slot that incidents were advanced to."""
    if not notices:
        return []
    from pipeline.alerts.notify import compose  # slow: imports the drawing

    alerts = compose.alerts(notices, numbers, explanations, is_final=is_final)
    return [
        result
        for notice, alert in zip(notices, alerts, strict=True)
        for result in deliver(notice, alert, shown_by(notice, newest), channels)
    ]


def unsent(shares: Sequence[Notice], channels: Channels) -> list[Notice]:
    """Return those of the notices "share" whose messages an address lacks; without any it asks nothing.

    An address that refused the message within the last hour is not asked again: each attempt explains and draws anew.
    """
    log, due = TableDeliveryLog(), []
    for notice in shares:
        key = message_key(notice.incident.incident_id)
        lacking = delivery.lacking(key, channels, log)
        if lacking and set(lacking) - log.tried_lately(key):
            due.append(notice)
    return due


def deliver(notice: Notice, alert: "Alert", shown: Version, channels: Channels) -> Iterable[Delivered]:
    """Post, edit or reply, as a notice asks for."""
    from reporting import alerts

    language, log = settings.ReportSettings().language, TableDeliveryLog()
    message = replace(alerts.compose(alert, language), version=shown)
    # An address that refused the post gets it later, while the incident lasts.
    if notice.kind == "post" or (notice.may_alarm and not notice.incident.ended):
        yield delivery.offer(message, channels, log)
    if notice.kind not in ("post", "share"):
        yield delivery.edit(message, channels, log)
    if notice.kind in ("close", "worse", "still silent"):
        yield delivery.reply(alerts.compose_reply(alert, language), message.key, channels, log)
