from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from pipeline.alerts.backtest.proposals import is_confirmed, is_false
from pipeline.alerts.incidents.actions import (
    KINDS,
    Action,
    ButtonData,
    about,
    applied,
    button,
    by_incident,
    is_muted,
    mute_of,
    offered,
    read_button,
    standing,
)
from pipeline.alerts.incidents.incident import Incident, Member
from pipeline.alerts.incidents.state import resumed

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


def mute(minutes: int, hours: float, kind: str = "mute", metric: str = "views") -> Action:
    """A mute by command."""
    at = START + timedelta(minutes=minutes)
    return Action("", kind, "anna", at, metric, at + timedelta(hours=hours) if kind == "mute" else None, "release")  # type: ignore[arg-type]


def held(said: list[Action], minutes: int) -> timedelta | None:
    """The end of the mute that holds at a minute, counted from the start."""
    found = mute_of({"views"}, by_incident(said), [INCIDENT], START + timedelta(minutes=minutes))
    return found.end - START if found else None


def test_the_longest_mute_holds_until_it_is_undone() -> None:
    said = [mute(0, 4), action("mute", 30), action("unmute", 60, "Boris"), action("mute", 90, "Vera")]
    assert [held(said, minutes) for minutes in (-1, 0, 30, 59, 60, 89, 90, 209, 210)] == [
        None,
        *[timedelta(hours=4)] * 3,
        *[None] * 2,
        *[timedelta(minutes=210)] * 2,
        None,
    ]
    assert held([action("mute"), mute(10, 0, "unmute")], 20) is None
    assert held([mute(0, 4), mute(10, 0, "unmute", "likes")], 20) == timedelta(hours=4)
    assert held([mute(0, 4, metric="likes")], 20) is None


def test_a_mute_of_a_metric_holds_for_incidents_to_come() -> None:
    said = by_incident([mute(0, 4)])
    later = replace(INCIDENT, incident_id="views:later", opened=START + timedelta(hours=1))
    assert is_muted(later, said, [later], START + timedelta(hours=2))
    assert not is_muted(later, said, [later], START + timedelta(hours=4))


def test_the_message_of_an_incident_shows_the_mutes_while_it_lasted() -> None:
    before, during, after = mute(-300, 4), mute(10, 4), mute(60, 4)
    reaching = replace(before, until=START + timedelta(minutes=1), person="Boris")
    undone = mute(20, 0, "unmute")
    said = by_incident([before, reaching, action("acknowledge", 5), during, undone, after])
    shown = [(item.kind, item.person) for item in about(INCIDENT, said)]
    assert shown == [("mute", "Boris"), ("acknowledge", "Anna"), ("unmute", "anna"), ("mute", "anna")]
    closed = replace(INCIDENT, ended=True, last_anomaly=START + timedelta(minutes=15))
    assert [item.kind for item in about(closed, said)] == ["mute", "acknowledge"]


def test_what_people_declared_can_be_taken_back() -> None:
    false, undone = action("false_alarm"), action("reopen", 1, "Boris")
    assert applied(INCIDENT, [undone, false]) == INCIDENT  # in the order of time
    assert applied(INCIDENT, [false, undone, action("false_alarm", 2, "Vera")]).mark == "false alarm"
    # As it is stored once the slot that ended it was checked.
    ended = replace(applied(INCIDENT, [action("new_normal")]), ended_at=START)
    assert applied(ended, [action("new_normal"), undone]) == INCIDENT
    assert applied(ended, [action("new_normal"), undone, action("new_normal", 2, "Vera")]) == replace(
        ended, ended_at=None
    )
    # What ended by itself stays so.
    for outcome in ("recovered", "late data", "new normal"):
        over = replace(INCIDENT, ended=True, outcome=outcome, ended_at=START)
        assert applied(over, [undone]) == over
        assert applied(replace(over, mark="false alarm"), [undone]).ended


def test_what_was_taken_back_does_not_count() -> None:
    said = [action("acknowledge"), action("false_alarm", 1), action("reopen", 2)]
    assert [item.kind for item in standing(said)] == ["acknowledge", "reopen"]
    assert is_confirmed(said)
    assert not is_false([*said, action("new_normal", 3)])
    assert is_false([*said, action("false_alarm", 3, "Vera")])


def test_the_state_has_an_incident_open_again() -> None:
    ended = replace(INCIDENT, ended=True, outcome="new normal", mark="new normal", ended_at=START)
    assert resumed([ended], {}).past == (ended,)
    state = resumed([ended], by_incident([action("new_normal"), action("reopen", 1)]))
    assert (state.current, state.past) == ((INCIDENT,), ())


@pytest.mark.parametrize(
    ("changes", "muted", "expected"),
    [
        ({}, False, ["acknowledge", "mute", "false_alarm", "new_normal"]),
        ({}, True, ["acknowledge", "unmute", "false_alarm", "new_normal"]),
        ({"mark": "false alarm"}, True, ["reopen"]),
        ({"mark": "new normal", "ended": True, "outcome": "new normal"}, False, ["reopen"]),
        ({"ended": True, "outcome": "new normal"}, False, []),
        ({"mark": "false alarm", "ended": True, "outcome": "recovered"}, False, []),
        ({"ended": True, "outcome": "recovered"}, True, []),
    ],
)
def test_buttons_offer_what_can_be_done_and_undone(changes: dict[str, Any], muted: bool, expected: list[str]) -> None:
    assert list(offered(replace(INCIDENT, **changes), muted=muted)) == expected


@pytest.mark.parametrize("kind", ["acknowledge", "mute", "unmute", "reopen"])
def test_acknowledging_and_muting_change_no_incident(kind: str) -> None:
    assert applied(INCIDENT, [action(kind)]) == INCIDENT
