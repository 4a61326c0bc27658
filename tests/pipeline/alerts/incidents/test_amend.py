"""Incidents whose rows came late: made anew from the present results of their slots."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.incidents import Incident, Notice, Rules, State, advance, amend, step
from pipeline.alerts.incidents.actions import Action, applied
from pipeline.alerts.incidents.amend import Results
from pipeline.alerts.incidents.incident import Misjudged
from pipeline.core.clock import SLOT
from pipeline.slots import Part
from tests.pipeline.alerts.incidents.test_properties import PARTS, START, Slot, counted, marked, rules, slots

VIEWS, LIKES, IOS, CTR = Part("views"), Part("likes"), Part("views", "os", "iOS"), Part("ctr")
NOW = START + timedelta(days=1, minutes=20)


def results_of(played: Sequence[Sequence[CheckResult]]) -> dict[datetime, dict[Part, CheckResult]]:
    return {START + i * SLOT: {check.part: check for check in checks} for i, checks in enumerate(played)}


def walked(results: Results, chosen: Rules, marks: Mapping[datetime, Slot] | None = None) -> dict[str, Incident]:
    """The newest state of each incident; with marks also what people were told of them."""
    found: dict[str, Incident] = {}
    state = State()
    for slot, of in sorted(results.items()):
        drawn = (marks or {}).get(slot)
        mark, silent = (drawn.mark, drawn.silent) if drawn else ("", False)
        first = tuple(marked(incident, mark) for incident in state.current[:1])
        state = replace(state, current=(*first, *state.current[1:]))
        after = step(state, list(of.values()), slot, chosen, {"feed": START} if silent else {})
        found |= {incident.incident_id: incident for incident in after.state.current}
        state = after.state.next(since=datetime.min)
    return found


@given(st.lists(slots, min_size=4, max_size=16), rules)
def test_an_incident_whose_results_are_the_same_is_the_same(drawn: list[Slot], chosen: Rules) -> None:
    results = results_of([slot.checks for slot in drawn])
    found = walked(results, chosen, dict(zip(results, drawn, strict=True)))
    for incident in found.values():
        others = [other for other in found.values() if other is not incident]
        assert amend.amend(incident, results, chosen, others, NOW) == incident


late_values = st.lists(st.sampled_from([0.0, 10.0, 60.0, 100.0, 100.0]), min_size=4, max_size=4)


@given(st.lists(late_values, min_size=3, max_size=12), st.data())
def test_what_is_left_is_what_a_walk_in_time_would_have_made(values: list[list[float]], data: st.DataObject) -> None:
    """Members, their numbers, the worst value and the losses, while the incident is open."""
    parts = [VIEWS, LIKES, IOS, CTR]
    arrived = [[counted(part, value) for part, value in zip(parts, row, strict=True)] for row in values]
    # In some slots all or some of the rows were missing at first; the first slot looked bad.
    missing = data.draw(st.sets(st.integers(0, len(values) - 1)).map(lambda some: some | {0}))
    seen = [
        [counted(check.part, min(check.value, data.draw(st.sampled_from([0.0, 50.0])))) for check in row]
        if index in missing
        else row
        for index, row in enumerate(arrived)
    ]
    chosen = Rules(recovery_slots=len(values) + 1)  # none ends, so the walk in time has one incident
    (late,) = walked(results_of(seen), chosen).values()
    amended = amend.amend(late, results_of(arrived), chosen, [], NOW)
    in_time = list(walked(results_of(arrived), chosen).values())
    if not in_time:
        assert (amended.ended, amended.outcome, amended.worst) == (True, "late data", 0.0)
        assert {member.part for member in amended.members} == {member.part for member in late.members}
        assert all(member.excess == 0 for member in amended.members)
        return
    (expected,) = in_time
    untold = [
        {replace(member, told_change=0.0, told_score=0.0) for member in incident.members}
        for incident in (amended, expected)
    ]
    assert untold[0] == untold[1]
    assert (amended.opened, amended.last_anomaly) == (expected.opened, expected.last_anomaly)
    assert (amended.worst, amended.outcome) == (expected.worst, "")
    assert (amended.incident_id, amended.notified) == (late.incident_id, late.notified)


@given(st.lists(slots, min_size=4, max_size=12), rules)
def test_any_incident_whose_slots_are_all_healthy_was_late_data(drawn: list[Slot], chosen: Rules) -> None:
    results = results_of([slot.checks for slot in drawn])
    healthy = results_of([[counted(part, 100.0) for part in PARTS]] * len(drawn))
    for incident in walked(results, chosen).values():
        amended = amend.amend(incident, healthy, chosen, [], NOW)
        assert (amended.ended, amended.outcome, amended.ended_at) == (True, "late data", incident.last_anomaly)
        assert (amended.opened, amended.last_anomaly) == (incident.opened, incident.last_anomaly)
        assert [member.part for member in amended.members] == [member.part for member in incident.members]
        assert (amended.worst, amended.late_until) == (0.0, NOW)
        assert amended.adjustments() == []  # the detectors learn from its slots
        assert amend.amend(amended, healthy, chosen, [], NOW) == amended


def test_what_was_told_and_what_is_true_are_both_known() -> None:
    seen = results_of([[counted(VIEWS, 5), counted(LIKES, 10)], [counted(VIEWS, 70), counted(LIKES, 97)]])
    (incident,) = walked(seen, Rules()).values()
    arrived = results_of([[counted(VIEWS, 76), counted(LIKES, 101)], [counted(VIEWS, 70), counted(LIKES, 97)]])
    amended = amend.amend(incident, arrived, Rules(), [], NOW)
    (views,) = amended.members
    assert (views.worst, views.worst_at, views.worst_value, views.excess) == (-0.3, START + SLOT, 70, -54)
    assert amended.misjudged == (Misjudged(*VIEWS, -0.95, 5, 100), Misjudged(*LIKES, -0.9, 10, 100))
    assert amended.late_until == NOW
    # What is true now counts as told: a fall to a tenth is an outage of which nobody has heard.
    assert (views.told_change, views.told_score) == (-0.3, 1.5)
    after = step(State(current=(amended,)), [counted(VIEWS, 5)], START + 2 * SLOT, Rules(), {})
    assert [notice.kind for notice in after.notices] == ["worse"]
    # Rows that arrive in a second load do not change what was told first.
    again = amend.amend(amended, results_of([[counted(VIEWS, 79)], [counted(VIEWS, 100)]]), Rules(), [], NOW + SLOT)
    assert again.misjudged == amended.misjudged
    assert (again.worst, again.late_until) == (-0.21, NOW + SLOT)


def test_what_nobody_was_told_of_is_not_corrected() -> None:
    (incident,) = advance([], [counted(VIEWS, 5)], START, Rules())
    assert amend.amend(incident, results_of([[counted(VIEWS, 70)]]), Rules(), [], NOW).misjudged == ()


def test_a_metric_that_only_all_rows_show_joins() -> None:
    few = replace(counted(CTR, 50), verdict="ok", slot_score=0.0)
    (incident,) = advance([], [counted(VIEWS, 5), few], START, Rules())
    amended = amend.amend(incident, results_of([[counted(VIEWS, 60), counted(CTR, 50)]]), Rules(), [], NOW)
    assert {member.part for member in amended.members} == {VIEWS, CTR}
    other = replace(incident, incident_id="ctr:earlier", members=(replace(incident.members[0], metric="ctr"),))
    alone = amend.amend(incident, results_of([[counted(VIEWS, 60), counted(CTR, 50)]]), Rules(), [other], NOW)
    assert {member.part for member in alone.members} == {VIEWS}


def test_an_incident_that_ended_keeps_its_end() -> None:
    values = [5, 50, 100, 100, 100, 100]
    (ended,) = walked(results_of([[counted(VIEWS, value)] for value in values]), Rules()).values()
    assert (ended.outcome, ended.ended_at) == ("recovered", START + 5 * SLOT)
    later = results_of([[counted(VIEWS, value)] for value in [97, 50, 100, 100, 100, 100, 3]])
    amended = amend.amend(ended, later, Rules(), [], NOW)
    assert (amended.opened, amended.last_anomaly, amended.worst) == (START + SLOT, START + SLOT, -0.5)
    assert (amended.ended, amended.outcome, amended.ended_at) == (True, "recovered", START + 5 * SLOT)


def test_a_new_normal_rescales_by_what_arrived() -> None:
    (incident,) = walked(results_of([[counted(VIEWS, 5)], [counted(VIEWS, 60)]]), Rules()).values()
    declared = replace(
        applied(incident, [Action(incident.incident_id, "new_normal", "Anna", START)]), ended_at=START + SLOT
    )
    assert declared.adjustments()[0].factor == pytest.approx(0.325)
    amended = amend.amend(declared, results_of([[counted(VIEWS, 60)], [counted(VIEWS, 60)]]), Rules(), [], NOW)
    assert amended.adjustments()[0].factor == pytest.approx(0.6)


def test_slots_before_and_after_an_incident_and_withdrawn_incidents_do_not_change() -> None:
    values = [5, 100, 100, 100, 100]
    (ended,) = walked(results_of([[counted(VIEWS, value)] for value in values]), Rules()).values()
    for slots_later, expected in ((-1, False), (0, True), (4, True), (5, False)):
        assert amend.may_change(ended, [START + slots_later * SLOT], Rules()) == expected
    assert not amend.may_change(replace(ended, outcome="wrong clock"), [START], Rules())
    assert not amend.may_change(replace(ended, outcome="late data"), [START], Rules())
    # An earlier release did not write the slot of the end.
    assert amend.may_change(replace(ended, ended_at=None), [START + 4 * SLOT], Rules())
    assert not amend.may_change(replace(ended, ended_at=None), [START + 5 * SLOT], Rules())


def test_a_message_is_edited_when_late_rows_change_its_incident() -> None:
    (incident,) = walked(results_of([[counted(VIEWS, 5)]]), Rules()).values()
    amended = amend.amend(incident, results_of([[counted(VIEWS, 60)]]), Rules(), [], NOW)
    good = [counted(VIEWS, 100)]
    before = State(current=(incident,))
    assert step(before, good, START + SLOT, Rules(), {}).notices == ()
    after = step(before.amend(incident, amended), good, START + SLOT, Rules(), {})
    assert [(notice.kind, notice.incident.worst) for notice in after.notices] == [("edit", -0.4)]
    assert step(after.state.next(since=START), good, START + 2 * SLOT, Rules(), {}).notices == ()
    # It ended, and nobody pressed or heard anything since.
    past = State(past=(replace(incident, ended=True, outcome="recovered"),))
    edited = step(past.amend(past.past[0], replace(amended, ended=True)), good, START + SLOT, Rules(), {})
    assert [(notice.kind, notice.incident.worst) for notice in edited.notices] == [("edit", -0.4)]
    assert isinstance(edited.notices[0], Notice)
    assert edited.state.past == ()
