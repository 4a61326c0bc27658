"""Composes and delivers the messages about incidents of days."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from pipeline.alerts import daily
from pipeline.alerts.daily import Walk
from pipeline.alerts.detection import Monitor
from pipeline.alerts.detection.days import DRIFT_DAYS, CheckedDay
from pipeline.alerts.incidents import Incident, Notice, Rules, edits
from pipeline.alerts.incidents.actions import MUTE_OF_DAYS
from pipeline.alerts.incidents.incident import Member, message_key
from pipeline.alerts.notify.notifier import Notified, deliver
from pipeline.alerts.notify.versions import version
from pipeline.core import clock, settings
from pipeline.core.metrics import BY_NAME
from reporting.decoration import optional
from reporting.delivery import Channels, Delivered

if TYPE_CHECKING:
    from reporting.alerts import Alert, AlertMetric

DRAWN_DAYS = 36


def notify(walked: Walk, monitors: Sequence[Monitor], channels: Channels) -> Notified:
    """Compose each notice of a walk once and deliver it.

    Raises
    ------
    reporting.errors.ReportingError
        If no address accepted a message. The next run must repeat it.
    """
    return _send(walked.notices, walked.newest, monitors, channels)


def refresh(pressed: Collection[str], monitors: Sequence[Monitor], rules: Rules, channels: Channels) -> Notified:
    """Edit the messages of incidents of days whose buttons were pressed.

    Raises
    ------
    reporting.errors.ReportingError
        If no address accepted a message.
    """
    state = daily.load_state()
    notices = [notice for notice in edits(state, set(pressed), clock.utcnow()) if notice.incident.unit == "day"]
    if not notices:
        return Notified("", [])
    checked = daily.check_again(monitors, state, rules)
    return _send(notices, checked, monitors, channels)


def _send(notices: Sequence[Notice], checked: CheckedDay, monitors: Sequence[Monitor], channels: Channels) -> Notified:
    delivered: list[Delivered] = []
    for notice in notices:
        alert = compose(notice, checked, monitors)
        delivered += deliver(notice, alert, version(clock.utcnow(), notice.actions), channels)
    return Notified.of(delivered, len(notices))


def compose(notice: Notice, checked: CheckedDay, monitors: Sequence[Monitor]) -> "Alert":
    """Describe an incident of days.

    Parameters
    ----------
    notice : Notice
        The notice that is due.
    checked : CheckedDay
        The newest day.
    monitors : sequence of Monitor
        The settings of the metrics, for the links.
    """
    from pipeline.alerts.notify import compose as shared  # slow: imports the drawing
    from pipeline.alerts.root_cause import days as root_cause
    from reporting.alerts import Alert

    incident, key = notice.incident, message_key(notice.incident.incident_id)
    start_of_day, end_of_day = clock.day_bounds(checked.series.day)
    shown = shared.most_deviating(incident.shown)
    is_late = incident.outcome == "late data"
    explained = None if is_late else optional(f"cause in {key}", lambda: root_cause.explain_incident(checked, incident))
    return Alert(
        slot_start=clock.to_local(start_of_day),
        slot_end=clock.to_local(end_of_day),
        metrics=[_figures(incident, member, checked) for member in shown],
        links=optional(f"links in {key}", lambda: shared.links_for(shown, monitors, incident, end_of_day)) or (),
        key=key,
        status=shared.status_of(incident),
        since=clock.to_local(incident.opened),
        until=_midnight_after(incident.last_anomaly) if incident.ended else None,
        causes=shared.cause_of(explained),
        splits=shared.split_of(explained),
        losses=() if is_late else shared.losses_of(incident),
        handled=[shared.handling_of(action) for action in notice.actions],
        buttons=shared.buttons_of(notice),
        mute=MUTE_OF_DAYS,
        unit="day",
    )


def _figures(incident: Incident, member: Member, checked: CheckedDay) -> "AlertMetric":
    from pipeline.alerts.notify.compose import not_checked, slice_name, state_of
    from reporting.alerts import AlertMetric

    series, result = checked.series, checked.results.get(member.part, not_checked(member))
    state = state_of(incident, member)
    row, unknown = series.row(member.part), np.full(len(series.days), np.nan)
    band = checked.bands.get(member.part, (unknown, unknown, unknown))
    values = unknown if row is None else series.values[row]
    expected, lower, upper = (array[-DRAWN_DAYS:] for array in band)
    return AlertMetric(
        name=member.metric,
        label=BY_NAME[member.metric].label_in(settings.ReportSettings().language, daily=True),
        kind=BY_NAME[member.metric].format,
        state=state,
        value=result.value,
        expected=result.expected,
        lower=result.lower,
        upper=result.upper,
        since=clock.to_local(member.since),
        until=_midnight_after(member.last) if state == "ended" else None,
        times=[clock.to_local(clock.day_bounds(day)[0]) for day in series.days[-DRAWN_DAYS:]],
        values=values[-DRAWN_DAYS:],
        band_expected=expected,
        band_lower=lower,
        band_upper=upper,
        part=slice_name(member.part),
        worst_at=clock.to_local(member.worst_at) if member.worst_at else None,
        worst_value=member.worst_value,
        worst_expected=member.worst_expected,
        drift=checked.drift(member.part),
        drift_days=DRIFT_DAYS,
    )


def _midnight_after(midnight: datetime) -> datetime:
    """The end of the day that begins at a moment, naive UTC; local."""
    return clock.to_local(clock.day_bounds(clock.to_local(midnight).date())[1])
