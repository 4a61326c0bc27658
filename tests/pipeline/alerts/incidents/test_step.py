"""The step of checks, replay and benchmarks: the incidents after a slot, and the notices that are due."""

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest

from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.incidents import Incident, Notice, Rules, State, Step, advance, due_notices, shares, step
from pipeline.alerts.incidents.actions import Action
from pipeline.alerts.incidents.calendar import Entry, planned
from pipeline.alerts.incidents.incident import NoticeKind
from pipeline.core.clock import SLOT
from pipeline.slots import Adjustment, Part
from tests.pipeline.configuration import configured

START = datetime(2026, 11, 12, 9)
VIEWS, IOS, MESSAGES = Part("views"), Part("views", "os", "iOS"), Part("messages_sent")


def count(value: float, part: Part = VIEWS) -> CheckResult:
    """The check of a count with the band 80 to 120."""
    score = (value - 100) / 20
    verdict = "anomaly" if abs(score) > 1 else "ok"
    return CheckResult(*part, "seasonal", value, 100.0, 80.0, 120.0, score, verdict, score, 1.0)  # type: ignore[arg-type]


def play(state: State, values: list[float], first: datetime = START) -> Step:
    """Check views slot by slot; return the step of the last slot."""
    for i, value in enumerate(values):
        after = step(state, [count(value)], first + i * SLOT, Rules(), {})
        state = after.state.next(since=datetime.min)
    return after


def kinds(notices: tuple[Notice, ...]) -> list[NoticeKind]:
    return [notice.kind for notice in notices]


def test_a_step_records_that_people_receive_its_notices() -> None:
    posted = play(State(), [50])
    assert kinds(posted.notices) == ["post"]
    # The notice has the incident as it was before people were notified.
    assert [notice.incident.notified for notice in posted.notices] == [False]
    (incident,) = posted.state.current
    assert (incident.notified, incident.members[0].told_change) == (True, -0.5)
    assert kinds(play(posted.state, [50], START + SLOT).notices) == ["edit"]


def test_an_incident_that_ended_is_current_for_one_slot_and_then_past() -> None:
    closed = play(State(), [50, 100, 100, 100, 100])
    assert kinds(closed.notices) == ["close"]
    assert [incident.outcome for incident in closed.state.current] == ["recovered"]
    after = closed.state.next(since=START)
    assert (after.current, len(after.past)) == ((), 1)
    assert after.next(since=START + SLOT).past == ()


def test_what_people_ended_between_two_slots_is_closed_by_the_next() -> None:
    state = play(State(), [50]).state
    (incident,) = state.current
    declared = replace(state, current=(replace(incident, ended=True, outcome="new normal", mark="new normal"),))
    after = step(declared, [count(100)], START + SLOT, Rules(), {})
    assert [(notice.kind, notice.incident.outcome) for notice in after.notices] == [("close", "new normal")]


def test_a_correction_by_late_rows_edits_only_notified_incidents() -> None:
    (ended,) = play(State(), [50, 100, 100, 100, 100]).state.current
    late = replace(ended, outcome="late data")
    unknown = replace(late, incident_id="views:unknown", notified=False)
    after = step(State(corrected=(late, unknown)), [count(100)], START + 9 * SLOT, Rules(), {})
    assert after.notices == (Notice("edit", late),)
    assert after.state.corrected == (late, unknown)


def open_incident() -> Incident:
    (incident,) = advance([], [count(50)], START, Rules())
    return incident


@pytest.mark.parametrize(
    ("quiet_hours", "muted_at", "is_fresh", "expected"),
    [
        (None, None, True, [("post", True)]),
        ((time(9), time(10)), None, True, []),
        ((time(10), time(11)), None, True, [("post", True)]),
        (None, START, True, []),
        (None, START - timedelta(hours=2), True, [("post", True)]),
        (None, None, False, []),
    ],
    ids=["free", "quiet", "other hours", "muted", "muted long ago", "stale"],
)
def test_quiet_hours_mutes_and_stale_slots_suppress_notices(
    quiet_hours: tuple[time, time] | None, muted_at: datetime | None, is_fresh: bool, expected: list[tuple[str, bool]]
) -> None:
    incident = open_incident()
    presses = [Action(incident.incident_id, "mute", "Anna", muted_at)] if muted_at else []
    state = State(current=(incident,), actions={incident.incident_id: presses})
    with configured(clock={"timezone": "UTC"}):
        notices = due_notices(state, START, Rules(quiet_hours=quiet_hours), START + SLOT, is_fresh=is_fresh)
        assert [(notice.kind, notice.may_alarm) for notice in notices] == expected


@pytest.mark.parametrize(
    ("changes", "quiet_hours", "pressed", "is_fresh", "expected"),
    [
        ({}, None, "acknowledge", True, True),
        ({"notified": False}, None, "", True, False),
        ({"ended": True}, None, "", True, False),
        ({"mark": "false alarm"}, None, "", True, False),
        ({}, (time(9), time(10)), "", True, False),
        ({}, None, "mute", True, False),
        ({}, None, "", False, False),
    ],
    ids=["open", "never posted", "over", "false alarm", "quiet", "muted", "stale"],
)
def test_a_posted_incident_without_news_is_for_addresses_that_lack_it(
    changes: dict[str, bool | str],
    quiet_hours: tuple[time, time] | None,
    pressed: str,
    is_fresh: bool,
    expected: bool,
) -> None:
    incident = replace(open_incident(), **{"notified": True, **changes})  # type: ignore[arg-type]
    presses = [Action(incident.incident_id, pressed, "Anna", START)] if pressed else []  # type: ignore[arg-type]
    state = State(current=(incident,), actions={incident.incident_id: presses})
    with configured(clock={"timezone": "UTC"}):
        rules = Rules(quiet_hours=quiet_hours)
        due = shares(state, (), START, rules, START + SLOT, is_fresh=is_fresh)
        assert due == ([Notice("share", incident, True, presses)] if expected else [])
        assert shares(state, {incident.incident_id}, START, rules, START + SLOT, is_fresh=is_fresh) == []


def test_a_notice_contains_the_presses_of_its_incident() -> None:
    incident = open_incident()
    pressed = [Action(incident.incident_id, "acknowledge", "Anna", START)]
    state = State(current=(incident,), actions={incident.incident_id: pressed, "another": []})
    (notice,) = due_notices(state, START, Rules(), START + SLOT)
    assert notice.actions == pressed


def test_a_mute_of_a_past_incident_holds_for_its_metrics() -> None:
    incident = open_incident()
    past = replace(incident, incident_id="views:earlier", ended=True)
    state = State((incident,), (past,), actions={past.incident_id: [Action("views:earlier", "mute", "Anna", START)]})
    assert list(due_notices(state, START, Rules(), START + SLOT)) == []


def test_the_detectors_learn_neither_from_the_calendar_nor_from_incidents() -> None:
    sale = Entry("sale", START, START + SLOT, "event", ("likes",))
    state = State(current=(open_incident(),))
    assert state.adjustments([sale]) == [
        Adjustment("likes", START, START + SLOT),
        Adjustment(VIEWS, START, START + SLOT),
    ]


def test_a_slice_counts_as_over_only_while_it_is_not_checked() -> None:
    opened = advance([], [count(50, IOS), count(50, MESSAGES)], START, Rules())
    (without,) = advance(opened, [count(50, MESSAGES)], START + SLOT, Rules())
    assert [(member.part, member.is_checked) for member in without.members] == [(IOS, False), (MESSAGES, True)]
    # It keeps its counts: one normal slot does not end it.
    (again,) = advance([without], [count(100, IOS), count(50, MESSAGES)], START + 2 * SLOT, Rules())
    assert [(member.is_checked, member.good_slots) for member in again.members] == [(True, 1), (True, 0)]


def test_an_incident_that_was_told_before_its_slot_was_whole_goes_on() -> None:
    """Of the slot after this one, views were told to be too many; now another count of the table is so in this slot."""
    told = step(State(), [count(200)], START + SLOT, Rules(), {}).state.current
    results = [count(150, Part("likes")), count(100)]
    first = step(State(told=told), results, START, Rules(), {})
    assert [(notice.kind, notice.incident.incident_id) for notice in first.notices] == [
        ("edit", "views:2026-11-12T0915")
    ]
    state, results = replace(first.state.next(since=datetime.min), told=told), [count(150, Part("likes")), count(210)]
    second = step(state, results, START + SLOT, Rules(), {})
    assert kinds(second.notices) == ["edit"]
    (incident,) = second.state.current
    assert [member.metric for member in incident.members] == ["likes", "views"]


@pytest.mark.parametrize("other", [count(40), count(200, MESSAGES)])
def test_what_was_told_of_another_table_or_direction_is_another_incident(other: CheckResult) -> None:
    told = step(State(), [count(200)], START + SLOT, Rules(), {}).state.current
    assert kinds(step(State(told=told), [other], START, Rules(), {}).notices) == ["post"]


@pytest.mark.parametrize("during", [[0] * 8, [0, 0, 100, 100, 100, 100, 100, 100], [100, 0, 100, 0, 100, 0, 100, 0]])
def test_what_was_down_before_a_maintenance_is_not_told_anew_after_it(during: list[float]) -> None:
    start, end = START + 3 * SLOT, START + 11 * SLOT
    rules = Rules(calendar=(Entry("release", start, end, "maintenance", ("views", "likes")),))
    state, told = State(), list[NoticeKind]()
    for i, value in enumerate([50, 50, 50, *during, 50, 50, *[100] * 4]):
        slot = START + i * SLOT
        results = planned(rules.calendar, slot, [count(value)])
        after = step(state, results, slot, rules, {})
        state = after.state.next(since=START)
        told += kinds(after.notices)
    assert told == ["post", *["edit"] * 4, "close"]
    (incident,) = state.past
    assert (incident.outcome, incident.bad_slots, incident.last_anomaly) == ("recovered", 5, end + SLOT)


def test_a_level_that_lasts_is_not_adopted_during_a_maintenance() -> None:
    start, end = START + 3 * SLOT, START + 11 * SLOT
    rules = Rules(calendar=(Entry("release", start, end, "maintenance", ("views",)),), adopt_slots=6)
    open_incidents = [open_incident()]
    for slot in (START + i * SLOT for i in range(1, 12)):
        assert not open_incidents[0].ended
        open_incidents = advance(open_incidents, planned(rules.calendar, slot, [count(50)]), slot, rules)
    assert [incident.outcome for incident in open_incidents] == ["new normal"]
