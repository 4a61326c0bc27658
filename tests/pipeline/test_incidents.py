from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.episodes import episodes
from pipeline.checks import Check, Verdict, judge
from pipeline.incidents import Incident, advance, news

START = datetime(2026, 11, 1, 10, 0)
SLOT = timedelta(minutes=15)
NAN = float("nan")


def check(verdict: Verdict, metric: str = "views") -> Check:
    return Check(metric, "seasonal", 1.0, 2.0, 1.5, 2.5, -2.0 if verdict == "anomaly" else 0.0, verdict)


def play(verdicts: list[Verdict], recovery: int) -> tuple[list[Incident], list[Incident]]:
    """All incidents that ended, and those still open, after a sequence of verdicts on one metric."""
    opened: list[Incident] = []
    ended: list[Incident] = []
    for i, verdict in enumerate(verdicts):
        states = advance(opened, [check(verdict)], START + i * SLOT, recovery)
        ended += [state for state in states if state.ended]
        opened = [state for state in states if not state.ended]
    return ended, opened


@pytest.mark.parametrize(
    ("value", "score", "direction", "verdict"),
    [
        (5.0, 1.0, "both", "ok"),
        (5.0, 1.1, "both", "anomaly"),
        (5.0, -1.1, "both", "anomaly"),
        (5.0, float("inf"), "up", "anomaly"),
        (5.0, -9.0, "up", "ok"),
        (5.0, 9.0, "down", "ok"),
        (0.0, float("-inf"), "down", "anomaly"),
        (5.0, NAN, "both", "no history"),
        (NAN, NAN, "both", "no data"),
        (NAN, 3.0, "both", "no data"),
    ],
)
def test_verdict_follows_score_and_direction(value: float, score: float, direction: str, verdict: str) -> None:
    assert judge(value, score, direction) == verdict  # type: ignore[arg-type]


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 5))
def test_incidents_are_the_episodes_of_the_flags(flags: list[bool], recovery: int) -> None:
    ended, opened = play(["anomaly" if flag else "ok" for flag in flags], recovery)
    found = [((i.opened - START) // SLOT, (i.last_anomaly - START) // SLOT) for i in ended + opened]
    assert found == [tuple(episode) for episode in episodes(flags, gap=recovery)]


@given(st.lists(st.sampled_from(["anomaly", "ok", "no data", "no history"]), max_size=40))
def test_slots_that_say_nothing_change_nothing(verdicts: list[Verdict]) -> None:
    spoken: list[Verdict] = [verdict for verdict in verdicts if verdict in ("anomaly", "ok")]
    counts = []
    for sequence in (verdicts, spoken):
        ended, opened = play(sequence, recovery=2)
        counts.append((len(ended), len(opened)))
    assert counts[0] == counts[1]


def test_a_metric_that_is_no_longer_checked_ends() -> None:
    (state,) = advance([], [check("anomaly", "likes")], START, 2)
    (after,) = advance([state], [check("ok", "views")], START + SLOT, 2)
    assert after.metric == "likes"
    assert after.ended


def test_people_hear_of_opening_and_end_once() -> None:
    opened: list[Incident] = []
    heard = []
    for i, verdict in enumerate(["ok", "anomaly", "anomaly", "ok", "anomaly", "ok", "ok", "ok"]):
        slot = START + i * SLOT
        states = advance(opened, [check(verdict)], slot, 2)  # type: ignore[arg-type]
        told = news(states, slot)
        heard += [(i, state.ended) for state in told]
        opened = [Incident(**{**vars(state), "notified": True}) for state in states if not state.ended]
    assert heard == [(1, False), (6, True)]


def test_an_incident_nobody_heard_of_ends_in_silence() -> None:
    state = Incident("views:x", "views", START, START, good_slots=1, notified=False)
    slot = START + 2 * SLOT
    states = advance([state], [check("ok")], slot, 2)
    assert states[0].ended
    assert news(states, slot) == []


def test_late_news_of_an_incident_waits_for_an_anomalous_slot() -> None:
    slot = START + SLOT
    (quiet,) = advance([Incident("views:x", "views", START, START)], [check("ok")], slot, 3)
    assert news([quiet], slot) == []
    (loud,) = advance([quiet], [check("anomaly")], slot + SLOT, 3)
    assert news([loud], slot + SLOT) == [loud]
    assert loud.opened == START
