"""Invariants of every incident for any counts, marks and permissions to notify."""

import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.alerts.detection.checks import CheckResult, verdict_of
from pipeline.alerts.incidents import Incident, Rules, advance
from pipeline.alerts.incidents.incident import Mark, Member, NoticeKind
from pipeline.alerts.incidents.policy import notice
from pipeline.core.clock import SLOT
from pipeline.slots import Part

START = datetime(2026, 11, 1, 10)
EXPECTED = 100.0
PARTS = (Part("views"), Part("likes"), Part("views", "os", "iOS"), Part("ctr"), Part("messages_sent"))


@dataclass(frozen=True)
class Slot:
    """The random input of a slot."""

    checks: list[CheckResult]
    silent: bool
    may_alarm: bool
    mark: Mark


@dataclass
class Life:
    """The states of an incident, and the notices about it."""

    states: list[Incident] = field(default_factory=list)
    notices: list[NoticeKind] = field(default_factory=list)


def no_data(part: Part) -> CheckResult:
    """A ratio without its denominator, or a slot that was never measured."""
    return CheckResult(*part, "seasonal", math.nan, EXPECTED, 80, 120, math.nan, "no data", math.nan, 0.0)


def no_history(part: Part) -> CheckResult:
    return CheckResult(*part, "seasonal", EXPECTED, math.nan, math.nan, math.nan, math.nan, "no history", math.nan, 1.0)


def counted(part: Part, value: float) -> CheckResult:
    score = (value - EXPECTED) / 20
    verdict = verdict_of(value, score, "both")
    return CheckResult(*part, "seasonal", value, EXPECTED, 80, 120, score, verdict, score, 1.0)


def planned(part: Part, value: float) -> CheckResult:
    check = counted(part, value)
    return replace(check, verdict="planned") if check.verdict == "anomaly" else check


def checks_of(part: Part) -> st.SearchStrategy[CheckResult | None]:
    values = st.sampled_from([0.0, 10.0, 50.0, 75.0, 85.0, 100.0, 100.0, 100.0, 130.0, 400.0])
    return st.one_of(
        values.map(lambda value: counted(part, value)),
        values.map(lambda value: counted(part, value)),
        values.map(lambda value: planned(part, value)),
        # None: the slice has no row in this slot.
        st.sampled_from([no_data(part), no_history(part), None]),
    )


slots = st.builds(
    Slot,
    st.tuples(*map(checks_of, PARTS)).map(lambda checks: [check for check in checks if check is not None]),
    silent=st.sampled_from([True, True, True, False]),
    may_alarm=st.sampled_from([True, True, False]),
    mark=st.sampled_from(["", "", "", "", "false alarm", "new normal"]),
)
rules = st.builds(
    Rules,
    recovery_slots=st.integers(1, 3),
    close_score=st.sampled_from([0.5, 1.0]),
    minimum_slots=st.integers(1, 3),
    adopt_slots=st.integers(4, 8),
    escalate_slots=st.integers(1, 4),
)


def marked(incident: Incident, mark: Mark) -> Incident:
    """Return the incident after a press of a button; "new normal" ends it at once."""
    if mark == "new normal":
        return replace(incident, mark=mark, ended=True, outcome="new normal")
    return replace(incident, mark=mark or incident.mark)


def play(drawn: list[Slot], chosen: Rules) -> dict[str, Life]:
    """Return the life of each incident, slot by slot; a mark is of the oldest open incident."""
    lives: dict[str, Life] = defaultdict(Life)
    going_on: list[Incident] = []
    silent_since: datetime | None = None
    for index, drawn_slot in enumerate(drawn):
        slot = START + index * SLOT
        silent_since = (silent_since or slot) if drawn_slot.silent else None
        going_on[:1] = [marked(incident, drawn_slot.mark) for incident in going_on[:1]]
        closed = [incident for incident in going_on if incident.ended]
        rest = [incident for incident in going_on if not incident.ended]
        silent = {"feed": silent_since} if silent_since else {}
        going_on = []
        for state in [*closed, *advance(rest, drawn_slot.checks, slot, chosen, silent)]:
            kind = notice(state, slot, chosen, may_alarm=drawn_slot.may_alarm)
            lives[state.incident_id].states.append(state)
            lives[state.incident_id].notices.append(kind)
            if not state.ended:
                going_on.append(state.after(kind))
    return lives


@given(st.lists(slots, min_size=4, max_size=16), rules)
@settings(deadline=None)
def test_an_incident_and_its_end_are_notified_once(drawn: list[Slot], chosen: Rules) -> None:
    for life in play(drawn, chosen).values():
        notices = [kind for kind in life.notices if kind]
        assert notices.count("post") <= 1
        assert notices.count("close") <= 1
        assert notices.count("still silent") <= 1
        # There is no notice before the post or after the end.
        assert notices[:1] in ([], ["post"])
        assert "close" not in notices[:-1]
        told_of = "post" in notices
        is_false_alarm = life.states[-1].mark == "false alarm"
        assert ("close" in notices) == (told_of and life.states[-1].ended and not is_false_alarm)


@given(st.lists(slots, min_size=4, max_size=16), rules)
@settings(deadline=None)
def test_false_alarms_and_good_slots_send_nothing_and_quiet_times_no_sound(drawn: list[Slot], chosen: Rules) -> None:
    for life in play(drawn, chosen).values():
        first = (life.states[0].opened - START) // SLOT
        for index, (state, kind) in enumerate(zip(life.states, life.notices, strict=True), start=first):
            is_good_slot = not state.ended and state.last_anomaly < START + index * SLOT
            if is_good_slot or state.mark == "false alarm":
                assert kind == ""
            elif not drawn[index].may_alarm:
                assert kind in ("", "edit", "close")
            if kind == "post":
                assert state.bad_slots >= chosen.minimum_slots


@given(st.lists(slots, min_size=4, max_size=16), rules)
@settings(deadline=None)
def test_the_worst_of_an_incident_is_the_greatest_deviation_of_its_bad_slots(drawn: list[Slot], chosen: Rules) -> None:
    for life in play(drawn, chosen).values():
        for state in life.states:
            sizes = [abs(member.worst) for member in state.shown]
            assert abs(state.worst) == max(sizes)
            assert state.worst in [member.worst for member in state.shown]
            for member in state.members:
                assert abs(member.worst) == max(sizes_of(member, drawn))
                assert math.copysign(1.0, member.worst) == member.sign
                assert math.isfinite(member.observed + member.expected + member.lull_observed + member.lull_expected)


def sizes_of(member: Member, drawn: list[Slot]) -> list[float]:
    """Return the deviations of a part in its anomalous slots since it joined."""
    first, last = ((at - START) // SLOT for at in (member.since, member.last))
    results = [
        check for drawn_slot in drawn[first : last + 1] for check in drawn_slot.checks if check.part == member.part
    ]
    return [abs(check.change) for check in results if check.verdict == "anomaly" and check.score * member.sign > 0]


@given(st.lists(slots, min_size=4, max_size=16), rules)
@settings(deadline=None)
def test_a_part_belongs_to_one_open_incident_and_what_ended_stays_ended(drawn: list[Slot], chosen: Rules) -> None:
    by_slot: dict[datetime, list[tuple[Part, int]]] = defaultdict(list)
    for life in play(drawn, chosen).values():
        assert not any(state.ended for state in life.states[:-1])
        for index, state in enumerate(life.states):
            assert state.opened == min(member.since for member in state.members)
            assert state.last_anomaly == max(member.last for member in state.members)
            if not state.ended:
                by_slot[life.states[0].opened + index * SLOT] += [
                    (member.part, member.sign) for member in state.members
                ]
    for parts in by_slot.values():
        assert len(parts) == len(set(parts))
