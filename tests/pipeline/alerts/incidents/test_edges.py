"""Edges of incidents that mutants showed: nothing expected, equal deviations, an end in silence, mutes of a replay."""

from dataclasses import replace
from datetime import datetime, timedelta

from pipeline.alerts.detection.checks import CheckResult
from pipeline.alerts.incidents import Incident, Rules, State, advance, step
from pipeline.alerts.incidents.actions import Action
from pipeline.alerts.incidents.incident import Member
from pipeline.alerts.incidents.policy import notice
from pipeline.core.clock import SLOT
from pipeline.slots import Adjustment, Part

START = datetime(2026, 11, 12, 9)
VIEWS = Part("views")


def fallen(value: float = 50.0) -> CheckResult:
    """The check of a count below its band of 80 to 120."""
    score = (value - 100) / 20
    return CheckResult(*VIEWS, "seasonal", value, 100.0, 80.0, 120.0, score, "anomaly", score, 1.0)


def incident(**changes: object) -> Incident:
    member = Member(*VIEWS, since=START, last=START, sign=-1, bad_slots=1, observed=50, expected=100, worst=-0.5)
    given = Incident("views:2026-11-12T0900", START, START, (member,))
    return replace(given, **changes)  # type: ignore[arg-type]


def test_a_level_that_came_from_nothing_is_left_out_of_the_history() -> None:
    """There is no factor from an expectation of nothing."""
    (member,) = incident().members
    from_nothing = replace(member, sign=1, observed=40.0, expected=0.0)
    adopted = incident(members=(from_nothing,), ended=True, outcome="new normal")
    assert adopted.adjustments() == [Adjustment(VIEWS, START, START + SLOT)]


def test_the_worst_slot_is_the_first_of_equals() -> None:
    (state,) = advance([], [fallen()], START, Rules())
    (state,) = advance([state], [fallen()], START + SLOT, Rules())
    assert state.members[0].worst_at == START


def test_an_incident_that_ended_before_its_post_is_not_posted() -> None:
    adopted = incident(ended=True, outcome="new normal")
    assert notice(adopted, START, Rules()) == ""


def test_mutes_of_a_replay_are_read_at_the_end_of_the_slot() -> None:
    pressed = Action("views:2026-11-12T0900", "mute", "Anna", START + SLOT - timedelta(minutes=1))
    posted = replace(incident(), notified=True)
    state = State(current=(posted,), actions={pressed.incident_id: (pressed,)})
    after = step(state, [fallen(1.0)], START, Rules(), {})
    assert [due.kind for due in after.notices] == ["edit"]


def test_a_ratio_is_summed_in_events() -> None:
    """Of 100 views a tenth was liked where a fifth was expected."""
    score = -2.0
    ctr = CheckResult("ctr", "total", "all", "seasonal", 0.1, 0.2, 0.15, 0.25, score, "anomaly", score, 100.0)
    (state,) = advance([], [ctr], START, Rules())
    assert (state.members[0].observed, state.members[0].expected) == (10.0, 20.0)


def test_what_recovers_in_the_slot_of_adoption_has_recovered() -> None:
    rules = Rules(recovery_slots=1, adopt_slots=2)
    (state,) = advance([], [fallen()], START, rules)
    (state,) = advance([state], [fallen()], START + SLOT, rules)
    good = CheckResult(*VIEWS, "seasonal", 100.0, 100.0, 80.0, 120.0, 0.0, "ok", 0.0, 1.0)
    (state,) = advance([state], [good], START + 2 * SLOT, rules)
    assert (state.ended, state.outcome) == (True, "recovered")


def test_where_nothing_is_expected_a_count_is_near_it() -> None:
    (member,) = incident().members
    assert member.is_near(observed=5.0, expected=0.0)
