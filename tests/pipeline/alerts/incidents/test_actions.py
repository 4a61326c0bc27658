from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from pipeline.alerts.incidents.actions import (
    KINDS,
    Action,
    ButtonData,
    applied,
    button,
    by_incident,
    is_muted,
    read_button,
)
from pipeline.alerts.incidents.incident import Incident, Member

START = datetime(2026, 11, 1, 10)
SLOT = timedelta(minutes=15)
VIEWS = Member("views", "total", "all", START, START, -1, bad_slots=1, observed=50, expected=100, worst=-0.5)
INCIDENT = Incident("views:2026-11-01T1000", START, START, (VIEWS,), notified=True)


def action(kind: str, minutes: int = 0, person: str = "Anna", incident: str = INCIDENT.incident_id) -> Action:
    return Action(incident, kind, person, START + timedelta(minutes=minutes))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_the_data_of_a_button_holds_action_and_incident_in_64_bytes(kind: str) -> None:
    longest = replace(INCIDENT, incident_id="messenger_users:2026-11-01T1000")
    data = button(kind, longest, "0123456789abcdef" * 2)  # type: ignore[arg-type]
    assert len(data.encode()) <= 64
    assert read_button(data) == ButtonData(kind, longest.incident_id, "01234567")  # type: ignore[arg-type]


def test_a_button_of_an_earlier_release_names_no_installation() -> None:
    assert read_button("mute|views:2026-11-01T1000") == ButtonData("mute", "views:2026-11-01T1000", "")


@pytest.mark.parametrize("data", ["", "mute", "mute|", "delete|views:x", "|views:x"])
def test_the_data_of_a_foreign_button_is_ignored(data: str) -> None:
    assert read_button(data) is None


def test_the_last_of_repeated_presses_counts_for_each_person() -> None:
    pressed = [action("mute", 30), action("mute", 0), action("acknowledge", 5, "Boris")]
    (said,) = by_incident(pressed).values()
    assert [(action.kind, action.person, action.at) for action in said] == [
        ("mute", "Anna", START + timedelta(minutes=30)),
        ("acknowledge", "Boris", START + timedelta(minutes=5)),
    ]


def test_a_false_alarm_stays_open_and_a_new_normal_ends() -> None:
    false = applied(INCIDENT, [action("false_alarm")])
    assert (false.mark, false.ended) == ("false alarm", False)
    normal = applied(INCIDENT, [action("new_normal")])
    assert (normal.ended, normal.outcome) == (True, "new normal")
    (learnt,) = normal.adjustments()
    assert (learnt.end, learnt.factor) == (START, 0.5)


def test_actions_do_not_change_an_ended_incident() -> None:
    closed = replace(INCIDENT, ended=True, outcome="recovered")
    for kind in KINDS:
        assert applied(closed, [action(kind)]) == closed


def test_a_mute_covers_the_metrics_of_its_incident_for_two_hours() -> None:
    said = by_incident([action("mute")])
    other = replace(INCIDENT, incident_id="views:later")
    messages = replace(INCIDENT, incident_id="m", members=(replace(VIEWS, metric="messages_sent"),))
    soon, late = START + timedelta(minutes=119), START + timedelta(minutes=120)
    everything = [INCIDENT, other, messages]
    assert [is_muted(incident, said, everything, soon) for incident in everything] == [True, True, False]
    assert is_muted(INCIDENT, said, everything, START)
    assert not is_muted(INCIDENT, said, everything, late)
    assert not is_muted(INCIDENT, by_incident([action("acknowledge")]), everything, soon)


@pytest.mark.parametrize("kind", ["acknowledge", "mute"])
def test_acknowledging_and_muting_change_no_incident(kind: str) -> None:
    assert applied(INCIDENT, [action(kind)]) == INCIDENT
