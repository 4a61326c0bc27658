"""Converts notices to `reporting.alerts.Alert`, plain values from which both the post and the reply are composed."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from pipeline.alerts import detection
from pipeline.alerts.detection import CheckResult, Monitor
from pipeline.alerts.detection.band import Band
from pipeline.alerts.evaluation import Evaluation
from pipeline.alerts.incidents import Incident, Notice
from pipeline.alerts.incidents.actions import MUTE, Action, ActionKind, button, offered
from pipeline.alerts.incidents.incident import Member, message_key
from pipeline.alerts.notify import drawn
from pipeline.alerts.root_cause.explanation import Explanation
from pipeline.core import clock, dimensions, settings
from pipeline.core.metrics import BY_NAME
from pipeline.slots import Part
from pipeline.warehouse.source import table_name
from pipeline.warehouse.tables import installation_id
from reporting.decoration import optional

if TYPE_CHECKING:
    from reporting.alerts import Alert, AlertMetric, Correction, Handling, Loss, State, Status
    from reporting.causes import Cause, RatioSplit

LEAST_CORRECTION = 0.05
"""The least difference between a deviation that was told and the one that late rows show, to be told."""
MOST_SHOWN = 6
"""Maximum number of members in a message. If an incident has more, those that deviate most are shown."""


def alerts(
    notices: Sequence[Notice],
    evaluation: Evaluation,
    explanations: Mapping[str, Explanation],
    *,
    is_final: bool = True,
) -> "list[Alert]":
    """Describe the incident of each notice.

    Parameters
    ----------
    notices : sequence of Notice
        The notices that are due.
    evaluation : Evaluation
        The numbers of the slot.
    explanations : mapping
        Explanations by incident id. An incident without an entry is not explained.
    is_final : bool
        False if the slot still receives rows.
    """
    shown = [_shown(notice.incident, evaluation) for notice in notices]
    parts = {member.part for members in shown for member in members}
    parts.update(part for explanation in explanations.values() for part in drawn.culprits(explanation))
    bands = optional(
        f"usual ranges in pictures of {evaluation.series.slot}",
        lambda: detection.bands(evaluation.series, evaluation.monitors, evaluation.adjustments, parts),
    )
    return [
        _alert(notice, members, evaluation, bands or {}, explanations.get(notice.incident.incident_id), is_final)
        for notice, members in zip(notices, shown, strict=True)
    ]


def _shown(incident: Incident, evaluation: Evaluation) -> list[Member]:
    """Choose the members that a message shows, first those that go on: any if none is checked any longer."""
    return most_deviating([item for item in incident.shown if item.part in evaluation.results] or incident.shown)


def most_deviating(members: Iterable[Member]) -> list[Member]:
    """Choose the members that a message has room for, first those that go on."""
    return sorted(members, key=lambda member: (member.good_slots > 0, -abs(member.worst)))[:MOST_SHOWN]


def _alert(
    notice: Notice,
    shown: Sequence[Member],
    evaluation: Evaluation,
    bands: Mapping[Part, Band],
    explanation: Explanation | None,
    is_final: bool,
) -> "Alert":
    from reporting.alerts import Alert

    incident, series = notice.incident, evaluation.series
    end = series.slot + clock.SLOT
    status = status_of(incident)
    since = incident.silent_since or incident.opened
    until = incident.last_anomaly + clock.SLOT if incident.ended else end
    key = message_key(incident.incident_id)
    causes, splits = optional(f"cause in {key}", lambda: (cause_of(explanation), split_of(explanation))) or ((), ())
    slices = optional(
        f"slices in the picture of {key}",
        lambda: drawn.culprit(explanation, incident, until, evaluation, bands),
    )
    return Alert(
        slot_start=clock.to_local(series.slot),
        slot_end=clock.to_local(end),
        metrics=[_figures(incident, member, until, evaluation, bands) for member in shown],
        links=optional(f"links in {key}", lambda: links_for(shown, evaluation.monitors, incident, until)) or (),
        key=key,
        status=status,
        since=clock.to_local(since if status == "no_data" else incident.opened),
        until=clock.to_local(until) if incident.ended else None,
        source=_source(incident) if status in ("no_data", "data_late") else "",
        causes=causes,
        splits=splits,
        losses=optional(f"losses in {key}", lambda: losses_of(incident)) or ()
        if status not in ("data_late", "withdrawn")
        else (),
        handled=[handling_of(action) for action in notice.actions],
        buttons=buttons_of(notice),
        mute=MUTE,
        late_until=clock.to_local(incident.late_until) if incident.late_until else None,
        corrections=optional(f"corrections in {key}", lambda: _corrections(incident)) or (),
        culprit=None if slices is None or slices.part in [slice_name(member.part) for member in shown] else slices,
        is_final=is_final,
    )


_ENDS: "dict[str, Status]" = {
    "new normal": "new_normal",
    "late data": "data_late",
    "wrong clock": "withdrawn",
}


def status_of(incident: Incident) -> "Status":
    """Return the status of an incident's message."""
    if incident.mark == "false alarm":
        return "false_alarm"
    if incident.ended:
        return _ENDS.get(incident.outcome, "recovered")
    if incident.silent_since is not None:
        return "no_data"
    return "growing" if incident.notified else "opened"


def _source(incident: Incident) -> str:
    kinds = {BY_NAME[member.metric].table for member in incident.members}
    return ", ".join(sorted(map(table_name, kinds)))


def _figures(
    incident: Incident, member: Member, until: datetime, evaluation: Evaluation, bands: Mapping[Part, Band]
) -> "AlertMetric":
    from reporting.alerts import AlertMetric

    result = evaluation.results.get(member.part, not_checked(member))
    language = settings.ReportSettings().language
    state = state_of(incident, member)
    return AlertMetric(
        name=member.metric,
        label=BY_NAME[member.metric].label_in(language),
        kind=BY_NAME[member.metric].format,
        state=state,
        value=result.value,
        expected=result.expected,
        lower=result.lower,
        upper=result.upper,
        since=clock.to_local(member.since),
        until=clock.to_local(member.last + clock.SLOT) if state == "ended" else None,
        part=slice_name(member.part),
        worst_at=clock.to_local(member.worst_at) if member.worst_at else None,
        worst_value=member.worst_value,
        worst_expected=member.worst_expected,
        told=member.told_change if member.told_score else math.nan,
        others=drawn.others(member.part, incident, until, evaluation),
        **_minutes(member),
        **drawn.history(member.part, evaluation, bands),
    )


def _minutes(member: Member) -> "dict[str, Any]":
    """Return what an `AlertMetric` tells of the minutes that deviate; nothing if a slot deviated as a whole."""
    if member.inside_from is None or member.inside_to is None:
        return {}
    # Counts of events add up over the slot, and ratios are equal in all of it. Of users neither holds.
    metric, share = BY_NAME[member.metric], (member.inside_to - member.inside_from) / clock.SLOT
    expected = member.slot_expected * (1.0 if metric.kind == "ratio" else share if metric.is_additive else math.nan)
    return {
        "minutes": (clock.to_local(member.inside_from), clock.to_local(member.inside_to)),
        "minutes_value": member.inside_value,
        "minutes_expected": expected,
    }


def state_of(incident: Incident, member: Member) -> "State":
    """Return whether a member is over, goes on, or is new to people. A new normal stays as it deviated."""
    if member.good_slots > 0 or (incident.ended and incident.outcome != "new normal"):
        return "ended"
    return "ongoing" if incident.notified else "opened"


def not_checked(member: Member) -> CheckResult:
    """Stand in for the result of a metric or slice that is no longer checked."""
    nan = math.nan
    return CheckResult(*member.part, "", nan, nan, nan, nan, nan, "no data", nan, nan)


def cause_of(explanation: Explanation | None) -> "list[Cause]":
    """Convert the cause of an explanation to a list of one; empty if no slices were searched."""
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
    """Convert the changes of both sides of a ratio to a list of one; empty for a count."""
    from reporting.causes import RatioSplit

    if explanation is None or explanation.ratio is None:
        return []
    language = settings.ReportSettings().language
    metric = BY_NAME[explanation.metric]
    label, numerator, denominator = (named.label_in(language) for named in (metric, *metric.sides))
    change = explanation.ratio
    return [RatioSplit(label, numerator, denominator, change.numerator, change.denominator, change.mix)]


def losses_of(incident: Incident) -> "list[Loss]":
    """Return the events that an incident lost or gained, of each count once."""
    from reporting.alerts import Loss

    language = settings.ReportSettings().language
    whole = {member.metric for member in incident.totals}
    excess: dict[str, float] = {}
    for member in incident.members:
        lost = BY_NAME[member.metric].cost
        # Slices overlap, so they cannot be added. If no total deviates, use the slice with the greatest excess.
        counts = member.part.is_total or member.metric not in whole
        if lost and counts and abs(member.excess) > abs(excess.get(lost.name, 0.0)):
            excess[lost.name] = member.excess
    return [Loss(BY_NAME[name].label_in(language), amount) for name, amount in excess.items()]


def _corrections(incident: Incident) -> "list[Correction]":
    """Compare what people were told with what is known now; a small difference is not worth a line."""
    from reporting.alerts import Correction

    language = settings.ReportSettings().language
    now = {member.part: member for member in incident.members if member.worst_at}
    made = []
    for told in sorted(incident.misjudged, key=lambda item: -abs(item.worst)):
        member = now.get(told.part)
        if abs(told.worst - (member.worst if member else 0.0)) < LEAST_CORRECTION:
            continue
        label = ", ".join(filter(None, [BY_NAME[told.metric].label_in(language), slice_name(told.part)]))
        worst = (member.worst_value, member.worst_expected) if member else (math.nan, math.nan)
        made.append(Correction(label, BY_NAME[told.metric].format, told.worst_value, told.worst_expected, *worst))
    return made


def slice_name(part: Part) -> str:
    """Name a slice for readers; '' for a total."""
    language = settings.ReportSettings().language
    return "" if part.is_total else f"{dimensions.label(part.dimension, language)} {part.value}"


def buttons_of(notice: Notice) -> list[tuple[ActionKind, str]]:
    """Return the buttons of a message, each with its data."""
    incident = notice.incident
    return [(kind, button(kind, incident, installation_id())) for kind in offered(incident, muted=notice.is_muted)]


def handling_of(action: Action) -> "Handling":
    """Return a pressed button as the message shows it."""
    from reporting.alerts import Handling

    until = clock.to_local(action.end) if action.kind == "mute" else None
    return Handling(action.kind, action.person, clock.to_local(action.at), until, action.why)


def links_for(
    shown: Sequence[Member], monitors: Sequence[Monitor], incident: Incident, end: datetime
) -> list[tuple[str, str]]:
    """Fill the links of the shown metrics with the incident's times. Returns (label, address), each address once."""
    links_of = {monitor.metric.name: monitor.settings.links for monitor in monitors}
    ends = clock.to_local(incident.opened), clock.to_local(end)
    # A time of the hour that comes twice says nothing without its offset.
    zones = [None, None] if ends[0].utcoffset() == ends[1].utcoffset() else [ends[0].tzinfo, ends[1].tzinfo]
    times = {
        name: quote(time.replace(tzinfo=zone).isoformat(" ", "minutes"))
        for name, time, zone in zip(("start", "end"), ends, zones, strict=True)
    }
    links = {}
    for member in shown:
        for template in links_of.get(member.metric, ()):
            url = template.format(**times)
            links[url] = urlsplit(url).netloc.rpartition("@")[2]  # never a user and password
    return [(label, url) for url, label in links.items()]
