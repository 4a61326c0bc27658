"""The catalogue of incidents, worked out by hand on a constant series."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors import Extremes
from detectors.lab.inject import CATALOGUE, Incident, combinations, copies, inject
from detectors.lab.readers import from_array
from detectors.lab.series import Series

FIRST = 96
DAYS = 120


def flat(level: float = 1000.0, ratio: bool = False) -> Series:
    values = np.full(DAYS * 96, level)
    return from_array(values, denominator=np.full(values.size, 50.0) if ratio else None)[0]


def injected(series: Series, **options: int) -> tuple[Series, dict[tuple[str, float], Incident]]:
    changed, incidents = inject(series, FIRST, **options)
    return changed, {(incident.kind, incident.size): incident for incident in incidents}


COUNT_SHAPES = {
    ("drop", 0.4): [600] * 8,
    ("spike", 3.0): [4000] * 3,
    ("outage", 0.5): [0] * 2,
    ("outage", 4.0): [0] * 16,
    ("shift", 1.0): [2000] * 48,
    ("lag", 0.8): [800, 600, 400, 200, 200, 200, 200, 200],
    ("drift", 0.2): [round(1000 - 200 * i / 48) for i in range(1, 49)],
}


@pytest.mark.parametrize(("kind", "size"), COUNT_SHAPES)
def test_effect_of_each_kind_on_a_count(kind: str, size: float) -> None:
    changed, incidents = injected(flat())
    incident = incidents[kind, size]
    assert changed.values[incident.start : incident.end + 1].tolist() == COUNT_SHAPES[kind, size]


def test_effect_on_a_ratio() -> None:
    changed, incidents = injected(flat(0.5, ratio=True))
    assert {kind for kind, _ in incidents} == {"ratio", "drift", "shift", "spike"}
    broken, spike = incidents["ratio", 0.8], incidents["spike", 3.0]
    np.testing.assert_allclose(changed.values[broken.start : broken.end + 1], [0.1] * 8)
    np.testing.assert_array_equal(changed.values[spike.start : spike.end + 1], [1.0] * 3)  # a share is at most 1
    np.testing.assert_array_equal(changed.denominator, np.full(DAYS * 96, 50.0))


def test_labels_are_the_incidents_and_the_rest_is_untouched() -> None:
    series = flat()
    changed, incidents = inject(series, FIRST)
    inside = np.zeros(series.values.size, dtype=bool)
    for incident in incidents:
        inside[incident.start : incident.end + 1] = True
    assert changed.labels is not None
    np.testing.assert_array_equal(changed.labels, inside)
    np.testing.assert_array_equal(changed.values[~inside], 1000.0)
    assert (changed.values[inside] != 1000).all()
    assert not inside[:FIRST].any()
    apart = [after.start - before.end for before, after in zip(incidents, incidents[1:], strict=False)]
    assert min(apart) > 96
    assert {(incident.kind, incident.size) for incident in incidents} == set(combinations([series]))


def test_the_hour_counts_from_where_the_size_is_reached() -> None:
    _, incidents = injected(flat())
    assert {kind: incidents[kind, CATALOGUE[kind].sizes[0]].within for kind in ("drop", "spike", "lag", "drift")} == {
        "drop": 5,
        "spike": 5,
        "lag": 8,
        "drift": 48,
    }


def test_the_seed_decides() -> None:
    series = flat()
    assert inject(series, FIRST)[1] == inject(series, FIRST, seed=0)[1]
    assert inject(series, FIRST, seed=1)[1] != inject(series, FIRST)[1]
    assert inject(series, FIRST, copy=1)[1] != inject(series, FIRST)[1]
    assert inject(series, FIRST, deal=1)[1][0].kind == inject(series, FIRST)[1][1].kind


def test_an_incident_without_effect_is_skipped() -> None:
    zeros, incidents = inject(flat(0.0), FIRST)
    assert incidents == []
    assert zeros.labels is not None
    assert not zeros.labels.any()


def test_missing_values_stay_missing() -> None:
    values = np.full(DAYS * 96, 10.0)
    values[::3] = np.nan
    changed, _ = inject(from_array(values)[0], FIRST)
    np.testing.assert_array_equal(np.isnan(changed.values), np.isnan(values))


def test_incidents_of_negative_values_are_moves_by_the_scale_of_the_series() -> None:
    # 0 to 100 by steps of 1, less 1000: 90 % of the values lie between -995 and -905, a scale of 90.
    values = np.tile(np.arange(101.0) - 1000, DAYS)
    changed, incidents = inject(from_array(values)[0], FIRST)
    moves = {"drop": -1, "spike": 1, "shift": 1, "outage": -1}
    seen = set()
    for incident in incidents:
        if incident.kind in moves:
            size = 1.0 if incident.kind == "outage" else incident.size
            place = slice(incident.start, incident.end + 1)
            np.testing.assert_allclose(changed.values[place] - values[place], moves[incident.kind] * size * 90)
            seen.add(incident.kind)
    assert seen == set(moves)


def test_incidents_change_the_inside_of_slots_too() -> None:
    series = replace(flat(100.0), extremes=Extremes(np.full(DAYS * 96, 5.0), np.full(DAYS * 96, 9.0)))
    changed, incidents = inject(series, FIRST)
    outage = next(incident for incident in incidents if incident.kind == "outage")
    assert changed.extremes is not None
    for inside in (changed.extremes.least, changed.extremes.greatest):
        assert not np.asarray(inside)[outage.start : outage.end + 1].any()
    # The series itself is as it was.
    assert series.extremes is not None
    assert np.all(np.asarray(series.extremes.least) == 5)


@pytest.mark.parametrize(("days", "series", "wanted"), [(120, 1, 1), (60, 1, 2), (60, 2, 1), (14, 1, 8), (26, 200, 1)])
def test_the_shorter_the_history_the_more_copies(days: int, series: int, wanted: int) -> None:
    # Six kinds of three sizes, each four times, one incident per 1.6 days: 115 days of history, at most 8 copies.
    history = from_array(np.ones((series, days * 96)))
    assert copies(history, [0] * series) == wanted
