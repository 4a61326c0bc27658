"""From an incident to what `reporting.alerts.model` composes: the living message, and the replies to it."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import numpy as np

from pipeline.alerts.detection.checks import batches
from pipeline.alerts.detection.monitors import Monitor
from pipeline.alerts.evaluation import SlotState
from pipeline.alerts.incidents.actions import KINDS, MUTE, Action, button
from pipeline.alerts.incidents.incident import Incident, Member, NoticeKind
from pipeline.alerts.root_cause.explanation import Explanation
from pipeline.core import clock, dimensions, settings
from pipeline.core.metrics import BY_NAME
from pipeline.slots.series import Array, Part, Series
from pipeline.warehouse.source import source

if TYPE_CHECKING:
    from reporting import alerts
    from reporting.causes import Cause, RatioSplit
    from reporting.message import Message

DRAWN_SLOTS = clock.SLOTS_A_DAY  # the last day
MOST_SHOWN = 6
"""Of an incident of more metrics or slices those are shown that deviate furthest."""


def message_key(incident: Incident) -> str:
    """What an incident's message is called: ``alert-2026-11-01T1015Z-views``."""
    metric, _, opened = incident.incident_id.partition(":")
    return f"alert-{opened}Z-{metric}"


def compose_post(
    incident: Incident, moment: SlotState, explanation: Explanation | None, actions: Sequence[Action]
) -> "Message":
    """The living message as it should read now."""
    from reporting import alerts

    return alerts.compose(_alert(incident, "edit", moment, explanation, actions), settings.ReportSettings().language)


def compose_reply(
    incident: Incident, kind: NoticeKind, moment: SlotState, explanation: Explanation | None, actions: Sequence[Action]
) -> "Message":
    """A reply to the living message: that it is over, much worse, or still silent."""
    from reporting import alerts

    return alerts.compose_reply(
        _alert(incident, kind, moment, explanation, actions), settings.ReportSettings().language
    )


def _alert(
    incident: Incident, kind: NoticeKind, moment: SlotState, explanation: Explanation | None, actions: Sequence[Action]
) -> "alerts.Alert":
    from reporting import alerts

    series = moment.series
    end = series.slot + clock.SLOT
    shown = [member for member in incident.shown if member.part in moment.checks]
    shown = sorted(shown, key=lambda member: -abs(member.worst))[:MOST_SHOWN]
    bands = _bands(series, [member.part for member in shown], moment)
    status = _status(incident)
    since = incident.silent_since or incident.opened
    return alerts.Alert(
        slot_start=clock.to_local(series.slot),
        slot_end=clock.to_local(end),
        metrics=[_figures(incident, member, moment, bands[member.part]) for member in shown],
        links=_links([moment.watched[member.metric] for member in shown], incident.opened, end),
        key=message_key(incident),
        status=status,
        since=clock.to_local(since if status == "no_data" else incident.opened),
        until=clock.to_local(incident.last_anomaly + clock.SLOT) if incident.ended else None,
        source=_source(incident) if status in ("no_data", "data_late") else "",
        causes=cause_of(explanation),
        splits=split_of(explanation),
        losses=_losses(incident) if status != "data_late" else (),
        handled=[_handled(action) for action in actions],
        buttons=[(kind, button(kind, incident)) for kind in KINDS] if not incident.ended else (),
        mute=MUTE,
    )


def _status(incident: Incident) -> "alerts.Status":
    if incident.mark == "false alarm":
        return "false_alarm"
    if incident.ended:
        return {"new normal": "new_normal", "late data": "data_late"}.get(incident.outcome, "recovered")  # type: ignore[return-value]
    if incident.silent_since is not None:
        return "no_data"
    return "growing" if incident.notified else "opened"


def _source(incident: Incident) -> str:
    tables = {BY_NAME[member.metric].table for member in incident.members}
    return ", ".join(sorted(source().table(table).partition(".")[2] for table in tables))


def _figures(
    incident: Incident, member: Member, moment: SlotState, band: tuple[Array, Array, Array]
) -> "alerts.AlertMetric":
    from reporting import alerts

    series, check = moment.series, moment.checks[member.part]
    language = settings.ReportSettings().language
    row = series.parts.index(member.part)
    drawn = [series.slot - back * clock.SLOT for back in range(DRAWN_SLOTS - 1, -1, -1)]
    over = incident.ended or member.good_slots > 0
    state: alerts.State = "ended" if over else "ongoing" if incident.notified else "opened"
    expected, lower, upper = (series.in_real_time(array, DRAWN_SLOTS) for array in band)
    part = "" if member.part.is_total else f"{dimensions.label(member.dimension, language)} {member.value}"
    return alerts.AlertMetric(
        name=member.metric,
        label=BY_NAME[member.metric].label_in(language),
        kind=BY_NAME[member.metric].format,
        state=state,
        value=check.value,
        expected=check.expected,
        lower=check.lower,
        upper=check.upper,
        since=clock.to_local(member.since),
        until=clock.to_local(member.last + clock.SLOT) if over else None,
        times=[clock.to_local(slot) for slot in drawn],
        values=series.in_real_time(series.values[row], DRAWN_SLOTS),
        band_expected=expected,
        band_lower=lower,
        band_upper=upper,
        detector=check.detector,
        part=part,
        worst_at=clock.to_local(member.worst_at) if member.worst_at else None,
        worst_value=member.worst_value,
        worst_expected=member.worst_expected,
    )


def _bands(series: Series, parts: Sequence[Part], moment: SlotState) -> dict[Part, tuple[Array, Array, Array]]:
    """Expected, lower and upper of every column, in the units of the part."""
    found = {}
    for block in batches(series, list(moment.watched.values()), moment.adjustments, only=parts):
        bounds = block.detector.detect(block.values, block.denominators)
        for row, (part, window) in enumerate(block.keys):
            if window == 1:
                is_share = not part.is_total and BY_NAME[part.metric].kind == "count"
                scale = block.denominators[row] if is_share and block.denominators is not None else 1.0
                arrays = (bounds.expected, bounds.lower, bounds.upper)
                expected, lower, upper = (_padded(array[row] * scale, series) for array in arrays)
                found[part] = (expected, lower, upper)
    return found


def _padded(row: Array, series: Series) -> Array:
    """A row of the newest columns as one of all columns: slices are judged by fewer."""
    return np.concatenate([np.full(series.numerators.shape[1] - len(row), np.nan), row])


def cause_of(explanation: Explanation | None) -> "list[Cause]":
    """The cause to tell; none if no slices were searched."""
    from reporting.causes import Cause

    if explanation is None or not explanation.is_sliced:
        return []
    language = settings.ReportSettings().language
    metric = BY_NAME[explanation.metric].label_in(language)
    cause = explanation.cause
    if cause is None:
        return [Cause(metric=metric)]
    named = [value or dimensions.UNKNOWN for value in cause.values]
    return [Cause(dimensions.label(cause.dimension, language), named, cause.explained, metric)]


def split_of(explanation: Explanation | None) -> "list[RatioSplit]":
    """How the two sides of a ratio moved; none for a count."""
    from reporting.causes import RatioSplit

    if explanation is None or explanation.ratio is None:
        return []
    language = settings.ReportSettings().language
    metric = BY_NAME[explanation.metric]
    label, numerator, denominator = (one.label_in(language) for one in (metric, *metric.sides))
    change = explanation.ratio
    return [RatioSplit(label, numerator, denominator, change.numerator, change.denominator, change.mix)]


def _losses(incident: Incident) -> "list[alerts.Loss]":
    from reporting import alerts

    language = settings.ReportSettings().language
    whole = {member.metric for member in incident.totals}
    excess: dict[str, float] = {}
    for member in incident.members:
        lost = BY_NAME[member.metric].cost
        # Slices overlap: if no total deviates, the slice that lost most stands for the metric.
        counts = member.part.is_total or member.metric not in whole
        if lost and counts and abs(member.excess) > abs(excess.get(lost.name, 0.0)):
            excess[lost.name] = member.excess
    return [alerts.Loss(BY_NAME[name].label_in(language), amount) for name, amount in excess.items()]


def _handled(action: Action) -> "alerts.Handling":
    from reporting import alerts

    until = clock.to_local(action.at + MUTE) if action.kind == "mute" else None
    return alerts.Handling(action.kind, action.person, clock.to_local(action.at), until)


def _links(watched: Sequence[Monitor], since: datetime, end: datetime) -> list[tuple[str, str]]:
    times = {
        name: quote(f"{clock.to_local(moment):%Y-%m-%d %H:%M}") for name, moment in (("start", since), ("end", end))
    }
    links = {}
    for watch in watched:
        for template in watch.settings.links:
            url = template.format(**times)
            links[url] = urlsplit(url).netloc or url
    return [(label, url) for url, label in links.items()]
