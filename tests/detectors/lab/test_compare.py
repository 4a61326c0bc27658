"""Comparisons: outcomes by hand, the ranking, and runs that are killed, interrupted or started twice."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detectors.errors import DetectorError
from detectors.lab import scoring
from detectors.lab.candidates import Candidate, candidates
from detectors.lab.compare import COSTS, RANKING, RESULTS, SCORES, Comparison, compare, prepare, verdict
from detectors.lab.inject import Incident
from detectors.lab.outcomes import LIMITS, Hit, Result, measure, messages, rules
from detectors.lab.parallel import Store, run_all
from detectors.lab.ranking import rank, recall_by_kind
from detectors.lab.readers import from_array
from tests.detectors.lab.histories import FAST, METHODS, PERIOD, Broken, Slow, Threshold, awkward, daily


def measured(values: list[float], incidents: list[Incident], first: int = 0, period: int = 96) -> Result:
    (series,) = from_array(values, period=period)
    outcome = measure(Threshold().detect(series.values), series, incidents, first)
    return Result("x", "y", 0, period, seconds=0, scoring_seconds=0, **outcome)


def test_an_outcome_by_hand() -> None:
    values = np.zeros(300)
    values[[20, 22, 23]] = 5.0  # a false alarm with one message
    values[101:141] = 3.0  # an incident of 41 points from 100 on, caught at its second point, three messages
    values[197] = 9.0  # an echo, a day after it
    outcome = measured(values.tolist(), [Incident(100, 140, 5, "drop", 0.4), Incident(250, 260, 5)])
    assert outcome.hits == (Hit("drop", 0.4, 1, 3.0), Hit("labelled", 0.0, -1, 0.0))
    assert (outcome.sent, outcome.false, outcome.repeats, outcome.echoes) == (5, 2, 2, 1)
    noise = dict(zip(LIMITS.tolist(), outcome.noise, strict=True))
    assert [noise[limit] for limit in (1.0, 4.0, 8.0, 16.0)] == [2, 2, 1, 0]
    # Point-adjusted: 41 points detected, 4 falsely flagged, the 11 points of the second incident missed.
    assert outcome.adjusted == (41, 4, 11)


def test_points_before_the_first_scored_column_are_ignored() -> None:
    values = np.zeros(300)
    values[20] = 5.0  # before `first`
    outcome = measured(values.tolist(), [], first=100)
    assert (outcome.points, outcome.sent) == (200, 0)
    assert np.isnan(outcome.vus)


def test_it_agrees_with_the_scoring_of_the_library() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        truth = np.repeat(rng.random(60) < 0.1, 7)
        values = np.where(rng.random(truth.size) < 0.1, 2.0, 0.0)
        incidents = [Incident(event.start, event.end, 5) for event in scoring.events(truth)]
        outcome = measured(values.tolist(), incidents)
        wanted = scoring.count_outcome(truth, values > 1)
        caught = [hit for hit in outcome.hits if hit.delay >= 0]
        assert (len(outcome.hits), len(caught), sum(hit.delay for hit in caught)) == wanted.counts[:3]
        assert (outcome.sent, outcome.false, outcome.points) == wanted.counts[3:]
        if incidents:
            assert outcome.vus == scoring.vus_pr(truth, values)


def test_a_point_without_a_score_neither_flags_nor_ends_an_episode() -> None:
    score = np.array([0, 2, np.nan, np.nan, np.nan, np.nan, np.nan, 2, 0, 0, 0, 0, 0, 2])
    assert messages(score, 1.0, rules(96)).tolist() == [1, 13]


@pytest.mark.parametrize(("period", "within", "gap", "repeat"), [(96, 5, 4, 16), (24, 2, 1, 4), (288, 13, 12, 48)])
def test_the_rules_are_hours(period: int, within: int, gap: int, repeat: int) -> None:
    assert rules(period) == scoring.Rules(within=within, gap=gap, repeat=repeat, slack=1)


def result(candidate: str, series: str, caught: int, events: int, false: int, **changes: object) -> Result:
    hits = tuple(Hit("drop", 0.2, 2 if i < caught else -1, 4.0 if i < caught else 0.5) for i in range(events))
    result = Result(
        candidate, series, 0, 96, 96 * 7, 0.5, hits, caught, false, 0, 0, (false,) * 17, (1, 1, 1), 0.1, 0.1
    )
    return replace(result, **changes)  # type: ignore[arg-type]


def test_a_ranking_by_hand() -> None:
    results = [result("good", f"s{i}", 2, 2, 1) for i in range(6)] + [result("bad", f"s{i}", 1, 2, 1) for i in range(6)]
    good, bad = rank(results)
    assert (good.candidate, good.events, good.caught) == ("good", 12, 12)
    # All series are equal: 2 * 12 / (12 + 12 + 6) and 2 * 6 / (12 + 6 + 6) in every resample.
    assert good.f1 == pytest.approx(0.8)
    assert good.f1_interval == pytest.approx((0.8, 0.8))
    assert bad.behind == pytest.approx((0.3, 0.3))
    assert (good.like_the_best, bad.like_the_best) == (True, False)
    assert good.false_per_week == 1.0
    assert good.delay_minutes == 30.0
    # The misses have a strength of 0.5. At limits below 0.5 all incidents are caught, from 0.5 on half of them.
    recalls = dict(zip(LIMITS.tolist(), (recall for _, recall in bad.noise), strict=True))
    assert (recalls[0.25], recalls[0.5], recalls[4.0]) == (1.0, 0.5, 0.0)


def test_candidates_without_a_significant_difference_are_alike() -> None:
    results = [result("a", f"s{i}", 2 if i else 0, 2, 0) for i in range(6)]
    results += [result("b", f"s{i}", 0 if i == 3 else 2 if i else 1, 2, 0) for i in range(6)]
    rows = rank(results)
    assert [row.candidate for row in rows] == ["a", "b"]
    assert rows[1].like_the_best
    few = rank([result for result in results if result.series in ("s0", "s1")])
    assert np.isnan(few[0].f1_interval).all()
    assert not few[1].like_the_best
    assert "too few series for a test of significance" in verdict(few)


def test_recall_by_kind_and_size() -> None:
    (row,) = recall_by_kind([result("a", "s", 1, 3, 0)]).items()
    assert row == (("drop", 0.2), {"a": (1, 3)})


def test_candidates() -> None:
    made = candidates(["sigma multiplier=3,4 window=7", ("iqr", {"multiplier": 1.5}), Threshold(multiplier=2.0)])
    assert [str(candidate) for candidate in made] == [
        "sigma(multiplier=3, window=7)",
        "sigma(multiplier=4, window=7)",
        "iqr(multiplier=1.5)",
        "test_threshold(multiplier=2.0)",
    ]
    (ratio,) = from_array([0.5, 0.5], denominator=[2, 2], period=24)
    assert Candidate("seasonal").settings(ratio) == {"kind": "ratio"}
    assert Candidate("seasonal").detector(ratio).period == 24
    assert Candidate("day_ago").settings(from_array([0.5])[0]) == {"min_change": 0.0}
    assert str(Candidate("seasonal").scaled(2.0)) == "seasonal(sensitivity=0.5)"
    assert str(Candidate("sigma", (("multiplier", 4),)).scaled(1.5)) == "sigma(multiplier=6.0)"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (["sgima"], "no detector is called 'sgima'"),
        (["sigma multiplier"], "'multiplier' is not KEY=VALUE"),
        (["sigma width=3"], "sigma has no parameter 'width'"),
        (["sigma multiplier=-1"], "multiplier must be"),
        ([7], "7 is not a detector"),
        ([], "no detector to compare"),
    ],
)
def test_other_candidates_are_refused(wanted: list[object], message: str) -> None:
    with pytest.raises(DetectorError, match=message):
        candidates(wanted)


def test_a_comparison_finds_what_was_put_in(comparison: Comparison) -> None:
    assert {row.candidate for row in comparison.rows} == set(FAST)
    events = {row.candidate: row.events for row in comparison.rows}
    assert len(set(events.values())) == 1
    recall = recall_by_kind(comparison.results)
    assert {kind for kind, _ in recall} == {"drop", "spike", "outage", "drift", "shift", "lag"}
    # An outage of four hours is far outside compared with the same hour of other days.
    caught, total = recall["outage", 4.0]["sigma"]
    assert caught == total > 0


def test_the_same_again_and_with_workers(comparison: Comparison) -> None:
    again = compare(awkward(), METHODS, workers=2)
    assert again.rows == comparison.rows
    assert again.scores() == comparison.scores()
    assert again.origin == comparison.origin
    assert compare(awkward(), METHODS, workers=1, seed=1).rows != comparison.rows


def test_labels_are_scored_as_they_are() -> None:
    values = np.zeros((2, 20 * PERIOD))
    values[:, 300:304] = 7.0
    labels = values > 0
    labels[:, 450:452] = True
    compared = compare(from_array(values, labels=labels, period=PERIOD), [Threshold()], workers=1)
    (row,) = compared.rows
    assert (row.events, row.caught, row.sent) == (4, 2, 2)
    assert compared.origin["labels"] == "labels of the data"
    assert [(case.copy, len(case.incidents)) for case in compared.cases] == [(0, 2), (0, 2)]


def test_a_failing_candidate_does_not_affect_the_others() -> None:
    compared = compare(daily(2), [Broken(), "difference"], workers=1)
    assert [row.candidate for row in compared.rows] == ["difference"]
    assert compared.failures == {"test_broken": "metric 0: RuntimeError: no such luck"}


def test_files_are_complete_and_a_second_run_computes_nothing(tmp_path: Path) -> None:
    first = compare(daily(2), FAST, workers=1, out=tmp_path)
    first.write(tmp_path)
    written = {name: (tmp_path / name).read_bytes() for name in (RANKING, SCORES, COSTS, RESULTS)}
    compare(daily(2), FAST, workers=1, out=tmp_path).write(tmp_path)
    assert written == {name: (tmp_path / name).read_bytes() for name in written}
    with (tmp_path / RANKING).open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["detector"] for row in rows] == [row.candidate for row in first.rows]
    assert rows[0]["event_f1_low"] == ""  # two series: no interval
    assert [float(row["event_f1"]) for row in rows] == [row.f1 for row in first.rows]


def test_an_incomplete_line_is_computed_again(tmp_path: Path) -> None:
    whole = compare(daily(2), FAST, workers=1, out=tmp_path)
    file = tmp_path / RESULTS
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:3]) + lines[3][:40])
    again = compare(daily(2), FAST, workers=1, out=tmp_path)
    assert again.rows == whole.rows
    kept = file.read_bytes().splitlines(keepends=True)
    assert kept[:3] == lines[:3]
    assert len(kept) == len(lines) + 1  # and the incomplete one


def test_stored_results_depend_on_data_parameters_and_code(tmp_path: Path) -> None:
    def lines() -> int:
        return len((tmp_path / RESULTS).read_text().splitlines())

    compare(daily(1), ["ewma"], workers=1, out=tmp_path, copies=2)
    assert lines() == 2
    for changed in (
        lambda: compare(daily(1, seed=5), ["ewma"], workers=1, out=tmp_path, copies=2),
        lambda: compare(daily(1), ["ewma memory=4"], workers=1, out=tmp_path, copies=2),
        lambda: compare(daily(1), ["ewma"], workers=1, out=tmp_path, copies=2, seed=2),
    ):
        before = lines()
        changed()
        assert lines() == before + 2


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / RESULTS)
    with store.open(), pytest.raises(DetectorError, match="is being written by another run"):
        compare(daily(1), ["ewma"], workers=1, out=tmp_path)


def kill_worker(number: int) -> dict[str, int]:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"number": number}


def test_a_killed_worker_is_reported_and_results_are_kept() -> None:
    store = Store(None)
    with store.open(), pytest.raises(DetectorError, match="run the same command again to resume"):
        run_all(kill_worker, {str(number): number for number in range(3)}, store, workers=2)
    assert all(result == {"number": int(key)} for key, result in store.results.items())
    run_all(kill_worker, {"0": 0, "1": 1}, store, workers=2)
    assert store.results.keys() == {"0", "1"}


KILLED = """
import sys
from detectors.lab.compare import compare
from tests.detectors.lab.histories import Slow, daily
if __name__ == "__main__":
    compare(daily(6), [Slow(), "ewma"], workers=2, out=sys.argv[1])
"""


def test_a_killed_comparison_resumes(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(KILLED)
    file = tmp_path / "out" / RESULTS
    run = subprocess.Popen(
        [sys.executable, script, file.parent],
        cwd=Path(__file__).parents[3],
        env={"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": "/usr/bin:/bin"},
    )
    while not file.exists() or len(file.read_bytes().splitlines()) < 3:
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    before = [json.loads(line)["key"] for line in file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    resumed = compare(daily(6), [Slow(), "ewma"], workers=2, out=file.parent)
    keys = []
    for line in file.read_bytes().splitlines():
        try:
            keys.append(json.loads(line)["key"])
        except ValueError:
            continue
    assert 3 <= len(before) < len(keys) == len(set(keys)) == len(resumed.results)
    assert keys[: len(before)] == before
    assert resumed.rows == compare(daily(6), [Slow(), "ewma"], workers=2).rows


def test_a_comparison_without_incidents_is_refused() -> None:
    with pytest.raises(DetectorError, match="no incident to catch"):
        prepare(from_array(np.zeros(500), labels=np.zeros(500)), seed=0)
    with pytest.raises(DetectorError, match="series 1: 10.0 days, 14 of them unscored"):
        prepare(from_array(np.zeros(960)), seed=0, warmup_days=14)
    with pytest.raises(DetectorError, match="copies must be at least 1"):
        prepare(daily(1), seed=0, copies=0)
