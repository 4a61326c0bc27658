"""The incidents that a morning report lists: those of its day, and those that go on."""

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from pipeline.alerts.incidents import Incident, store
from pipeline.alerts.incidents.incident import message_key
from pipeline.core import clock, settings
from pipeline.core.metrics import BY_NAME
from pipeline.warehouse.delivery_log import TableDeliveryLog
from reporting.delivery import Channels

if TYPE_CHECKING:
    from reporting import daily

_NEVER_WERE = ("late data", "wrong clock")
"""Outcomes of what was no incident."""


def of_day(day: date, alerts_to: Channels) -> "list[daily.DayIncident]":
    """Describe the incidents of a day of which people were told, and for yesterday also those that go on now.

    Parameters
    ----------
    day : datetime.date
        The reported day.
    alerts_to : mapping of str to Channel
        The channels of ``[alerts]``, whose messages are linked.
    """
    start, end = clock.day_bounds(day)
    is_newest = day == clock.yesterday()
    chosen = [
        incident
        for incident in store.load_between(start, clock.utcnow() + clock.SLOT)
        if incident.notified
        and incident.outcome not in _NEVER_WERE
        and incident.mark != "false alarm"
        and (incident.opened < end or (is_newest and not incident.ended))
        and (not incident.ended or incident.end > start)
    ]
    links = _links([message_key(incident.incident_id) for incident in chosen], alerts_to)
    return [_described(incident, links) for incident in sorted(chosen, key=lambda item: item.opened)]


def _described(incident: Incident, links: dict[str, str]) -> "daily.DayIncident":
    from pipeline.alerts.notify.compose import most_deviating, slice_name  # slow: imports the drawing
    from reporting import daily

    first, *others = most_deviating(incident.shown)
    metric, part = BY_NAME[first.metric].label_in(settings.ReportSettings().language), slice_name(first.part)
    is_of_days = incident.unit == "day"
    return daily.DayIncident(
        label=f"{metric}, {part}" if part else metric,
        worst=first.worst,
        start=clock.to_local(incident.opened),
        end=clock.to_local(incident.last_anomaly if is_of_days else incident.end) if incident.ended else None,
        others=len(others),
        is_of_days=is_of_days,
        link=links.get(message_key(incident.incident_id), ""),
    )


def _links(keys: Iterable[str], alerts_to: Channels) -> dict[str, str]:
    """The URL of each message, of the first address that has one that opens elsewhere, as that of a chat does."""
    log, links = TableDeliveryLog(), dict[str, str]()
    for key in keys:
        for name, channel in alerts_to.items():
            urls = [channel.link(address, message_id) for address, message_id in log.sent(key, name).items()]
            for url in urls:
                if url.startswith("http"):
                    links.setdefault(key, url)
    return links
