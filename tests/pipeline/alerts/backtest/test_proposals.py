from datetime import date, datetime, timedelta

from pipeline.alerts.backtest.proposals import REPLAYED_DAYS, propose
from pipeline.alerts.incidents.actions import Action
from pipeline.alerts.incidents.incident import Incident, Member

LAST = date(2026, 11, 20)


def test_incidents_before_the_replay_propose_nothing() -> None:
    """No replay can contain them, so every setting would seem to avoid them."""
    before = datetime(LAST.year, LAST.month, LAST.day) - timedelta(days=REPLAYED_DAYS)
    opened = [before - timedelta(hours=hours) for hours in (1, 5, 9)]
    incidents = [
        Incident(f"views:{at}", at, at, (Member("views", "total", "all", since=at, last=at, sign=1),), ended=True)
        for at in opened
    ]
    actions = {
        incident.incident_id: [Action(incident.incident_id, "false_alarm", "Anna", incident.opened)]
        for incident in incidents
    }
    assert propose(incidents, actions, LAST, least=3) == []
