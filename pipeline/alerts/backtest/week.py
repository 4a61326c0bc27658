"""Composes the weekly summary: the alerts of seven days, people's reactions to them, and proposed settings."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from pipeline.alerts.backtest import proposals
from pipeline.alerts.incidents import actions, store
from pipeline.core import clock, settings
from pipeline.core.metrics import BY_NAME
from pipeline.warehouse.statements import statement
from pipeline.warehouse.tables import DELIVERIES, SLOT_CHECKS, full_name, open_warehouse
from reporting.decoration import optional

if TYPE_CHECKING:
    from reporting import Message, weekly

DAYS = 7


def compose_summary(last_day: date) -> "Message":
    """Write the summary of the week that ends on a day.

    This takes long if a metric has many false alarms, because the last weeks are then replayed with other settings.
    """
    from reporting import weekly

    return weekly.compose(figures(last_day), settings.ReportSettings().language)


def figures(last_day: date) -> "weekly.WeeklySummary":
    """Collect the numbers of the summary of a week."""
    from reporting import weekly

    first_day = last_day - timedelta(days=DAYS - 1)
    start, end = clock.day_bounds(first_day)[0], clock.day_bounds(last_day)[1]
    every = store.load_every(end)
    incidents = [incident for incident in every if incident.unit == "slot"]
    pressed = actions.by_incident(store.load_actions(end))
    notified = [incident for incident in every if incident.notified and start <= incident.opened < end]
    language = settings.ReportSettings().language
    ((messages,),) = open_warehouse().query(
        statement("alerts_sent", deliveries=full_name(DELIVERIES)), {"start": str(start), "end": str(end)}
    )
    ((checked,),) = open_warehouse().query(
        statement("slots_checked", slot_checks=full_name(SLOT_CHECKS)), {"start": str(start), "end": str(end)}
    )
    effects = optional(
        f"proposed settings in the week up to {last_day}",
        lambda: proposals.propose(incidents, pressed, last_day, settings.AlertSettings().propose_after),
    )
    return weekly.WeeklySummary(
        first_day=first_day,
        last_day=last_day,
        incidents=len(notified),
        messages=messages,
        confirmed=sum(proposals.is_confirmed(pressed.get(incident.incident_id, ())) for incident in notified),
        false_alarms=[
            (BY_NAME[name].label_in(language), count)
            for name, count in proposals.false_alarms(notified, pressed).items()
        ],
        proposals=[
            weekly.Proposal(
                section=effect.change.section,
                setting=effect.change.setting,
                value=effect.change.value,
                now=effect.change.now,
                replayed_days=proposals.REPLAYED_DAYS,
                messages_a_month=effect.messages_a_month,
                confirmed=effect.confirmed,
                missed=effect.missed,
            )
            for effect in effects or ()
        ],
        slots_checked=checked,
        slots_expected=(end - start) // clock.SLOT,
    )
