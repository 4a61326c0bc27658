"""From incidents to the message of a slot: the figures, pictures' history and links that `reporting` composes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from pipeline import clock, settings
from pipeline.checks import Check, Watch
from pipeline.history import Series
from pipeline.incidents import Incident

if TYPE_CHECKING:
    from reporting import alert
    from reporting.message import Message

DRAWN_SLOTS = clock.SLOTS_A_DAY  # the last day


def compose_alert(
    incidents: Sequence[Incident],
    news: Sequence[Incident],
    checks: Mapping[str, Check],
    series: Series,
    watched: Mapping[str, Watch],
) -> "Message":
    """Compose the ONE message of a slot.

    Parameters
    ----------
    incidents : sequence of Incident
        All that are open or have just ended; those that people know of give the context.
    news : sequence of Incident
        Those of them that people should hear of now.
    checks, watched : mapping
        The slot's check and the watch of each metric.
    series : Series
        Their history, the slot last.
    """
    from reporting import alert

    shown = [item for item in incidents if item in news or (item.notified and item.last_anomaly == series.slot)]
    figures = [_figures(item, item in news, checks[item.metric], series, watched[item.metric]) for item in shown]
    end = series.slot + clock.SLOT
    since = min(item.opened for item in shown)
    return alert.compose(
        alert.Alert(
            slot_start=clock.to_local(series.slot),
            slot_end=clock.to_local(end),
            metrics=figures,
            links=_links([watched[item.metric] for item in shown], since, end),
        ),
        settings.report().language,
    )


def _figures(incident: Incident, is_news: bool, check: Check, series: Series, watch: Watch) -> "alert.AlertMetric":
    from reporting import alert

    row = series.metrics.index(watch.metric)
    denominators = series.denominators[row] if watch.metric.kind == "ratio" else None
    bounds = watch.detector.detect(series.values[row], denominators)
    drawn = [series.slot - back * clock.SLOT for back in range(DRAWN_SLOTS - 1, -1, -1)]
    state: alert.State = "ended" if incident.ended else "opened" if is_news else "ongoing"
    return alert.AlertMetric(
        name=watch.metric.name,
        label=watch.metric.label_in(settings.report().language),
        kind=watch.metric.kind,
        state=state,
        value=check.value,
        expected=check.expected,
        lower=check.lower,
        upper=check.upper,
        since=clock.to_local(incident.opened),
        until=clock.to_local(incident.last_anomaly + clock.SLOT) if incident.ended else None,
        times=[clock.to_local(slot) for slot in drawn],
        values=series.in_real_time(series.values[row], DRAWN_SLOTS),
        band_expected=series.in_real_time(bounds.expected, DRAWN_SLOTS),
        band_lower=series.in_real_time(bounds.lower, DRAWN_SLOTS),
        band_upper=series.in_real_time(bounds.upper, DRAWN_SLOTS),
        detector=check.detector,
    )


def _links(watched: Sequence[Watch], since: datetime, end: datetime) -> list[tuple[str, str]]:
    times = {
        name: quote(f"{clock.to_local(moment):%Y-%m-%d %H:%M}") for name, moment in (("start", since), ("end", end))
    }
    links = {}
    for watch in watched:
        for template in watch.settings.links:
            url = template.format(**times)
            links[url] = urlsplit(url).netloc or url
    return [(label, url) for url, label in links.items()]
