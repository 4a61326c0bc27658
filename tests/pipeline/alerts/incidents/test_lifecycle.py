from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.episodes import episodes
from pipeline.alerts.detection.checks import CheckResult, Verdict, verdict_of
from pipeline.alerts.detection.inside import SubSlot
from pipeline.alerts.incidents import Incident, Rules, advance
from pipeline.alerts.incidents.incident import NoticeKind
from pipeline.alerts.incidents.policy import notice
from pipeline.slots import Adjustment, Part

START = datetime(2026, 11, 1, 10, 0)
SLOT = timedelta(minutes=15)
NAN = float("nan")
VIEWS, LIKES, MESSAGES, IOS = Part("views"), Part("likes"), Part("messages_sent"), Part("views", "os", "iOS")


def check(verdict: Verdict, part: Part = VIEWS, value: float | None = None, expected: float = 100.0) -> CheckResult:
    """The check of a count of 100, which halves in an anomaly."""
    if value is None:
        value = 50.0 if verdict == "anomaly" else expected
    score = (value - expected) / 20
    return CheckResult(*part, "seasonal", value, expected, expected - 20, expected + 20, score, verdict, score, 1.0)


def play(slots: list[list[CheckResult]], rules: Rules = Rules()) -> tuple[list[Incident], list[Incident]]:  # noqa: B008
    """Return the ended and the open incidents after the given slots."""
    opened: list[Incident] = []
    ended: list[Incident] = []
    for i, checks in enumerate(slots):
        states = advance(opened, checks, START + i * SLOT, rules)
        ended += [state for state in states if state.ended]
        opened = [state for state in states if not state.ended]
    return ended, opened


def notices_sent(
    slots: list[list[CheckResult]],
    rules: Rules = Rules(),  # noqa: B008
    quiet: tuple[int, ...] = (),
) -> list[tuple[int, NoticeKind]]:
    """Return the messages to people by slot, without edits."""
    opened: list[Incident] = []
    sent: list[tuple[int, NoticeKind]] = []
    for i, checks in enumerate(slots):
        after = []
        for state in advance(opened, checks, START + i * SLOT, rules):
            kind = notice(state, START + i * SLOT, rules, may_alarm=i not in quiet)
            if kind not in ("", "edit"):
                sent.append((i, kind))
            after.append(state.after(kind))
        opened = [state for state in after if not state.ended]
    return sent


def series(values: Sequence[float], part: Part = VIEWS, expected: float = 100.0) -> list[list[CheckResult]]:
    """Checks of one part by slot; values outside 80 to 120 are anomalous."""
    return [[check("anomaly" if abs(value - expected) > 20 else "ok", part, value, expected)] for value in values]


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
    assert verdict_of(value, score, direction) == verdict  # type: ignore[arg-type]


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 5))
def test_without_hysteresis_incidents_are_the_episodes_of_the_flags(flags: list[bool], recovery: int) -> None:
    slots = [[check("anomaly" if flag else "ok")] for flag in flags]
    ended, opened = play(slots, Rules(recovery_slots=recovery, close_score=1.0))
    spans = [((i.opened - START) // SLOT, (i.last_anomaly - START) // SLOT) for i in ended + opened]
    assert spans == [tuple(episode) for episode in episodes(flags, gap=recovery)]


@given(st.lists(st.sampled_from(["anomaly", "ok", "no data", "no history", "planned"]), max_size=40))
def test_slots_without_a_verdict_change_nothing(verdicts: list[Verdict]) -> None:
    spoken: list[Verdict] = [verdict for verdict in verdicts if verdict in ("anomaly", "ok")]
    counts = []
    for sequence in (verdicts, spoken):
        ended, opened = play([[check(verdict)] for verdict in sequence], Rules(recovery_slots=2))
        counts.append((len(ended), len(opened)))
    assert counts[0] == counts[1]


def test_an_incident_continues_until_its_value_is_well_inside_the_band() -> None:
    # 82 is inside 80 to 120, but nearer to 70 than to 100.
    slots = series([70, 82, 82, 82, 82, 82, 100, 100])
    _, opened = play(slots, Rules(recovery_slots=3))
    assert opened[0].last_anomaly == START + 5 * SLOT
    ended, _ = play(slots + series([100]), Rules(recovery_slots=3))
    assert (ended[0].outcome, ended[0].last_anomaly) == ("recovered", START + 5 * SLOT)


def test_noise_after_an_outage_does_not_make_it_longer() -> None:
    ended, _ = play(series([0, 0, 85, 85, 100, 100]))
    assert ended[0].last_anomaly == START + SLOT


def test_night_slots_that_look_good_one_by_one_do_not_end_an_incident() -> None:
    # 15 of 20 expected: each slot is within its band (10 to 30), but all are a quarter low, as in the evening.
    evening = series([70.0] * 8)
    night = [[CheckResult(*VIEWS, "seasonal", 15, 20, 10, 30, -0.5, "ok", -0.5, 1.0)] for _ in range(12)]
    ended, opened = play(evening + night)
    assert (ended, len(opened)) == ([], 1)
    well = [[CheckResult(*VIEWS, "seasonal", 20, 20, 10, 30, 0.0, "ok", 0.0, 1.0)] for _ in range(12)]
    ended, opened = play(evening + well)
    assert [incident.outcome for incident in ended] == ["recovered"]


def test_a_metric_that_is_no_longer_checked_ends() -> None:
    (state,) = advance([], [check("anomaly", LIKES)], START, Rules())
    (after,) = advance([state], [check("ok", VIEWS)], START + SLOT, Rules())
    assert after.members[0].part == LIKES
    assert after.ended


def test_what_deviates_together_is_one_incident() -> None:
    checks = [check("anomaly", part) for part in (VIEWS, IOS, LIKES, MESSAGES)]
    (state,) = advance([], checks, START, Rules())
    assert [member.part for member in state.members] == [VIEWS, IOS, LIKES, MESSAGES]
    assert [member.part for member in state.shown] == [VIEWS, LIKES, MESSAGES]


def test_later_deviations_join_only_if_they_have_the_same_table() -> None:
    slots = [
        [check("anomaly", VIEWS), check("ok", LIKES), check("ok", MESSAGES)],
        *[[check("anomaly", VIEWS), check("ok", LIKES), check("ok", MESSAGES)]] * 4,
        [check("anomaly", VIEWS), check("anomaly", LIKES), check("anomaly", MESSAGES)],
    ]
    _, opened = play(slots)
    assert [[member.part for member in state.members] for state in opened] == [[VIEWS, LIKES], [MESSAGES]]


def test_a_rise_does_not_hide_in_an_incident_of_a_fall() -> None:
    slots = series([100]) + [[check("anomaly", LIKES, 60.0), check("ok", VIEWS)]]
    slots += [[check("anomaly", LIKES, 60.0), check("anomaly", VIEWS, 150.0)]]
    _, opened = play(slots)
    assert [[member.part for member in state.members] for state in opened] == [[LIKES], [VIEWS]]


def test_opening_and_end_are_notified_once() -> None:
    slots = [[check(verdict)] for verdict in ("ok", "anomaly", "anomaly", "ok", "anomaly", "ok", "ok", "ok")]
    assert notices_sent(slots, Rules(recovery_slots=2)) == [(1, "post"), (6, "close")]


def test_an_incident_shorter_than_the_minimum_is_not_notified() -> None:
    rules = Rules(recovery_slots=2, minimum_slots=2)
    assert notices_sent(series([50, 100, 100]), rules) == []
    assert notices_sent(series([50, 50, 100, 100]), rules) == [(1, "post"), (3, "close")]


def test_an_incident_of_quiet_hours_is_notified_after_them_if_it_is_still_open() -> None:
    assert notices_sent(series([50, 50, 50, 100, 100]), Rules(recovery_slots=2), quiet=(0, 1)) == [
        (2, "post"),
        (4, "close"),
    ]
    assert notices_sent(series([50, 50, 100, 100, 100]), Rules(recovery_slots=2), quiet=(0, 1)) == []
    # Sent messages are corrected at any hour.
    assert notices_sent(series([50, 100, 100]), Rules(recovery_slots=2), quiet=(1, 2)) == [(0, "post"), (2, "close")]


def test_a_much_worse_deviation_is_notified_again_and_a_little_worse_one_is_not() -> None:
    rules = Rules(recovery_slots=2)
    assert notices_sent(series([75] * 4 + [60, 55]), rules) == [(0, "post")]
    assert notices_sent(series([75] * 4 + [60, 10, 10, 5]), rules) == [(0, "post"), (5, "worse")]


def test_what_completes_the_first_slot_is_not_worse_and_a_fourfold_deviation_is() -> None:
    # The first slot has normal minutes, too.
    assert notices_sent(series([50, 0, 0])) == [(0, "post")]
    assert notices_sent(series([79, 10, 10])) == [(0, "post"), (1, "worse")]  # 21 %, easy to miss, then 90 %
    assert notices_sent(series([79, 79, 20, 10])) == [(0, "post"), (2, "worse")]  # then 80 %, and 90 %


def test_each_time_it_gets_much_worse_is_notified() -> None:
    assert notices_sent(series([78, 78, 48, 48, 5, 5, 0])) == [(0, "post"), (2, "worse"), (4, "worse")]


def both(views: float, likes: float) -> list[CheckResult]:
    return [series([views])[0][0], series([likes], LIKES)[0][0]]


def test_an_outage_is_notified_whatever_was_told_before() -> None:
    # 65 % of the likes are missing: the greatest deviation that was told.
    one_more = [both(100, 35), both(100, 35), both(100, 35), both(5, 35), both(5, 35)]
    assert notices_sent(one_more) == [(0, "post"), (3, "worse")]
    assert notices_sent([both(100, 35)] * 3 + [both(70, 35)] * 3) == [(0, "post")]
    assert notices_sent(series([35, 35, 35, 5, 5, 5])) == [(0, "post"), (3, "worse")]
    assert notices_sent(series([180, 180, 180, 5, 5, 5])) == [(0, "post"), (3, "post")]


def test_a_table_that_falls_silent_in_an_incident_is_notified_at_once() -> None:
    opened: list[Incident] = []
    sent = []
    for i, (views, likes) in enumerate([(100, 40), (100, 40), (100, 40), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)]):
        slot = START + i * SLOT
        silent = {"feed": START + 3 * SLOT} if i >= 3 else {}
        (state,) = advance(opened, both(views, likes), slot, Rules(), silent)
        sent.append(notice(state, slot, Rules()))
        opened = [state.after(sent[-1])]
    assert sent == ["post", "edit", "edit", "still silent", "edit", "edit", "edit", "edit"]


def test_a_part_that_is_not_checked_any_more_does_not_keep_an_incident_open() -> None:
    rules = Rules(recovery_slots=1)
    states = advance([], [check("anomaly")], START, rules)
    (doubtful,) = advance(states, [check("ok", value=10, expected=20)], START + SLOT, rules)
    assert not doubtful.ended  # within the band, but as low as before, at half
    (after,) = advance([doubtful], [check("ok", LIKES)], START + 2 * SLOT, rules)
    assert after.ended


def test_a_message_is_kept_current_while_slots_are_bad() -> None:
    opened: list[Incident] = []
    sent = []
    for i, value in enumerate([75, 75, 100, 75, 85, 100, 100, 100]):
        (state,) = advance(opened, series([value])[0], START + i * SLOT, Rules(recovery_slots=3))
        sent.append(notice(state, START + i * SLOT, Rules(recovery_slots=3), may_alarm=i != 3))
        opened = [state.after(sent[-1])]
    # Normal slots do not change it. 85 is in its band, but nearer to 75 than to 100.
    assert sent == ["post", "edit", "", "edit", "edit", "", "", "close"]


def test_the_worst_member_is_the_one_that_is_furthest_off_whatever_its_sign() -> None:
    checks = [check("anomaly", VIEWS, 70.0), check("anomaly", LIKES, 0.0), check("anomaly", IOS, 1000.0)]
    (state,) = advance([], checks, START, Rules())
    assert state.worst == -1.0
    # Slightly low views do not let an outage of likes become the new normal.
    _, opened = play([checks[:2]] * 20, Rules(adopt_slots=8))
    assert [incident.incident_id for incident in opened] == [state.incident_id]
    rise = [check("anomaly", VIEWS, 400.0), check("anomaly", MESSAGES, 70.0)]
    (state,) = advance([], rise, START, Rules())
    assert state.worst == pytest.approx(0.75)


def test_a_false_alarm_is_not_notified_again() -> None:
    (state,) = advance([], [check("anomaly")], START, Rules())
    state = replace(state, notified=True, mark="false alarm")
    (state,) = advance([state], [check("anomaly", value=0.0)], START + SLOT, Rules())
    assert notice(state, START + SLOT, Rules()) == ""


def test_continued_silence_is_notified_once_more() -> None:
    rules = Rules(escalate_slots=4)
    opened: list[Incident] = []
    sent = []
    for i in range(7):
        slot = START + i * SLOT
        (state,) = advance(opened, [check("anomaly", MESSAGES, 0.0)], slot, rules, {"messages": START})
        kind = notice(state, slot, rules)
        sent.append(kind)
        opened = [state.after(kind)]
    assert sent == ["post", "edit", "edit", "still silent", "edit", "edit", "edit"]
    assert opened[0].silent_since == START
    (state,) = advance(opened, [check("ok", MESSAGES)], START + 7 * SLOT, rules, {})
    assert state.silent_since is None


def test_a_lasting_shift_becomes_the_new_normal_and_an_outage_does_not() -> None:
    rules = Rules(adopt_slots=8)
    ended, opened = play(series([70.0] * 9), rules)
    assert ([incident.outcome for incident in ended], opened) == (["new normal"], [])
    # From its first slot on, earlier days are scaled by 0.7; no slot is excluded.
    (learnt,) = ended[0].adjustments()
    assert (learnt.part, learnt.start, learnt.end) == (VIEWS, datetime.min, START)
    assert learnt.factor == pytest.approx(0.7)
    ended, opened = play(series([0.0] * 20), rules)
    assert (ended, len(opened)) == ([], 1)


def test_a_new_normal_does_not_open_an_incident_in_the_same_slot() -> None:
    ended, opened = play(series([70.0] * 9), Rules(adopt_slots=8))
    assert (len(ended), opened) == (1, [])


def test_the_slots_of_an_incident_are_not_learnt_from() -> None:
    ended, _ = play(series([100, 50, 50, 100, 100]), Rules(recovery_slots=2))
    assert ended[0].adjustments() == [Adjustment(VIEWS, START + SLOT, START + 3 * SLOT)]


def test_the_loss_is_what_its_bad_slots_miss() -> None:
    ended, _ = play(series([100, 50, 40, 100, 100]), Rules(recovery_slots=2))
    assert ended[0].members[0].excess == -110
    assert ended[0].worst == pytest.approx(-0.6)


def inside(value: float, minute: int) -> list[CheckResult]:
    """An anomaly of five minutes that are empty, in a slot that is hardly below its expectation."""
    result = check("anomaly", value=value)
    return [replace(result, score=-1.5, slot_score=-1.5, sub_slot=SubSlot("least", minute, 5, 0.0))]


def test_an_incident_of_minutes_knows_them_and_ends_with_usual_slots() -> None:
    # A level of 98 would not end an incident that a slot of 97 began: it is nearer to it than to 100.
    usual = series([98, 98, 98, 98])
    _, (opened,) = play([inside(97, 10)])
    (member,) = opened.members
    assert (member.inside_from, member.inside_to, member.inside_value) == (
        START + timedelta(minutes=10),
        START + timedelta(minutes=15),
        0.0,
    )
    ended, still_open = play([inside(97, 10), *usual])
    assert (len(ended), still_open) == (1, [])
    _, (as_a_whole,) = play([[replace(inside(97, 10)[0], sub_slot=None)], *usual])
    assert as_a_whole.members[0].inside_from is None


def test_an_incident_that_a_whole_slot_shows_is_no_longer_one_of_minutes() -> None:
    for slots in ([inside(90, 10), *series([20])], [*series([20]), inside(90, 0)]):
        _, (incident,) = play(slots)
        assert incident.members[0].bad_slots == 2
        assert incident.members[0].inside_from is None
    _, (incident,) = play([inside(90, 10), inside(90, 0)])
    assert incident.members[0].inside_from == START + SLOT
